"""What a worker says about itself: log events and metrics, a closed list of each. Nothing of a customer is
in any.

| log event | when |
| --- | --- |
| `worker_started` | once; `code` says whether it is compiled |
| `assigned`, `ready` | after a rebalance; when its partitions may be decided |
| `progress` | every 10 s with work: events, outcomes, shares of the phases |
| `paused` | a dependency does not answer; once a minute while it lasts |
| `deferred` | partitions wait for a schema of the registry; once a minute while it lasts |
| `repairing`, `view_distrusted`, `repaired` | the view is to be brought up from the changelog, and was |
| `aborted`, `lost`, `recycled` | a transaction, an assignment, a producer came to nothing |
| `stopped` | the last line |
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from consumer.clock import Clock
from consumer.shares import Batch

PROGRESS_S: Final = 10.0
REMIND_S: Final = 60.0
_DURATIONS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_DELAYS: Final = (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000, 31_536_000)


def configure_logging(level: int = logging.INFO) -> None:
    """One line an event on stderr: JSON unless stderr is a terminal; no colours with NO_COLOR."""
    renderer: Any = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR"))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


class Metrics:
    """The Prometheus metrics of one worker; labels have few values, children are looked up once."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self._events = Counter(
            "badges_events", "Decisions by outcome; NOISE yields none", ["outcome"], registry=r
        )
        self._dead = Counter("badges_dead_letters", "Dead letters by reason", ["reason"], registry=r)
        self.rerouted = Counter("badges_rerouted", "Records re-published in their partition", registry=r)
        self._phases = Histogram(
            "badges_batch_phase_seconds",
            "Seconds of a batch by phase",
            ["phase"],
            buckets=_DURATIONS,
            registry=r,
        )
        self.delay = Histogram(
            "badges_event_date_delay_seconds",
            "From a record's event date to its decision; one sample a batch and partition",
            buckets=_DELAYS,
            registry=r,
        )
        self.repairs = Counter("badges_view_repairs", "Partitions repaired from the changelog", registry=r)
        self.aborts = Counter("badges_transaction_aborts", "Transactions aborted cleanly", registry=r)
        self.recycled = Counter("badges_producers_recycled", "Producers thrown away", registry=r)
        self.lost = Counter("badges_assignments_lost", "Assignments lost", registry=r)
        self.owned = Gauge("badges_partitions_owned", "Partitions that are ready", registry=r)
        self.paused = Gauge("badges_paused", "1 while a dependency is down", registry=r)
        self.lag = Gauge(
            "kafka_consumergroup_lag", "Records not decided yet", ["topic", "partition"], registry=r
        )
        self._children: dict[tuple[str, str], Any] = {}

    def events(self, outcome: str, count: int) -> None:
        """So many decisions."""
        self._child("events", outcome, self._events).inc(count)

    def dead(self, reason: str) -> None:
        """One dead letter."""
        self._child("dead", reason, self._dead).inc()

    def phase(self, name: str, seconds: float) -> None:
        """The duration of one phase of one batch."""
        self._child("phase", name, self._phases).observe(seconds)

    def _child(self, kind: str, label: str, metric: Any) -> Any:
        child = self._children.get((kind, label))
        if child is None:
            child = self._children[kind, label] = metric.labels(label)
        return child


