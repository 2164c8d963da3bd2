"""What was decided, added up per badge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from badges.decisions import Reason
from schemas.avro_schema import BADGE_DECISIONS
from schemas.bare import bare_fields
from schemas.decisions import DecidedAction, decode_decisions

Refusal = tuple[Reason, str | None]
"""A reason; for limits with the level that had no room."""


@dataclass
class BadgeTally:
    """One badge: how often it was enrolled in, issued and refused, and which customers hold it."""

    enrolled: int = 0
    issued: int = 0
    holders: set[str] = field(default_factory=set)
    refused: Counter[Refusal] = field(default_factory=Counter)


@dataclass
class Tally:
    """All badges of an org, and one customer's acts in the order of processing, each with all decisions about
    it: those that waited for a place under a badge's limit come in a record of their own.
    """

    badges: dict[str, BadgeTally] = field(default_factory=dict)
    story: list[DecidedAction] = field(default_factory=list)
    events: set[tuple[str, str]] = field(default_factory=set)
    decisions: int = 0
    customers: set[str] = field(default_factory=set)

    @property
    def actions(self) -> int:
        """Acts that anything was decided about."""
        return len(self.events)

    @property
    def issued(self) -> int:
        """Issuances of all badges."""
        return sum(badge.issued for badge in self.badges.values())


def tally_of(values: Iterable[bytes], org_id: int, hero: str) -> Tally:
    """Adds up those values of `badge-decisions` that are the org's. They are the project's own writing: read
    without the checks that a foreign record gets.
    """
    found = Tally()
    for value in values:
        record = bare_fields(BADGE_DECISIONS, value)
        if record["org_id"] != org_id:
            continue
        customer = record["customer_id"]
        found.events.add((customer, record["event_id"]))
        found.customers.add(customer)
        if customer == hero:
            _tell(found.story, decode_decisions(value))
        _add(found, customer, record["decisions"])
    return found


def _add(found: Tally, customer: str, decisions: list[dict[str, Any]]) -> None:
    found.decisions += len(decisions)
    for decision in decisions:
        outcome = decision["outcome"]
        if outcome == "COUNTED":
            continue
        badge = found.badges.setdefault(decision["badge_id"], BadgeTally())
        if outcome == "ISSUED":
            badge.issued += 1
            badge.holders.add(customer)
        elif outcome == "ENROLLED":
            badge.enrolled += 1
        elif outcome == "REFUSED":
            limit = decision["detail"]["limit"]
            badge.refused[decision["reason"], limit and limit["level"]] += 1


def _tell(story: list[DecidedAction], record: DecidedAction) -> None:
    for number, told in enumerate(story):
        if told.event_id == record.event_id:
            story[number] = told._replace(decisions=told.decisions + record.decisions)
            return
    story.append(record)
