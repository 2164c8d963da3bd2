"""Strange input and strange readers (rows 21, 42, 47, 52, 53), and dead letters under an operator's hands."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumer.cli.app import main
from consumer.crash_points import VARIABLE
from consumer.local.stack import StackAddresses
from consumer.reading import high_watermarks
from schemas.customer_action import customer_key, encode_action
from tests.faults.commands import ENDS_S, SHORT, buy, consume_to_the_end, consuming, whole
from tests.live.shop import PARTITIONS, Shop, customers_of, open_shop, purchase, record_of

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
CUSTOMERS = [str(n) for n in range(60)]
LONG_MS = 900_000
"""The longest time of a transaction that brokers allow: until the test ends it, it stays open."""


@pytest.fixture
def shop(servers: StackAddresses, database: int, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return open_shop(servers, f"input-{abs(hash(request.node.name)) % 10**8}", database, tmp_path / "log")


@pytest.mark.row(21)
def test_an_upstream_transaction_that_stays_open_holds_up_its_partition_only(shop: Shop) -> None:
    held, free = customers_of(0, 5), customers_of(1, 5)
    upstream = shop.broker.producer(**{"transactional.id": "upstream", "transaction.timeout.ms": LONG_MS})
    upstream.init_transactions(ENDS_S)
    upstream.begin_transaction()
    partition, key, value = record_of(held[0])
    upstream.produce(shop.broker.topic("customer-actions"), value, key, partition)
    upstream.flush(ENDS_S)
    buy(shop, held[1:])
    buy(shop, free)
    with consuming(shop, settings=[SHORT]) as process:
        shop.issued_becomes(free)
        assert process.poll() is None
        upstream.commit_transaction(ENDS_S)
        shop.issued_becomes(free + held)
        process.terminate()
        assert process.wait(ENDS_S) == 0
    whole(shop)


@pytest.mark.row(42)
def test_duplicates_are_issued_once_wherever_they_come(shop: Shop) -> None:
    first, second = customers_of(2, 2)
    buy(shop, [first, first, second])  # in one batch
    assert consume_to_the_end(shop).code == 0
    buy(shop, [first])  # after the commit
    other = purchase(second)._replace(event_id=purchase(first).event_id)  # another customer's, the same id
    shop.send(2, customer_key(7, second), encode_action(other))
    partition, key, value = record_of(first)
    shop.send((partition + 1) % PARTITIONS, key, value)  # astray
    assert consume_to_the_end(shop).code == 0
    assert shop.issued_to() == sorted([first, second, second])
    whole(shop)


@pytest.mark.row(47)
def test_one_customer_with_most_of_the_traffic_is_decided_like_any_other(shop: Shop) -> None:
    [hot], others = customers_of(0, 1), customers_of(1, 30)
    with shop.batch() as send:
        for number in range(3_000):
            customer = hot if number % 10 else others[number // 10 % 30]
            send(*record_of(customer, f"h-{number}"))
    with consuming(shop, "--workers", "2", "--exit-at-end") as process:
        assert process.wait(ENDS_S) == 0
    assert whole(shop).issued == 3_000


@pytest.mark.row(52)
def test_a_repair_waits_for_an_open_transaction_in_the_changelog(shop: Shop) -> None:
    buy(shop, CUSTOMERS)
    assert consume_to_the_end(shop).code == 0
    stuck = shop.broker.producer(**{"transactional.id": "stuck", "transaction.timeout.ms": LONG_MS})
    stuck.init_transactions(ENDS_S)
    stuck.begin_transaction()
    stuck.produce(shop.broker.topic("customer-state"), b"never", b"!never", 0)
    stuck.flush(ENDS_S)
    buy(shop, CUSTOMERS, "second")
    with consuming(shop, settings=[SHORT]) as process:
        shop.until(lambda: '"assigned"' in shop.log.read_text(), lambda: "")
        assert shop.issued_to() == sorted(CUSTOMERS)
        stuck.abort_transaction(ENDS_S)
        shop.issued_becomes(2 * CUSTOMERS)
        process.terminate()
        assert process.wait(ENDS_S) == 0
    assert whole(shop).issued == 2 * len(CUSTOMERS)


@pytest.mark.row(53)
def test_only_a_reader_of_uncommitted_records_sees_what_a_dead_worker_had_produced(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(shop, CUSTOMERS)
    monkeypatch.setenv(VARIABLE, "commit:2")  # the first is that of the rules
    with consuming(shop, settings=[SHORT]) as process:
        monkeypatch.delenv(VARIABLE)
        assert process.wait(ENDS_S) == -signal.SIGKILL
    assert consume_to_the_end(shop).code == 0
    assert whole(shop).issued == len(CUSTOMERS)
    assert _uncommitted(shop) > len(CUSTOMERS)


def _uncommitted(shop: Shop) -> int:
    """Records of badge-issued that a reader sees who does not ask for committed ones."""
    topic = shop.broker.topic("badge-issued")
    ends = high_watermarks(shop.broker, topic, range(PARTITIONS))
    careless = {
        "bootstrap.servers": shop.broker.address,
        "group.id": "careless",
        "isolation.level": "read_uncommitted",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    }
    reader, seen, ended = Consumer(careless), 0, set[int]()
    reader.assign([TopicPartition(topic, partition, 0) for partition in ends])
    while len(ended) < PARTITIONS:
        for message in reader.consume(500, 1.0):
            error = message.error()
            if error is None:
                seen += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition() or 0)
    reader.close()
    return seen


def _command(shop: Shop, *words: str) -> int:
    return main([*words, *(word for override in shop.overrides for word in ("--set", override))])


def test_dead_letters_are_listed_shown_replayed_and_discarded(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    customer = customers_of(0, 1)[0]
    partition, key, value = record_of(customer)
    shop.send(partition, b"7:someone-else", value)
    shop.send(partition, key, b"never an action")
    assert consume_to_the_end(shop).code == 0
    assert _command(shop, "dead-letters", "list", "--json") == 0
    letters = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["reason"] for one in letters} == {"KEY_MISMATCH", "UNDECODABLE"}
    mismatch, undecodable = sorted(letters, key=lambda one: one["reason"])
    assert mismatch["offset"] in (0, "0")
    assert _command(shop, "dead-letters", "show", mismatch["id"], "--json") == 0
    assert json.loads(capsys.readouterr().out)["key"] == "7:someone-else"
    assert _command(shop, "dead-letters", "discard", undecodable["id"]) == 0
    assert _command(shop, "dead-letters", "replay", mismatch["id"]) == 0
    capsys.readouterr()
    assert _command(shop, "dead-letters", "list", "--open", "--json") == 0
    assert capsys.readouterr().out == ""
    assert consume_to_the_end(shop).code == 0
    letters_again = shop.read("customer-actions.dead-letters")
    assert [one.key() for one in letters_again].count(b"7:someone-else") >= 2  # still wrong