class Telemetry:
    """The loop's only way to speak."""

    def __init__(self, clock: Clock, metrics: Metrics, worker: str, topic: str) -> None:
        self._clock = clock
        self._topic = topic
        self.metrics = metrics
        self._log = structlog.get_logger().bind(worker=worker)
        self.last_turn = clock.monotonic()
        self.is_ready = False
        self._events = 0
        self._phases: dict[str, float] = {}
        self._outcomes: dict[str, int] = {}
        self._since = clock.monotonic()
        self._reminded: float | None = None
        self._deferred: float | None = None

    def turn(self, *, ready: bool) -> None:
        """The loop lives."""
        self.last_turn = self._clock.monotonic()
        self.is_ready = ready
        if self._events and self.last_turn - self._since > PROGRESS_S:
            self._progress()

    def _progress(self) -> None:
        now = self._clock.monotonic()
        seconds = max(now - self._since, 0.001)  # a batch may be shorter than a clock's step
        total = sum(self._phases.values()) or 1.0
        shares = {name: round(spent / total, 2) for name, spent in self._phases.items()}
        self._log.info(
            "progress",
            events=self._events,
            per_second=round(self._events / seconds),
            outcomes=self._outcomes,
            phases=shares,
        )
        self._events, self._phases, self._outcomes, self._since = 0, {}, {}, now

    def committed(self, batch: Batch) -> None:
        """A batch is in the log."""
        if self._reminded is not None:
            self._reminded = None
            self.metrics.paused.set(0)
        if not self._events:
            self._since = self.last_turn  # the turn that took the batch
        self._events += batch.events
        for name, seconds in batch.phases.items():
            self.metrics.phase(name, seconds)
            self._phases[name] = self._phases.get(name, 0.0) + seconds
        for share in batch.shares.values():
            for outcome, count in share.outcomes.items():
                self.metrics.events(outcome, count)
                self._outcomes[outcome] = self._outcomes.get(outcome, 0) + count
            for letter in share.rejected:
                self.metrics.dead(letter.reason)
            if share.rerouted:
                self.metrics.rerouted.inc(len(share.rerouted))
            if share.records:
                self.metrics.delay.observe(max(0, share.at - share.records[-1].action.event_date) / 1000)

    def started(self, **facts: object) -> None:
        """Once."""
        self._log.info("worker_started", **facts)

    def assigned(self, partitions: Sequence[int]) -> None:
        """After a rebalance."""
        self.metrics.owned.set(0)
        self.metrics.lag.clear()  # the new owners tell theirs
        self._log.info("assigned", partitions=list(partitions))

    def ready(self, partitions: Sequence[int]) -> None:
        """All of them may be decided."""
        self.metrics.owned.set(len(partitions))
        self.metrics.paused.set(0)
        self._log.info("ready", partitions=list(partitions))

    def paused(self, reason: str) -> None:
        """A dependency does not answer."""
        now = self._clock.monotonic()
        self.metrics.paused.set(1)
        if self._reminded is None or now - self._reminded > REMIND_S:
            self._reminded = now
            self._log.warning("paused", reason=reason)

    def deferred(self, partitions: int, reason: str) -> None:
        """Partitions stand still, because the registry does not give a schema."""
        now = self._clock.monotonic()
        if self._deferred is None or now - self._deferred > REMIND_S:
            self._deferred = now
            self._log.warning("deferred", partitions=partitions, reason=reason)

    def lag(self, partitions: Mapping[int, int | None]) -> None:
        """Records behind each partition's position; None where it is not known yet."""
        for partition, records in partitions.items():
            if records is not None:
                self.metrics.lag.labels(self._topic, str(partition)).set(records)

    def repairing(self, partitions: int) -> None:
        """Another marker stood in the view, or a write had no clear answer."""
        self._log.warning("repairing", partitions=partitions)

    def repaired(self, partitions: int) -> None:
        """So many partitions of the view were brought up from the changelog."""
        if partitions:
            self.metrics.repairs.inc(partitions)
            self._log.info("repaired", partitions=partitions)

    def distrusted(self) -> None:
        """The view's server restarted, or lost keys by itself."""
        self._log.warning("view_distrusted")

    def aborted(self, reason: str) -> None:
        """A transaction came to nothing."""
        self.metrics.aborts.inc()
        self._log.warning("aborted", reason=reason)

    def lost(self, reason: str) -> None:
        """An assignment came to nothing."""
        self.metrics.lost.inc()
        self._log.warning("lost", reason=reason)

    def recycled(self, reason: str) -> None:
        """A producer was thrown away."""
        self.metrics.recycled.inc()
        self._log.warning("recycled", reason=reason)

    def stopped(self, reason: str, exit_code: int) -> None:
        """The last line."""
        if self._events:
            self._progress()
        self._log.info("stopped", reason=reason, exit_code=exit_code)
