"""What a limit over all customers costs in time: each act is issued two badges, one with such a limit and one
without; both at a steady pace, from the moment the act was due to its decision at a read_committed reader.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from badges.actions import CustomerAction
from badges.calendar import DAY, format_instant
from consumer.bench.latency import WARM_UP_S, Load, Seen, decided, waits_ms
from consumer.bench.stand import Stand
from consumer.bench.trial import new_trial
from consumer.bench.workload import ORG, actions
from consumer.definitions_store import publish
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
    load = Load(_acts, a_second, a_second * (seconds + WARM_UP_S), customers, at)
    with decided(trial, workers, load) as (records, start):
        arrived = _arrivals(records, load.total)
    alone, shared = (waits_ms(arrived[one], start, a_second) for one in (_ALONE, _SHARED))
    return Hop(a_second, workers, len(shared), *_quantiles(alone), *_quantiles(shared))


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


def _arrivals(records: Iterator[Seen], total: int) -> Arrived:
    arrived: Arrived = {_ALONE: {}, _SHARED: {}}
    while any(len(moments) < total for moments in arrived.values()):
        record, now = next(records)
        number = int(record["event_id"][2:])
        for decision in record["decisions"]:
            if number < total and decision["badge_id"] in arrived:
                arrived[decision["badge_id"]].setdefault(number, now)
    return arrived
