"""What a limit over all customers costs in time: each act is issued two badges, one with such a limit and one
without; both at a steady pace, from the moment the act was due to its decision at a read_committed reader.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer

from badges.actions import CustomerAction
from badges.calendar import DAY, format_instant
from consumer.bench.latency import FIRST, PATIENCE_S, START_S, WARM_UP_S, decisions_reader
from consumer.bench.load import input_producer, send_paced
from consumer.bench.stand import Stand
from consumer.bench.trial import INPUT, new_trial
from consumer.bench.workload import ORG, actions
from consumer.definitions_store import publish
from schemas.avro_schema import BADGE_DECISIONS
from schemas.bare import bare_fields
from schemas.documents import Document

_ACTION: Final = "STAMP"
_ALONE: Final = "alone"
_SHARED: Final = "shared"
_NEVER_FULL: Final = 1_000_000_000

Arrived = dict[str, dict[int, float]]
"""By badge, the moment at which the decision about each act was first seen."""


@dataclass(frozen=True)
class Hop:
    """Milliseconds without and with a limit over all customers, over `events` acts at `a_second`."""

    a_second: int
    workers: int
    events: int
    p50: float
    p99: float
    p50_with: float
    p99_with: float


def measure(stand: Stand, workers: int, a_second: int, seconds: int, customers: int) -> Hop:
    """Sends at a pace for `seconds` after a warm-up, and waits for both decisions about each act."""
    at = time.time_ns() // 1_000_000
    trial = new_trial(stand, at)
    publish(trial.broker, lambda _: [_badge(_ALONE, at, []), _badge(_SHARED, at, [_limit()])], "bench", at)
    total = a_second * (seconds + WARM_UP_S)
    trial.send(_acts(FIRST, customers, at, first=total))
    with trial.consumer(workers) as parent:
        trial.wait_for(FIRST, parent)
        start = time.monotonic() + START_S
        sender = multiprocessing.get_context("spawn").Process(
            target=_send,
            args=(trial.stand.bootstrap_servers, trial.topic(INPUT), total, customers, at, start, a_second),
        )
        reader = decisions_reader(trial)
        sender.start()
        try:
            arrived = _arrivals(reader, total)
        finally:
            reader.close()
            sender.join()
    alone, shared = (_waits(arrived[one], start, a_second) for one in (_ALONE, _SHARED))
    return Hop(a_second, workers, len(shared), *_quantiles(alone), *_quantiles(shared))


def _waits(moments: dict[int, float], start: float, a_second: int) -> list[float]:
    skipped = a_second * WARM_UP_S
    return sorted(
        1000 * (moment - start - number / a_second) for number, moment in moments.items() if number >= skipped
    )


def _quantiles(waits: list[float]) -> tuple[float, float]:
    return waits[len(waits) // 2], waits[len(waits) * 99 // 100]


def _badge(badge_id: str, at: int, limits: list[dict[str, object]]) -> Document:
    body = {
        "org_id": ORG,
        "badge_id": badge_id,
        "name": badge_id,
        "type": "DIRECT",
        "starts_at": format_instant(at - 90 * DAY),
        "ends_at": format_instant(at + 90 * DAY),
        "issue_expiry": {"type": "NEVER"},
        "issue_on": {"action": _ACTION},
        "badge_limits": limits,
    }
    return Document("badge", body, "benchmark")


def _limit() -> dict[str, object]:
    return {"type": "OVERALL", "max": _NEVER_FULL}


def _acts(count: int, customers: int, at: int, first: int = 0) -> Iterator[CustomerAction]:
    return (action._replace(action=_ACTION) for action in actions(count, customers, at, first))


def _send(servers: str, topic: str, total: int, customers: int, at: int, start: float, a_second: int) -> None:
    send_paced(input_producer(servers, linger_ms=5), topic, _acts(total, customers, at), start, a_second)


def _arrivals(reader: Consumer, total: int) -> Arrived:
    arrived: Arrived = {_ALONE: {}, _SHARED: {}}
    deadline = time.monotonic() + PATIENCE_S
    while any(len(moments) < total for moments in arrived.values()):
        message = reader.poll(0.1)
        now = time.monotonic()
        if message is None or message.error() is not None:
            if now > deadline:
                raise TimeoutError(f"of {total} acts too few were decided within {PATIENCE_S:.0f} s")
            continue
        deadline = now + PATIENCE_S
        record = bare_fields(BADGE_DECISIONS, message.value() or b"")
        number = int(record["event_id"][2:])
        for decision in record["decisions"]:
            if number < total and decision["badge_id"] in arrived:
                arrived[decision["badge_id"]].setdefault(number, now)
    return arrived
