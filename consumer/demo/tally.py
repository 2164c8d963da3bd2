"""What was decided, added up per badge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from badges.decisions import Reason
from schemas.decisions import DecidedAction


@dataclass
class BadgeTally:
    """One badge: how often it was enrolled in, issued and refused, and how many customers hold it."""

    enrolled: int = 0
    issued: int = 0
    counted: int = 0
    holders: set[str] = field(default_factory=set)
    refused: Counter[Reason] = field(default_factory=Counter)


@dataclass
class Tally:
    """All badges of the demo, and the decisions about one customer in the order of processing."""

    hero: str
    badges: dict[str, BadgeTally] = field(default_factory=dict)
    story: list[DecidedAction] = field(default_factory=list)
    actions: int = 0
    customers: set[str] = field(default_factory=set)

    @property
    def issued(self) -> int:
        """Issuances of all badges."""
        return sum(badge.issued for badge in self.badges.values())


def tally_of(records: Iterable[DecidedAction], org_id: int, hero: str) -> Tally:
    """Adds up the records of `badge-decisions` that are the org's."""
    found = Tally(hero)
    for record in records:
        if record.org_id != org_id:
            continue
        found.actions += 1
        found.customers.add(record.customer_id)
        if record.customer_id == hero:
            found.story.append(record)
        for decision in record.decisions:
            badge = found.badges.setdefault(decision.badge_id, BadgeTally())
            match decision.outcome:
                case "ENROLLED":
                    badge.enrolled += 1
                case "ISSUED":
                    badge.issued += 1
                    badge.holders.add(record.customer_id)
                case "COUNTED":
                    badge.counted += 1
                case "REFUSED":
                    assert decision.reason is not None  # S98
                    badge.refused[decision.reason] += 1
    return found
