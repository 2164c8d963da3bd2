"""`badges dead-letters list|show|replay|discard`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.cli.options import AsJson, Overrides, Yes
from consumer.cli.output import ask, emit, emit_json, print_table, say
from consumer.cli.person import author
from consumer.failure import REJECTED, USAGE, Failure

if TYPE_CHECKING:
    from consumer.broker import Broker
    from consumer.dead_letter_store import DeadLetter, Resolution

commands = typer.Typer(help="Records that could not be decided.", no_args_is_help=True)

Ids = Annotated[
    list[str] | None, typer.Argument(metavar="ID...", help="As `list` shows them.", show_default=False)
]
AllOpen = Annotated[bool, typer.Option("--all", help="All that are open.")]


@commands.command("list")
def list_letters(
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """List dead letters: id, status, reason, and where each came from."""
    from consumer.dead_letter_store import read_dead_letters

    letters = read_dead_letters(_broker(overrides)).values()
    rows = [_summary(one) for one in letters if one.status == "OPEN" or not only_open]
    if as_json:
        for row in rows:
            emit_json(row)
    elif rows:
        _table(rows)
    else:
        say("no dead letters")


@commands.command()
def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Show one dead letter with its key, value and headers."""
    from consumer.cli.record_lines import text_or_base64
    from consumer.dead_letter_store import read_dead_letters

    letter = read_dead_letters(_broker(overrides)).get(identity)
    if letter is None:
        raise Failure(USAGE, f"no dead letter {identity}; `badges dead-letters list` shows all ids")
    page = {
        **_summary(letter),
        "resolved_by": letter.resolved_by,
        "headers": {name: text_or_base64(value) for name, value in letter.original_headers},
        "key": text_or_base64(letter.key),
        "value": text_or_base64(letter.value),
    }
    if as_json:
        emit_json(page)
        return
    for name, value in page.items():
        emit(f"{name:12} {'-' if value is None else value}")


@commands.command()
def replay(
    ids: Ids = None,
    every: AllOpen = False,
    yes: Yes = False,
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Send dead letters to the input topic again, byte for byte, once their cause is mended."""
    _resolve("REPLAYED", ids, every, yes, as_json, overrides)


@commands.command()
def discard(
    ids: Ids = None,
    every: AllOpen = False,
    yes: Yes = False,
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Close dead letters that will never be decided. They stay in the topic."""
    _resolve("DISCARDED", ids, every, yes, as_json, overrides)


def _resolve(
    resolution: Resolution, ids: list[str] | None, every: bool, yes: bool, as_json: bool, overrides: Overrides
) -> None:
    from consumer.dead_letter_store import resolve

    if bool(ids) == every:
        raise Failure(USAGE, "name dead letters by their ids, or give --all")
    verb = "Replay" if resolution == "REPLAYED" else "Discard"
    if every and not yes and not ask(f"{verb} all dead letters that are open?"):
        raise Failure(USAGE, "nothing was changed; confirm it, or give --yes where nobody can be asked")
    done, left = resolve(_broker(overrides), ids or None, resolution, author())
    for letter in done:
        if as_json:
            emit_json({"id": letter.id, "result": resolution, "error": None})
        else:
            emit(f"{resolution} {letter.id}")
    for identity, why in left:
        if as_json:
            emit_json({"id": identity, "result": "REFUSED", "error": why})
        else:
            say(f"{identity}: {why}")
    if left:
        raise Failure(REJECTED)
    if not done:
        say("no dead letter is open")


def _broker(overrides: Overrides) -> Broker:
    from consumer.broker import Broker
    from consumer.settings import load_settings

    return Broker(load_settings(overrides or ()))


def _summary(letter: DeadLetter) -> dict[str, Any]:
    return {"id": letter.id, "status": letter.status, **letter.why}


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("ID", "STATUS", "REASON", "FROM", "MESSAGE"):
        table.add_column(title, no_wrap=title != "MESSAGE")
    for row in rows:
        place = f"{row.get('topic', '?')}/{row.get('partition', '?')}/{row.get('offset', '?')}"
        table.add_row(row["id"], row["status"], row.get("reason", "?"), place, row.get("message", ""))
    print_table(table)
