"""Processes that are started again whenever they end, and what they ended with."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

HOPELESS: Final = frozenset({1, 2, 3, 6})
"""Exit codes of a worker that asks for a human, or met what it did not expect."""


class Actor:
    """One place in which one process after the other runs; `more` gives variables of the next one's
    environment.
    """

    def __init__(
        self, name: str, command: list[str], folder: Path, more: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        self.name = name
        self.ends: Counter[int] = Counter()
        self.killed = 0
        self._command = command
        self._log = folder / f"{name}.log"
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Another process, if none runs."""
        if self._process is None:
            with self._log.open("ab") as written:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=written,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **self._more()},
                )

    def ended(self) -> int | None:
        """The exit code of a process that ended since the last question; the next one may start then."""
        code = self._process.poll() if self._process else None
        if code is not None:
            self._process = None
            self.ends[code] += 1
            self.killed += code == -signal.SIGKILL
        return code

    def send(self, signum: int) -> bool:
        """Whether there was a process to send it to."""
        if self._process is None or self._process.poll() is not None:
            return False
        self._process.send_signal(signum)
        return True

    def stopped(self) -> bool:
        """Whether its process stands still."""
        if self._process is None:
            return False
        with suppress(psutil.Error):
            return bool(psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED)
        return False

    def end(self, deadline_s: float) -> int | None:
        """Drains it; the exit code, None where it did not end in time and was killed."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            code = self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None
        finally:
            self._process = None
        return code

    def tail(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-2_000:] if self._log.exists() else ""
