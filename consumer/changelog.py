"""Reading one partition of customer-state: what a repair needs (docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from consumer.clock import Clock
from consumer.draining import drain
from consumer.errors import Paused, Stopped
from consumer.rights import denied

SLICE_S: Final = 0.5
STALL_S: Final = 60.0
"""An open transaction below the high watermark is ended by its timeout at the latest."""


class Changelog:
    """The topic customer-state. One reader, assigned to one partition at a time."""

    def __init__(
        self, config: Mapping[str, Any], topic: str, admin: AdminClient, logger: Any, clock: Clock
    ) -> None:
        self.topic = topic
        self._admin = admin
        self._consumer = Consumer(dict(config), logger=logger)
        self._clock = clock

    def high_watermark(self, partition: int) -> int:
        """The end of the log, open transactions included (READ_UNCOMMITTED: under read_committed the client
        would answer the last stable offset).
        """
        asked = {TopicPartition(self.topic, partition): OffsetSpec.latest()}
        try:
            futures = self._admin.list_offsets(
                asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=10
            )
            return int(next(iter(futures.values())).result().offset)
        except KafkaException as error:
            self._learn_leader()
            raise denied(error.args[0], self.topic) or Paused(error.args[0].name()) from None

    def _learn_leader(self) -> None:
        """After a broker's restart the admin client goes on asking the leader of before (FENCED_LEADER_EPOCH)
        until something makes it read the metadata again.
        """
        with suppress(KafkaException):
            self._admin.list_topics(self.topic, timeout=10)

    def start(self, partition: int) -> int:
        """The first offset that is kept."""
        try:
            low, _ = self._consumer.get_watermark_offsets(TopicPartition(self.topic, partition), 10.0)
        except KafkaException as error:
            raise denied(error.args[0], self.topic) or Paused(error.args[0].name()) from None
        return int(low)

    def read(self, partition: int, start: int, watermark: int) -> Iterator[list[Message]]:
        """Committed records from `start` until the partition's end at or after `watermark`, in slices; an
        empty slice lets the caller keep its membership alive.
        """
        self._consumer.assign([TopicPartition(self.topic, partition, start)])
        moved = self._clock.monotonic()
        try:
            while True:
                messages = drain(self._consumer, 2000, SLICE_S)
                if messages:
                    moved = self._clock.monotonic()
                elif self._clock.monotonic() - moved > STALL_S:
                    raise Paused("the changelog cannot be read to its end; a transaction may be hanging")
                records, ended = self._sort(messages, watermark)
                yield records
                if ended:
                    return
        finally:
            self._consumer.unassign()

    def _sort(self, messages: list[Message], watermark: int) -> tuple[list[Message], bool]:
        records: list[Message] = []
        ended = False
        for message in messages:
            error = message.error()
            if error is None:
                records.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                ended = (message.offset() or 0) >= watermark
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                raise Stopped(f"{self.topic}: the offset to repair from is gone; run `badges rebuild`", 6)
            elif not (
                error.retriable() or error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)
            ):
                raise denied(error, self.topic) or Stopped(
                    f"{self.topic}: {error.name()}; see the broker's log"
                )
        return records, ended

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()
