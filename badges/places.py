"""The places of a badge with limits over all customers, as its owner keeps them, and what owners say to each
other about them (docs/badge-limits.md). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from badges.calendar import HOUR
from badges.customer import PageMissing
from badges.decisions import LimitFact, Reason
from badges.limits import REASONS, Ledger, counted
from badges.rulebook import CompiledBadge

DAY_MS: Final = 24 * HOUR
PLACES: Final = "p"
"""The kind of page that holds the instants of one processing day (UTC)."""


class Request(NamedTuple):
    """A customer's owner asks for a place; everything but the badge-level limits is decided. `version` is
    the definition that decided it, `limit_number` the introduction of the limits in it. `event_day` is an
    ordinal day, `at` the processing instant (ms).
    """

    org_id: int
    badge_id: str
    customer_id: str
    issuance_id: bytes
    event_day: int
    at: int
    version: int
    limit_number: int


class Answer(NamedTuple):
    """The badge's owner gives a place or does not. `at` is the instant of the issuance. `facts` are all
    limits that apply, this issue counted; with `reason` the one that refused, with the count found.
    """

    org_id: int
    badge_id: str
    customer_id: str
    issuance_id: bytes
    limit_number: int
    at: int
    reason: Reason | None
    facts: tuple[LimitFact, ...]


class Release(NamedTuple):
    """A revoked issuance frees its place (S96)."""

    org_id: int
    badge_id: str
    limit_number: int
    event_day: int
    issued_at: int


class Report(NamedTuple):
    """The issuances not revoked that one partition has when limits are introduced: counts by event day and by
    instant. A partition's report is complete with the one that is `last`.
    """

    org_id: int
    badge_id: str
    limit_number: int
    partition: int
    last: bool
    days: Mapping[int, int]
    instants: Mapping[int, int]


Hop = Request | Answer | Release | Report


class BadgePlaces(Ledger):
    """All customers, and the requests that wait until the ledger is complete.

    `days` counts places by event day, `made` by processing day; `pages` holds, for the processing days
    loaded, the places by instant. `reported` are the partitions that have reported the introduction
    `limit_number`. `dirty` are the pages changed since the owner last cleared it, `changed` says that of all
    the rest. May raise `PageMissing`, before any change.
    """

    __slots__ = (
        "badge_id",
        "changed",
        "days",
        "dirty",
        "last_at",
        "limit_number",
        "made",
        "org_id",
        "pages",
        "reported",
        "total",
        "waiting",
    )

    def __init__(self, org_id: int, badge_id: str) -> None:
        self.org_id = org_id
        self.badge_id = badge_id
        self.limit_number = 0
        self.last_at = 0
        self.total = 0
        self.days: dict[int, int] = {}
        self.made: dict[int, int] = {}
        self.pages: dict[int, dict[int, int]] = {}
        self.reported: set[int] = set()
        self.waiting: list[Request] = []
        self.dirty: set[int] = set()
        self.changed = False

    # Ledger

    def on_days(self, first: int, last: int) -> int:
        """As `Ledger.on_days`."""
        return sum(count for day, count in self.days.items() if first <= day <= last)

    def since(self, after: int) -> int:
        """As `Ledger.since`."""
        day = after // DAY_MS
        count = sum(count for made, count in self.made.items() if made > day)
        if day in self.made:
            count += sum(n for instant, n in self._page(day).items() if instant > after)
        return count

    def all(self) -> int:
        """As `Ledger.all`."""
        return self.total

    # What the badge's owner does

    def request(self, request: Request, badge: CompiledBadge, partitions: int) -> list[Answer]:
        """The answer, none yet while partitions have not reported."""
        if request.limit_number < self.limit_number:
            return []  # it is made again, behind the report of its partition
        if badge.has_badge_limits and not self.is_complete(partitions):
            self.waiting.append(request)
            self.changed = True
            return []
        return [self._judge(request, badge)]

    def report(self, report: Report) -> None:
        """Counts what was issued before the limits. The first report of an introduction begins anew."""
        if report.limit_number < self.limit_number:
            return
        if report.limit_number > self.limit_number:
            self._begin(report.limit_number)
        for instant in report.instants:
            self._page(instant // DAY_MS)
        for day, count in report.days.items():
            self._count_day(day, count)
        for instant, count in report.instants.items():
            self._count_instant(instant, count)
        if report.last:
            self.reported.add(report.partition)
        self.changed = True

    def release(self, release: Release) -> None:
        """A place is free again."""
        if release.limit_number != self.limit_number:
            return
        self._page(release.issued_at // DAY_MS)
        self._count_day(release.event_day, -1)
        self._count_instant(release.issued_at, -1)
        self.changed = True

    def next_waited(self, badge: CompiledBadge, partitions: int) -> Answer | None:
        """The answer to the first of the requests that waited, None where none does or all still have to."""
        if not self.waiting or (badge.has_badge_limits and not self.is_complete(partitions)):
            return None
        answer = self._judge(self.waiting[0], badge)
        del self.waiting[0]
        self.changed = True
        return answer

    def is_complete(self, partitions: int) -> bool:
        """Whether all that was issued before the limits is counted; a badge born with them has nothing."""
        return not self.limit_number or len(self.reported) >= partitions

    def _begin(self, limit_number: int) -> None:
        """What was counted and asked under earlier introductions is told again."""
        self.limit_number = limit_number
        self.total = 0
        self.days, self.reported, self.waiting = {}, set(), []
        self.dirty.update(self.made)
        self.pages = {day: {} for day in self.dirty}
        self.made = {}

    def _judge(self, request: Request, badge: CompiledBadge) -> Answer:
        at = max(request.at, self.last_at)
        self._page(at // DAY_MS)
        facts = counted(badge, "BADGE", self, request.event_day, at)
        for fact in facts:
            if fact.counted >= fact.max:
                return self._answer(request, at, REASONS[fact.type], (fact,))
        self._count_day(request.event_day, 1)
        self._count_instant(at, 1)
        self.last_at = at
        self.changed = True
        grown = tuple(fact._replace(counted=fact.counted + 1) for fact in facts)
        return self._answer(request, at, None, grown)

    def _answer(
        self, request: Request, at: int, reason: Reason | None, facts: tuple[LimitFact, ...]
    ) -> Answer:
        org_id, badge_id, customer_id, issuance_id = request[:4]
        return Answer(org_id, badge_id, customer_id, issuance_id, request.limit_number, at, reason, facts)

    def _page(self, day: int) -> dict[int, int]:
        page = self.pages.get(day)
        if page is None:
            if day in self.made:
                raise PageMissing((PLACES, day))
            page = self.pages[day] = {}
        return page

    def _count_day(self, day: int, change: int) -> None:
        count = self.days.get(day, 0) + change
        if count:
            self.days[day] = count
        else:
            self.days.pop(day, None)
        self.total += change

    def _count_instant(self, instant: int, change: int) -> None:
        day = instant // DAY_MS
        page = self._page(day)
        count = page.get(instant, 0) + change
        if count:
            page[instant] = count
        else:
            page.pop(instant, None)
        self.made[day] = self.made.get(day, 0) + change
        self.dirty.add(day)
