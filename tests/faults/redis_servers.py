"""Redis servers that a test makes replicas of each other, or a cluster."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis

from consumer.local.ports import HOST, free_ports
from consumer.local.redis import find_server

PATIENCE_S = 180.0
SLOTS = 16_384


class RedisServer:
    """One process with its own folder; `client` may do everything.

    A cluster's nodes talk on `bus`: by default their port plus 10,000, which may be anybody's.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True)
        program, _ = find_server()
        self.port, self.bus = free_ports(2)
        fixed = ("--bind", HOST, "--port", str(self.port), "--save", "", "--appendonly", "yes")
        self._log = folder / "log"
        places = ("--cluster-port", str(self.bus), "--dir", str(folder), "--logfile", str(self._log))
        self._process = subprocess.Popen([str(program), *fixed, *places, "--loglevel", "warning", *options])
        self.client = redis.Redis(HOST, self.port)
        try:
            until(self._answers, "Redis does not start")
        except BaseException:
            self.kill()
            raise

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"Redis ended: {self._log.read_text()}"
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        self.client.close()
        self._process.kill()
        self._process.wait()

    def markers(self) -> dict[bytes, object]:
        """Those of all partitions."""
        return {key: self.client.get(key) for key in self.client.scan_iter("*:m")}


def until(true: Callable[[], bool], told: str) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, told
        time.sleep(0.05)  # between two looks


@contextmanager
def running(servers: Sequence[RedisServer]) -> Iterator[None]:
    """Until the block ends."""
    try:
        yield
    finally:
        for server in servers:
            server.kill()


@contextmanager
def cluster_of_three(folder: Path) -> Iterator[list[RedisServer]]:
    """Primaries that know each other and share the slots."""
    nodes: list[RedisServer] = []
    with running(nodes):
        nodes.extend(RedisServer(folder / str(number), "--cluster-enabled", "yes") for number in range(3))
        for number, node in enumerate(nodes):
            first, last = number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1
            node.client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            node.client.execute_command("CLUSTER", "MEET", HOST, nodes[0].port, nodes[0].bus)
        for node in nodes:
            until(lambda: _whole(node), "the cluster does not come together")  # noqa: B023 -- called at once
        yield nodes


def _whole(node: RedisServer) -> bool:
    facts = node.client.execute_command("CLUSTER", "INFO")
    told = facts if isinstance(facts, dict) else dict(line.split(":") for line in facts.decode().split())
    return (told["cluster_state"], told["cluster_known_nodes"]) == ("ok", "3")
