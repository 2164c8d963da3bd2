"""The composition root: the only place that knows every concrete class. Nothing connects before `consume` is
called.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from dataclasses import dataclass
from functools import partial
from time import monotonic
from types import FrameType
from typing import Any, Final

import structlog
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from consumer.batch import TZDATA, Committer, Topics
from consumer.changelog import Changelog
from consumer.clock import SystemClock
from consumer.end_watch import EndWatch
from consumer.errors import REFUSED, UNEXPECTED, UNREACHABLE, Fenced, Paused, Stopped
from consumer.feeds import Feeds
from consumer.input import InputGroup
from consumer.instance import Instance, claim_instance
from consumer.loop import Loop, Parts
from consumer.metrics_server import MetricsServer
from consumer.ownership import Ownership, Topic
from consumer.processor import Processor
from consumer.registry_client import RegistryClient
from consumer.settings import Addresses, Settings, resolve_addresses
from consumer.supervisor import FENCED_CODE, Supervisor, end_with
from consumer.telemetry import Metrics, Telemetry, configure_logging
from consumer.transactions import Transactions
from consumer.zones import use_pinned_zones
from schemas.catalogue import (
    BADGE_DECISIONS,
    BADGE_ISSUED,
    CUSTOMER_ACTIONS,
    CUSTOMER_STATE,
    DEAD_LETTERS,
)
from schemas.framing import SchemaSource
from schemas.registry import RememberedSchemas
from state.cache import StateCache
from state.errors import ViewError, ViewRefused
from state.redis_view import RedisView

CACHED_CUSTOMERS: Final = 200_000
"""A small customer takes about 3 KiB of memory."""

_librdkafka = logging.getLogger("consumer.librdkafka")
_librdkafka.addHandler(logging.NullHandler())
_librdkafka.propagate = False


@dataclass(frozen=True)
class Work:
    """What one worker process is told; travels to it by pickle, so no secret stands on a command line."""

    settings: Settings
    addresses: Addresses
    instance: str
    exit_at_end: bool
    accept_reset: bool
    parent: int


def consume(
    settings: Settings, *, workers: int, exit_at_end: bool, instance: str | None, accept_reset: bool
) -> int:
    """Runs the consumer until SIGTERM, SIGINT or, with `exit_at_end`, until everything was decided. The exit
    code.
    """
    configure_logging()
    addresses = resolve_addresses(settings)
    try:
        claimed = claim_instance(instance or settings.worker.instance, settings.consumer.group)
    except Stopped as error:
        structlog.get_logger().error("stopped", reason=str(error), exit_code=error.exit_code)
        return error.exit_code
    work = Work(settings, addresses, claimed.name, exit_at_end, accept_reset, os.getpid())
    try:
        if workers == 1:
            return run_worker(work, 0)
        return Supervisor(partial(_child, work), workers, monotonic).run()
    finally:
        _release(claimed)


def _release(claimed: Instance) -> None:
    claimed.release()


def _child(work: Work, worker: int) -> None:
    """A worker process. Ends with its exit code."""
    use_pinned_zones()
    configure_logging()
    end_with(work.parent)
    sys.exit(run_worker(work, worker))


def run_worker(work: Work, worker: int) -> int:
    """One worker in this process; returns its exit code."""
    stopped = _Stop()
    clock = SystemClock()
    telemetry = Telemetry(clock, Metrics(), f"{work.instance}-{worker}")
    try:
        _run(work, worker, stopped, telemetry)
    except Fenced as error:
        telemetry.stopped(str(error), FENCED_CODE)
        return FENCED_CODE
    except Stopped as error:
        telemetry.stopped(str(error), error.exit_code)
        return error.exit_code
    except Paused as error:
        telemetry.stopped(f"{error}; see `badges status`, then start again", UNREACHABLE)
        return UNREACHABLE
    except ViewRefused as error:
        telemetry.stopped(str(error), REFUSED)
        return REFUSED
    except ViewError as error:
        telemetry.stopped(str(error), UNREACHABLE)
        return UNREACHABLE
    except KafkaException as error:
        telemetry.stopped(
            f"Kafka: {error.args[0].name()}; see `badges status`, then start again", UNREACHABLE
        )
        return UNREACHABLE
    except Exception as error:
        # A defect: the type says enough for a log, the message might hold what a customer did.
        telemetry.stopped(
            f"unexpected {type(error).__name__}; report it with the traceback below", UNEXPECTED
        )
        raise
    telemetry.stopped("drained", 0)
    return 0


class _Stop:
    """SIGTERM and SIGINT as a question that the loop asks each turn."""

    def __init__(self) -> None:
        self.wanted = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.wanted = True

    def __call__(self) -> bool:
        return self.wanted


def _run(work: Work, worker: int, stopped: _Stop, telemetry: Telemetry) -> None:
    settings, clock = work.settings, SystemClock()
    prefix = settings.topics.prefix
    config = _Config(settings, work.addresses.bootstrap_servers)
    admin = AdminClient(config.client(), logger=_librdkafka)
    topic, partitions = identify(admin, prefix)
    view = RedisView(work.addresses.redis_url.get_secret_value(), prefix=prefix)
    warnings = view.check_server()
    feeds = Feeds(config.reader(), prefix, _librdkafka, clock)
    group = InputGroup(config.member(), prefix + CUSTOMER_ACTIONS, _librdkafka)
    changelog = Changelog(config.reader(), prefix + CUSTOMER_STATE, admin, _librdkafka, clock)
    cache = StateCache(CACHED_CUSTOMERS)
    ownership = Ownership(group, changelog, view, cache, topic, accept_reset=work.accept_reset)
    identity = f"{prefix}.{settings.consumer.group}.{work.instance}.{worker}"
    transactions = Transactions(config.producer(identity), _librdkafka, clock)
    names = (CUSTOMER_ACTIONS, BADGE_ISSUED, BADGE_DECISIONS, DEAD_LETTERS, CUSTOMER_STATE)
    topics = Topics(*(prefix + name for name in names))
    committer = Committer(transactions, topics, view, cache, f"/badges/{settings.consumer.group}")
    processor = Processor(view, cache, feeds, partitions, _schemas(settings))
    parts = Parts(group, ownership, processor, committer, transactions, feeds, view, clock, telemetry)
    server = None
    if settings.metrics.port:
        server = MetricsServer(settings.metrics.port + worker, telemetry, clock)
    telemetry.started(partitions=partitions, warnings=warnings)
    ends = None
    if work.exit_at_end:
        ends = EndWatch(config.reader(), topics.actions, partitions, group.committed, clock, _librdkafka)
    try:
        Loop(parts).run(stopped if ends is None else (lambda: stopped() or ends.reached()))
    finally:
        transactions.discard()
        group.close()
        for part in (feeds, changelog, view, server, ends):
            if part is not None:
                part.close()


def _schemas(settings: Settings) -> SchemaSource | None:
    if settings.registry.url is None:
        return None
    return RememberedSchemas(RegistryClient(settings.registry.url.get_secret_value()))


def identify(admin: AdminClient, prefix: str) -> tuple[Topic, int]:
    """The input topic's identity, and the logical number of partitions: that of customer-state."""
    names = [prefix + CUSTOMER_ACTIONS, prefix + CUSTOMER_STATE]
    cluster = admin.describe_cluster(request_timeout=10).result()
    found = admin.describe_topics(TopicCollection(names), request_timeout=10)
    try:
        actions, state = (found[name].result() for name in names)
    except KafkaException as error:
        raise Stopped(
            f"{' or '.join(names)}: {error.args[0].name()}; run `badges topics create`", REFUSED
        ) from None
    topic = Topic(str(cluster.cluster_id), str(actions.topic_id), TZDATA)
    return topic, len(state.partitions)


