"""Malformed records among good ones (reliability row 44): each becomes a dead letter, and nothing stops."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from confluent_kafka import murmur2

from consumer.cli.app import main
from consumer.demo.consuming import consumer_process
from consumer.local.stack import StackAddresses
from tests.live.shop import PARTITIONS, PATIENCE_S, Shop, customers_of, open_shop, record_of
from tests.schemas.poison import POISON, POISON_OF_KEYS

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def consume(shop: Shop) -> None:
    with consumer_process(shop.overrides, 2, shop.log, exit_at_end=True) as process:
        assert process.wait(PATIENCE_S) == 0, shop.log.read_text()[-3000:]


def command(shop: Shop, *words: str) -> int:
    settings = [word for override in shop.overrides for word in ("--set", override)]
    return main([*words, *settings])


@pytest.mark.row(44)
def test_every_bad_record_is_a_dead_letter_and_every_good_one_beside_it_is_decided(
    servers: StackAddresses, database: int, tmp_path: Path
) -> None:
    shop = open_shop(servers, "poison", database, tmp_path / "log")
    neighbours = customers_of(0, len(POISON) + len(POISON_OF_KEYS) + 1)
    sent: dict[int, tuple[bytes | None, bytes | None, str]] = {}
    with shop.batch() as send:
        for number, poison in enumerate(POISON):
            send(*record_of(neighbours[number]))
            sent[2 * number + 1] = (b"7:42", poison.value, poison.reason)
            send(0, b"7:42", poison.value, list(poison.headers or []))
        for number, wrong in enumerate(POISON_OF_KEYS, len(POISON)):
            send(*record_of(neighbours[number]))
            sent[2 * number + 1] = (wrong.key, wrong.value, wrong.reason)
            send(0, wrong.key, wrong.value)
        send(*record_of(neighbours[-1]))
    consume(shop)
    assert shop.issued_to() == sorted(neighbours)
    letters = {}
    for message in shop.read("customer-actions.dead-letters"):
        headers = dict(message.headers() or [])
        reason = headers["dlq-reason"]
        assert isinstance(reason, bytes)
        letters[int(headers["dlq-offset"] or b"")] = (message.key(), message.value(), reason.decode())
        assert headers["dlq-topic"] == b"poison.customer-actions"
        assert headers["dlq-partition"] == b"0"
        assert headers["dlq-message"]
    assert letters == sent
    assert "Traceback" not in shop.log.read_text()


@pytest.mark.row(44)
def test_a_folder_of_malformed_files_published_raw_leaves_the_good_lines_decided(
    servers: StackAddresses, database: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = open_shop(servers, "folder", database, tmp_path / "log")
    folder = tmp_path / "folder"
    folder.mkdir()
    good = {"org_id": 7, "action": "PURCHASE", "event_date": "2026-01-01T00:00:00Z"}
    bad = [
        b"not json at all",
        b"[1, 2]",
        b'{"org_id": 7, "customer_id": "b"}',
        json.dumps({**good, "event_id": "x", "customer_id": "b", "event_date": "yesterday"}).encode(),
        b'{"org_id": 7, "customer_id": "b", "amount": NaN}',
        b"\xff\xfe\xfd",
        b"[" * 5000,
    ]
    for number, line in enumerate(bad):
        customer = f"good-{number}"
        now = shop.a_day_ago()
        fine = json.dumps({**good, "event_id": f"e-{number}", "customer_id": customer, "event_date": now})
        (folder / f"{number}.jsonl").write_bytes(fine.encode() + b"\n" + line + b"\n")
        assert command(shop, "publish", "--raw", str(folder / f"{number}.jsonl")) == 0
    consume(shop)
    assert shop.issued_to() == sorted(f"good-{number}" for number in range(len(bad)))
    letters = [message.value() for message in shop.read("customer-actions.dead-letters")]
    assert sorted(letters, key=str) == sorted(bad, key=str)
    capsys.readouterr()
    assert command(shop, "dead-letters", "list", "--json") == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(listed) == len(bad)


def test_a_record_in_a_partition_that_is_not_its_keys_is_published_again_and_decided_once(
    servers: StackAddresses, database: int, tmp_path: Path
) -> None:
    shop = open_shop(servers, "astray", database, tmp_path / "log")
    customers = customers_of(0, 3) + customers_of(2, 3)
    with shop.batch() as send:
        for customer in customers:
            partition, key, value = record_of(customer)
            assert murmur2(key, PARTITIONS) == partition
            send((partition + 1) % PARTITIONS, key, value)
    consume(shop)
    assert shop.issued_to() == sorted(customers)
    records = shop.read("customer-actions")
    again = [dict(message.headers() or []).get("rerouted-from") for message in records]
    assert sorted(place for place in again if place) == sorted(
        f"astray.customer-actions/{partition}/{offset}".encode()
        for partition in (1, 3)
        for offset in range(3)
    )
    assert shop.read("customer-actions.dead-letters") == []
