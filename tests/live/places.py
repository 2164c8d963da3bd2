"""A badge with limits over all customers on real servers, and what has to hold of it whatever happens."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from subprocess import Popen

from badges.actions import CustomerAction
from badges.calendar import format_instant
from badges.decisions import Decision
from consumer.cli.app import main
from consumer.definitions_store import publish as publish_definitions
from consumer.demo.consuming import consumer_process
from consumer.group import committed_offsets
from schemas.badge_issued import decode_issued
from schemas.customer_action import encode_action
from schemas.decisions import DecidedAction, decode_decisions
from schemas.documents import load_documents
from tests.live.shop import DAY_MS, Shop, record_of

PATIENCE_S = 240.0
TODAY = time.time_ns() // 1_000_000 // DAY_MS * DAY_MS
"""Of all definitions, so that an edit after midnight does not move the start of a badge that has begun."""
SHORT = 'kafka.consumer={"session.timeout.ms": "2000", "heartbeat.interval.ms": "300"}'
BADGE = "first"


def define(shop: Shop, limits: str, more: str = "") -> None:
    """The badge `first`, which every purchase earns, with `badge_limits`."""
    now = time.time_ns() // 1_000_000
    text = (
        f"badge:\n  {{org_id: 7, badge_id: {BADGE}, name: First, type: DIRECT, "
        f'starts_at: "{_day(-30)}", ends_at: "{_day(30)}", '
        f"issue_expiry: {{type: NEVER}}, issue_on: {{action: PURCHASE}}, badge_limits: [{limits}]{more}}}\n"
    )
    edit = publish_definitions(shop.broker, lambda _found: load_documents(text, "first.yaml"), "test", now)
    assert edit.published, [one.error for one in edit.results]


def _day(number: int) -> str:
    return format_instant(TODAY + number * DAY_MS)


def buy(shop: Shop, customers: Sequence[str], event_id: str = "e") -> None:
    """One purchase of each."""
    with shop.batch() as send:
        for customer in customers:
            send(*record_of(customer, event_id))


def request(shop: Shop, action: CustomerAction) -> None:
    """An explicit request."""
    partition, key, _ = record_of(action.customer_id)
    shop.send(partition, key, encode_action(action))


@contextmanager
def running(shop: Shop, workers: int) -> Iterator[Popen[bytes]]:
    """A consumer that goes on until the block ends, with a short session."""
    with consumer_process([*shop.overrides, SHORT], workers, shop.log) as process:
        yield process


def finish(shop: Shop, workers: int = 1) -> None:
    """Decides what is left, answers included; the consumer ends by itself, with 0."""
    with consumer_process(shop.overrides, workers, shop.log, exit_at_end=True) as process:
        assert process.wait(PATIENCE_S) == 0, shop.log.read_text()[-3000:]


def decided(shop: Shop) -> int:
    """How far the group is, in records of the input."""
    return sum(committed_offsets(shop.broker).values())


def records(shop: Shop) -> list[DecidedAction]:
    """All decisions, in the order of each partition."""
    return [decode_decisions(message.value() or b"") for message in shop.read("badge-decisions")]


def of_badge(shop: Shop) -> list[tuple[DecidedAction, Decision]]:
    """The decisions about the badge."""
    return [(act, one) for act in records(shop) for one in act.decisions if one.badge_id == BADGE]


def outcomes(shop: Shop) -> Counter[str]:
    """How often each outcome, or reason, was told about the badge."""
    return Counter(one.reason or one.outcome for _, one in of_badge(shop))


def check(shop: Shop, acts: int) -> Counter[str]:
    """Each act was told of once, each issuance is once in both topics, Redis is the fold of the changelog.
    The outcomes.
    """
    told = of_badge(shop)
    assert len({act.event_id for act, _ in told}) == len(told), "an act was told of twice"
    assert len(told) == acts
    issued = [decode_issued(message.value() or b"") for message in shop.read("badge-issued")]
    ids = [one.issuance_id for one in issued if one.badge_id == BADGE]
    assert len(set(ids)) == len(ids), "an issuance was doubled"
    assert set(ids) == {one.issuance_id for _, one in told if one.outcome == "ISSUED"}
    words = ["verify", *(word for override in shop.overrides for word in ("--set", override))]
    assert main(words) == 0
    return outcomes(shop)
