"""What a person reads at the end of the demo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from badges.calendar import Zone
from badges.definitions import BadgeDefinition
from consumer.demo.purchases import Purchase
from consumer.demo.tally import BadgeTally, Tally
from consumer.demo.words import REASONS, day_text, sentences
from schemas.decisions import DecidedAction


def show_badges(console: Console, tally: Tally, definitions: Mapping[str, BadgeDefinition]) -> None:
    """A table: per badge what it asks for, enrolled, issued, holders, refused by reason."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    table.add_column("badge", min_width=30)
    for name in ("enrolled", "issued", "customers"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("refused, and why", min_width=30)
    for badge_id, definition in definitions.items():
        badge = tally.badges.get(badge_id, BadgeTally())
        table.add_row(
            Text.assemble((definition.name, "bold"), "\n", (definition.description or "", "dim")),
            f"{badge.enrolled:,}" if definition.type == "ENROL_AND_ISSUE" else "",
            f"{badge.issued:,}",
            f"{len(badge.holders):,}",
            "\n".join(f"{count:,} {REASONS[reason]}" for reason, count in badge.refused.most_common()),
        )
    console.print(table)


def story_lines(
    tally: Tally, definitions: Mapping[str, BadgeDefinition], rows: Mapping[str, Purchase], zone: Zone
) -> Iterator[str]:
    """The hero's acts in order, each with what came of it. `rows` are the purchases by event id."""
    names = {badge_id: definition.name for badge_id, definition in definitions.items()}
    for record in tally.story:
        yield f"{day_text(zone.day(record.event_date))}  {_act(record, rows, names)}"
        for sentence in sentences(record.decisions, names, zone):
            yield f"    {sentence}"


def _act(record: DecidedAction, rows: Mapping[str, Purchase], names: Mapping[str, str]) -> str:
    row = rows.get(record.event_id)
    if row is not None:
        return f"buys {row.cds} {'CD' if row.cds == '1' else 'CDs'} for ${row.dollars}"
    badge_id = record.decisions[0].badge_id if record.decisions else ""
    badge = names.get(badge_id, badge_id)
    if record.requested_by is not None:
        return f"the {record.requested_by} grants {badge} by override"
    return f"asks to join {badge}"
