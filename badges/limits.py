"""Room left: fixed window, rolling, overall, at customer and badge level (S63 to S67, S100)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Mapping

from badges.customer import BadgeState, CustomerState
from badges.decisions import Decision, LimitFact, Reason, Verdict, fact_of
from badges.definitions import Level
from badges.identity import uuid_bytes
from badges.rulebook import CompiledBadge, OrgRules

REASONS: Mapping[str, Reason] = {
    "FIXED_WINDOW": "LIMIT_FIXED_WINDOW",
    "ROLLING_WINDOW": "LIMIT_ROLLING",
    "OVERALL": "LIMIT_OVERALL",
}


class Ledger(ABC):
    """The issuances not revoked of one badge, of one customer or of all (S64)."""

    __slots__ = ()

    @abstractmethod
    def on_days(self, first: int, last: int) -> int:
        """Those whose event day lies in first..last, inclusive."""

    @abstractmethod
    def since(self, after: int) -> int:
        """Those processed after an instant, itself excluded."""

    @abstractmethod
    def all(self) -> int:
        """All of them."""


class CustomerLedger(Ledger):
    """The ledger of one customer on one badge; may raise `PageMissing`."""

    __slots__ = ("_badge", "_state")

    def __init__(self, state: CustomerState, badge: BadgeState) -> None:
        self._state = state
        self._badge = badge

    def on_days(self, first: int, last: int) -> int:
        """As `Ledger.on_days`."""
        return self._state.day_counts(self._badge, first, last)

    def since(self, after: int) -> int:
        """As `Ledger.since`."""
        return self._state.issued_since(self._badge, after)

    def all(self) -> int:
        """As `Ledger.all`."""
        return self._badge.issued


class EmptyLedger(Ledger):
    """Nothing issued yet."""

    __slots__ = ()

    def on_days(self, first: int, last: int) -> int:  # noqa: ARG002
        """As `Ledger.on_days`."""
        return 0

    def since(self, after: int) -> int:  # noqa: ARG002
        """As `Ledger.since`."""
        return 0

    def all(self) -> int:
        """As `Ledger.all`."""
        return 0


EMPTY = EmptyLedger()


class BadgeLedger(Ledger):
    """The ledger of one badge across all customers, in memory."""

    __slots__ = ("_days", "_instants")

    def __init__(self) -> None:
        self._days: Counter[int] = Counter()
        self._instants: list[int] = []

    def on_days(self, first: int, last: int) -> int:
        """As `Ledger.on_days`."""
        if last - first < len(self._days):
            return sum(self._days.get(day, 0) for day in range(first, last + 1))
        return sum(count for day, count in self._days.items() if first <= day <= last)

    def since(self, after: int) -> int:
        """As `Ledger.since`."""
        return len(self._instants) - bisect_right(self._instants, after)

    def all(self) -> int:
        """As `Ledger.all`."""
        return len(self._instants)

    def add(self, event_day: int, issued_at: int) -> None:
        """One more issuance."""
        self._days[event_day] += 1
        insort(self._instants, issued_at)

    def remove(self, event_day: int, issued_at: int) -> None:
        """A revoked issuance frees its place (S96)."""
        self._days[event_day] -= 1
        del self._instants[bisect_right(self._instants, issued_at) - 1]


class SharedCounts:
    """Badge-level counts of one org, decided at once in the order of the lines (S67): for `simulate` and for
    sequential references. A consumer with many owners cannot use it.
    """

    def __init__(self, customers: Mapping[str, CustomerState]) -> None:
        self._customers = customers
        self._ledgers: dict[str, BadgeLedger] = {}

    def of(self, badge: CompiledBadge) -> Ledger:
        """The ledger of a badge. Counted over all customers when it is first asked for: most badges have no
        limit that would ever ask.
        """
        ledger = self._ledgers.get(badge.badge_id)
        if ledger is None:
            ledger = self._ledgers[badge.badge_id] = BadgeLedger()
            for state in self._customers.values():
                own = state.badges.get(badge.badge_id)
                for page in state.issuance_pages(own) if own is not None else ():
                    for issuance in page:
                        if not issuance.revoked:
                            ledger.add(badge.zone.day(issuance.event_date), issuance.issued_at)
        return ledger

    def record(self, state: CustomerState, verdict: Verdict, rules: OrgRules, at: int) -> None:
        """Takes over what a verdict issued or revoked; call it after `evolve`."""
        if not self._ledgers:
            return
        for decision in verdict.decisions:
            ledger = self._ledgers.get(decision.badge_id)
            if ledger is None:
                continue
            if decision.outcome == "ISSUED":
                ledger.add(verdict.event_day, at)
            elif decision.outcome == "REVOKED" and decision.issuance_id is not None:
                self._revoke(state, decision, rules)

    def _revoke(self, state: CustomerState, decision: Decision, rules: OrgRules) -> None:
        assert decision.issuance_id is not None
        wanted = uuid_bytes(decision.issuance_id)
        badge = state.badges[decision.badge_id]
        for page in state.issuance_pages(badge):
            for issuance in page:
                if issuance.issuance_id == wanted:
                    self._ledgers[decision.badge_id].remove(
                        rules.zone.day(issuance.event_date), issuance.issued_at
                    )


def counted(badge: CompiledBadge, level: Level, ledger: Ledger, event_day: int, at: int) -> list[LimitFact]:
    """The limits of a level that apply to an issue, with the count found, in the order of S63."""
    if level == "CUSTOMER":
        limits, windows = badge.customer_limits, badge.customer_windows
    else:
        limits, windows = badge.badge_limits, badge.badge_windows
    if limits.fixed is not None:  # one level takes a fixed window or the others, never both (826)
        window = windows[event_day]
        if window is None:
            return []
        limit, first, last = window
        return [fact_of(level, "FIXED_WINDOW", limit, ledger.on_days(first, last), first, last)]
    facts: list[LimitFact] = []
    for rolling in limits.rolling:
        start = badge.rolling_start(rolling, at)
        facts.append(LimitFact(level, "ROLLING_WINDOW", rolling.max, ledger.since(start), start, at))
    if limits.overall is not None:
        facts.append(LimitFact(level, "OVERALL", limits.overall, ledger.all(), None, None))
    return facts
