"""One run of the consumer on topics and a Redis database of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

import psutil

from badges.actions import CustomerAction
from consumer.bench.load import send_all
from consumer.bench.phases import free_range, phase_seconds
from consumer.bench.stand import Stand
from consumer.bench.workload import documents
from consumer.broker import Broker
from consumer.definitions_store import publish
from consumer.demo.consuming import consumer_process
from consumer.group import committed_offsets
from consumer.settings import Settings, load_settings
from consumer.topics import create_topics

PARTITIONS: Final = 12
INPUT: Final = "customer-actions"
_LOOK_S: Final = 0.1
_PATIENCE_S: Final = 120.0
_MOST_WORKERS: Final = 8
_numbers = count(1)


@dataclass(frozen=True)
class Trial:
    """A prefix, a group and a Redis database that nothing else uses."""

    stand: Stand
    prefix: str
    overrides: tuple[str, ...]
    metrics_port: int
    settings: Settings
    broker: Broker

    def topic(self, name: str) -> str:
        """A topic of this trial."""
        return self.prefix + name

    def send(self, actions: Iterable[CustomerAction]) -> int:
        """Puts actions on the trial's input."""
        return send_all(self.stand.bootstrap_servers, self.topic(INPUT), actions)

    def committed(self) -> int:
        """How many input records the group has decided."""
        return sum(committed_offsets(self.broker).values())

    def phases(self, workers: int) -> dict[str, float]:
        """Seconds that the workers have spent so far by phase of a batch."""
        return phase_seconds(range(self.metrics_port, self.metrics_port + workers))

    @contextmanager
    def consumer(self, workers: int) -> Iterator[int]:
        """A running consumer; the process id of its parent."""
        log = self.stand.home / f"{self.prefix}consumer.log"
        with consumer_process(self.overrides, workers, log) as process:
            yield process.pid

    def wait_for(self, events: int, parent: int, look_s: float = _LOOK_S) -> list[tuple[float, int]]:
        """Looks at the group until it has decided `events`: (moment, decided) with each step it made."""
        looks: list[tuple[float, int]] = []
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            done = self.committed()
            now = time.monotonic()
            if done and (not looks or done > looks[-1][1]):
                looks.append((now, done))
                deadline = now + _PATIENCE_S
            if done >= events:
                return looks
            if now > deadline or not psutil.pid_exists(parent):
                log = self.stand.home / f"{self.prefix}consumer.log"
                raise RuntimeError(f"{done} of {events} events were decided:\n{log.read_text()[-2000:]}")
            time.sleep(look_s)


def new_trial(stand: Stand, at: int) -> Trial:
    """Topics with the benchmark's badges, defined as of an instant."""
    number = next(_numbers)
    prefix = f"t{number}."
    metrics_port = free_range(_MOST_WORKERS)
    overrides = (
        f"kafka.bootstrap_servers={stand.bootstrap_servers}",
        f"redis.url={stand.redis_url.rpartition('/')[0]}/{number}",
        f"topics.prefix={prefix}",
        f"consumer.group=bench-{number}",
        f"worker.instance=bench-{os.getpid()}-{number}",
        f"metrics.port={metrics_port}",
    )
    settings = load_settings(overrides)
    broker = Broker(settings)
    create_topics(broker, PARTITIONS)
    publish(broker, lambda _: documents(at), "benchmark", at)
    return Trial(stand, prefix, overrides, metrics_port, settings, broker)


def process_tree_cpu(parent: int) -> float:
    """Seconds that a process and its children have computed."""
    root = psutil.Process(parent)
    times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
    return sum(one.user + one.system for one in times)
