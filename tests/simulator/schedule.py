"""One process at a time, chosen by the seed: threads that hand a baton to each other at every client call.

Only the holder of the baton runs, so whatever happens is a function of the seed. Time is virtual: it moves
with every call, and jumps where everybody waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import NoReturn

from tests.simulator.plan import Plan

STEP_S = 0.002
STUCK_S = 60.0
"""Of real time; a whole schedule takes a hundredth of a second."""


class Killed(BaseException):
    """The process ends here, without another instruction of its own."""


class Stuck(Exception):
    """Somebody keeps the baton: an endless loop without a call of a client."""


class Over(BaseException):
    """The schedule is at its end."""


class Process:
    """A slot of the supervisor: `body` is run again and again."""

    def __init__(self, number: int, body: Callable[[Process], None]) -> None:
        self.number = number
        self.lives = 0
        self.running = False
        self.wake_at = 0.0
        self.stopped = False
        self.draining = False
        self.doomed = False
        self.retired = False
        self.skew = 0
        self.baton = threading.Lock()
        self.baton.acquire()
        self.thread = threading.Thread(target=body, args=(self,), daemon=True)


class Schedule:
    """The scheduler. `environment` is called at every step, with the baton."""

    def __init__(
        self,
        plan: Plan,
        random: Random,
        environment: Callable[[], None],
        expire: Callable[[float], None],
    ) -> None:
        self.plan = plan
        self.random = random
        self.now = 0.0
        self.steps = 0
        self.calm = False
        self.over = False
        self.trace: list[str] | None = None
        self.points: set[str] = set()
        self.faults = 0
        self.processes: list[Process] = []
        self.current: Process | None = None
        self.down_until = {"kafka": 0.0, "redis": 0.0}
        self.in_flight: list[tuple[str, Callable[[], object]]] = []
        self._environment = environment
        self._expire = expire
        self._main = threading.Lock()
        self._main.acquire()
        self._failure: BaseException | None = None

    # For the main thread

    def run(self) -> None:
        """Until somebody ends it. Raises what it was ended with."""
        for process in self.processes:
            process.thread.start()
        self.processes[0].baton.release()
        if not self._main.acquire(timeout=STUCK_S):
            self.over = True
            raise Stuck(f"worker {self.current and self.current.number} makes no call any more")
        for process in self.processes:
            process.baton.release()
        for process in self.processes:
            process.thread.join()
        if self._failure is not None:
            raise self._failure

    def end(self, failure: BaseException | None = None) -> None:
        """Wakes the main thread; called with the baton, by whoever does nothing more."""
        if not self.over:
            self.over = True
            self._failure = failure
            self._main.release()

    def finish(self, failure: BaseException | None = None) -> NoReturn:
        """As `end`, in the middle of a step. Raises Over."""
        self.end(failure)
        raise Over

    # For the holder of the baton

    def step(self, process: Process, call: str) -> None:
        if self.over:
            raise Over
        assert process is self.current, "a client is used by another process than its own"
        self.steps += 1
        self.now += STEP_S * self.random.random()
        if self.trace is not None:
            self.tell(f"worker {process.number}.{process.lives}: {call}")
        self._environment()
        if not self.calm and process.running:
            self._hurt(process)
        self._switch(process)
        if process.doomed:
            process.doomed = False
            raise Killed

    def _hurt(self, process: Process) -> None:
        if self.chance("crash"):
            self.fault(f"kill worker {process.number}")
            raise Killed
        if self.chance("stop"):
            self._stop(process)
        if self.chance("drain"):
            self.fault(f"SIGTERM to worker {process.number}")
            process.draining = True

    def _stop(self, process: Process) -> None:
        """SIGSTOP for some time; or Python is held up while the client's own threads go on."""
        seconds = self.random.choice((2.0, 12.0, 15.0, 25.0, 40.0))
        process.stopped = self.random.random() < 0.8
        if not process.stopped and self.random.random() < 0.2:
            seconds = 320.0
        process.wake_at = self.now + seconds
        self.fault(f"{'stop' if process.stopped else 'hold up'} worker {process.number} {seconds} s")

    def passage(self, process: Process, point: str) -> None:
        """A named crash point is passed."""
        self.points.add(point)
        if self.over or self.calm:
            return
        if self.trace is not None:
            self.tell(f"worker {process.number}.{process.lives}: passes {point}")
        if self.chance("crash point"):
            self.fault(f"kill worker {process.number} at {point}")
            raise Killed
        if self.chance("stop point"):
            self._stop(process)
            self.step(process, f"stopped at {point}")

    def wait(self, process: Process, seconds: float) -> None:
        """Whoever waits for nothing may be served late."""
        late = self.random.random() < 0.2
        process.wake_at = max(process.wake_at, self.now + seconds * (1 + 9 * self.random.random() * late))
        self.step(process, "waited")

    def _switch(self, process: Process) -> None:
        ready = [one for one in self.processes if one.wake_at <= self.now]
        if not ready:
            self.now = min(one.wake_at for one in self.processes)
            self._expire(self.now)
            ready = [one for one in self.processes if one.wake_at <= self.now]
        elif process in ready and self.random.random() >= self.plan.switch:
            return
        chosen = ready[self.random.randrange(len(ready))] if len(ready) > 1 else ready[0]
        chosen.stopped = False
        if chosen is not process:
            chosen.baton.release()
            process.baton.acquire()
            if self.over:
                raise Over
        self.current = process

    def chance_of(self, rate: float) -> bool:
        return self.random.random() < rate

    def chance(self, name: str) -> bool:
        rate = self.plan.rates.get(name)
        return rate is not None and self.random.random() < rate

    def fault(self, what: str) -> None:
        self.faults += 1
        self.tell(f"*** {what}")

    def tell(self, what: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.steps:6} {self.now:9.3f}  {what}")


class WorkerHost:
    """The surroundings of one worker's clients (host.py)."""

    def __init__(self, schedule: Schedule, process: Process) -> None:
        self._schedule = schedule
        self._process = process
        self._life = process.lives

    def now(self) -> float:
        return self._schedule.now

    def step(self, call: str) -> None:
        self._schedule.step(self._process, call)

    def wait(self, seconds: float) -> None:
        self._schedule.wait(self._process, seconds)

    def fault(self, place: str, *kinds: str) -> str | None:
        schedule = self._schedule
        if schedule.calm or not schedule.chance(place):
            return None
        kind = kinds[schedule.random.randrange(len(kinds))]
        schedule.fault(f"worker {self._process.number}: {place}: {kind}")
        return kind

    def likely(self, what: str) -> bool:
        return self._schedule.calm or not self._schedule.chance(what)

    def portion(self, most: int) -> int:
        return most if most <= 1 or self._schedule.calm else self._schedule.random.randint(1, most)

    def later(self, what: str, deliver: Callable[[], object]) -> None:
        self._schedule.in_flight.append((what, deliver))

    def reachable(self, server: str) -> bool:
        return self._schedule.calm or self._schedule.down_until[server] <= self._schedule.now

    def alive(self) -> bool:
        process = self._process
        mine = process.running and process.lives == self._life
        return mine and not process.stopped and not process.doomed and self.reachable("kafka")
