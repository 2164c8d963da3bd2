"""What the fakes promise is what Kafka does: each of these claims holds for both.

Only what the loop rests on is claimed. Waiting is polling; a fake's clock is virtual.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import pytest
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from consumer.local.stack import StackAddresses
from consumer.transactions import _FENCED
from tests.simulator.consumers import FakeAdmin, FakeConsumer
from tests.simulator.host import CalmHost
from tests.simulator.log import Broker
from tests.simulator.producers import FakeProducer

POLLS = 1_200
POLL_S = 0.1
CALL_S = 120.0

_numbers = itertools.count(1)


class Clients(Protocol):
    """Clients of one broker, fake or real, and topics that nobody else uses."""

    def topic(self, partitions: int = 1) -> str: ...

    def producer(self, name: str, **config: Any) -> Any: ...

    def reader(self) -> Any: ...

    def member(self, group: str) -> Any: ...

    def admin(self) -> Any: ...


class FakeClients:
    def __init__(self) -> None:
        self._broker = Broker({})
        self._host = CalmHost(self._broker.settle)

    def topic(self, partitions: int = 1) -> str:
        name = f"topic-{next(_numbers)}"
        other = Broker({name: partitions})
        self._broker.topics[name] = partitions
        self._broker.logs.update(other.logs)
        return name

    def producer(self, name: str, **config: Any) -> Any:
        return FakeProducer(self._broker, self._host, {"transactional.id": name, **config})

    def reader(self) -> Any:
        config = {"group.id": "readers", "enable.partition.eof": True}
        return FakeConsumer(self._broker, self._host, config)

    def member(self, group: str) -> Any:
        return FakeConsumer(self._broker, self._host, {"group.id": group})

    def admin(self) -> Any:
        return FakeAdmin(self._broker, self._host)


class RealClients:
    def __init__(self, addresses: StackAddresses) -> None:
        self._servers: dict[str, Any] = {"bootstrap.servers": addresses.bootstrap_servers}
        self._admin = AdminClient(self._servers)
        self._run = f"contract-{os.getpid()}"
        self._open: list[Any] = []

    def topic(self, partitions: int = 1) -> str:
        name = f"{self._run}-{next(_numbers)}"
        self._admin.create_topics([NewTopic(name, num_partitions=partitions)])[name].result()
        return name

    def producer(self, name: str, **config: Any) -> Any:
        fixed = {"transactional.id": f"{self._run}-{name}", "retry.backoff.ms": 10}
        return Producer({**self._servers, **fixed, **config})

    def reader(self) -> Any:
        return self._consumer({"group.id": f"{self._run}-readers", "enable.partition.eof": True})

    def member(self, group: str) -> Any:
        config = {"group.id": f"{self._run}-{group}", "partition.assignment.strategy": "range"}
        return self._consumer({**config, "session.timeout.ms": 60_000, "heartbeat.interval.ms": 300})

    def _consumer(self, config: dict[str, Any]) -> Any:
        fixed = {"enable.auto.commit": False, "auto.offset.reset": "error", "fetch.wait.max.ms": 10}
        consumer = Consumer({**self._servers, **fixed, **config})
        self._open.append(consumer)
        return consumer

    def admin(self) -> Any:
        return self._admin

    def close(self) -> None:
        for consumer in self._open:
            consumer.close()


@pytest.fixture
def fake() -> FakeClients:
    return FakeClients()


@pytest.fixture
def real(stack: StackAddresses) -> Iterator[RealClients]:
    clients = RealClients(stack)
    yield clients
    clients.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.kafka)])
def clients(request: pytest.FixtureRequest) -> Clients:
    found: Clients = request.getfixturevalue(request.param)
    return found


# How the claims are put


def opened(clients: Clients, name: str | None = None, **config: Any) -> Any:
    """A producer with a transaction that has begun."""
    producer = clients.producer(name or f"producer-{next(_numbers)}", **config)
    producer.init_transactions(CALL_S)
    producer.begin_transaction()
    return producer


def write(producer: Any, topic: str, *values: bytes, partition: int = 0) -> list[int]:
    """Sends the values; their offsets."""
    offsets: list[int] = []
    for value in values:
        producer.produce(
            topic, value, b"key", partition=partition, on_delivery=lambda _e, m: offsets.append(m.offset())
        )
    assert producer.flush(CALL_S) == 0
    return offsets


def committed_values(clients: Clients, topic: str, *values: bytes) -> None:
    producer = opened(clients)
    write(producer, topic, *values)
    producer.commit_transaction(CALL_S)
    settle(clients, topic)


def settle(clients: Clients, topic: str) -> None:
    """Until readers see how all transactions ended: a commit is confirmed before its markers are written."""
    deadline = time.monotonic() + CALL_S
    while latest(clients, topic, IsolationLevel.READ_COMMITTED) < latest(clients, topic):
        assert time.monotonic() < deadline, "a transaction stays open"


def latest(clients: Clients, topic: str, level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED) -> int:
    asked = {TopicPartition(topic, 0): OffsetSpec.latest()}
    answers = clients.admin().list_offsets(asked, isolation_level=level, request_timeout=10)
    return int(next(iter(answers.values())).result().offset)


def read_to_end(reader: Any) -> tuple[list[tuple[int, bytes]], int]:
    """What comes until the next partition end, and the offset that the end is told at."""
    found: list[tuple[int, bytes]] = []
    for _ in range(POLLS):
        for message in reader.consume(100, POLL_S):
            if message.error() is None:
                found.append((message.offset(), message.value()))
            elif message.error().code() == KafkaError._PARTITION_EOF:
                return found, message.offset()
    raise AssertionError("the end never came")


def reading(clients: Clients, topic: str, offset: int = 0) -> Any:
    reader = clients.reader()
    reader.assign([TopicPartition(topic, 0, offset)])
    return reader


class Membership:
    """A member that notes its assignment, as the loop does."""

    def __init__(self, clients: Clients, group: str, topic: str) -> None:
        self.consumer = clients.member(group)
        self.partitions: list[int] | None = None
        self.consumer.subscribe([topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)

    def _assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        taken = [TopicPartition(one.topic, one.partition, 0) for one in partitions]
        consumer.assign(taken)
        consumer.pause(taken)
        self.partitions = [one.partition for one in partitions]

    def _revoke(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        self.partitions = None
        consumer.unassign()


def wait_until(condition: Callable[[], bool], *members: Membership) -> None:
    for _ in range(POLLS):
        for member in members:
            assert [message.value() for message in member.consumer.consume(1, POLL_S)] == []
        if condition():
            return
    raise AssertionError("it never came to that")


def error_of(call: Callable[[], object]) -> KafkaError:
    with pytest.raises(KafkaException) as raised:
        call()
    error: KafkaError = raised.value.args[0]
    return error


# Transactions and their readers


def test_an_open_transaction_is_hidden_and_ends_what_can_be_read(clients: Clients) -> None:
    topic = clients.topic()
    committed_values(clients, topic, b"before")
    producer = opened(clients)
    assert write(producer, topic, b"a", b"b") == [2, 3]

    reader = reading(clients, topic)

    assert read_to_end(reader) == ([(0, b"before")], 2)
    producer.commit_transaction(CALL_S)
    assert read_to_end(reader) == ([(2, b"a"), (3, b"b")], 5)  # the transactions' markers take offsets, too


def test_an_aborted_transaction_is_never_seen(clients: Clients) -> None:
    topic = clients.topic()
    producer = opened(clients)
    write(producer, topic, b"never")
    producer.abort_transaction(CALL_S)
    producer.begin_transaction()
    write(producer, topic, b"seen")
    producer.commit_transaction(CALL_S)
    settle(clients, topic)

    assert read_to_end(reading(clients, topic)) == ([(2, b"seen")], 4)


def test_the_high_watermark_counts_open_transactions_and_the_stable_offset_does_not(clients: Clients) -> None:
    topic = clients.topic()
    producer = opened(clients)
    write(producer, topic, b"a", b"b")

    assert latest(clients, topic) == 2
    assert latest(clients, topic, IsolationLevel.READ_COMMITTED) == 0
    assert clients.reader().get_watermark_offsets(TopicPartition(topic, 0), 10.0) == (0, 0)
    producer.abort_transaction(CALL_S)


def test_a_successor_ends_what_its_predecessor_left_open_and_fences_it(clients: Clients) -> None:
    topic, name = clients.topic(), f"worker-{next(_numbers)}"
    first = opened(clients, name)
    write(first, topic, b"left open")

    second = clients.producer(name)
    second.init_transactions(CALL_S)
    error = error_of(lambda: first.commit_transaction(CALL_S))

    assert error.fatal()
    assert error.code() in _FENCED
    assert read_to_end(reading(clients, topic))[0] == []


def test_a_fenced_producer_writes_nothing_more(clients: Clients) -> None:
    topic, name = clients.topic(), f"worker-{next(_numbers)}"
    first = opened(clients, name)
    second = opened(clients, name)
    first.produce(topic, b"too late", b"key", partition=0)

    for call in (first.flush, first.commit_transaction):
        error = error_of(partial(call, CALL_S))
        assert error.fatal()
        assert error.code() in _FENCED
    write(second, topic, b"in time")
    second.commit_transaction(CALL_S)
    settle(clients, topic)
    assert [value for _, value in read_to_end(reading(clients, topic))[0]] == [b"in time"]


def test_outside_of_a_transaction_nothing_is_produced(clients: Clients) -> None:
    topic = clients.topic()
    producer = clients.producer(f"producer-{next(_numbers)}")
    producer.init_transactions(CALL_S)

    error = error_of(lambda: producer.produce(topic, b"value", b"key", partition=0))

    assert error.code() == KafkaError._STATE


@pytest.mark.slow
def test_a_transaction_whose_time_is_over_is_aborted_and_its_producer_fenced(clients: Clients) -> None:
    topic = clients.topic()
    config: dict[str, Any] = {
        "transaction.timeout.ms": 8000,
        "socket.timeout.ms": 7000,
        "message.timeout.ms": 7500,
    }
    producer = opened(clients, **config)
    write(producer, topic, b"never")
    reader = reading(clients, topic)
    end = read_to_end(reader)
    if end == ([], 0):  # not aborted yet, unless this took long
        end = read_to_end(reader)

    assert end == ([], 2)  # told again, when the abort's marker is there
    assert error_of(lambda: producer.commit_transaction(CALL_S)).fatal()


# Offsets and generations


def test_offsets_are_committed_with_their_transaction_or_not_at_all(clients: Clients) -> None:
    topic, group = clients.topic(), f"group-{next(_numbers)}"
    member = Membership(clients, group, topic)
    wait_until(lambda: member.partitions == [0], member)
    asked = [TopicPartition(topic, 0)]
    metadata = member.consumer.consumer_group_metadata()

    producer = opened(clients)
    producer.send_offsets_to_transaction([TopicPartition(topic, 0, 5)], metadata, CALL_S)
    pending = error_of(lambda: member.consumer.committed(asked, 2.0))
    producer.commit_transaction(CALL_S)
    first = member.consumer.committed(asked, CALL_S)[0].offset
    producer.begin_transaction()
    producer.send_offsets_to_transaction([TopicPartition(topic, 0, 9)], metadata, CALL_S)
    producer.abort_transaction(CALL_S)

    assert pending.code() == KafkaError._TIMED_OUT  # offsets of an open transaction are waited for
    assert first == 5
    assert member.consumer.committed(asked, CALL_S)[0].offset == 5


def test_offsets_of_an_older_generation_are_refused_and_the_transaction_can_be_aborted(
    clients: Clients,
) -> None:
    topic, group = clients.topic(2), f"group-{next(_numbers)}"
    first = Membership(clients, group, topic)
    wait_until(lambda: first.partitions == [0, 1], first)
    old = first.consumer.consumer_group_metadata()
    second = Membership(clients, group, topic)
    wait_until(lambda: len(first.partitions or ()) == 1 == len(second.partitions or ()), first, second)

    producer = opened(clients)
    error = error_of(lambda: producer.send_offsets_to_transaction([TopicPartition(topic, 0, 5)], old, CALL_S))
    producer.abort_transaction(CALL_S)

    assert error.code() == KafkaError.ILLEGAL_GENERATION
    assert error.txn_requires_abort()
    assert not error.fatal()
    assert first.consumer.committed([TopicPartition(topic, 0)], CALL_S)[0].offset < 0


def test_the_generation_stands_still_while_a_member_does_not_poll(clients: Clients) -> None:
    topic, group = clients.topic(2), f"group-{next(_numbers)}"
    first = Membership(clients, group, topic)
    wait_until(lambda: first.partitions == [0, 1], first)
    metadata = first.consumer.consumer_group_metadata()
    second = Membership(clients, group, topic)
    for _ in range(10):
        second.consumer.consume(1, POLL_S)

    producer = opened(clients)
    producer.send_offsets_to_transaction([TopicPartition(topic, 0, 5)], metadata, CALL_S)
    producer.commit_transaction(CALL_S)

    assert first.partitions == [0, 1]  # revoked in `consume` only
    assert second.partitions is None
    assert first.consumer.committed([TopicPartition(topic, 0)], CALL_S)[0].offset == 5


def test_offsets_of_somebody_who_left_are_refused(clients: Clients) -> None:
    topic, group = clients.topic(), f"group-{next(_numbers)}"
    member = Membership(clients, group, topic)
    wait_until(lambda: member.partitions == [0], member)
    metadata = member.consumer.consumer_group_metadata()
    member.consumer.unsubscribe()
    wait_until(lambda: member.partitions is None, member)
    other = Membership(clients, group, topic)
    wait_until(lambda: other.partitions == [0], other, member)

    producer = opened(clients)
    error = error_of(
        lambda: producer.send_offsets_to_transaction([TopicPartition(topic, 0, 5)], metadata, CALL_S)
    )
    producer.abort_transaction(CALL_S)

    assert error.code() == KafkaError.UNKNOWN_MEMBER_ID
    assert error.txn_requires_abort()


@pytest.mark.row(7)
def test_without_member_and_generation_offsets_are_taken_unchecked(clients: Clients) -> None:
    topic, group = clients.topic(), f"group-{next(_numbers)}"
    member = Membership(clients, group, topic)
    before = member.consumer.consumer_group_metadata()
    wait_until(lambda: member.partitions == [0], member)

    producer = opened(clients)
    producer.send_offsets_to_transaction([TopicPartition(topic, 0, 5)], before, CALL_S)
    producer.commit_transaction(CALL_S)

    assert member.consumer.committed([TopicPartition(topic, 0)], CALL_S)[0].offset == 5


# Fetching


def test_paused_partitions_give_nothing_and_go_on_where_they_were_sought(clients: Clients) -> None:
    topic, group = clients.topic(), f"group-{next(_numbers)}"
    committed_values(clients, topic, b"0", b"1", b"2", b"3")
    member = Membership(clients, group, topic)
    wait_until(lambda: member.partitions == [0], member)
    wait_until(lambda: True, member)  # still nothing

    member.consumer.seek(TopicPartition(topic, 0, 2))
    member.consumer.resume([TopicPartition(topic, 0)])
    found: list[bytes] = []
    for _ in range(POLLS):
        found += [message.value() for message in member.consumer.consume(10, POLL_S)]
        if len(found) == 2:
            break

    assert found == [b"2", b"3"]
    member.consumer.seek(TopicPartition(topic, 0, 1))
    assert [message.value() for message in member.consumer.consume(1, CALL_S)] == [b"1"]


def test_who_is_not_assigned_a_partition_cannot_seek_it(clients: Clients) -> None:
    topic = clients.topic()
    reader = clients.reader()

    error_of(lambda: reader.seek(TopicPartition(topic, 0, 2)))
    reader.pause([TopicPartition(topic, 0)])  # while this is nothing


def test_the_end_is_told_once_and_again_after_more_came(clients: Clients) -> None:
    topic = clients.topic()
    committed_values(clients, topic, b"a")
    reader = reading(clients, topic)
    assert read_to_end(reader) == ([(0, b"a")], 2)

    quiet = [reader.consume(10, POLL_S) for _ in range(5)]
    committed_values(clients, topic, b"b")

    assert quiet == [[]] * 5
    assert read_to_end(reader) == ([(2, b"b")], 4)
