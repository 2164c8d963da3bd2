"""What a broker can answer in a transaction (rows 14 to 16, table K5 of the error contract), against the mock
broker of librdkafka: each answer leads to what transactions.py says, and after it work goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from consumer import input as input_module
from consumer import transactions as module
from consumer.clock import SystemClock
from consumer.errors import (
    REFUSED,
    AssignmentLost,
    BatchAborted,
    BatchRefused,
    Fenced,
    ProducerLost,
    Stopped,
    WorkerError,
)
from consumer.input import InputGroup
from consumer.transactions import Transactions
from tests.faults.mock import (
    ADD_OFFSETS,
    ADD_PARTITIONS,
    END_TXN,
    INIT_PRODUCER_ID,
    PRODUCE,
    TXN_OFFSET_COMMIT,
    MockBroker,
    library,
    mock_broker,
)

INPUT, OUTPUT = "input", "output"
TRIES = 3
PATIENCE_S = 120.0
_silent = logging.getLogger("tests.faults.silent")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False

REPEATED: list[tuple[int, str]] = [
    (PRODUCE, "NOT_ENOUGH_REPLICAS"),
    (END_TXN, "CONCURRENT_TRANSACTIONS"),
    (END_TXN, "COORDINATOR_NOT_AVAILABLE"),
]
LEADS_TO: list[tuple[int, str, type[WorkerError]]] = [
    (ADD_PARTITIONS, "PRODUCER_FENCED", ProducerLost),
    (ADD_PARTITIONS, "INVALID_PRODUCER_EPOCH", ProducerLost),
    (ADD_PARTITIONS, "INVALID_TXN_STATE", ProducerLost),
    (ADD_PARTITIONS, "TOPIC_AUTHORIZATION_FAILED", Stopped),
    (ADD_PARTITIONS, "INVALID_PRODUCER_ID_MAPPING", BatchAborted),
    (PRODUCE, "INVALID_PRODUCER_EPOCH", ProducerLost),
    (PRODUCE, "OUT_OF_ORDER_SEQUENCE_NUMBER", ProducerLost),
    (PRODUCE, "MSG_SIZE_TOO_LARGE", BatchRefused),
    (PRODUCE, "INVALID_RECORD", BatchRefused),
    (PRODUCE, "TOPIC_AUTHORIZATION_FAILED", Stopped),
    (TXN_OFFSET_COMMIT, "ILLEGAL_GENERATION", AssignmentLost),
    (TXN_OFFSET_COMMIT, "UNKNOWN_MEMBER_ID", AssignmentLost),
    (TXN_OFFSET_COMMIT, "FENCED_INSTANCE_ID", AssignmentLost),
    (TXN_OFFSET_COMMIT, "REBALANCE_IN_PROGRESS", AssignmentLost),
    (TXN_OFFSET_COMMIT, "GROUP_AUTHORIZATION_FAILED", Stopped),
    (TXN_OFFSET_COMMIT, "INVALID_PRODUCER_EPOCH", ProducerLost),
    (ADD_OFFSETS, "PRODUCER_FENCED", BatchAborted),  # looks abortable; a real broker refuses the abort
    (ADD_OFFSETS, "INVALID_TXN_STATE", ProducerLost),
    (END_TXN, "PRODUCER_FENCED", ProducerLost),
    (END_TXN, "INVALID_PRODUCER_EPOCH", ProducerLost),
    (END_TXN, "INVALID_TXN_STATE", ProducerLost),
    (END_TXN, "INVALID_PRODUCER_ID_MAPPING", ProducerLost),  # "abort", although it may have been committed
    (END_TXN, "UNKNOWN", ProducerLost),
]


class Stand:
    """A member of a group and its producer, on a mock broker."""

    def __init__(self, broker: MockBroker) -> None:
        self.broker = broker
        for topic in (INPUT, OUTPUT):
            broker.topic(topic)
        address = {"bootstrap.servers": broker.address}
        member = {"group.id": "g", "group.protocol": "classic", "auto.offset.reset": "error"}
        self.group = InputGroup({**address, **member, "enable.auto.commit": False}, INPUT, _silent)
        producer = {"transactional.id": "t", "linger.ms": 5, "retry.backoff.ms": 10, "batch.num.messages": 1}
        small = {"queue.buffering.max.messages": 5, "transaction.timeout.ms": 30_000}
        self.transactions = Transactions({**address, **producer, **small}, _silent, SystemClock())
        self._next = 0

    def join(self) -> None:
        """Returns with something assigned."""
        self.group.subscribe()
        deadline = time.monotonic() + PATIENCE_S
        while not self.group.assigned:
            assert time.monotonic() < deadline
            self.group.take(1)

    def commit(self, records: int = 1) -> None:
        """One transaction, as the loop makes them; a producer is opened where there is none."""
        transactions = self.transactions
        if not transactions.is_open:
            transactions.open()
        self._next += 1
        transactions.begin()
        for _ in range(records):
            transactions.produce(OUTPUT, 0, b"key", b"value")
        transactions.commit([TopicPartition(INPUT, 0, self._next)], self.group.metadata())

    def goes_on(self) -> None:
        """The same work is done after a few tries at most: no endless loop."""
        for _ in range(TRIES):
            try:
                self.commit()
                return
            except (BatchAborted, ProducerLost):
                continue
        pytest.fail(f"nothing was committed in {TRIES} tries")


@contextmanager
def joined() -> Iterator[Stand]:
    rdkafka = library()
    if rdkafka is None:
        pytest.skip("confluent-kafka was installed without its own librdkafka: NO MOCK BROKER")
    with mock_broker(rdkafka) as broker:
        stand = Stand(broker)
        stand.join()
        yield stand
        stand.transactions.discard()
        stand.group.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Stand]:
    with joined() as stand:
        yield stand


@pytest.fixture
def stand(shared: Stand, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """With a producer of this test's own that has committed once: errors come in the middle of a life. Calls
    may take a minute: how fast the machine is tells nothing about errors.
    """
    for name in ("CALL_S", "SLOW_COMMIT_S"):
        monkeypatch.setattr(module, name, 60.0)
    for request in (PRODUCE, ADD_PARTITIONS, ADD_OFFSETS, END_TXN, TXN_OFFSET_COMMIT, INIT_PRODUCER_ID):
        shared.broker.forget(request)
    shared.transactions._fencings.clear()
    shared.transactions.open()
    shared.commit()
    return shared


@pytest.mark.row(15)
@pytest.mark.parametrize(("request_key", "name"), REPEATED)
def test_what_the_client_repeats_by_itself_is_not_even_noticed(
    stand: Stand, request_key: int, name: str
) -> None:
    stand.broker.answer(request_key, getattr(KafkaError, name))
    stand.commit()


@pytest.mark.row(15)
@pytest.mark.parametrize(("request_key", "name", "expected"), LEADS_TO)
def test_each_error_leads_to_its_answer_and_work_goes_on_after_it(
    stand: Stand, request_key: int, name: str, expected: type[WorkerError]
) -> None:
    stand.broker.answer(request_key, getattr(KafkaError, name))
    started = time.monotonic()
    with pytest.raises(WorkerError) as raised:
        stand.commit()
    assert type(raised.value) is expected
    assert time.monotonic() - started < module.CALL_S
    stand.goes_on()


@pytest.mark.row(15)
@pytest.mark.parametrize("request_key", [ADD_PARTITIONS, PRODUCE, END_TXN])
def test_a_producer_with_a_fatal_error_is_never_asked_to_abort(stand: Stand, request_key: int) -> None:
    stand.broker.answer(request_key, KafkaError.INVALID_PRODUCER_EPOCH)
    with pytest.raises(ProducerLost):
        stand.commit()
    assert not stand.transactions.is_open
    with pytest.raises(ProducerLost):
        stand.transactions.abort()


@pytest.mark.row(15)
def test_an_identity_that_is_fenced_again_and_again_is_given_up(stand: Stand) -> None:
    stand.broker.answer(END_TXN, KafkaError.PRODUCER_FENCED, 3)
    for _ in range(2):
        with pytest.raises(ProducerLost):
            stand.commit()
    with pytest.raises(Fenced) as raised:
        stand.commit()
    assert raised.value.exit_code == REFUSED


@pytest.mark.row(15)
@pytest.mark.parametrize(
    ("request_key", "name"),
    [
        (END_TXN, "COORDINATOR_NOT_AVAILABLE"),
        (TXN_OFFSET_COMMIT, "COORDINATOR_LOAD_IN_PROGRESS"),
        (ADD_OFFSETS, "CONCURRENT_TRANSACTIONS"),
    ],
)
def test_what_would_be_repeated_for_ever_ends_at_the_deadline(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, request_key: int, name: str
) -> None:
    monkeypatch.setattr(module, "CALL_S", 1.0)
    stand.broker.answer(request_key, getattr(KafkaError, name), 10_000)
    started = time.monotonic()
    with pytest.raises((ProducerLost, BatchAborted)):
        stand.commit()
    assert time.monotonic() - started < 25  # 10,000 answers would take minutes
    stand.broker.forget(request_key)
    monkeypatch.undo()
    stand.goes_on()


@pytest.mark.row(15)
def test_a_call_out_of_order_is_fatal(stand: Stand) -> None:
    with pytest.raises(ProducerLost):
        stand.transactions.produce(OUTPUT, 0, b"key", b"value")
    assert not stand.transactions.is_open
    stand.transactions.open()
    stand.commit()
    with pytest.raises(ProducerLost):
        stand.transactions.commit([], None)
    assert not stand.transactions.is_open
    stand.goes_on()


@pytest.mark.row(16)
@pytest.mark.parametrize(
    ("late_s", "call_s", "told"), [(0.8, 60.0, "slow"), (60.0, 2.0, "_TIMED_OUT")], ids=["slow", "unclear"]
)
def test_a_producer_whose_commit_was_slow_or_unclear_is_thrown_away(
    monkeypatch: pytest.MonkeyPatch, late_s: float, call_s: float, told: str
) -> None:
    def hasten(point: str) -> None:
        """Only the commit itself has to be fast."""
        if point == "commit":
            monkeypatch.setattr(module, "SLOW_COMMIT_S", 0.4)
            monkeypatch.setattr(module, "CALL_S", call_s)

    with joined() as stand:
        stand.commit()
        monkeypatch.setattr(module, "reached", hasten)
        stand.broker.answer_late(END_TXN, late_s)
        with pytest.raises(ProducerLost, match=told):
            stand.commit()
        assert not stand.transactions.is_open
        monkeypatch.undo()
        stand.goes_on()


@pytest.mark.row(18)
def test_offsets_that_are_neither_sent_nor_refused_cost_the_producer(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hanging:
        def __init__(self, producer: Any) -> None:
            self._producer = producer

        def send_offsets_to_transaction(self, *_: object) -> None:
            never.wait()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._producer, name)

    never = threading.Event()
    monkeypatch.setattr(module, "CALL_S", 0.1)
    monkeypatch.setattr(module, "BACK_S", 0.1)
    monkeypatch.setattr(stand.transactions, "_producer", Hanging(stand.transactions._producer))
    stand.transactions.begin()
    with pytest.raises(ProducerLost, match="neither sent nor refused"):
        stand.transactions.commit([TopicPartition(INPUT, 0, 1)], stand.group.metadata())
    assert not stand.transactions.is_open
    never.set()
    monkeypatch.undo()
    stand.goes_on()


@pytest.mark.row(13)
def test_a_client_that_never_comes_back_from_closing_does_not_hold_up_its_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stuck:
        def close(self) -> None:
            never.wait()

    never = threading.Event()
    monkeypatch.setattr(input_module, "LEAVE_S", 0.1)
    group = InputGroup({"group.id": "g", "bootstrap.servers": "127.0.0.1:1"}, INPUT, _silent)
    monkeypatch.setattr(group, "_consumer", Stuck())
    group.leave()
    never.set()


@pytest.mark.row(17)
def test_a_producer_whose_coordinator_was_lost_between_transactions_is_not_used_for_the_next(
    stand: Stand,
) -> None:
    before = stand.transactions._producer
    stand.transactions._log.log(6, "%s [%s] %s", "FAIL", "client", "TxnCoordinator: closed (in state UP)")
    stand.commit()
    assert stand.transactions._producer is not before


@pytest.mark.row(17)
@pytest.mark.parametrize(
    "facts",
    [
        ("FAIL", "client", "TxnCoordinator: Connect failed (after 1ms in state CONNECT)"),
        ("FAIL", "client", "127.0.0.1:1/1: Disconnected (after 1ms in state UP)"),
        ("FENCED", "client", "TxnCoordinator: in state UP"),
    ],
)
def test_a_broker_that_is_not_the_coordinator_or_cannot_be_reached_costs_no_producer(
    stand: Stand, facts: tuple[str, str, str]
) -> None:
    before = stand.transactions._producer
    stand.transactions._log.log(6, "%s [%s] %s", *facts)
    stand.commit()
    assert stand.transactions._producer is before


@pytest.mark.row(17)
def test_a_commit_during_which_the_coordinators_connection_broke_costs_the_producer(stand: Stand) -> None:
    stand.broker.answer(END_TXN, KafkaError._TRANSPORT)  # the mock broker closes the connection
    with pytest.raises(ProducerLost, match="connection broke"):
        stand.commit()
    assert not stand.transactions.is_open
    stand.goes_on()


@pytest.mark.row(14)
def test_a_local_queue_that_is_full_for_a_moment_is_waited_for(stand: Stand) -> None:
    stand.commit(records=100)


@pytest.mark.row(14)
def test_a_local_queue_that_stays_full_costs_the_producer(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CALL_S", 1.0)
    stand.broker.delay(5)
    try:
        with pytest.raises(ProducerLost, match="stays full"):
            stand.commit(records=100)
    finally:
        stand.broker.delay(0)
    assert not stand.transactions.is_open
    monkeypatch.undo()
    stand.goes_on()
