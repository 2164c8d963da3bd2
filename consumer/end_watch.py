"""`--exit-at-end`: has everything that was in the topic at the start been decided, by the whole group?

Control records take offsets too, so no position ever reaches the end of a topic that transactions wrote to:
the end is the offset behind the last record that can be read. Records that were re-published on the way move
the end; new ones from upstream do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumer.clock import Clock
from consumer.dead_letters import headers_of
from consumer.draining import drain
from consumer.errors import Paused
from consumer.rights import denied
from consumer.sorting import REROUTED

CHECK_S: Final = 0.5
_TAIL: Final = 64


class EndWatch:
    """`reached` is asked each turn, and asks the broker now and then."""

    def __init__(
        self,
        config: Mapping[str, Any],
        topic: str,
        partitions: int,
        committed: Callable[[range], Mapping[int, int | None]],
        clock: Clock,
        logger: Any,
    ) -> None:
        self._consumer = Consumer(dict(config), logger=logger)
        self._topic = topic
        self._partitions = range(partitions)
        self._committed = committed
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
            return True
        self._ends = ends
        return False

    def _end(self, partition: int, known: int, *, rerouted_only: bool) -> int:
        """The offset behind the last record at or after `known`, 0 if there is none."""
        low, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), 10.0)
        low = max(low, known)
        start = max(low, known if rerouted_only else high - _TAIL)
        while True:
            found = self._last(partition, start, high, rerouted_only=rerouted_only)
            if found or start <= low:
                return found
            start = max(low, start - _TAIL * 16)

    def _last(self, partition: int, start: int, high: int, *, rerouted_only: bool) -> int:
        if start >= high:
            return 0
        self._consumer.assign([TopicPartition(self._topic, partition, start)])
        last, deadline = 0, self._clock.monotonic() + 30.0
        while self._clock.monotonic() < deadline:
            for message in drain(self._consumer, 500, 0.5):
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
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
