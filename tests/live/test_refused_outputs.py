"""What the broker refuses to store ends neither the worker nor its neighbours (reliability row 45)."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from consumer.demo.consuming import consumer_process
from consumer.local.stack import StackAddresses
from schemas.customer_action import encode_action
from tests.live.shop import PATIENCE_S, Shop, customers_of, open_shop, purchase, record_of

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.row(45)]
LONG_ID = "".join(sha256(bytes([n])).hexdigest() for n in range(8))[:180]
MESSAGE = b"the broker refuses what it yields: raise max.message.bytes of the topics"


def _limit(shop: Shop, topic: str, most: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(most), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, shop.broker.topic(topic), incremental_configs=[entry])
    for answer in shop.broker.admin.incremental_alter_configs([resource]).values():
        answer.result()


def _large(customer: str) -> tuple[int, bytes, bytes]:
    partition, key, _ = record_of(customer)
    return partition, key, encode_action(purchase(customer)._replace(event_id=LONG_ID))


def test_an_action_whose_decision_is_refused_becomes_a_dead_letter_and_its_neighbours_are_decided(
    stack: StackAddresses, tmp_path: Path
) -> None:
    shop = open_shop(stack, "refused", 9, tmp_path / "log")
    _limit(shop, "badge-decisions", 480)
    before, large, after = customers_of(0, 3)
    other = customers_of(1, 1)[0]
    sent = _large(large)
    for record in (record_of(before), sent, record_of(after), record_of(other)):
        shop.send(*record)
    with consumer_process(shop.overrides, 1, shop.log, exit_at_end=True) as process:
        assert process.wait(PATIENCE_S) == 0, shop.log.read_text()
    assert shop.issued_to() == sorted([before, after, other])
    (letter,) = shop.read("customer-actions.dead-letters")
    assert (letter.key(), letter.value()) == sent[1:]
    headers = dict(letter.headers() or [])
    assert headers["dlq-reason"] == b"TOO_LARGE"
    assert headers["dlq-message"] == MESSAGE
    assert headers["dlq-offset"] == b"1"


def test_a_dead_letter_that_is_refused_itself_is_kept_as_a_stub(
    stack: StackAddresses, tmp_path: Path
) -> None:
    shop = open_shop(stack, "stubs", 10, tmp_path / "log")
    _limit(shop, "customer-actions.dead-letters", 600)
    before, after = customers_of(0, 2)
    bad = b"{" + b"".join(sha256(bytes([n])).hexdigest().encode() for n in range(60))
    shop.send(*record_of(before))
    shop.send(0, b"7:x", bad)
    shop.send(*record_of(after))
    with consumer_process(shop.overrides, 1, shop.log, exit_at_end=True) as process:
        assert process.wait(PATIENCE_S) == 0, shop.log.read_text()
    assert shop.issued_to() == sorted([before, after])
    (letter,) = shop.read("customer-actions.dead-letters")
    assert (letter.key(), letter.value()) == (None, None)
    headers = dict(letter.headers() or [])
    assert headers["dlq-reason"] == b"TOO_LARGE"
    assert headers["dlq-offset"] == b"1"
