"""`badges consume`"""

from __future__ import annotations

from typing import Annotated

import typer

from consumer.cli.options import Overrides


def consume(
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="Worker processes under one parent.")
    ] = 1,
    exit_at_end: Annotated[
        bool, typer.Option("--exit-at-end", help="End once everything there was at the start is decided.")
    ] = False,
    instance: Annotated[
        str | None,
        typer.Option("--instance", help="A stable name of this consumer; default: host name and a free slot."),
    ] = None,
    accept_reset: Annotated[
        bool,
        typer.Option(
            "--accept-reset", help="Go on where deciding ended although the group's position differs."
        ),
    ] = False,
    overrides: Overrides = None,
) -> None:
    """Run the consumer: decides actions and issues badges, until SIGTERM drains it."""
    from consumer.bootstrap import consume as run
    from consumer.settings import load_settings

    code = run(
        load_settings(overrides or ()),
        workers=workers,
        exit_at_end=exit_at_end,
        instance=instance,
        accept_reset=accept_reset,
    )
    raise typer.Exit(code)
