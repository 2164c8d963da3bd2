"""Bringing the view of one partition to where its changelog stands (design.md section 3, steps 5 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from confluent_kafka import Message

from consumer.changelog import Changelog
from consumer.crash_points import reached
from consumer.errors import REFUSED, Stopped
from schemas.changelog import MARKER_KEY, PositionMarker, decode_marker
from state.keys import is_document
from state.marker import RedisMarker
from state.view import Document, View

DOCUMENTS_A_STEP: Final = 5_000
"""Between two steps of a repair the membership is kept alive."""


class Found(NamedTuple):
    """What the changelog holds from some offset on: the last position, the newest documents by key, and the
    offset behind the last record read.
    """

    position: PositionMarker | None
    documents: dict[bytes, tuple[int, bytes | None]]
    next_offset: int


class Repair:
    """Reads the changelog and repairs the view by it. `member` proves between the steps that the partition is
    still ours; it raises AssignmentLost if not. `repairs` counts the partitions whose view was brought up.
    """

    def __init__(self, changelog: Changelog, view: View) -> None:
        self._changelog = changelog
        self._view = view
        self._whole: set[int] = set()
        self.repairs = 0

    def distrust(self, partitions: set[int]) -> None:
        """The view lost keys of these by itself, which no marker shows: the whole log is read for them."""
        self._whole |= partitions

    def read(
        self, partition: int, stands: RedisMarker | None, watermark: int, member: Callable[[], None]
    ) -> Found:
        """What the view lacks. From the log's start where the view is empty, or claimed and no offset of it
        is whole.
        """
        start = self._changelog.start(partition)
        if stands is None:
            return self._fold(partition, start, watermark, member)
        found = self._fold(partition, max(start, stands.changelog_offset), watermark, member)
        if stands.token and found.position is None:
            return self._fold(partition, start, watermark, member)
        return found

    def read_whole(self, partition: int, member: Callable[[], None]) -> Found:
        """All that the changelog holds."""
        watermark = self._changelog.high_watermark(partition)
        return self._fold(partition, self._changelog.start(partition), watermark, member)

    def _fold(self, partition: int, start: int, watermark: int, member: Callable[[], None]) -> Found:
        documents: dict[bytes, tuple[int, bytes | None]] = {}
        position, end = None, start
        if start >= watermark:
            return Found(None, documents, start)
        for records in self._changelog.read(partition, start, watermark):
            for record in records:
                position = _fold_one(record, documents) or position
                end = (record.offset() or 0) + 1
            member()
        return Found(position, documents, end)

    def bring(
        self,
        partition: int,
        stands: RedisMarker | None,
        found: Found,
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
        distrusted = partition in self._whole
        unchanged = found.position is None and not found.documents
        if stands is not None and not stands.token and unchanged and not distrusted:
            return stands
        rebuild = stands is None or distrusted or (not stands.token and stands.sequence > position.sequence)
        self.repairs += 1
        reached("repair")
        held = (self._view.claim_rebuild if rebuild else self._view.claim)(partition, stands)
        if rebuild:
            held = self._view.clear(partition, held)
            if stands is not None:
                found = self.read_whole(partition, member)
        documents = [Document(key, *at) for key, at in found.documents.items()]
        while len(documents) > DOCUMENTS_A_STEP:
            step, documents = documents[:DOCUMENTS_A_STEP], documents[DOCUMENTS_A_STEP:]
            held = self._view.extend(partition, held, step)
            reached("repair")
            member()
        marker = redis_marker(position, found.next_offset)
        self._view.apply(partition, held, documents, marker)
        self._whole.discard(partition)
        return marker


def _fold_one(record: Message, documents: dict[bytes, tuple[int, bytes | None]]) -> PositionMarker | None:
    """Takes a record over; the position, if it is one."""
    key, value, offset = record.key() or b"", record.value(), record.offset() or 0
    if key == MARKER_KEY:
        return decode_marker(value or b"")
    if is_document(key):
        documents[key] = (offset, value)
    return None


def position_of(marker: RedisMarker | None) -> PositionMarker | None:
    """The position that a whole view stands at."""
    if marker is None or marker.token:
        return None
    rules_offset, settings_offset, *hops = marker.feeds
    return PositionMarker(
        marker.sequence,
        marker.cluster_id,
        marker.topic_id,
        marker.next_offset,
        marker.at,
        rules_offset,
        settings_offset,
        marker.tzdata,
        *hops,
    )


def redis_marker(position: PositionMarker, changelog_offset: int) -> RedisMarker:
    """The view's marker at a position; the changelog before `changelog_offset` is in the view."""
    hops = (position.hops_offset,) if position.hops_offset else ()
    return RedisMarker(
        position.sequence,
        position.cluster_id,
        position.topic_id,
        position.next_offset,
        position.at,
        (position.rules_offset, position.settings_offset, *hops),
        changelog_offset,
        position.tzdata,
    )
