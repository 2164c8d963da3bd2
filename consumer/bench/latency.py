"""End to end at a steady pace: from the moment an act was due to its decision at a read_committed reader."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from badges.actions import CustomerAction
from consumer.bench.load import input_producer, send_paced
from consumer.bench.stand import Stand
from consumer.bench.trial import INPUT, PARTITIONS, Trial, new_trial
from consumer.bench.workload import actions
from schemas.avro_schema import BADGE_DECISIONS
from schemas.bare import bare_fields

WARM_UP_S: Final = 3
PATIENCE_S: Final = 30.0
FIRST: Final = 200
START_S: Final = 3.0
"""The sender is a process of its own and takes a moment to begin."""

Seen = tuple[dict[str, Any], float]
"""A record of badge-decisions, and the moment at which it was seen."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds over `events` acts at `a_second`, the first seconds left out."""

    a_second: int
    workers: int
    events: int
    p50: float
    p99: float
    worst: float


def measure(stand: Stand, workers: int, a_second: int, seconds: int, customers: int) -> Latency:
    """Sends at a pace for `seconds` after a warm-up, and waits for each decision."""
    at = time.time_ns() // 1_000_000
    trial = new_trial(stand, at)
    load = Load(actions, a_second, a_second * (seconds + WARM_UP_S), customers, at)
    with decided(trial, workers, load) as (records, start):
        arrived = _arrivals(records, load.total)
    waits = waits_ms(arrived, start, a_second)
    return Latency(
        a_second=a_second,
        workers=workers,
        events=len(waits),
        p50=waits[len(waits) // 2],
        p99=waits[len(waits) * 99 // 100],
        worst=waits[-1],
    )


class Load(NamedTuple):
    """`total` acts at a steady pace. `acts` is called with (count, customers, at, first), also in another
    process.
    """

    acts: Callable[[int, int, int, int], Iterator[CustomerAction]]
    a_second: int
    total: int
    customers: int
    at: int


@contextmanager
def decided(trial: Trial, workers: int, load: Load) -> Iterator[tuple[Iterator[Seen], float]]:
    """A running consumer and sender: what is decided as it is seen, and the moment the first act is due."""
    # Some first: a consumer that has decided them has its partitions.
    trial.send(load.acts(FIRST, load.customers, load.at, load.total))
    with trial.consumer(workers) as parent:
        trial.wait_for(FIRST, parent)
        start = time.monotonic() + START_S
        sender = multiprocessing.get_context("spawn").Process(
            target=_send, args=(trial.stand.bootstrap_servers, trial.topic(INPUT), load, start)
        )
        reader = _decisions_reader(trial)
        sender.start()
        try:
            yield _seen(reader), start
        finally:
            reader.close()
            sender.join()


def waits_ms(moments: dict[int, float], start: float, a_second: int) -> list[float]:
    """From when each act was due to its moment, in order of length; those of the warm-up are left out."""
    skipped = a_second * WARM_UP_S
    return sorted(
        1000 * (moment - start - number / a_second) for number, moment in moments.items() if number >= skipped
    )


def _send(servers: str, topic: str, load: Load, start: float) -> None:
    acts = load.acts(load.total, load.customers, load.at, 0)
    send_paced(input_producer(servers, linger_ms=5), topic, acts, start, load.a_second)


def _decisions_reader(trial: Trial) -> Consumer:
    """Reads what is decided from now on."""
    reader = Consumer(
        {
            "bootstrap.servers": trial.stand.bootstrap_servers,
            "group.id": "bench-reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 10,
        }
    )
    topic = trial.topic("badge-decisions")
    places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    for place in places:
        place.offset = reader.get_watermark_offsets(place, timeout=10)[1]
    reader.assign(places)
    return reader


def _seen(reader: Consumer) -> Iterator[Seen]:
    """Records of badge-decisions as they come; TimeoutError where none comes for PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        message = reader.poll(0.1)
        now = time.monotonic()
        if message is not None and message.error() is None:
            deadline = now + PATIENCE_S
            yield bare_fields(BADGE_DECISIONS, message.value() or b""), now
        elif now > deadline:
            raise TimeoutError(f"no decision arrived within {PATIENCE_S:.0f} s, and not all acts are decided")


def _arrivals(records: Iterator[Seen], total: int) -> dict[int, float]:
    """The moment at which the decision about each act was first seen, by the number in its event id."""
    arrived: dict[int, float] = {}
    while len(arrived) < total:
        record, now = next(records)
        arrived.setdefault(int(record["event_id"][2:]), now)
    return arrived
