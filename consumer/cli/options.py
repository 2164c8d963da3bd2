"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting, e.g. kafka.bootstrap_servers=127.0.0.1:9092. May be given several times.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable: one JSON object, lists one a line.")]
Org = Annotated[
    int | None,
    typer.Option("--org", metavar="N", help="The org; may be left out where only one is known."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
FromBeginning = Annotated[bool, typer.Option("--from-beginning", help="All records, not only new ones.")]
ExitAtEnd = Annotated[bool, typer.Option("--exit-at-end", help="End once what was there has been read.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; - is stdin.")]
BadgeArgument = Annotated[str, typer.Argument(metavar="BADGE", help="The badge's id.")]
CustomerArgument = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")]
