"""The changelog folded to its end, and the view compared with it (`badges verify`; I4 and I5 of design.md).

A worker may be at work meanwhile, so the view may be newer than what was folded, or one batch behind it. What
cannot be judged yet is looked at again after reading on; what is left in the end is a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka import OFFSET_BEGINNING

from consumer.broker import Broker
from consumer.reading import read_until, stable_ends
from schemas.catalogue import CUSTOMER_STATE
from schemas.changelog import MARKER_KEY, PositionMarker, decode_marker
from state.keys import is_document
from state.marker import RedisMarker
from state.view import Document, View

Judgement = Literal["EQUAL", "WRONG", "OPEN"]


@dataclass
class Folded:
    """One partition of the changelog: the last record of each document, and the last position marker.

    `end` is the offset up to which it was read; records before it are in.
    """

    documents: dict[bytes, tuple[int, bytes | None]] = field(default_factory=dict)
    marker: PositionMarker | None = None
    end: int = 0


class Changelog:
    """Reads `customer-state`, partition by partition, and reads on where it stopped."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._reader = broker.reader()
        self._topic = broker.topic(CUSTOMER_STATE)
        self._folded: dict[int, Folded] = {}

    def fold(self, partitions: Iterable[int]) -> Mapping[int, Folded]:
        """The partitions up to their present end, before any open transaction."""
        wanted = {partition: self._folded.setdefault(partition, Folded()) for partition in partitions}
        ends = stable_ends(self._broker, self._topic, wanted)
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

    def close(self) -> None:
        """Ends the connection."""
        self._reader.close()


class PartitionCheck:
    """One partition of the view against the changelog, in as many looks as it takes.

    `marker` is the next input offset of the view's marker, None without one. `documents` counts those of the
    changelog.
    """

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.marker: int | None = None
        self.documents = 0
        self._wrong: set[bytes] = set()
        self._open: set[bytes] | None = None
        self._marker_is_open = True
        self._seen_sequence = 0

    @property
    def settled(self) -> bool:
        """Whether another look can change nothing."""
        return not self._marker_is_open and not self._open

    @property
    def differences(self) -> int:
        """Documents that are missing, stale, altered or unknown to the changelog, open ones included."""
        return len(self._wrong) + len(self._open or ())

    @property
    def equal(self) -> bool:
        """Whether the view is the fold of the changelog."""
        return self.settled and not self._wrong

    def look(self, view: View, folded: Folded) -> None:
        """Judges what is open. The marker is read first: the documents are at least as new as it says."""
        marker = view.marker(self.partition)
        held = {document.key: document for document in view.scan(self.partition)}
        keys = folded.documents.keys() | held.keys() if self._open is None else self._open
        judged = {key: _judged(held.get(key), folded.documents.get(key), marker, folded) for key in keys}
        self._wrong |= {key for key, judgement in judged.items() if judgement == "WRONG"}
        self._open = {key for key, judgement in judged.items() if judgement == "OPEN"}
        self._look_at_marker(marker, folded)
        self.documents = sum(value is not None for _, value in folded.documents.values())

    def _look_at_marker(self, marker: RedisMarker | None, folded: Folded) -> None:
        self.marker = marker.next_offset if marker else None
        if not self._marker_is_open:
            return
        last = folded.marker.sequence if folded.marker else 0
        if marker is None or marker.token:
            self._marker_is_open = marker is not None or last > 0
        elif self._seen_sequence and last >= self._seen_sequence:
            self._marker_is_open = False  # what stood in the view earlier is in the changelog by now
        else:
            self._marker_is_open = marker.sequence != last
            self._seen_sequence = marker.sequence if marker.sequence > last else 0


def _judged(
    held: Document | None, logged: tuple[int, bytes | None] | None, marker: RedisMarker | None, folded: Folded
) -> Judgement:
    offset, value = logged or (-1, None)
    found = held.offset if held else -1
    if held is None and value is None:
        return "EQUAL"
    if held is not None and found == offset:
        return "EQUAL" if held.value is not None and held.value == value else "WRONG"
    if found > offset:
        return "WRONG" if found < folded.end else "OPEN"
    # Older than the changelog's: wrong where the marker says that it has been applied.
    return "WRONG" if marker is not None and offset < marker.changelog_offset else "OPEN"
