"""`badges windows BADGE`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from consumer.cli.clock import now_ms
from consumer.cli.options import AsJson, BadgeArgument, Org, Overrides, an_id
from consumer.cli.output import emit, emit_json, print_table, say
from consumer.failure import USAGE, Failure

if TYPE_CHECKING:
    from badges.calendar import Zone
    from badges.customer import CustomerState
    from badges.definitions import BadgeRecord

Customer = Annotated[
    str | None,
    typer.Option(
        "--customer",
        metavar="C",
        callback=an_id,
        help="Count this customer's issuances.",
        show_default=False,
    ),
]
SHOWN: Final = 20
"""Cycles in a table where no days are asked for: a badge of ten years has over a thousand."""
First = Annotated[
    str | None,
    typer.Option("--from", metavar="DAY", help="First day; default: the badge's.", show_default=False),
]
Last = Annotated[
    str | None,
    typer.Option("--to", metavar="DAY", help="Last day; default: the badge's.", show_default=False),
]


def windows(
    badge: BadgeArgument,
    customer: Customer = None,
    first: First = None,
    last: Last = None,
    org: Org = None,
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Show the fixed-window configurations of a badge and their cycles."""
    from badges.definitions import LEVELS
    from badges.questions import windows_answer
    from consumer.broker import Broker
    from consumer.cli.lookup import the_badge
    from consumer.customer_reading import ask_about
    from consumer.definitions_store import read_definitions
    from consumer.settings import load_settings

    days = _day(first, "--from"), _day(last, "--to")
    broker = Broker(load_settings(overrides or ()))
    definitions = read_definitions(broker)
    record = the_badge(definitions, org, badge).record
    rules = definitions.rules(record.definition.org_id)
    at = now_ms()
    answers = [windows_answer(record, level, *days, rules.zone, at) for level in LEVELS]
    if customer is not None:
        org_id = record.definition.org_id
        _, current = ask_about(broker, org_id, customer, lambda state: _count(answers[0], state, record))
        if not current:
            say("counts as of the last batch in Redis; the log is ahead of it")
    for answer in answers:
        if as_json:
            emit_json(answer)
        elif answer["configurations"]:
            left_out = _near(answer, rules.zone, at) if days == (None, None) else 0
            _page(answer)
            if left_out:
                say(f"{left_out} more cycles; --from and --to show them, --json shows all")
    if not as_json and not any(answer["configurations"] for answer in answers):
        say(f"{badge} has no fixed window")


def _day(text: str | None, option: str) -> int | None:
    from badges.calendar import parse_day

    if text is None:
        return None
    day = parse_day(text)
    if day is None:
        raise Failure(USAGE, f"{option} {text}: write a day as YYYY-MM-DD")
    return day


def _count(answer: dict[str, Any], state: CustomerState, record: BadgeRecord) -> None:
    """Adds `count` to every cycle. Raises `PageMissing` until the pages are loaded."""
    from badges.calendar import parse_day

    own = state.badges.get(record.definition.badge_id)
    for cycle in answer["cycles"]:
        first, last = parse_day(cycle["starts_on"]), parse_day(cycle["ends_on"])
        assert first is not None
        assert last is not None  # printed by ourselves
        cycle["count"] = state.day_counts(own, first, last) if own else 0


def _near(answer: dict[str, Any], zone: Zone, at: int) -> int:
    """Leaves the cycles around today; returns how many were taken out."""
    from badges.calendar import format_day

    cycles, today = answer["cycles"], format_day(zone.day(at))
    before = sum(cycle["ends_on"] < today for cycle in cycles)
    first = max(0, min(before - SHOWN // 2, len(cycles) - SHOWN))
    answer["cycles"] = cycles[first : first + SHOWN]
    return len(cycles) - len(answer["cycles"])


def _page(answer: dict[str, Any]) -> None:
    from rich.table import Table

    emit(f"{answer['badge_id']}, {answer['level'].lower()} level")
    for rows in (answer["configurations"], answer["cycles"]):
        table = Table(box=None, pad_edge=False, padding=(0, 1))
        for name in rows[0] if rows else ():
            if not name.endswith("_id"):
                table.add_column(name.upper().replace("_", " "), no_wrap=True)
        for row in rows:
            cells = (
                "-" if value is None else str(value)
                for name, value in row.items()
                if not name.endswith("_id")
            )
            table.add_row(*cells)
        if rows:
            print_table(table)
            emit("")
