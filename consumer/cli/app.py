"""Console script `badges`: names the commands.

Each lives in a file of its own, and imports what it works with only when it runs: `badges --help` is quick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import typer

from consumer.cli import (
    badges_of,
    consume,
    customer,
    dead_letters,
    define,
    demo,
    local,
    publish,
    rebuild,
    simulate,
    tail,
    topics,
    verify,
    why,
    windows,
)
from consumer.cli.output import flush, prepare_streams, say
from consumer.compiled import prefer_compiled
from consumer.failure import as_failure
from consumer.zones import use_pinned_zones

app = typer.Typer(
    name="badges",
    help="Retro enrolment and issue of badges, exactly once: a Kafka consumer and its tools.",
    epilog="First step: badges demo. Settings: --set KEY=VALUE, BADGES_... variables, badges.toml.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_RUN = "Run it"
app.command(rich_help_panel=_RUN)(demo.demo)
app.command(rich_help_panel=_RUN)(local.up)
app.command(rich_help_panel=_RUN)(local.down)
app.command(rich_help_panel=_RUN)(local.status)
app.add_typer(topics.commands, name="topics", rich_help_panel=_RUN)
app.command(rich_help_panel=_RUN)(publish.publish)
app.command(rich_help_panel=_RUN)(consume.consume)

_BADGES = "Badges"
app.command(rich_help_panel=_BADGES)(define.define)
app.command("list", rich_help_panel=_BADGES)(badges_of.list_badges)
app.command(rich_help_panel=_BADGES)(badges_of.show)
app.command(rich_help_panel=_BADGES)(windows.windows)
app.command(rich_help_panel=_BADGES)(define.activate)
app.command(rich_help_panel=_BADGES)(define.deactivate)
app.command(rich_help_panel=_BADGES)(simulate.simulate)

_LOOK = "Look at it"
app.command(rich_help_panel=_LOOK)(tail.tail)
app.command(rich_help_panel=_LOOK)(customer.customer)
app.command(rich_help_panel=_LOOK)(why.why)

_MEND = "Check and mend it"
app.add_typer(dead_letters.commands, name="dead-letters", rich_help_panel=_MEND)
app.command(rich_help_panel=_MEND)(verify.verify)
app.command(rich_help_panel=_MEND)(rebuild.rebuild)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. Everything that ends a command ends here."""
    prepare_streams()
    prefer_compiled()  # no command has imported anything of it yet
    use_pinned_zones()
    code = _exit_code(lambda: app(args=arguments, prog_name="badges"))
    # Only when the last line is handed over may it show that its reader has gone, or that the disk is full.
    flushed = _exit_code(flush)
    return code or flushed


def _exit_code(work: Callable[[], object]) -> int:
    try:
        work()
    except typer.Exit as left:
        return left.exit_code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except Exception as error:
        failure = as_failure(error)
        if failure is None:
            raise
        if failure.message:
            say(f"badges: {failure.message}")
        return failure.code
    return 0
