"""What a cut-over yields where badges that existed before get limits over all customers, or lose them: each
partition reports once what it has issued, and asks again for what waits (docs/badge-limits.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

from confluent_kafka import murmur2

from badges.calendar import Zone
from badges.customer import BadgeState, CustomerState
from badges.definitions import BadgeRecord
from badges.places import Hop, Report
from badges.reservations import request_of
from consumer.batch import Introduced
from consumer.errors import Paused
from consumer.feeds import Feeds
from consumer.ownership import Owned
from consumer.pages import load_missed
from consumer.places import Places
from consumer.view_checks import ViewMoved, checked
from state.cache import StateCache
from state.document import Damaged, encode_head
from state.errors import ViewDamaged, ViewError, ViewRefused
from state.keys import head_key, parse_key
from state.loader import state_of_documents
from state.places import (
    changed_places,
    decode_reported,
    encode_reported,
    reported_key,
)
from state.view import Load, View

INSTANTS_A_REPORT: Final = 20_000

_Read = TypeVar("_Read")


class Introductions:
    """Asked at each cut-over; costs nothing where no badge was ever given such limits later."""

    def __init__(self, view: View, cache: StateCache, feeds: Feeds, places: Places, partitions: int) -> None:
        self._view = view
        self._cache = cache
        self._feeds = feeds
        self._places = places
        self._partitions = partitions

    def of(self, owned: Iterable[Owned]) -> dict[int, Introduced]:
        """What these partitions have to tell now, by partition. Raises ViewMoved or Paused."""
        records = self._feeds.introduced()
        if not records:
            return {}
        return {own.partition: self._of(own, records) for own in owned}

    def _of(self, own: Owned, records: Sequence[BadgeRecord]) -> Introduced:
        hops: list[Hop] = []
        documents: list[tuple[bytes, bytes]] = []
        # Also where the limits are gone again: the badge's owner may have dropped what waits, as older.
        wanted = self._unreported(records, own)
        if wanted:
            self._cache.drop(own.partition)  # what waits is changed below, in the view's documents
            counts = {_badge(record): _Count(record) for record in wanted}
            for state in self._states(own, {_badge(record) for record in wanted}):
                documents += self._tell(state, counts, hops, own.position.at)
            reports: list[Hop] = []
            for count in counts.values():
                reports += count.reports(own.partition)
            hops = reports + hops  # a request comes behind the report of its partition
            documents += [
                (reported_key(*_badge(record)), encode_reported(record.limit_number)) for record in wanted
            ]
        for record in records:
            if not record.definition.badge_limits.any and self._is_home(own, record):
                self._free(own, record, hops, documents)
        return Introduced(hops, documents)

    def _unreported(self, records: Sequence[BadgeRecord], own: Owned) -> list[BadgeRecord]:
        load = Load(own.partition, own.view_marker, [reported_key(*_badge(record)) for record in records])
        values = checked(lambda: self._view.load_many([load]))[own.partition]
        return [
            record
            for record, value in zip(records, values, strict=True)
            if decode_reported(value) < record.limit_number
        ]

    def _tell(
        self, state: CustomerState, counts: dict[tuple[int, str], _Count], hops: list[Hop], at: int
    ) -> list[tuple[bytes, bytes]]:
        """Counts a customer's issuances; asks again for what waits, under the new number. It will be issued
        no earlier than what was issued meanwhile, while there were no limits: not before `at`.
        """
        asked = False
        for badge_id, own in state.badges.items():
            count = counts.get((state.org_id, badge_id))
            if count is None:
                continue
            count.add(state, own, self._feeds.rules(state.org_id).zone)
            number, version = count.record.limit_number, count.record.version
            for index, reservation in enumerate(own.reserved):
                asked = True
                own.reserved[index] = again = reservation._replace(limit_number=number)
                request = request_of(state, badge_id, again, version)
                hops.append(request._replace(at=max(request.at, at)))
        return [(head_key(state.org_id, state.customer_id), encode_head(state))] if asked else []

    def _is_home(self, own: Owned, record: BadgeRecord) -> bool:
        org_id, badge_id = _badge(record)
        return murmur2(head_key(org_id, badge_id), self._partitions) == own.partition

    def _free(
        self, own: Owned, record: BadgeRecord, hops: list[Hop], documents: list[tuple[bytes, bytes]]
    ) -> None:
        """The limits are gone: whoever still waited for reports gets a place."""
        org_id, badge_id = _badge(record)
        places = self._places.places(own, org_id, badge_id)
        badge = self._feeds.rules(org_id).badges[badge_id]
        hops += self._places.waited(own, places, badge)
        if places.changed:
            documents += changed_places(places)

    def _states(self, own: Owned, wanted: set[tuple[int, str]]) -> Iterator[CustomerState]:
        """The customers of a partition that have something of these badges, issuances loaded."""
        orgs = {org_id for org_id, _ in wanted}
        told: set[tuple[int, str]] = set()
        batch: list[CustomerState] = []
        for document in self._scanned(own):
            org_id, customer_id, page = parse_key(document[0])
            if page is not None or org_id not in orgs or (org_id, customer_id) in told:
                continue
            told.add((org_id, customer_id))
            state = _decoded(own, org_id, customer_id, document[1])
            if any((org_id, badge_id) in wanted for badge_id in state.badges):
                batch.append(state)
        for state in batch:
            keys = [
                ("i", one.number, n)
                for badge_id, one in state.badges.items()
                if (state.org_id, badge_id) in wanted
                for n in range(one.sealed)
            ]
            if keys:
                load_missed(self._view, own, state, keys)
            yield state

    def _scanned(self, own: Owned) -> list[tuple[bytes, bytes]]:
        """All documents of the partition, if its marker stood still meanwhile."""
        found = _read(
            own,
            lambda: [(one.key, one.value) for one in self._view.scan(own.partition) if one.value is not None],
        )
        if _read(own, lambda: self._view.marker(own.partition)) != own.view_marker:
            raise ViewMoved([own.partition])
        return found


class _Count:
    """One partition's issuances not revoked of one badge."""

    def __init__(self, record: BadgeRecord) -> None:
        self.record = record
        self._days: Counter[int] = Counter()
        self._instants: Counter[int] = Counter()

    def add(self, state: CustomerState, own: BadgeState, zone: Zone) -> None:
        for page in state.issuance_pages(own):
            for issuance in page:
                if not issuance.revoked:
                    self._days[zone.day(issuance.event_date)] += 1
                    self._instants[issuance.issued_at] += 1

    def reports(self, partition: int) -> list[Report]:
        """In parts that fit into a record; the last one says so, and holds the days."""
        org_id, badge_id = _badge(self.record)
        number = self.record.limit_number
        rest = iter(sorted(self._instants.items()))
        parts = list(iter(lambda: dict(islice(rest, INSTANTS_A_REPORT)), {})) or [{}]
        reports = [Report(org_id, badge_id, number, partition, False, {}, part) for part in parts[:-1]]
        return [*reports, Report(org_id, badge_id, number, partition, True, dict(self._days), parts[-1])]


def _badge(record: BadgeRecord) -> tuple[int, str]:
    return record.definition.org_id, record.definition.badge_id


def _decoded(own: Owned, org_id: int, customer_id: str, value: bytes) -> CustomerState:
    try:
        return state_of_documents(org_id, customer_id, value, ())
    except Damaged:
        raise ViewMoved([own.partition], [own.partition]) from None


def _read(own: Owned, read: Callable[[], _Read]) -> _Read:
    try:
        return read()
    except ViewRefused:
        raise
    except ViewDamaged:
        raise ViewMoved([own.partition], [own.partition]) from None
    except ViewError as error:
        raise Paused(str(error)) from None
