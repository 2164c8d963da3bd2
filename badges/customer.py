"""All that is remembered of one customer: a head, and sealed pages for what a busy customer has accumulated.

The head is what every decision needs; it stays small whatever the customer's age, because old parts move
into pages under keys of their own, which are written again only when they change. A page that exists but was
not loaded raises `PageMissing`; the caller loads it and decides again (`decide` is pure, `evolve` touches
before it writes).

Page keys: ("s", bucket) seen events · ("i", badge number, page) issuances · ("t", badge number, block) day
counts.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from badges.actions import CustomerAction
from badges.decisions import LimitFact

PageKey = tuple[str, int] | tuple[str, int, int]

SEEN_INLINE: Final = 16
"""Seen events kept in the head; one more moves all of them to buckets of about SEEN_LOAD entries."""
SEEN_LOAD: Final = 8
ISSUANCES_A_PAGE: Final = 8
PAGES_A_DEMAND: Final = 16
"""Pages asked for at once where a rolling limit walks back through them."""
DAYS_INLINE: Final = 24
"""Distinct event days of a badge whose counts stay in the head; one more moves the oldest block into a page.
"""
DAYS_A_BLOCK: Final = 32
REGISTERED: Final = -1
"""Stands among the badge numbers of a seen event for: a REGISTER had this id (S18)."""


class PageMissing(Exception):
    """A page that exists was not loaded. `keys` are to be loaded before the action is decided again."""

    def __init__(self, *keys: PageKey) -> None:
        super().__init__(f"{len(keys)} pages are to be loaded")
        self.keys = keys


class Enrolment:
    """One enrolment (S50 to S53): a closed range of instants from `event_date` to its end.

    `ends_at` None = no end; with `follows_badge` the end is the badge's current one and `ends_at` is not
    read.
    """

    __slots__ = ("ends_at", "enrolment_id", "event_date", "follows_badge", "revoked", "sequence")

    def __init__(
        self,
        enrolment_id: bytes,
        event_date: int,
        ends_at: int | None,
        follows_badge: bool,
        revoked: bool,
        sequence: int,
    ) -> None:
        self.enrolment_id = enrolment_id
        self.event_date = event_date
        self.ends_at = ends_at
        self.follows_badge = follows_badge
        self.revoked = revoked
        self.sequence = sequence


class Issuance:
    """One issued badge. `issuance_id` is the 16 bytes of the UUID; `expires_at` None = never (S61)."""

    __slots__ = ("event_date", "expires_at", "issuance_id", "issued_at", "revoked", "sequence")

    def __init__(
        self,
        issuance_id: bytes,
        event_date: int,
        issued_at: int,
        expires_at: int | None,
        revoked: bool,
        sequence: int,
    ) -> None:
        self.issuance_id = issuance_id
        self.event_date = event_date
        self.issued_at = issued_at
        self.expires_at = expires_at
        self.revoked = revoked
        self.sequence = sequence


class Reservation(NamedTuple):
    """A place taken for an issuance that waits for the badge's owner (S68): all that its records will need.

    `event_day` is an ordinal day; `limits` are the facts of the customer level, this issue counted;
    `limit_number` is the introduction that the request was made under. `revocations` are REVOKE_ISSUE acts
    that wait with it, in order.
    """

    issuance_id: bytes
    action: CustomerAction
    event_day: int
    at: int
    retro: bool
    enrolment_id: str | None
    progress: int | None
    reaches: int | None
    limits: tuple[LimitFact, ...]
    limit_number: int
    revocations: tuple[CustomerAction, ...] = ()


class BadgeState:
    """One customer's state on one badge.

    `number` is its index in `CustomerState.names`. `periods` maps a period key to [total, crossings,
    sequence], valid while `measure_number` is the definition's (S48). `reserved` are the places that wait
    for the badge's owner; `issued` and `days` count them too (S68). `issued` counts the issuances not
    revoked. `recent` are the issuances after the first `sealed` pages, oldest first. `days` maps an event
    day (ordinal) to its issuances not revoked, for the days outside `blocks`; those of a block (day //
    DAYS_A_BLOCK) are in its page.

    `packed` belongs to the codec: the bytes of everything above but `reserved` as last encoded. Whoever
    changes any of it sets `packed` to None first.
    """

    __slots__ = (
        "blocks",
        "days",
        "enrolments",
        "issued",
        "measure_number",
        "number",
        "packed",
        "periods",
        "recent",
        "reserved",
        "sealed",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.enrolments: list[Enrolment] = []
        self.measure_number = 0
        self.periods: dict[int, list[int]] = {}
        self.issued = 0
        self.recent: list[Issuance] = []
        self.reserved: list[Reservation] = []
        self.sealed = 0
        self.days: dict[int, int] = {}
        self.blocks: set[int] = set()
        self.packed: bytes | None = None


class CustomerState:
    """The head and the loaded pages of one customer.

    `seen` maps an event's digest to the badge numbers that recorded it, while `seen_buckets` is 0;
    afterwards the buckets are pages. `sequence` numbers enrolments, issuances and periods in order of
    processing (S102, S103). `dirty` holds the keys of pages changed since the owner last cleared it; the
    head counts as changed with any event.
    """

    __slots__ = (
        "badges",
        "customer_id",
        "dirty",
        "names",
        "org_id",
        "pages",
        "registered_at",
        "seen",
        "seen_buckets",
        "seen_count",
        "sequence",
    )

    def __init__(self, org_id: int, customer_id: str) -> None:
        self.org_id = org_id
        self.customer_id = customer_id
        self.registered_at: int | None = None
        self.names: list[str] = []
        self.badges: dict[str, BadgeState] = {}
        self.seen: dict[bytes, list[int]] = {}
        self.seen_count = 0
        self.seen_buckets = 0
        self.sequence = 0
        self.pages: dict[PageKey, Any] = {}
        self.dirty: set[PageKey] = set()

    def page(self, key: PageKey) -> Any:
        """A page that exists: ("s", …) dict[digest, numbers], ("i", …) list[Issuance], ("t", …) dict[day,
        count].
        """
        try:
            return self.pages[key]
        except KeyError:
            raise PageMissing(key) from None

    def seen_by(self, digest: bytes) -> list[int] | None:
        """The badge numbers that recorded an event, or None (S15)."""
        if not self.seen_buckets:
            return self.seen.get(digest)
        found: list[int] | None = self.page(("s", bucket_of(digest, self.seen_buckets))).get(digest)
        return found

    def issuance_pages(self, badge: BadgeState) -> list[list[Issuance]]:
        """All issuances of a badge, oldest page first; loads are demanded all at once."""
        keys: list[PageKey] = [("i", badge.number, n) for n in range(badge.sealed)]
        missing = [key for key in keys if key not in self.pages]
        if missing:
            raise PageMissing(*missing)
        return [self.pages[key] for key in keys] + [badge.recent]

    def issued_since(self, badge: BadgeState, after: int) -> int:
        """Issuances not revoked that were processed after an instant, itself excluded (S66).

        Issuances are in order of processing, so the walk from the newest stops at the first older page.
        """
        count = len(badge.reserved)  # they will be issued later than now
        for issuance in reversed(badge.recent):
            if issuance.issued_at <= after:
                return count
            count += not issuance.revoked
        for n in range(badge.sealed - 1, -1, -1):
            page: list[Issuance] | None = self.pages.get(("i", badge.number, n))
            if page is None:
                first = max(0, n + 1 - PAGES_A_DEMAND)
                keys: list[PageKey] = [("i", badge.number, m) for m in range(first, n + 1)]
                raise PageMissing(*[key for key in keys if key not in self.pages])
            count += sum(issuance.issued_at > after and not issuance.revoked for issuance in page)
            if page[0].issued_at <= after:
                break
        return count

    def day_counts(self, badge: BadgeState, first: int, last: int) -> int:
        """Issuances not revoked whose event day lies in first..last, both inclusive (S65)."""
        days = badge.days
        count = 0
        if last - first < len(days):
            for day in range(first, last + 1):
                if day in days:
                    count += days[day]
        else:
            for day in days:
                if first <= day <= last:
                    count += days[day]
        if badge.blocks:
            count += self._paged_counts(badge, first, last)
        return count

    def _paged_counts(self, badge: BadgeState, first: int, last: int) -> int:
        blocks = badge.blocks
        low, high = first // DAYS_A_BLOCK, last // DAYS_A_BLOCK
        count = 0
        missing: list[PageKey] = []
        for block in range(low, high + 1) if high - low < len(blocks) else sorted(blocks):
            if block not in blocks or not low <= block <= high:
                continue
            key = ("t", badge.number, block)
            page: dict[int, int] | None = self.pages.get(key)
            if page is None:
                missing.append(key)
                continue
            start = block * DAYS_A_BLOCK
            for day in range(max(first, start), min(last, start + DAYS_A_BLOCK - 1) + 1):
                if day in page:
                    count += page[day]
        if missing:
            raise PageMissing(*missing)
        return count


def bucket_of(digest: bytes, buckets: int) -> int:
    """Linear hashing: the bucket of a digest among `buckets`, so that one more bucket splits just one old
    one. The hash is bytes 4 to 7, big-endian: enough for four thousand million buckets.
    """
    hashed = digest[4] << 24 | digest[5] << 16 | digest[6] << 8 | digest[7]
    level = 1 << (buckets.bit_length() - 1)
    bucket = hashed & (2 * level - 1)
    return bucket if bucket < buckets else bucket - level


def split_of(buckets: int) -> int:
    """The bucket that is divided when bucket number `buckets` is added."""
    return buckets - (1 << (buckets.bit_length() - 1))
