"""What a worker owns, and how a partition becomes its own: assignment and repair (design.md section 3).

1 drop caches · 2 committed offset C · 3 then the changelog's high watermark W · 4 Redis marker R · 5 read
the changelog from R to W · 6 last position marker M against C and R · 7 claim and repair the view · 8 seek
to M, resume

The order matters: W is asked after C, so every transaction that C shows is below W; membership is proven
after the reading, so nobody else has committed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from confluent_kafka import Message

from consumer.changelog import Changelog
from consumer.crash_points import reached
from consumer.errors import REFUSED, AssignmentLost, Stopped
from consumer.input import InputGroup
from schemas.changelog import MARKER_KEY, PositionMarker, decode_marker
from state.cache import StateCache
from state.keys import is_document
from state.marker import RedisMarker
from state.view import Document, View

DOCUMENTS_A_STEP: Final = 5_000
"""Between two steps of a repair the membership is kept alive."""


@dataclass(slots=True)
class Owned:
    """A partition that may be decided: its position, and the marker that stands in the view. `moved`: the
    group's offset is another one, by `--accept-reset`, and is to be committed.
    """

    partition: int
    position: PositionMarker
    view_marker: RedisMarker | None
    moved: bool = False


class Topic(NamedTuple):
    """The input topic's identity: a topic that was created anew has the same name and another id."""

    cluster_id: str
    topic_id: str
    tzdata: str


class _Found(NamedTuple):
    """What the changelog holds from where the view stands: the last position, the newest documents by key,
    and the offset behind the last record read.
    """

    position: PositionMarker | None
    documents: dict[bytes, tuple[int, bytes | None]]
    next_offset: int