class _Config:
    """librdkafka settings of each client. What correctness depends on stands last, so nothing overrides it."""

    def __init__(self, settings: Settings, bootstrap_servers: str) -> None:
        self._settings = settings
        self._fixed = {"bootstrap.servers": bootstrap_servers, "client.id": "badges"}

    def client(self) -> dict[str, Any]:
        """For administration."""
        return {**self._settings.client_settings("admin"), **self._fixed}

    def reader(self) -> dict[str, Any]:
        """Without membership: committed records, and where they end."""
        return {
            "fetch.wait.max.ms": 10,  # the default of 500 would be waited for the end of each partition
            **self._settings.client_settings("consumer"),
            **self._fixed,
            "group.id": f"{self._settings.consumer.group}-reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            "check.crcs": True,
        }

    def member(self) -> dict[str, Any]:
        """For the group: classic protocol, eager range assignor (reliability.md K4)."""
        return {
            "fetch.wait.max.ms": 50,
            "session.timeout.ms": 10_000,
            "heartbeat.interval.ms": 1_000,
            **self._settings.client_settings("consumer"),
            **self._fixed,
            "group.id": self._settings.consumer.group,
            "group.protocol": "classic",
            "partition.assignment.strategy": "range",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "allow.auto.create.topics": False,
            "check.crcs": True,
        }

    def producer(self, identity: str) -> dict[str, Any]:
        """The transactional one. `retry.backoff.ms`: its default would cost 100 ms a transaction."""
        return {
            "linger.ms": 5,
            "compression.type": "lz4",
            "retry.backoff.ms": 10,
            "transaction.timeout.ms": 30_000,
            **self._settings.client_settings("producer"),
            **self._fixed,
            "transactional.id": identity,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
        }
