"""Events per second of the consumer, and beside it the floor, on the same broker in the same run."""

from __future__ import annotations

import time
from dataclasses import dataclass

from consumer.bench.floor import Rate, run_floor
from consumer.bench.phases import shares
from consumer.bench.stand import Stand
from consumer.bench.trial import INPUT, Trial, new_trial, process_tree_cpu
from consumer.bench.workload import actions


@dataclass(frozen=True)
class Throughput:
    """One run of the consumer. CPU in microseconds an event, of the workers, the broker and Redis."""

    workers: int
    customers: int
    events: int
    a_second: float
    worker_cpu: float
    broker_cpu: float
    redis_cpu: float
    phases: dict[str, float]
    """Each phase's part of the workers' time in batches, the greatest first."""


def measure(stand: Stand, workers: int, events: int, customers: int) -> Throughput:
    """Decides `events` acts that lie ready, from the first commit to the last."""
    at = _now()
    trial = new_trial(stand, at)
    trial.send(actions(events, customers, at))
    return run(trial, workers, events, customers)


def run(trial: Trial, workers: int, events: int, customers: int, known: int = 0) -> Throughput:
    """As `measure`, on a trial whose input lies ready; the first `known` acts of it are decided untimed."""
    with trial.consumer(workers) as parent:
        first = trial.wait_for(known + 1, parent)[-1]
        cpu, servers = process_tree_cpu(parent), trial.stand.server_cpu_seconds()
        before = trial.phases(workers)
        last = trial.wait_for(known + events, parent)[-1]
        after = trial.phases(workers)
        cpu_end, servers_end = process_tree_cpu(parent), trial.stand.server_cpu_seconds()
    seconds, decided = last[0] - first[0], last[1] - first[1]
    micros = 1e6 / decided
    return Throughput(
        workers=workers,
        customers=customers,
        events=decided,
        a_second=decided / seconds,
        worker_cpu=(cpu_end - cpu) * micros,
        broker_cpu=(servers_end[0] - servers[0]) * micros,
        redis_cpu=(servers_end[1] - servers[1]) * micros,
        phases=shares(before, after),
    )


def measure_floor(stand: Stand, events: int, customers: int) -> Rate:
    """The floor over the same acts."""
    at = _now()
    trial = new_trial(stand, at)
    trial.send(actions(events, customers, at))
    target = trial.topic("floor")
    stand.create_topic(target)
    return run_floor(stand.bootstrap_servers, trial.topic(INPUT), target, events, f"{trial.prefix}floor")


def _now() -> int:
    return time.time_ns() // 1_000_000
