"""End to end at a steady pace: from the moment an act was due to its decision at a read_committed reader."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, TopicPartition

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
    total = a_second * (seconds + WARM_UP_S)
    # Some first: a consumer that has decided them has its partitions.
    trial.send(actions(FIRST, customers, at, first=total))
    with trial.consumer(workers) as parent:
        trial.wait_for(FIRST, parent)
        start = time.monotonic() + START_S
        sender = multiprocessing.get_context("spawn").Process(
            target=_send,
            args=(stand.bootstrap_servers, trial.topic(INPUT), total, customers, at, start, a_second),
        )
        reader = decisions_reader(trial)
        sender.start()
        try:
            arrived = _arrivals(reader, total)
        finally:
            reader.close()
            sender.join()
    skipped = a_second * WARM_UP_S
    waits = sorted(
        1000 * (moment - start - number / a_second) for number, moment in arrived.items() if number >= skipped
    )
    return Latency(
        a_second=a_second,
        workers=workers,
        events=len(waits),
        p50=waits[len(waits) // 2],
        p99=waits[len(waits) * 99 // 100],
        worst=waits[-1],
    )


def _send(servers: str, topic: str, total: int, customers: int, at: int, start: float, a_second: int) -> None:
    send_paced(input_producer(servers, linger_ms=5), topic, actions(total, customers, at), start, a_second)


def decisions_reader(trial: Trial) -> Consumer:
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


def _arrivals(reader: Consumer, total: int) -> dict[int, float]:
    """The moment at which the decision about each act was first seen, by the number in its event id."""
    arrived: dict[int, float] = {}
    deadline = time.monotonic() + PATIENCE_S
    while len(arrived) < total:
        message = reader.poll(0.1)
        now = time.monotonic()
        if message is None or message.error() is not None:
            if now > deadline:
                raise TimeoutError(f"{len(arrived)} of {total} decisions arrived")
            continue
        deadline = now + PATIENCE_S
        event_id = bare_fields(BADGE_DECISIONS, message.value() or b"")["event_id"]
        arrived.setdefault(int(event_id[2:]), now)
    return arrived
