"""What a person reads at the end of the demo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from badges.calendar import Zone
from badges.definitions import BadgeDefinition
from consumer.demo.purchases import Purchase
from consumer.demo.tally import BadgeTally, Tally
from consumer.demo.words import day_text, reason_text, sentences
from schemas.decisions import DecidedAction

_NAME: Final = 18
_INDENT: Final = (0, 0, 0, 2)


def show_badges(paper: Console, tally: Tally, definitions: Mapping[str, BadgeDefinition]) -> None:
    """Per badge enrolled, issued, holders in columns; below, what it asks for and the refusals by reason."""
    paper.print(f"{'':{_NAME}}{'enrolled':>10}{'issued':>10}{'customers':>12}", style="dim")
    for badge_id, definition in definitions.items():
        badge = tally.badges.get(badge_id, BadgeTally())
        enrolled = f"{badge.enrolled:,}" if definition.type == "ENROL_AND_ISSUE" else ""
        name = Text(f"{definition.name:{_NAME}}", style="bold")
        paper.print(name + f"{enrolled:>10}{badge.issued:>10,}{len(badge.holders):>12,}")
        paper.print(Padding(Text(definition.description or "", style="dim"), _INDENT))
        for (reason, level), count in badge.refused.most_common():
            paper.print(f"  refused {count:,}: {reason_text(reason, level)}")


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
