"""`badges verify --issued`: what was decided is what was issued; what a torn transaction leaves is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, Producer, TopicPartition

from badges.decisions import Decision
from consumer.cli.app import main
from consumer.demo.consuming import consumer_process
from consumer.issued_check import IssuedCheck, check_issued
from consumer.issued_topics import IssuedTopics
from consumer.local.stack import StackAddresses
from schemas.decisions import decode_decisions, encode_decisions
from tests.live.shop import PARTITIONS, PATIENCE_S, Shop, customers_of, open_shop, purchase, record_of

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
CUSTOMERS = [customer for partition in range(PARTITIONS) for customer in customers_of(partition, 5)]
_numbers = count()


@pytest.fixture
def shop(stack: StackAddresses, tmp_path: Path) -> Shop:
    """Twenty customers have been issued one badge each."""
    found = open_shop(stack, f"issued-{next(_numbers)}", 15, tmp_path / "log")
    buy(found)
    with consumer_process(found.overrides, 1, found.log, exit_at_end=True) as process:
        assert process.wait(PATIENCE_S) == 0, found.log.read_text()
    return found


def buy(shop: Shop, event_id: str = "e") -> None:
    with shop.batch() as send:
        for customer in CUSTOMERS:
            send(*record_of(customer, event_id))


def checked(shop: Shop) -> list[IssuedCheck]:
    return [checked_in(shop, partition) for partition in range(PARTITIONS)]


def checked_in(shop: Shop, partition: int) -> IssuedCheck:
    return check_issued(IssuedTopics(shop.broker, partition, None))


@contextmanager
def transaction(shop: Shop) -> Iterator[Producer]:
    """As a worker's; the block ends it."""
    producer = shop.broker.producer(**{"transactional.id": f"{shop.broker.topic('torn')}-{next(_numbers)}"})
    producer.init_transactions(PATIENCE_S)
    producer.begin_transaction()
    yield producer
    assert producer.flush(PATIENCE_S) == 0


def write(shop: Shop, topic: str, key: bytes, value: bytes, partition: int) -> None:
    with transaction(shop) as producer:
        producer.produce(shop.broker.topic(topic), value, key, partition)
        producer.commit_transaction(PATIENCE_S)


def told(shop: Shop, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    given = [word for one in shop.overrides for word in ("--set", one)]
    code = main(["verify", "--issued", *words, *given])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def an_issuance(shop: Shop) -> Message:
    return shop.read("badge-issued")[0]


def decide(shop: Shop, customer: str, issuance_id: str) -> int:
    """A decision ISSUED whose transaction lost the issuance; its partition."""
    partition, key, _ = record_of(customer)
    decision = Decision("every", "ISSUED", issuance_id=issuance_id, definition_version=1, limits=())
    at = shop.read("badge-decisions")[0].timestamp()[1]
    value = encode_decisions(purchase(customer, "torn"), [decision], at)
    write(shop, "badge-decisions", key, value, partition)
    return partition


def kept_first(shop: Shop) -> Message:
    """Of partition 0 of badge-decisions."""
    return next(one for one in shop.read("badge-decisions") if one.partition() == 0)


def remove_before(shop: Shop, topic: str, partition: int, offset: int) -> None:
    """As retention does."""
    asked = TopicPartition(shop.broker.topic(topic), partition, offset)
    [answer] = shop.broker.admin.delete_records([asked]).values()
    answer.result(PATIENCE_S)


LOST = "00000000-0000-5000-8000-000000000001"


def test_what_a_worker_decided_was_issued(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(shop, capsys, "--json")
    answer = json.loads(out)
    assert (code, answer["equal"]) == (0, True)
    assert [(one["decided"], one["issued"]) for one in answer["partitions"]] == [(5, 5)] * PARTITIONS
    assert told(shop, capsys)[0] == 0


def test_a_decision_without_its_issuance_is_told_with_what_to_do(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    partition = decide(shop, CUSTOMERS[0], LOST)
    code, out, _ = told(shop, capsys, "--json")
    rows: list[dict[str, Any]] = json.loads(out)["partitions"]
    [missing] = [one for row in rows for one in row["missing"]]
    assert code == 6
    assert (missing["issuance_id"], missing["customer"], missing["badge_id"]) == (
        LOST,
        f"7:{CUSTOMERS[0]}",
        "every",
    )
    assert [row["partition"] for row in rows if row["missing"] or row["unknown"] or row["twice"]] == [
        partition
    ]
    code, _, err = told(shop, capsys)
    assert code == 6
    assert f"missing: badge-decisions partition {partition}" in err
    assert '"A hanging transaction" in docs/operations.md' in err


def test_an_issuance_that_nobody_decided_and_one_that_is_there_again_are_told(shop: Shop) -> None:
    issued = an_issuance(shop)
    key, value, partition = issued.key() or b"", issued.value() or b"", issued.partition() or 0
    identity = dict(issued.headers() or [])["issuance-id"]
    assert isinstance(identity, bytes)
    write(shop, "badge-issued", key, value, partition)
    write(shop, "badge-issued", key, value.replace(identity, LOST.encode()), partition)
    found = checked_in(shop, partition)
    assert (list(found.twice), list(found.unknown), found.missing) == ([identity.decode()], [LOST], {})


def test_what_was_aborted_is_compared_with_nothing(shop: Shop) -> None:
    issued = an_issuance(shop)
    key, value, partition = issued.key(), issued.value(), issued.partition() or 0
    with transaction(shop) as producer:
        producer.produce(shop.broker.topic("badge-issued"), value, key, partition)
        assert producer.flush(PATIENCE_S) == 0
        producer.abort_transaction(PATIENCE_S)
    found = checked_in(shop, partition)
    assert (found.equal, found.decided, found.issued) == (True, 5, 5)


def test_what_retention_removed_is_not_missed(shop: Shop) -> None:
    buy(shop, "second")
    with consumer_process(shop.overrides, 1, shop.log, exit_at_end=True) as process:
        assert process.wait(PATIENCE_S) == 0, shop.log.read_text()
    offsets = {
        topic: [one.offset() or 0 for one in shop.read(topic) if one.partition() == 0][5:]
        for topic in ("badge-issued", "badge-decisions")
    }
    remove_before(shop, "badge-issued", 0, offsets["badge-issued"][0])
    assert checked_in(shop, 0).equal
    remove_before(shop, "badge-decisions", 0, offsets["badge-decisions"][2])
    kept = decode_decisions(kept_first(shop).value() or b"").processed_at
    found = checked_in(shop, 0)
    assert (found.equal, found.compared_after) == (True, kept)
    remove_before(shop, "badge-issued", 0, -1)
    assert checked_in(shop, 0).equal
    remove_before(shop, "badge-decisions", 0, -1)
    assert checked_in(shop, 0) == IssuedCheck(0)


def test_beside_a_worker_under_load_nothing_is_missed(shop: Shop) -> None:
    with consumer_process(shop.overrides, 1, shop.log) as process:
        for number in range(12):
            buy(shop, f"load-{number}")
            assert all(check.equal for check in checked(shop))
        shop.issued_becomes(13 * CUSTOMERS)
        process.terminate()
        assert process.wait(PATIENCE_S) == 0, shop.log.read_text()
    assert all(check.equal for check in checked(shop))
    assert sum(check.decided for check in checked(shop)) == 13 * len(CUSTOMERS)
