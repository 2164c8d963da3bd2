"""A background process that outlives the command which started it and is found again by the next one."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

_CLEAN: Final = {0, 143, -signal.SIGTERM, None}
"""Exit codes of a clean stop: Java ends with 143 on SIGTERM; None where we are not the parent."""
_START_TOLERANCE_S: Final = 1.0
_KILLED_S: Final = 60.0
"""A killed process gives its memory back before it ends; on a busy machine that takes a while."""


class Daemon:
    """One server process: its pid file, its program, and the configuration file its command line names.

    The pid file holds pid and start time, because pids are used again. The clock may have been set since (a
    start time then differs), and a pid file may be lost: a server whose command line names our own
    configuration file is ours too.
    """

    def __init__(self, pid_file: Path, programs: Collection[str], configuration: Path) -> None:
        self._pid_file = pid_file
        self._programs = programs
        self._configuration = str(configuration)

    def running(self) -> psutil.Process | None:
        """The living process, or None."""
        recorded = self._recorded()
        if recorded is not None:
            pid, started = recorded
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                same = abs(process.create_time() - started) < _START_TOLERANCE_S
                if (same or self._is_ours(process)) and _alive(process):
                    return process
        return self._searched()

    def crashed(self) -> bool:
        """True if it was started, not stopped, and lives no more."""
        return self._pid_file.exists() and self.running() is None

    def start(self, command: list[str], console: Path) -> psutil.Process:
        """Starts the command in a session of its own, its output appended to `console`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawn(
            command[0],
            command,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(console), flags, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigdef=[signal.SIGINT, signal.SIGPIPE],
        )
        process = psutil.Process(pid)
        self._record(process)
        return process

    def stop(self, deadline_s: float, say: Callable[[str], None]) -> bool:
        """SIGTERM and wait; SIGKILL after the deadline. True if there was a process to stop."""
        process = self.running()
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
            try:
                status = process.wait(deadline_s)
                if status not in _CLEAN:
                    say(f"process {process.pid} ended with status {status}")
            except psutil.TimeoutExpired:
                say(f"process {process.pid} did not stop within {deadline_s:.0f} s and is killed")
                with suppress(psutil.NoSuchProcess):
                    process.kill()
                process.wait(_KILLED_S)
        self._pid_file.unlink(missing_ok=True)
        return process is not None

    def _record(self, process: psutil.Process) -> None:
        new = self._pid_file.with_suffix(".new")
        new.write_text(json.dumps({"pid": process.pid, "started": process.create_time()}))
        new.replace(self._pid_file)

    def _recorded(self) -> tuple[int, float] | None:
        try:
            record = json.loads(self._pid_file.read_text())
            return int(record["pid"]), float(record["started"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _searched(self) -> psutil.Process | None:
        """The server that names our configuration file, for the case of a lost pid file."""
        if not Path(self._configuration).exists():
            return None
        # Not process_iter: it remembers processes of former calls, whose pid may be another's by now.
        for pid in psutil.pids():
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                if self._is_ours(process) and _alive(process):
                    self._record(process)
                    return process
        return None

    def _is_ours(self, process: psutil.Process) -> bool:
        if process.name() not in self._programs or process.uids().real != os.getuid():
            return False
        # Joined: a server that writes its own title has no words, and psutil then splits it at spaces.
        return self._configuration in " ".join(process.cmdline())


def _alive(process: psutil.Process) -> bool:
    """False for a zombie too, which is reaped if it is our child."""
    if process.status() == psutil.STATUS_ZOMBIE:
        with suppress(psutil.Error):
            process.wait(0)
        return False
    return process.is_running()


def last_lines(path: Path, count: int) -> str:
    """The end of a log, indented; empty where there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-count:])
