"""A Kafka and a Redis of the benchmark's own, in a folder that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.cli.output import say
from consumer.local.stack import LocalStack

PARTITIONS: Final = 12


@dataclass(frozen=True)
class Stand:
    """Addresses and processes of a running stand."""

    home: Path
    bootstrap_servers: str
    redis_url: str
    kafka_pid: int
    redis_pid: int

    def create_topic(self, name: str) -> None:
        """A topic for the benchmark itself."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        for answer in admin.create_topics([NewTopic(name, PARTITIONS, 1)]).values():
            answer.result(30)

    def server_cpu_seconds(self) -> tuple[float, float]:
        """What the broker and Redis have computed so far."""
        return cpu_seconds(self.kafka_pid), cpu_seconds(self.redis_pid)


@contextmanager
def stand() -> Iterator[Stand]:
    """Starts both and stops both, whatever happens between."""
    with tempfile.TemporaryDirectory(prefix="badges-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        local = LocalStack(home, say)
        try:
            addresses = local.up()
            kafka_pid, redis_pid = local.kafka_pid(), local.redis_pid()
            assert kafka_pid is not None  # up() returned
            assert redis_pid is not None
            yield Stand(home, addresses.bootstrap_servers, addresses.redis_url, kafka_pid, redis_pid)
        finally:
            local.down()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
