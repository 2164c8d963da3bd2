"""`badges consume`"""

from __future__ import annotations

from typing import Annotated

import typer

from consumer.cli.options import Overrides

WORKERS_AT_MOST = 256


def consume(
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=WORKERS_AT_MOST, metavar="N", help="Worker processes.")
    ] = 1,
    exit_at_end: Annotated[
        bool, typer.Option("--exit-at-end", help="End once what was in the topics at the start is decided.")
    ] = False,
    instance: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Default: host name and the first free slot.", show_default=False),
    ] = None,
    accept_reset: Annotated[
        bool, typer.Option("--accept-reset", help="Go on at the marker where the group's position differs.")
    ] = False,
    overrides: Overrides = None,
) -> None:
    """Run the consumer until SIGTERM, which drains it."""
    from consumer import service
    from consumer.settings import load_settings

    given = [*(overrides or ()), *([f"worker.instance={instance}"] if instance else [])]
    settings = load_settings(given)
    code = service.consume(
        settings, workers=workers, exit_at_end=exit_at_end, instance=instance, accept_reset=accept_reset
    )
    raise typer.Exit(code)