class Ownership:
    """The partitions this worker owns. `owned` holds those that are ready; `pending` those that are not."""

    def __init__(
        self,
        group: InputGroup,
        changelog: Changelog,
        view: View,
        cache: StateCache,
        topic: Topic,
        *,
        accept_reset: bool,
    ) -> None:
        self._group = group
        self._changelog = changelog
        self._view = view
        self._cache = cache
        self._topic = topic
        self._accept_reset = accept_reset
        self.owned: dict[int, Owned] = {}
        self.pending: set[int] = set()
        self.repairs = 0
        self._rebuild: set[int] = set()

    def take_over(self) -> None:
        """After a rebalance: everything of the assignment before is forgotten."""
        for partition in [*self.owned, *self.pending]:
            self._cache.drop(partition)
        self.owned.clear()
        self.pending = set(self._group.assigned)

    def distrust(self, partitions: Iterable[int]) -> None:
        """These are to be repaired before anything more of them is decided; they are paused."""
        lost = [partition for partition in partitions if partition in self.owned]
        for partition in lost:
            del self.owned[partition]
            self._cache.drop(partition)
        self._group.pause(lost)
        self.pending.update(lost)

    def distrust_all(self) -> None:
        """As `distrust`, for all of them."""
        self.distrust(list(self.owned))

    def forget_states(self) -> None:
        """After an abort: what the batch changed in the cache was never committed."""
        for partition in self.owned:
            self._cache.drop(partition)

    def distrust_whole(self) -> None:
        """The view lost keys by itself, which no marker shows: it is rebuilt from the whole changelog."""
        self._rebuild.update(self.owned)
        self.distrust_all()

    def prepare(self, alive: Callable[[], None]) -> None:
        """Makes pending partitions ready. Raises Paused, AssignmentLost or Stopped; those done stay done."""
        epoch = self._group.epoch
        for partition in sorted(self.pending):
            self._prepare(partition, alive)
            if self._group.epoch != epoch:
                raise AssignmentLost("the assignment changed during a repair")

    def _prepare(self, partition: int, alive: Callable[[], None]) -> None:
        epoch = self._group.epoch

        def member() -> None:
            alive()
            if self._group.epoch != epoch:
                raise AssignmentLost("the assignment changed during a repair")
            self._group.metadata()

        self._cache.drop(partition)
        for attempt in (1, 2):
            committed = self._group.committed([partition])[partition]
            watermark = self._changelog.high_watermark(partition)
            stands = self._view.marker(partition)
            self._check_topic(partition, stands)
            found = self._read(partition, stands, watermark, member)
            if stands is not None and stands.token and found.position is None:
                found = self._whole(partition, self._changelog.start(partition), watermark, member)
            position = found.position or _position_of(stands)
            member()
            if committed == (position.next_offset if position else None):
                break
            if attempt == 2 and (position is None or not self._accept_reset):
                raise self._differs(partition, committed, position)
        low = self._first_kept(partition, position)
        marker = self._repaired(partition, stands, found, position, member)
        start = position or self._first()
        moved = position is not None and (committed != position.next_offset or low > position.next_offset)
        if low > start.next_offset:
            start = replace(start, next_offset=low)
        self.owned[partition] = Owned(partition, start, marker, moved)
        self.pending.discard(partition)

    def _first(self) -> PositionMarker:
        """Where group, changelog and view know nothing: the first record, whatever it is."""
        return PositionMarker(0, self._topic.cluster_id, self._topic.topic_id, 0, 0, 0, 0, self._topic.tzdata)

    def _check_topic(self, partition: int, stands: RedisMarker | None) -> None:
        known = ("", *self._topic[:1])
        if stands is not None and stands.cluster_id not in known:
            raise Stopped(
                f"the view's marker of partition {partition} is of another Kafka cluster; "
                "point redis.url at this cluster's Redis, or empty it",
                REFUSED,
            )

    def _first_kept(self, partition: int, position: PositionMarker | None) -> int:
        """The first offset of the input that is kept. Raises Stopped where records were removed undecided."""
        low, _ = self._group.watermarks(partition)
        if position is None:
            return low
        if (position.cluster_id, position.topic_id) != self._topic[:2]:
            raise Stopped(
                f"partition {partition} was decided from another topic than the one of this name now (it was "
                "created anew); give the new one another topics.prefix and consumer.group, or delete "
                "customer-state too",
                REFUSED,
            )
        if position.next_offset < low and not self._accept_reset:
            raise Stopped(
                f"partition {partition}: records {position.next_offset} to {low - 1} were removed before "
                "they were decided; restore them, or accept the gap with --accept-reset",
                REFUSED,
            )
        return low

    def _differs(self, partition: int, committed: int | None, position: PositionMarker | None) -> Stopped:
        if position is None:
            message = (
                f"partition {partition}: the group decided up to {committed}, but customer-state does not "
                "know of it; restore that topic, or decide everything anew with another consumer.group and "
                "topics.prefix"
            )
        else:
            message = (
                f"partition {partition}: the group's offset is {committed}, but records up to "
                f"{position.next_offset} were decided (the group was reset, deleted or expired); start with "
                "--accept-reset to go on where deciding ended"
            )
        return Stopped(message, REFUSED)

    def _read(
        self, partition: int, stands: RedisMarker | None, watermark: int, member: Callable[[], None]
    ) -> _Found:
        start = self._changelog.start(partition)
        if stands is not None:
            start = max(start, stands.changelog_offset)
        position: PositionMarker | None = None
        documents: dict[bytes, tuple[int, bytes | None]] = {}
        end = start
        if start >= watermark:
            return _Found(None, documents, start)
        for records in self._changelog.read(partition, start, watermark):
            for record in records:
                position = _fold(record, documents) or position
                end = (record.offset() or 0) + 1
            member()
        return _Found(position, documents, end)

    def _repaired(
        self,
        partition: int,
        stands: RedisMarker | None,
        found: _Found,
        position: PositionMarker | None,
        member: Callable[[], None],
    ) -> RedisMarker | None:
        """The view's marker after it was brought to `position` (step 7)."""
        if position is None:
            if stands is None:
                return None
            raise Stopped(
                f"the view knows partition {partition}, but the changelog does not; point redis.url at the "
                "Redis of this topics.prefix, or empty it with `badges rebuild`",
                REFUSED,
            )
        distrusted = partition in self._rebuild
        unchanged = found.position is None and not found.documents
        if stands is not None and not stands.token and unchanged and not distrusted:
            return stands
        rebuild = stands is None or distrusted or (not stands.token and stands.sequence > position.sequence)
        self.repairs += 1
        reached("repair")
        held = (self._view.claim_rebuild if rebuild else self._view.claim)(partition, stands)
        if rebuild:
            held = self._view.clear(partition, held)
            start, watermark = self._changelog.start(partition), self._changelog.high_watermark(partition)
            if stands is not None:
                found = self._whole(partition, start, watermark, member)
        documents = [Document(key, *at) for key, at in found.documents.items()]
        while len(documents) > DOCUMENTS_A_STEP:
            step, documents = documents[:DOCUMENTS_A_STEP], documents[DOCUMENTS_A_STEP:]
            held = self._view.extend(partition, held, step)
            reached("repair")
            member()
        marker = redis_marker(position, found.next_offset)
        self._view.apply(partition, held, documents, marker)
        self._rebuild.discard(partition)
        return marker

    def _whole(self, partition: int, start: int, watermark: int, member: Callable[[], None]) -> _Found:
        documents: dict[bytes, tuple[int, bytes | None]] = {}
        position, end = None, start
        for records in self._changelog.read(partition, start, watermark):
            for record in records:
                position = _fold(record, documents) or position
                end = (record.offset() or 0) + 1
            member()
        return _Found(position, documents, end)


def _fold(record: Message, documents: dict[bytes, tuple[int, bytes | None]]) -> PositionMarker | None:
    """Takes a record over; the position, if it is one."""
    key, value, offset = record.key() or b"", record.value(), record.offset() or 0
    if key == MARKER_KEY:
        return decode_marker(value or b"")
    if is_document(key):
        documents[key] = (offset, value)
    return None


def _position_of(marker: RedisMarker | None) -> PositionMarker | None:
    """The position that a whole view stands at."""
    if marker is None or marker.token:
        return None
    rules_offset, settings_offset = marker.feeds
    return PositionMarker(
        marker.sequence,
        marker.cluster_id,
        marker.topic_id,
        marker.next_offset,
        marker.at,
        rules_offset,
        settings_offset,
        marker.tzdata,
    )


def redis_marker(position: PositionMarker, changelog_offset: int) -> RedisMarker:
    """The view's marker at a position; the changelog before `changelog_offset` is in the view."""
    return RedisMarker(
        position.sequence,
        position.cluster_id,
        position.topic_id,
        position.next_offset,
        position.at,
        (position.rules_offset, position.settings_offset),
        changelog_offset,
        position.tzdata,
    )
