"""A time of chaos: producers, workers, broker and Redis are killed, stopped and started again at random; then
all is left alone, and the oracle is asked.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, get_args

import redis
from confluent_kafka import KafkaException

from consumer.broker import Broker
from consumer.crash_points import VARIABLE, Point
from consumer.definitions_store import publish as publish_definitions
from consumer.demo.consuming import consumer_process
from consumer.failure import Failure
from consumer.local.errors import LocalStackError
from consumer.local.stack import LocalStack
from consumer.reading import read_everything
from consumer.settings import load_settings
from consumer.topics import create_topics
from tests.chaos.actors import HOPELESS, Actor
from tests.chaos.editing import command
from tests.chaos.producing import Job
from tests.chaos.progress import Progress
from tests.chaos.workload import PARTITIONS, documents
from tests.faults.oracle import Audit, audit

WORKERS: Final = 3
PRODUCERS: Final = 2
PER_SECOND: Final = 60
"""Acts of one producer."""
SESSION_MS: Final = 2_000
CALM_S: Final = 180.0
"""In which the lag has to reach zero once everything runs again."""
RESPITE: Final = 10
"""So many faults without a record decided; then the next one waits for progress."""
_POINTS: Final[tuple[Point, ...]] = get_args(Point)


@dataclass
class Figures:
    """What a run did and found."""

    seed: int
    seconds: float
    kills: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    edits: int = 0
    longest_stall: float = 0.0
    audit: Audit = field(default_factory=Audit)
    hopeless: list[str] = field(default_factory=list)


class Chaos:
    """One run in one folder."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._random = random.Random(seed)
        self._folder = folder
        self._stack = LocalStack(folder / "stack", _say)
        self._figures = Figures(seed, 0.0)
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._pause = threading.Event()
        self._broker_ok_after = 0.0
        self._decided_at_broker = 0
        self._decided_at_fault = self._in_vain = 0
        self._tormenting = True
        self._workers: list[Actor] = []
        self._producers: list[Actor] = []
        self._waking: set[str] = set()
        self._editing: list[subprocess.Popen[bytes]] = []

    def run(self, seconds: float) -> Figures:
        """Chaos for so long, then calm, then the verdict."""
        began = time.monotonic()
        try:
            self._open()
            self._torment(seconds)
            self._calm()
            self._figures.audit = audit(self._broker, self._overrides)
        finally:
            for actor in [*self._workers, *self._producers]:
                actor.send(signal.SIGKILL)
                actor.end(10)
            self._stack.wipe()
        self._figures.seconds = time.monotonic() - began
        return self._figures

    def _open(self) -> None:
        servers = self._stack.up()
        self._redis_url = servers.redis_url
        consumer = json.dumps({"session.timeout.ms": str(SESSION_MS), "heartbeat.interval.ms": "300"})
        self._overrides = (
            f"kafka.bootstrap_servers={servers.bootstrap_servers}",
            f"redis.url={servers.redis_url}",
            "consumer.group=chaos",
            f"kafka.consumer={consumer}",
        )
        self._broker = Broker(load_settings(self._overrides))
        create_topics(self._broker, PARTITIONS)
        self._began = time.time_ns() // 1_000_000
        first = documents(self._began, 0)
        edit = publish_definitions(self._broker, lambda _found: first, "chaos", self._began)
        assert edit.published, edit
        self._workers = [self._worker(number) for number in range(WORKERS)]
        self._producers = [self._producer(servers.bootstrap_servers, number) for number in range(PRODUCERS)]
        for actor in [*self._workers, *self._producers]:
            actor.start()
        self._progress = Progress(servers.bootstrap_servers, "chaos", "customer-actions", range(PARTITIONS))
        self._progress.start()

    def _worker(self, number: int) -> Actor:
        own = (*self._overrides, f"worker.instance=w{number}")
        given = json.dumps({"overrides": own, "workers": 1, "exit_at_end": False})
        command = [sys.executable, "-m", "consumer.demo.consuming", given]
        return Actor(f"worker-{number}", command, self._folder, self._crash_point)

    def _crash_point(self) -> dict[str, str]:
        """Now and then a worker is to die, or to stand still, at a named point of the loop."""
        if not self._tormenting or self._random.random() > 0.4:
            return {}
        how = self._random.choice(["", "", ":stop"])
        return {VARIABLE: f"{self._random.choice(_POINTS)}:{self._random.randint(1, 12)}{how}"}

    def _producer(self, servers: str, number: int) -> Actor:
        progress = str(self._folder / f"producer-{number}.progress")
        job = Job(servers, "customer-actions", self._began, number, PRODUCERS, PER_SECOND, progress)
        return Actor(f"producer-{number}", job.command(), self._folder)

    # The time of torment

    def _torment(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self._in(20, self._edit)
        self._in(5, self._next_fault)
        self._in(30, lambda: self._report(end))
        while time.monotonic() < end:
            self._turn()
        self._tormenting = False

    def _in(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._number), what))

    def _turn(self) -> None:
        self._pause.wait(0.05)
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappop(self._later)[2]()
        for actor in [*self._workers, *self._producers]:
            code = actor.ended()
            if code is not None:
                self._ended(actor, code)
            elif actor.stopped():
                self._wake(actor)

    def _wake(self, actor: Actor) -> None:
        if actor.name in self._waking:
            return
        self._waking.add(actor.name)
        self._figures.stops[actor.name.partition("-")[0]] += 1

        def go_on() -> None:
            self._waking.discard(actor.name)
            actor.send(signal.SIGCONT)

        self._in(self._random.uniform(0.2, 3.5 * SESSION_MS / 1000), go_on)

    def _ended(self, actor: Actor, code: int) -> None:
        kind = actor.name.partition("-")[0]
        if code == -signal.SIGKILL:
            self._figures.kills[kind] += 1
        elif kind == "worker" and code in HOPELESS:
            self._figures.hopeless.append(f"{actor.name} ended with {code}: {actor.tail()}")
        self._in(self._random.uniform(0.0, 1.0), actor.start)

    def _next_fault(self) -> None:
        if not self._tormenting:
            return
        self._in(self._random.uniform(0.3, 2.9), self._next_fault)
        if self._progress.decided > self._decided_at_fault:
            self._decided_at_fault, self._in_vain = self._progress.decided, 0
        self._in_vain += 1
        if self._in_vain > RESPITE:  # the machine is slow: nobody would ever get to work
            return
        kind = self._random.choices(["worker", "producer", "redis", "broker"], [52, 36, 6, 6])[0]
        {
            "worker": self._hit_worker,
            "producer": lambda: self._random.choice(self._producers).send(signal.SIGKILL),
            "redis": self._hit_redis,
            "broker": self._hit_broker,
        }[kind]()

    def _hit_worker(self) -> None:
        signals, weights = [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM], [70, 20, 10]
        self._random.choice(self._workers).send(self._random.choices(signals, weights)[0])

    def _hit_redis(self) -> None:
        pid = self._stack.redis_pid()
        if pid is None:
            return
        how = self._random.choice(["kill", "kill", "stop", "flush"])
        if how == "flush":
            with (
                suppress(redis.RedisError),
                redis.Redis.from_url(self._redis_url, socket_timeout=1) as client,
            ):
                client.flushall()
                self._figures.kills["redis flushed"] += 1
        else:
            self._hit("redis", pid, how, self._random.uniform(0.0, 6.0))

    def _hit_broker(self) -> None:
        """Only where the group got on since the broker came back the last time."""
        pid = self._stack.kafka_pid()
        if pid is None or time.monotonic() < self._broker_ok_after:
            return
        if self._progress.decided <= self._decided_at_broker:
            return
        self._decided_at_broker = self._progress.decided
        self._broker_ok_after = time.monotonic() + 25.0
        self._hit(
            "broker", pid, self._random.choice(["kill", "kill", "stop"]), self._random.uniform(0.0, 8.0)
        )

    def _hit(self, kind: str, pid: int, how: str, seconds: float) -> None:
        if how == "kill":
            _send(pid, signal.SIGKILL)
            self._figures.kills[kind] += 1
            self._in(seconds, lambda: threading.Thread(target=self._up).start())
        else:
            _send(pid, signal.SIGSTOP)
            self._figures.stops[kind] += 1
            self._in(seconds, lambda: _send(pid, signal.SIGCONT))

    def _up(self) -> None:
        with suppress(LocalStackError):
            self._stack.up()

    def _edit(self) -> None:
        """The rules change under way."""
        if not self._tormenting:
            return
        self._figures.edits += 1
        edit = command(self._overrides, self._began, self._figures.edits)
        self._editing = [one for one in self._editing if one.poll() is None]
        nothing = subprocess.DEVNULL
        self._editing.append(subprocess.Popen(edit, stdin=nothing, stdout=nothing, stderr=nothing))
        self._in(self._random.uniform(15, 40), self._edit)

    def _report(self, end: float) -> None:
        figures = self._figures
        _say(
            f"{end - time.monotonic():5.0f} s left, {self._progress.decided} records decided, "
            f"{sum(figures.kills.values())} kills, {sum(figures.stops.values())} stops"
        )
        if self._tormenting:
            self._in(30, lambda: self._report(end))

    # And the time after it

    def _calm(self) -> None:
        """Everything runs again; the lag has to reach zero by itself, and all have to drain cleanly."""
        _say("calm: everything runs again")
        for _, _, go_on in sorted(self._later):  # what was stopped goes on, what was killed is started
            go_on()
        self._stack.up()
        for producer in self._producers:
            producer.end(130)
        for edit in self._editing:
            edit.wait(60)
        deadline = time.monotonic() + CALM_S
        lag = -1
        while lag != 0 and time.monotonic() < deadline:
            self._turn()
            lag = _lag(self._broker, self._progress)
        if lag:
            self._figures.hopeless.append(f"after {CALM_S:.0f} s of calm {lag} records are not decided")
        for worker in self._workers:
            code = worker.end(40)
            if code != 0:
                self._figures.hopeless.append(f"{worker.name} did not drain: {code}: {worker.tail()}")
        self._finish()
        self._progress.end()
        self._figures.longest_stall = self._progress.longest

    def _finish(self) -> None:
        """The lag is that of the input: places that are still asked for are answered."""
        log = self._folder / "last.log"
        with consumer_process(self._overrides, 1, log, exit_at_end=True) as process:
            code = process.wait(CALM_S)
        if code != 0:
            self._figures.hopeless.append(f"the last worker ended with {code}: {log.read_text()[-500:]}")


def _lag(broker: Broker, progress: Progress) -> int:
    """Records that can be read and are not decided; -1 where nobody answers."""
    try:
        committed = progress.committed()
        records = read_everything(broker, "customer-actions")
        if committed is None:
            return -1
        return sum((one.offset() or 0) >= committed.get(one.partition() or 0, 0) for one in records)
    except (KafkaException, Failure):
        return -1


def _send(pid: int, signum: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signum)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
