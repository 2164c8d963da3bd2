"""Puts actions on the input topic, as fast as the broker takes them or at a pace."""

from __future__ import annotations

import time
from collections.abc import Iterable

from confluent_kafka import Producer

from badges.actions import CustomerAction
from schemas.customer_action import customer_key, encode_action


def input_producer(bootstrap_servers: str, linger_ms: int = 20) -> Producer:
    """A producer as contract.md section 5 asks of producers of actions."""
    return Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": linger_ms,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        }
    )


def send_all(bootstrap_servers: str, topic: str, actions: Iterable[CustomerAction]) -> int:
    """Sends actions in their order, waits for every delivery, and returns how many there were."""
    producer = input_producer(bootstrap_servers)
    sent = 0
    for action in actions:
        send(producer, topic, action)
        sent += 1
    if producer.flush(60):
        raise TimeoutError("the broker did not take the load within a minute")
    return sent


def send(producer: Producer, topic: str, action: CustomerAction) -> None:
    """Hands one action to the producer, waiting while its queue is full."""
    key, value = customer_key(action.org_id, action.customer_id), encode_action(action)
    while True:
        try:
            producer.produce(topic, value, key)
            return
        except BufferError:
            producer.poll(0.1)


def send_paced(
    producer: Producer, topic: str, actions: Iterable[CustomerAction], start: float, a_second: int
) -> None:
    """Sends act number n at `start` (of `time.monotonic`) + n / `a_second`, or as soon after as it can."""
    for number, action in enumerate(actions):
        wait = start + number / a_second - time.monotonic()
        if wait > 0:
            producer.poll(0)
            time.sleep(wait)
        send(producer, topic, action)
    producer.flush(60)
