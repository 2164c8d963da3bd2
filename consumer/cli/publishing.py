"""Sending rows to the input topic, with their rejections counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from consumer.broker import Broker
from consumer.cli.action_files import Rejection, Row
from consumer.failure import UNREACHABLE, Failure
from consumer.rights import denied

INPUT_TOPIC: Final = "customer-actions"
FLUSH_S: Final = 60
_BETWEEN_REPORTS: Final = 500


@dataclass
class Published:
    """What became of the rows."""

    sent: int = 0
    rejected: list[Rejection] = field(default_factory=list)


class _Deliveries:
    """What the broker did not take: rows that are too large for it, and those that it did not confirm."""

    def __init__(self) -> None:
        self.too_large: list[Row] = []
        self.failed = 0
        self.first: KafkaError | None = None

    def __call__(self, row: Row, error: KafkaError | None, message: Any) -> None:  # noqa: ARG002
        if error is None:
            return
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            self.too_large.append(row)
            return
        self.failed += 1
        self.first = self.first or error

    def rejections(self) -> list[Rejection]:
        """The rows that will never be taken, however often they are sent."""
        why = "more than the topic takes (max.message.bytes)"
        return [Rejection(row.line, f"{len(row.value)} bytes, {why}") for row in self.too_large]


def publish_rows(
    broker: Broker, rows: Iterable[Row | Rejection], report: Callable[[int], None] = lambda _: None
) -> Published:
    """Sends every row in order; returns when all are confirmed. `report` gets the number of rows so far.

    What the topic can never take is rejected. Raises Failure (4) if any other was not confirmed: to send the
    file again is safe, by its event ids.
    """
    broker.partitions(INPUT_TOPIC)
    topic = broker.topic(INPUT_TOPIC)
    producer = broker.producer()
    deliveries = _Deliveries()
    done = Published()
    for number, row in enumerate(rows, 1):
        if isinstance(row, Rejection):
            done.rejected.append(row)
        else:
            _produce(producer, topic, row, deliveries)
            done.sent += 1
        if number % _BETWEEN_REPORTS == 0:
            producer.poll(0)
            report(number)
    left = producer.flush(FLUSH_S)
    stop = denied(deliveries.first, topic) if deliveries.first else None
    if stop is not None:
        raise stop
    if left or deliveries.failed:
        cause = deliveries.first.str() if deliveries.first else f"no answer within {FLUSH_S} s"
        lost = f"{left + deliveries.failed} of {done.sent} rows were not confirmed by Kafka ({cause})"
        raise Failure(
            UNREACHABLE, f"{lost}; publish the file again, an event counts once however often it comes"
        )
    done.sent -= len(deliveries.too_large)
    done.rejected = sorted([*done.rejected, *deliveries.rejections()])
    report(done.sent + len(done.rejected))
    return done


def _produce(producer: Producer, topic: str, row: Row, deliveries: _Deliveries) -> None:
    told = partial(deliveries, row)
    while True:
        try:
            producer.produce(topic, key=row.key, value=row.value, on_delivery=told)
        except BufferError:
            producer.poll(0.1)
        except KafkaException as error:  # before anything was sent
            if error.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            told(error.args[0], None)
            return
        else:
            return
