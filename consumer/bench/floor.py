"""The floor: what the client and the broker cost by themselves.

Consume, decode, one produce an event, in transactions; no rules, no state. A bound for every consumer
written in Python on this machine.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaException, Message, Producer

from schemas.avro_schema import CUSTOMER_ACTION
from schemas.bare import bare_fields

A_TRANSACTION: Final = 2_000
_WAIT_S: Final = 0.1
_PATIENCE_S: Final = 60.0


class Rate(NamedTuple):
    """`events` in `seconds` of wall clock, of which the process computed `cpu_seconds`."""

    events: int
    seconds: float
    cpu_seconds: float

    @property
    def a_second(self) -> float:
        """Events per second."""
        return self.events / self.seconds


def run_floor(bootstrap_servers: str, source: str, target: str, events: int, name: str) -> Rate:
    """Copies `events` records from `source` to `target`. `name` is a fresh group and transactional id.

    The clock runs from the first record to the last commit.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": name,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "transactional.id": name,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "retry.backoff.ms": 10,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    producer.init_transactions(30)
    consumer.subscribe([source])
    try:
        return _copy(consumer, producer, target, events)
    finally:
        consumer.close()


def _copy(consumer: Consumer, producer: Producer, target: str, events: int) -> Rate:
    done, started, cpu = 0, 0.0, 0.0
    deadline = time.monotonic() + _PATIENCE_S
    while done < events:
        batch = consumer.consume(A_TRANSACTION, _WAIT_S)
        if not batch:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the floor saw {done} of {events} records")
            continue
        if not started:
            started, cpu = time.perf_counter(), time.process_time()
        producer.begin_transaction()
        for message in batch:
            _one(producer, target, message)
        positions = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata())
        producer.commit_transaction()
        done += len(batch)
        deadline = time.monotonic() + _PATIENCE_S
    return Rate(done, time.perf_counter() - started, time.process_time() - cpu)


def _one(producer: Producer, target: str, message: Message) -> None:
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    value = message.value()
    assert value is not None  # the load generator wrote it
    bare_fields(CUSTOMER_ACTION, value)
    while True:
        try:
            producer.produce(target, value, message.key())
            return
        except BufferError:
            producer.poll(0.1)
