"""How far the group is, by a client that is no member of it. (librdkafka's admin client may abort the process
that asks it while a broker goes away, issue 4605; a consumer does not.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

LOOK_S: Final = 0.5
ANSWER_S: Final = 5.0


class Progress:
    """`decided` records so far; `longest` is the longest time in seconds without one more.

    Watches in a thread of its own, because a broker that is away keeps a question waiting.
    """

    def __init__(self, servers: str, group: str, topic: str, partitions: Sequence[int]) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": group, "enable.auto.commit": False, "log_level": 0}
        )
        self._places = [TopicPartition(topic, partition) for partition in partitions]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)
        self.decided = 0
        self.longest = 0.0
        self._last = time.monotonic()

    def start(self) -> None:
        self._last = time.monotonic()
        self._thread.start()

    def committed(self) -> dict[int, int] | None:
        """The group's offsets by partition, 0 where there is none; None where nobody answers."""
        try:
            found = self._consumer.committed(self._places, ANSWER_S)
        except KafkaException:
            return None
        if any(one.error for one in found):
            return None
        return {one.partition: max(0, one.offset) for one in found}

    def _watch(self) -> None:
        while not self._ending.wait(LOOK_S):
            committed = self.committed()
            decided = sum(committed.values()) if committed else 0
            if decided > self.decided:
                now = time.monotonic()
                self.longest = max(self.longest, now - self._last)
                self.decided, self._last = decided, now

    def end(self) -> None:
        self._ending.set()
        self._thread.join(30)
        self._consumer.close()
