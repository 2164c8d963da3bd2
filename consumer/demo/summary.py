"""What a person reads at the end of the demo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from badges.calendar import Zone
from badges.definitions import BadgeDefinition
from badges.numbers import text_of_micros
from consumer.demo.purchases import HERO, Purchase
from consumer.demo.tally import BadgeTally, Tally
from consumer.demo.words import REASONS, day_text, sentences
from schemas.decisions import DecidedAction


def show_badges(console: Console, tally: Tally, definitions: Mapping[str, BadgeDefinition]) -> None:
    """A table: per badge what it asks for, enrolled, issued, holders, refused by reason."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Badge", no_wrap=True, style="bold")
    for name in ("enrolled", "issued", "customers"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("refused, and why")
    for badge_id, definition in definitions.items():
        badge = tally.badges.get(badge_id, BadgeTally())
        table.add_row(
            definition.name,
            f"{badge.enrolled:,}" if definition.type == "ENROL_AND_ISSUE" else "",
            f"{badge.issued:,}",
            f"{len(badge.holders):,}",
            "\n".join(f"{count:,} {REASONS[reason]}" for reason, count in badge.refused.most_common()),
        )
        table.add_row("", "", "", "", Text(definition.description or "", style="dim"))
    console.print(table)


def story_lines(
    tally: Tally, definitions: Mapping[str, BadgeDefinition], rows: Mapping[str, Purchase], zone: Zone
) -> Iterator[str]:
    """The hero's acts in order, each with what came of it. `rows` are the purchases by event id."""
    names = {badge_id: definition.name for badge_id, definition in definitions.items()}
    for record in tally.story:
        yield f"{day_text(zone.day(record.event_date))}  {_act(record, rows)}"
        for sentence in sentences(record.decisions, names, zone):
            yield f"    {sentence}"


def _act(record: DecidedAction, rows: Mapping[str, Purchase]) -> str:
    row = rows.get(record.event_id)
    if row is not None:
        return f"buys {row.cds} {'CD' if row.cds == '1' else 'CDs'} for ${row.dollars}"
    asked = record.decisions[0].badge_id if record.decisions else "a badge"
    if record.requested_by is not None:
        return f"the {record.requested_by} grants {asked} although it is not due"
    return f"asks for {asked}"


def spent(rows: Mapping[str, Purchase], customer: str = HERO) -> str:
    """What a customer spent in all, as text."""
    from badges.numbers import micros_of_text

    total = sum(micros_of_text(row.dollars) or 0 for row in rows.values() if row.customer == customer)
    return text_of_micros(total)
