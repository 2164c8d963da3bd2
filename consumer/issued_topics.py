"""badge-issued and badge-decisions on Kafka, as `consumer/issued_check.py` reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from confluent_kafka import OFFSET_BEGINNING, Message

from badges.identity import uuid_bytes
from consumer.broker import Broker
from consumer.issued_check import Told, Topic
from consumer.reading import decoded, high_watermarks, log_starts, read_until, stable_ends
from schemas.badge_issued import decode_issued
from schemas.catalogue import BADGE_ISSUED
from schemas.decisions import decode_decisions
from schemas.framing import SchemaSource


class IssuedTopics:
    """One partition of both. Reading raises `Failure`, and `UnreadableRecord` for what no worker wrote."""

    def __init__(self, broker: Broker, partition: int, schemas: SchemaSource | None) -> None:
        self._broker = broker
        self._partition = partition
        self._schemas = schemas

    @property
    def partition(self) -> int:
        """Its number."""
        return self._partition

    def committed_end(self, topic: Topic) -> int:
        """The last stable offset."""
        return stable_ends(self._broker, self._broker.topic(topic), [self._partition])[self._partition]

    def read(self, topic: Topic) -> Iterator[Told]:
        """Up to the high watermark, which open transactions are below of."""
        name, told = self._broker.topic(topic), _issuance if topic == BADGE_ISSUED else _decisions
        with closing(self._broker.reader()) as reader:
            ends = high_watermarks(self._broker, name, [self._partition])
            for message in read_until(reader, name, {self._partition: OFFSET_BEGINNING}, ends):
                yield told(message, self._schemas)

    def lost(self, topic: Topic) -> bool:
        """Whether the log starts later than it began."""
        return log_starts(self._broker, self._broker.topic(topic), [self._partition])[self._partition] > 0


def _issuance(message: Message, schemas: SchemaSource | None) -> Told:
    one = decoded(message, decode_issued, schemas)
    customer = f"{one.org_id}:{one.customer_id}"
    return Told(
        message.offset() or 0, one.issued_at, customer, ((uuid_bytes(one.issuance_id), one.badge_id),)
    )


def _decisions(message: Message, schemas: SchemaSource | None) -> Told:
    act = decoded(message, decode_decisions, schemas)
    issuances = tuple(
        (uuid_bytes(decision.issuance_id), decision.badge_id)
        for decision in act.decisions
        if decision.outcome == "ISSUED" and decision.issuance_id is not None
    )
    return Told(message.offset() or 0, act.processed_at, f"{act.org_id}:{act.customer_id}", issuances)
