"""Taking what a client has, without its habit of waiting for a full batch."""

from __future__ import annotations

from confluent_kafka import Consumer, Message


def drain(consumer: Consumer, most: int, wait_s: float) -> list[Message]:
    """Up to `most` messages, partition ends and errors among them; waits up to `wait_s` for the first only.

    `Consumer.consume` waits its whole time unless it gets as many as it asked for.
    """
    messages: list[Message] = consumer.consume(1, wait_s)
    return messages + consumer.consume(most - 1, 0) if messages else []
