"""The changelog folded to its end, and the view compared with it (`badges verify`; I4 and I5 of design.md).

A worker may be at work meanwhile, so the view may be newer than what was folded, or one batch behind it. What is
written later than what was read is not judged yet: it is read again. What is left is a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer

from consumer.reading import read_until, stable_ends
from schemas.changelog import MARKER_KEY, PositionMarker, decode_marker
from state.keys import is_document
from state.marker import RedisMarker
from state.view import Document, View

ROUNDS: Final = 20
"""How often what moves is read again before it counts as a difference."""
PAUSE_S: Final = 0.25


@dataclass
class Folded:
    """One partition of the changelog: the last record of each document, and the last position marker.

    `end` is the offset up to which it was read; records before it are in.
    """

    documents: dict[bytes, tuple[int, bytes | None]] = field(default_factory=dict)
    marker: PositionMarker | None = None
    end: int = 0


@dataclass(frozen=True)
class Comparison:
    """One partition of the view against the changelog. `differences` counts documents that are missing, stale,
    altered, or unknown to the changelog; `behind` says that a marker is missing or does not catch up.
    """

    partition: int
    marker: int | None
    documents: int
    differences: int
    behind: bool


class Changelog:
    """Reads `customer-state`, partition by partition, and reads on where it stopped."""

    def __init__(self, reader: Consumer, topic: str) -> None:
        self._reader = reader
        self._topic = topic
        self._folded: dict[int, Folded] = {}

    def fold(self, partitions: Iterable[int]) -> Mapping[int, Folded]:
        """The partitions up to their present end, before any open transaction."""
        wanted = {partition: self._folded.setdefault(partition, Folded()) for partition in partitions}
        ends = stable_ends(self._reader, self._topic, wanted)
        todo = {partition: end for partition, end in ends.items() if end > wanted[partition].end}
        starts = {partition: wanted[partition].end or OFFSET_BEGINNING for partition in todo}
        for message in read_until(self._reader, self._topic, starts, todo):
            partition, offset, key = message.partition(), message.offset(), message.key()
            if partition is None or offset is None or key is None:
                continue
            folded = wanted[partition]
            if key == MARKER_KEY:
                folded.marker = decode_marker(message.value() or b"")
            elif is_document(key):
                folded.documents[key] = (offset, message.value())
        for partition, end in todo.items():
            wanted[partition].end = end
        return wanted


def compare(view: View, folded: Folded, partition: int) -> tuple[Comparison, bool]:
    """One look at one partition, and whether it is final: False where something may still be on its way."""
    marker = view.marker(partition)
    held = {document.key: document for document in view.scan(partition)}
    # Later than the scan: whatever moved this marker was applied before or while it ran.
    moving = marker != view.marker(partition) or (marker is not None and bool(marker.token))
    differences, unsettled = _differences(held, folded, marker)
    behind = _is_behind(marker, folded)
    position = marker.next_offset if marker else None
    comparison = Comparison(partition, position, len(folded.documents), differences + unsettled, behind)
    return comparison, not (moving or unsettled or behind)


def _is_behind(marker: RedisMarker | None, folded: Folded) -> bool:
    if folded.marker is None:
        return False
    return marker is None or bool(marker.token) or marker.sequence != folded.marker.sequence


def _differences(
    held: Mapping[bytes, Document], folded: Folded, marker: RedisMarker | None
) -> tuple[int, int]:
    """How many documents differ, and how many may only be newer than the fold or one batch behind it."""
    wrong = unsettled = 0
    applied = marker.changelog_offset if marker else 0
    for key, (offset, value) in folded.documents.items():
        found = held.get(key)
        if found is None:
            if value is None:
                continue
            wrong, unsettled = _counted(offset < applied, wrong, unsettled)
        elif found.offset == offset:
            wrong += found.value != value
        elif found.offset < offset:
            wrong, unsettled = _counted(offset < applied, wrong, unsettled)
        else:
            wrong, unsettled = _counted(found.offset < folded.end, wrong, unsettled)
    for key, document in held.items():
        if key not in folded.documents:
            wrong, unsettled = _counted(document.offset < folded.end, wrong, unsettled)
    return wrong, unsettled


def _counted(certain: bool, wrong: int, unsettled: int) -> tuple[int, int]:
    return (wrong + 1, unsettled) if certain else (wrong, unsettled + 1)
