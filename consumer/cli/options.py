"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def an_id(value: str | None) -> str | None:
    """S10, S12: what no record can hold is a slip of the keyboard, and not a customer that is unknown."""
    if value is None:
        return None
    from schemas.json_action import TEXT_MAX
    from schemas.json_text import has_lone_surrogate

    if has_lone_surrogate(value) or not 1 <= len(value) <= TEXT_MAX:
        raise typer.BadParameter(f"an id has 1 to {TEXT_MAX} characters, in UTF-8")
    return value


def _an_org(value: int | None) -> int | None:
    from schemas.json_action import ORG_ID_MAX

    if value is not None and not 0 <= value <= ORG_ID_MAX:
        raise typer.BadParameter("an org is a number from 0 to 2^63 - 1")
    return value


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
    typer.Option(
        "--org",
        metavar="N",
        callback=_an_org,
        help="The org; may be left out where only one is known.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
FromBeginning = Annotated[bool, typer.Option("--from-beginning", help="All records, not only new ones.")]
ExitAtEnd = Annotated[bool, typer.Option("--exit-at-end", help="End once what was there has been read.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; - is stdin.")]
BadgeArgument = Annotated[str, typer.Argument(metavar="BADGE", help="The badge's id.")]
CustomerArgument = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="The customer's id.", callback=an_id)
]
