"""The demo's purchases through a real consumer, and through simulate."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from badges.actions import CustomerAction
from badges.calendar import format_instant, zone
from badges.decisions import Decision
from badges.numbers import text_of_micros
from consumer.broker import Broker
from consumer.definitions_store import publish as publish_definitions
from consumer.definitions_store import read_definitions
from consumer.demo import book
from consumer.demo.consuming import consumer_process
from consumer.demo.feed import publish
from consumer.demo.purchases import ORG, TIMEZONE, actions, first_shift
from consumer.local.stack import StackAddresses
from consumer.reading import read_everything
from consumer.settings import load_settings
from consumer.topics import create_topics
from schemas.badge_issued import decode_issued
from schemas.decisions import DecidedAction, decode_decisions
from schemas.documents import Document
from schemas.json_decision import decision_lines
from schemas.timeline import simulate

NEW_YORK = zone(TIMEZONE)
CONSUMER_S = 900
FEW = "first-500"
PLACES = 500


@dataclass(frozen=True)
class Shop:
    """Topics and a Redis database that nothing else uses."""

    overrides: tuple[str, ...]
    broker: Broker
    shift: int
    log: Path

    def acts(self) -> list[CustomerAction]:
        return list(actions(self.shift, NEW_YORK))

    def publish(self, acts: Sequence[CustomerAction]) -> None:
        publish(self.broker, acts, lambda _sent: None)

    def consume(self, workers: int) -> None:
        with consumer_process(self.overrides, workers, self.log, exit_at_end=True) as process:
            assert process.wait(CONSUMER_S) == 0, self.log.read_text()[-2000:]

    def issued(self) -> list[str]:
        messages = read_everything(self.broker, "badge-issued")
        return [decode_issued(message.value() or b"").issuance_id for message in messages]

    def decided(self) -> list[DecidedAction]:
        messages = read_everything(self.broker, "badge-decisions")
        return [decode_decisions(message.value() or b"") for message in messages]


def open_shop(servers: StackAddresses, name: str, database: int, log: Path) -> Shop:
    now = time.time_ns() // 1_000_000
    overrides = (
        f"kafka.bootstrap_servers={servers.bootstrap_servers}",
        f"redis.url={servers.redis_url.rpartition('/')[0]}/{database}",
        f"topics.prefix={name}.",
        f"consumer.group={name}",
        f"worker.instance={name}",
    )
    broker = Broker(load_settings(overrides))
    create_topics(broker, 12)
    shift = first_shift(NEW_YORK.day(now))
    edit = publish_definitions(broker, lambda _found: book.documents(shift, NEW_YORK), "test", now)
    assert edit.published
    return Shop(overrides, broker, shift, log)


def printed(decided: Iterable[DecidedAction]) -> list[str]:
    """Decisions as `tail decisions` prints them."""
    return [
        line
        for record in decided
        for line in decision_lines(record.as_action(), record.decisions, record.processed_at)
    ]


def without_places(records: Iterable[DecidedAction]) -> list[DecidedAction]:
    """The same without what was decided about the badge that customers compete for."""
    left = [
        record._replace(decisions=tuple(one for one in record.decisions if one.badge_id != FEW))
        for record in records
    ]
    return [record for record in left if record.decisions]


def places_of(records: Iterable[DecidedAction]) -> list[tuple[DecidedAction, Decision]]:
    """The decisions about that badge, each with its act."""
    return [(record, one) for record in records for one in record.decisions if one.badge_id == FEW]


def simulated(shop: Shop, acts: Sequence[CustomerAction], decided: Iterable[DecidedAction]) -> list[str]:
    """What simulate prints for the same acts, each at the instant at which the consumer decided it, without
    the badge that customers compete for.
    """
    others = [one for one in book.documents(shop.shift, NEW_YORK) if not _is_few(one)]
    return list(simulate(_timeline(shop, others, acts, decided)))


def _endless(shop: Shop, acts: Sequence[CustomerAction], decided: Iterable[DecidedAction]) -> list[Any]:
    """The same about that badge only, as if its places were endless."""
    documents = [one for one in book.documents(shop.shift, NEW_YORK) if _is_few(one) or one.kind != "badge"]
    lines = [json.loads(line) for line in simulate(_timeline(shop, documents, acts, decided))]
    return [line for line in lines if line["badge_id"] == FEW]


def check_places(shop: Shop, acts: Sequence[CustomerAction], decided: Sequence[DecidedAction]) -> int:
    """Every act that simulate, without the limit, would decide about is decided about once; the places go to
    customers' first acts, one each, numbered from 1 without a gap; and nobody is refused while there are
    places. How many were given.
    """
    endless = _endless(shop, acts, decided)
    told = places_of(decided)
    assert sorted(record.event_id for record, _ in told) == sorted(one["event_id"] for one in endless)
    firsts = {one["event_id"] for one in endless if one["outcome"] == "ISSUED"}
    given = [(record, one) for record, one in told if one.outcome == "ISSUED"]
    assert {record.event_id for record, _ in given} <= firsts
    assert len({record.customer_id for record, _ in given}) == len(given) == min(PLACES, len(firsts))
    of_all = [fact for _, one in given for fact in one.limits or () if fact.level == "BADGE"]
    assert sorted(fact.counted for fact in of_all) == list(range(1, len(given) + 1))
    refused = [one for _, one in told if one.outcome != "ISSUED"]
    assert {one.reason for one in refused} <= {"LIMIT_OVERALL"}
    full = {fact.counted for one in refused if (fact := one.limit) is not None and fact.level == "BADGE"}
    assert full <= {PLACES}
    return len(given)


def _is_few(document: Document) -> bool:
    return document.kind == "badge" and document.body["badge_id"] == FEW


def _timeline(
    shop: Shop,
    documents: Sequence[Document],
    acts: Iterable[CustomerAction],
    decided: Iterable[DecidedAction],
) -> Iterator[bytes]:
    instants = {record.event_id: record.processed_at for record in without_places(decided)}
    # Customers do not touch each other, and the acts of one were decided in their order.
    ordered = sorted(acts, key=lambda action: instants[action.event_id])
    accepted = min(record.accepted_at for record in read_definitions(shop.broker).records(ORG).values())
    for document in documents:
        body = {**document.body, "badge_limits": []} if _is_few(document) else document.body
        yield _line(accepted, {document.kind: body})
    for action in ordered:
        yield _line(instants[action.event_id], {"action": _body(action)})


def _line(at: int, content: dict[str, Any]) -> bytes:
    return json.dumps({"at": format_instant(at), **content}).encode()


def _body(action: CustomerAction) -> dict[str, Any]:
    body = {name: value for name, value in action._asdict().items() if value is not None}
    body["event_date"] = format_instant(action.event_date)
    if action.amount is not None:
        body["amount"] = text_of_micros(action.amount)
    return body
