"""The local stack: a real Kafka and a real Redis that outlive the command which started them.

HOME/stack.lock            held while something is started or stopped
HOME/kafka/                server.properties, ports.json, pid.json, broker.log, data/
HOME/redis/                redis.conf, port.json, pid.json, redis.log, data/
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from platformdirs import user_data_path

from consumer.local.errors import LocalStackError
from consumer.local.jars import CACHE_VARIABLE
from consumer.local.kafka import KafkaNode
from consumer.local.redis import RedisNode

HOME_VARIABLE: Final = "BADGES_HOME"
_LOCK_DEADLINE_S: Final = 180.0
"""Longer than a first start, which fetches jars and formats the folder."""

__all__ = [
    "KafkaStatus",
    "LocalStack",
    "LocalStackError",
    "RedisStatus",
    "StackAddresses",
    "StackStatus",
    "default_home",
    "running_addresses",
]


@dataclass(frozen=True)
class StackAddresses:
    """Where Kafka and Redis are; empty for one that was not asked for."""

    bootstrap_servers: str
    redis_url: str


@dataclass(frozen=True)
class KafkaStatus:
    """`running`: the process lives and answers as its cluster. Address and id None where there is none."""

    bootstrap_servers: str | None
    running: bool
    cluster_id: str | None


@dataclass(frozen=True)
class RedisStatus:
    """`running`: the process lives and answers."""

    url: str | None
    running: bool


@dataclass(frozen=True)
class StackStatus:
    """What `badges status` shows of the local stack."""

    kafka: KafkaStatus
    redis: RedisStatus


def default_home() -> Path:
    """`BADGES_HOME`, else the user's data folder of this platform."""
    given = os.environ.get(HOME_VARIABLE)
    return Path(given).absolute() if given else user_data_path("badges", appauthor=False)


class LocalStack:
    """The Kafka and Redis of one home folder. Nothing happens before a method is called.

    `say` gets one line of progress at a time, for stderr.
    """

    def __init__(self, home: Path, say: Callable[[str], None]) -> None:
        self._home = home.absolute()
        self._kafka = KafkaNode(self._home / "kafka", say)
        self._redis = RedisNode(self._home / "redis", say)

    def up(self, *, kafka: bool = True, redis: bool = True) -> StackAddresses:
        """Starts what is asked for and does not run; what runs is found again and kept.

        Returns when both answer. Raises LocalStackError.
        """
        with _writable(), self._alone():
            url = self._redis.up() if redis else ""
            servers = self._kafka.up() if kafka else ""
        return StackAddresses(servers, url)

    def down(self) -> bool:
        """Stops both, if they run, and waits; the data stays. True if one ran. Raises LocalStackError."""
        if not self._home.exists():
            return False
        with _writable(), self._alone():
            kafka, redis = self._kafka.down(), self._redis.down()
        return kafka or redis

    def wipe(self) -> None:
        """Stops both and deletes their data, logs and addresses. Raises LocalStackError."""
        if self._home.exists():
            with _writable(), self._alone():
                self._kafka.down()
                self._redis.down()
                for name in ("kafka", "redis"):
                    shutil.rmtree(self._home / name, ignore_errors=True)

    def status(self) -> StackStatus:
        """What runs and answers now; waits some seconds for an answer, changes nothing."""
        return StackStatus(
            KafkaStatus(self._kafka.address(), self._kafka.answering(), self._kafka.cluster_id()),
            RedisStatus(self._redis.url(), self._redis.answering()),
        )

    def kafka_pid(self) -> int | None:
        """The broker's process id; None if it does not live. For tests that kill it."""
        return self._kafka.pid()

    def redis_pid(self) -> int | None:
        """The Redis server's process id; None if it does not live. For tests that kill it."""
        return self._redis.pid()

    def running(self) -> tuple[str | None, str | None]:
        """Bootstrap servers and Redis URL of the living processes; does not ask whether they answer."""
        return self._kafka.address(), self._redis.url()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one command at a time starts or stops: two brokers on one folder would ruin it."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._home / "stack.lock").open("w") as lock:
            deadline = time.monotonic() + _LOCK_DEADLINE_S
            while not _locked(lock.fileno()):
                if time.monotonic() > deadline:
                    raise LocalStackError(
                        f"another `badges` has been starting or stopping {self._home} for "
                        f"{_LOCK_DEADLINE_S:.0f} s: end it, then try again"
                    )
                time.sleep(0.1)
            yield


def running_addresses() -> tuple[str | None, str | None]:
    """Bootstrap servers and Redis URL of this user's stack, each None where its process does not live."""
    return LocalStack(default_home(), lambda _line: None).running()


@contextmanager
def _writable() -> Iterator[None]:
    """A folder that cannot be made or written is the caller's to choose otherwise, and no defect."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise LocalStackError(
            f"{error.filename} cannot be used ({error.strerror}): choose another folder with "
            f"{HOME_VARIABLE}, for Kafka's jars with {CACHE_VARIABLE}"
        ) from None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
