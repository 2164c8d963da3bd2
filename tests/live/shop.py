"""A small shop on real servers: one badge that every purchase earns, and eyes for what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Message, murmur2

from badges.actions import CustomerAction
from badges.calendar import format_instant
from consumer.broker import Broker
from consumer.definitions_store import publish as publish_definitions
from consumer.local.stack import StackAddresses
from consumer.reading import read_everything
from consumer.settings import load_settings
from consumer.topics import create_topics
from schemas.badge_issued import decode_issued
from schemas.customer_action import customer_key, encode_action
from schemas.documents import load_documents
from schemas.framing import SchemaSource

PARTITIONS = 4
DAY_MS = 86_400_000
PATIENCE_S = 240.0

Send = Callable[..., None]


@dataclass(frozen=True)
class Shop:
    """Topics, a group and a Redis database that nothing else uses."""

    overrides: tuple[str, ...]
    broker: Broker
    log: Path

    @contextmanager
    def batch(self) -> Iterator[Send]:
        """Records into the input, in order, as any upstream system might write them."""
        producer, topic = self.broker.producer(), self.broker.topic("customer-actions")

        def send(partition: int, key: bytes | None, value: bytes | None, headers: Any = None) -> None:
            producer.produce(topic, value, key, partition, headers=headers or [])

        yield send
        assert producer.flush(PATIENCE_S) == 0

    def send(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        """One record."""
        with self.batch() as send:
            send(partition, key, value)

    def a_day_ago(self) -> str:
        return format_instant(time.time_ns() // 1_000_000 - DAY_MS)

    def read(self, topic: str) -> list[Message]:
        return list(read_everything(self.broker, topic))

    def issued_to(self, schemas: SchemaSource | None = None) -> list[str]:
        values = [message.value() or b"" for message in self.read("badge-issued")]
        return sorted(decode_issued(value, schemas).customer_id for value in values)

    def issued_becomes(self, customers: Sequence[str], schemas: SchemaSource | None = None) -> None:
        self.until(lambda: self.issued_to(schemas) == sorted(customers), lambda: str(self.issued_to(schemas)))

    def until(self, true: Callable[[], bool], told: Callable[[], str]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, f"{told()}\n{self.log.read_text()[-3000:]}"


def purchase(customer: str, event_id: str = "e") -> CustomerAction:
    now = time.time_ns() // 1_000_000
    return CustomerAction(
        event_id=f"{event_id}-{customer}",
        org_id=7,
        customer_id=customer,
        action="PURCHASE",
        event_date=now - DAY_MS,
    )


def record_of(customer: str, event_id: str = "e") -> tuple[int, bytes, bytes]:
    """Partition, key and value of a purchase."""
    key = customer_key(7, customer)
    return murmur2(key, PARTITIONS), key, encode_action(purchase(customer, event_id))


def customers_of(partition: int, count: int) -> list[str]:
    """The first customers whose partition it is."""
    found = (str(n) for n in range(10_000) if murmur2(customer_key(7, str(n)), PARTITIONS) == partition)
    return [next(found) for _ in range(count)]


def open_shop(servers: StackAddresses, name: str, database: int, log: Path, *more: str) -> Shop:
    now = time.time_ns() // 1_000_000
    overrides = (
        f"kafka.bootstrap_servers={servers.bootstrap_servers}",
        f"redis.url={servers.redis_url.rpartition('/')[0]}/{database}",
        f"topics.prefix={name}.",
        f"consumer.group={name}",
        f"worker.instance={name}",
        *more,
    )
    broker = Broker(load_settings(overrides))
    create_topics(broker, PARTITIONS)
    text = (
        "badge:\n  {org_id: 7, badge_id: every, name: Every, type: DIRECT, "
        f'starts_at: "{format_instant(now - 9 * DAY_MS)}", ends_at: "{format_instant(now + 9 * DAY_MS)}", '
        "issue_expiry: {type: NEVER}, issue_on: {action: PURCHASE}}\n"
    )
    documents = load_documents(text, "shop.yaml")
    edit = publish_definitions(broker, lambda _found: documents, "test", now)
    assert edit.published
    return Shop(overrides, broker, log)
