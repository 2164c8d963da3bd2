"""`--exit-at-end`: has everything that was in the topic at the start been decided, by the whole group?

Control records take offsets too, so no position ever reaches the end of a topic that transactions wrote to:
the end is the offset behind the last record that can be read. Records that were re-published on the way move
the end; new ones from upstream do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumer.clock import Clock
from consumer.dead_letters import headers_of
from consumer.draining import drain
from consumer.errors import Paused
from consumer.rights import denied
from consumer.sorting import REROUTED

CHECK_S: Final = 0.5
_TAIL: Final = 64


class Watched(NamedTuple):
    """A topic, and how to ask for the group's offsets in it."""

    topic: str
    partitions: int
    committed: Callable[[range], Mapping[int, int | None]]


class EndWatch:
    """`reached` is asked each turn, and asks the broker now and then."""

    def __init__(
        self,
        config: Mapping[str, Any],
        actions: Watched,
        hops: Watched,
        clock: Clock,
        logger: Any,
    ) -> None:
        self._consumer = Consumer(dict(config), logger=logger)
        whole = {**config, "isolation.level": "read_uncommitted"}
        self._uncommitted = Consumer(whole, logger=logger)
        self._topic, partitions, self._committed = actions
        self._hops = hops
        self._hop_ends = dict.fromkeys(range(hops.partitions), 0)
        self._partitions = range(partitions)
        self._clock = clock
        self._next = 0.0
        self._ends = {
            partition: self._end(partition, 0, rerouted_only=False) for partition in self._partitions
        }

    def reached(self) -> bool:
        """Whether the group has decided up to the ends, and nothing was re-published behind them."""
        now = self._clock.monotonic()
        if now < self._next:
            return False
        self._next = now + CHECK_S
        committed = self._committed(self._partitions)
        if any((committed[partition] or 0) < end for partition, end in self._ends.items()):
            return False
        ends = {
            partition: max(end, self._end(partition, end, rerouted_only=True))
            for partition, end in self._ends.items()
        }
        if ends == self._ends:
            return self._hops_reached()
        self._ends = ends
        return False

    def _hops_reached(self) -> bool:
        """Whether everything in badge-hops was taken, and nothing came of it meanwhile. Open transactions are
        waited for, or they might hide a message that is committed already.
        """
        before = self._read_hop_ends()
        committed = self._hops.committed(range(self._hops.partitions))
        if any((committed[partition] or 0) < end for partition, end in before.items()):
            return False
        return self._read_hop_ends() == before

    def _read_hop_ends(self) -> dict[int, int]:
        topic = self._hops.topic
        for partition, known in self._hop_ends.items():
            place = TopicPartition(topic, partition)
            low, high = self._uncommitted.get_watermark_offsets(place, 10.0)
            found = self._last(topic, partition, max(low, known), high, rerouted_only=False)
            self._hop_ends[partition] = max(known, found)
        return dict(self._hop_ends)

    def _end(self, partition: int, known: int, *, rerouted_only: bool) -> int:
        """The offset behind the last record at or after `known`, 0 if there is none."""
        low, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), 10.0)
        low = max(low, known)
        start = max(low, known if rerouted_only else high - _TAIL)
        while True:
            found = self._last(self._topic, partition, start, high, rerouted_only=rerouted_only)
            if found or start <= low:
                return found
            start = max(low, start - _TAIL * 16)

    def _last(self, topic: str, partition: int, start: int, high: int, *, rerouted_only: bool) -> int:
        if start >= high:
            return 0
        self._consumer.assign([TopicPartition(topic, partition, start)])
        last, deadline = 0, self._clock.monotonic() + 30.0
        while self._clock.monotonic() < deadline:
            for message in drain(self._consumer, 500, 0.5):
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF and (message.offset() or 0) >= high:
                        self._consumer.unassign()
                        return last
                    stop = denied(error, self._topic)
                    if stop is not None:
                        raise stop
                    continue
                if not rerouted_only or any(name == REROUTED for name, _ in headers_of(message)):
                    last = (message.offset() or 0) + 1
        raise Paused(f"{self._topic}: its end cannot be read")

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()
        self._uncommitted.close()
