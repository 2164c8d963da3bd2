"""`consume --workers N`: worker processes under one parent, which starts a dead one again and ends them with
itself.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Final

import structlog

from consumer.compiled import call_compiled, pickled

FINAL_CODES: Final = frozenset({2, 3, 6})
"""Starting a worker again would end the same way."""
FIRST_DELAY_S: Final = 0.5
LAST_DELAY_S: Final = 30.0
CALM_S: Final = 60.0
ROUND_S: Final = 0.2

Target = Callable[[int], None]


class Supervisor:
    """Runs `target(worker)` in N processes. `spawn`, never `fork`: librdkafka's threads do not survive a
    fork.
    """

    def __init__(self, target: Target, workers: int, monotonic: Callable[[], float]) -> None:
        self._target = target
        self._workers = workers
        self._monotonic = monotonic
        self._spawn = multiprocessing.get_context("spawn")
        self._processes: dict[int, SpawnProcess] = {}
        self._started: dict[int, float] = {}
        self._delays: dict[int, float] = {}
        self._due: dict[int, float] = {}
        self._stopping = threading.Event()
        self._log = structlog.get_logger()

    def run(self) -> int:
        """Until every worker ended by itself, one may not be started again, or a signal. The exit code."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._stop)
        for worker in range(self._workers):
            self._start(worker)
        code = 0
        try:
            while (self._processes or self._due) and not self._stopping.is_set():
                code = self._watch() or code
                self._start_due()
        finally:
            self._end()
        return code

    def _stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._stopping.set()

    def _start(self, worker: int) -> None:
        call = (pickled(self._target), worker)
        process = self._spawn.Process(target=call_compiled, args=call, name=f"worker-{worker}")
        process.start()
        self._processes[worker] = process
        self._started[worker] = self._monotonic()

    def _watch(self) -> int:
        """One round: a code that starting again would only repeat ends them all."""
        if self._processes:
            multiprocessing.connection.wait([one.sentinel for one in self._processes.values()], ROUND_S)
        else:
            self._stopping.wait(ROUND_S)
        for worker, process in list(self._processes.items()):
            code = process.exitcode
            if code is None:
                continue
            process.join()
            del self._processes[worker]
            if code == 0:
                continue
            if code in FINAL_CODES:
                self._stopping.set()
                return code
            self._again(worker, code)
        return 0

    def _again(self, worker: int, code: int) -> None:
        lived = self._monotonic() - self._started[worker]
        delay = FIRST_DELAY_S if lived > CALM_S else self._delays.get(worker, FIRST_DELAY_S)
        self._delays[worker] = min(LAST_DELAY_S, delay * 2)
        self._due[worker] = self._monotonic() + delay
        self._log.warning("worker_restarts", worker=worker, exit_code=code, delay_s=delay)

    def _start_due(self) -> None:
        """Those whose pause is over; none waits for another's."""
        now = self._monotonic()
        for worker in [worker for worker, due in self._due.items() if due <= now]:
            del self._due[worker]
            self._start(worker)

    def _end(self) -> None:
        """Drains them; those that do not end in time are killed."""
        for process in self._processes.values():
            if process.is_alive():
                process.terminate()
        for process in self._processes.values():
            process.join(30.0)
            if process.is_alive():
                process.kill()
                process.join()


def end_with(parent: int) -> threading.Thread:
    """In a worker: sends itself SIGTERM once its parent is gone."""

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == parent:
            pause.wait(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=watch, name="parent", daemon=True)
    thread.start()
    return thread
