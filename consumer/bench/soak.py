"""`python -m consumer.bench.soak`: a million events through one worker, whose memory, file descriptors and
threads, and whose bytes in Redis a customer, have to stay as they are once it is warm. Exit 6 if they grow.

Customers come and go: each has ten acts on average, among some thousands that are active at a time. The
worker keeps fewer states in memory than a real one, so that its cache is full long before the end: what
grows after that is a leak.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Final
from urllib.parse import urlsplit

import psutil

from badges.actions import CustomerAction
from consumer import bootstrap, service
from consumer.bench.stand import stand
from consumer.bench.trial import Trial, new_trial
from consumer.bench.workload import actions
from consumer.cli.output import emit, emit_json, say
from consumer.failure import DIFFERENT
from consumer.settings import load_settings
from consumer.zones import use_pinned_zones

ACTS_EACH: Final = 10
ACTIVE: Final = 2_000
CACHED: Final = 4_000
"""States in the worker's memory; the real number is `bootstrap.CACHED_CUSTOMERS`."""
SAMPLES: Final = 100
WARM_AT: Final = 0.3
"""The part of the events that comes before the worker counts as warm."""
TOLERANCES: Final = {"rss_mib": 0.05, "fds": 0.05, "threads": 0.0, "redis_bytes_a_customer": 0.05}
"""By how much the last fifth of the samples may lie above the first fifth after the warm-up, in medians."""
_LOOK_S: Final = 0.25
_STALL_S: Final = 120.0


@dataclass(frozen=True)
class Load:
    """What the worker is given, and what Redis held before."""

    events: int
    active: int
    redis_bytes: int


@dataclass(frozen=True)
class Sample:
    """The worker after so many events."""

    events: int
    rss_mib: float
    fds: int
    threads: int
    redis_bytes_a_customer: float


@dataclass(frozen=True)
class Growth:
    """One measure: medians after the warm-up and at the end, and whether it stayed within its tolerance."""

    measure: str
    warm: float
    end: float
    flat: bool


def growths(samples: Sequence[Sample]) -> list[Growth]:
    """What each measure did after the warm-up; `samples` in the order of events, at least ten."""
    warm = [one for one in samples if one.events >= samples[-1].events * WARM_AT]
    part = max(1, len(warm) // 5)
    found = []
    for measure, tolerance in TOLERANCES.items():
        values = [float(getattr(one, measure)) for one in warm]
        first, last = median(values[:part]), median(values[-part:])
        found.append(Growth(measure, first, last, last <= first * (1 + tolerance)))
    return found


def soak(events: int, active: int) -> list[Sample]:
    """Runs it on servers of its own."""
    with stand() as servers:
        trial = new_trial(servers, time.time_ns() // 1_000_000)
        say(f"{events} acts are published")
        trial.send(_acts(events, active))
        before = redis_bytes(servers.redis_url)
        with _worker(trial) as worker:
            return list(_samples(trial, worker, Load(events, active, before)))


def _acts(events: int, active: int) -> Iterator[CustomerAction]:
    draw = random.Random(events)  # noqa: S311 -- a reproducible load, no secret
    for number, action in enumerate(actions(events, 1, time.time_ns() // 1_000_000)):
        customer = number // ACTS_EACH + draw.randrange(active)
        yield action._replace(customer_id=f"c{customer}")


@contextmanager
def _worker(trial: Trial) -> Iterator[psutil.Process]:
    log = trial.stand.home / "soak.log"
    with log.open("wb") as written:
        started = subprocess.Popen(
            [sys.executable, "-m", "consumer.bench.soak", "--worker", json.dumps(trial.overrides)],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            yield psutil.Process(started.pid)
        except (psutil.Error, TimeoutError):
            say(log.read_text(encoding="utf-8", errors="replace")[-2000:])
            raise
        finally:
            started.terminate()
            started.wait(30)


def _samples(trial: Trial, worker: psutil.Process, load: Load) -> Iterator[Sample]:
    events, step = load.events, max(1, load.events // SAMPLES)
    due, moved, seen = step, time.monotonic(), 0
    while seen < events:
        time.sleep(_LOOK_S)
        done = trial.committed()
        if done > seen:
            seen, moved = done, time.monotonic()
        elif time.monotonic() - moved > _STALL_S:
            raise TimeoutError(f"{seen} of {events} events were decided, then none for {_STALL_S:.0f} s")
        if seen >= due:
            due = seen - seen % step + step
            yield _sample(trial, worker, seen, load)


def _sample(trial: Trial, worker: psutil.Process, events: int, load: Load) -> Sample:
    customers = events // ACTS_EACH + load.active
    with worker.oneshot():
        return Sample(
            events,
            worker.memory_info().rss / 2**20,
            worker.num_fds(),
            worker.num_threads(),
            (redis_bytes(trial.stand.redis_url) - load.redis_bytes) / customers,
        )


def redis_bytes(url: str) -> int:
    """`used_memory` of the server at a redis:// address without password."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 6379), timeout=10) as connection:
        connection.sendall(b"INFO memory\r\nQUIT\r\n")
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    lines = dict(line.split(b":", 1) for line in answer.splitlines() if line.startswith(b"used_memory:"))
    return int(lines[b"used_memory"])


def _run_worker(overrides: Sequence[str]) -> int:
    use_pinned_zones()
    vars(bootstrap)["CACHED_CUSTOMERS"] = CACHED
    return service.consume(
        load_settings(overrides), workers=1, exit_at_end=False, instance=None, accept_reset=False
    )


def main() -> int:
    """Prints what each measure did; exit 6 where one grew."""
    parser = argparse.ArgumentParser(prog="python -m consumer.bench.soak", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="%(default)s unless given")
    parser.add_argument(
        "--active",
        type=int,
        default=ACTIVE,
        help="customers that have acts at a time, %(default)s unless given; their states are not whole yet, "
        "so the fewer events, the fewer they have to be",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, lines on stderr")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return _run_worker(json.loads(options.worker))
    started = time.monotonic()
    samples = soak(options.events, options.active)
    found = growths(samples)
    tell = say if options.json else emit
    for one in found:
        change = (one.end / one.warm - 1) * 100 if one.warm else 0.0
        verdict = "flat" if one.flat else "GROWS"
        tell(f"{one.measure:<24} warm {one.warm:10.1f}  end {one.end:10.1f}  {change:+6.1f} %  {verdict}")
    seconds = time.monotonic() - started
    tell(f"{samples[-1].events} events, {len(samples)} samples, {seconds:.0f} s with the publishing")
    if options.json:
        emit_json({"growths": [vars(one) for one in found], "samples": [vars(one) for one in samples]})
    return 0 if all(one.flat for one in found) else DIFFERENT


if __name__ == "__main__":
    sys.exit(main())
