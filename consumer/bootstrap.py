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
from traceback import format_tb
from types import FrameType
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from consumer.batch import Committer, Topics
from consumer.changelog import Changelog
from consumer.client_config import ClientConfig
from consumer.clock import SystemClock
from consumer.compiled import code
from consumer.end_watch import EndWatch, Watched
from consumer.errors import MISCONFIGURED, REFUSED, UNEXPECTED, UNREACHABLE, Paused, Stopped
from consumer.feeds import Feeds
from consumer.input import Hops, InputGroup
from consumer.instance import Instance, claim_instance
from consumer.introductions import Introductions
from consumer.loop import Loop, Parts
from consumer.memory import settle
from consumer.metrics_server import MetricsServer
from consumer.outputs import OutputFraming
from consumer.ownership import Ownership
from consumer.places import Places
from consumer.present_topics import added, identify
from consumer.processor import Processor
from consumer.registry_client import RegistryClient
from consumer.rights import ClientErrors, denied, wrong_setting
from consumer.same_topic import SameTopic
from consumer.settings import Addresses, Settings, resolve_addresses
from consumer.sorting import Sorter
from consumer.supervisor import Supervisor, end_with
from consumer.telemetry import Metrics, Telemetry, configure_logging
from consumer.transactions import Transactions
from consumer.zones import use_pinned_zones
from schemas.avro_schema import BADGE_DECISIONS as DECISIONS_SCHEMA
from schemas.avro_schema import BADGE_ISSUED as ISSUED_SCHEMA
from schemas.avro_schema import schema_text
from schemas.catalogue import (
    BADGE_DECISIONS,
    BADGE_HOPS,
    BADGE_ISSUED,
    CUSTOMER_ACTIONS,
    CUSTOMER_STATE,
    DEAD_LETTERS,
)
from schemas.errors import UnreadableRecord
from schemas.registry import RegistryRefused, RegistryUnavailable, RememberedSchemas
from state.cache import StateCache
from state.document import UnknownFormat
from state.errors import ViewError, ViewRefused
from state.redis_view import RedisView

CACHED_CUSTOMERS: Final = 200_000
"""A small customer takes about 3 KiB of memory."""

_WRITTEN: Final = (
    CUSTOMER_ACTIONS, BADGE_ISSUED, BADGE_DECISIONS, DEAD_LETTERS, CUSTOMER_STATE, BADGE_HOPS,
)  # fmt: skip
"""In the order of `Topics`."""
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
    topic = work.settings.topics.prefix + CUSTOMER_ACTIONS
    telemetry = Telemetry(clock, Metrics(), f"{work.instance}-{worker}", topic)
    try:
        _run(work, worker, stopped, telemetry)
    except Stopped as error:
        telemetry.stopped(str(error), error.exit_code)
        return error.exit_code
    except Paused as error:
        telemetry.stopped(f"{error}; see `badges status`, then start again", UNREACHABLE)
        return UNREACHABLE
    except (ViewRefused, UnreadableRecord, UnknownFormat) as error:
        telemetry.stopped(str(error), REFUSED)
        return REFUSED
    except ViewError as error:
        telemetry.stopped(str(error), UNREACHABLE)
        return UNREACHABLE
    except KafkaException as error:
        stop = denied(error.args[0]) or _misconfigured(error.args[0])
        telemetry.stopped(str(stop), stop.exit_code)
        return stop.exit_code
    except Exception as error:  # noqa: BLE001 -- the last line and the exit code, whatever it is
        # A defect: the type says enough for a log, the message might hold what a customer did.
        telemetry.stopped(
            f"unexpected {type(error).__name__}; report it with the traceback below", UNEXPECTED
        )
        sys.stderr.writelines(format_tb(error.__traceback__))
        return UNEXPECTED
    telemetry.stopped("drained", 0)
    return 0


def _misconfigured(error: KafkaError) -> Stopped:
    wrong = wrong_setting(error)
    if wrong is not None:
        return Stopped(wrong, MISCONFIGURED)
    return Stopped(f"Kafka: {error.name()}; see `badges status`, then start again", UNREACHABLE)


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
    clients = ClientErrors()
    config = ClientConfig(settings, work.addresses.bootstrap_servers, clients)
    admin = AdminClient(config.client(), logger=_librdkafka)
    topic, present = identify(admin, prefix, clients)
    partitions = topic.partitions
    view = RedisView(work.addresses.redis_url.get_secret_value(), prefix=prefix)
    warnings = [*view.check_server(), *added(present, partitions)]
    feeds = Feeds(config.reader(), prefix, _librdkafka, clock)
    group = InputGroup(
        config.member(), prefix + CUSTOMER_ACTIONS, _librdkafka, Hops(prefix + BADGE_HOPS, partitions)
    )
    changelog = Changelog(config.reader(), prefix + CUSTOMER_STATE, admin, _librdkafka, clock)
    cache = StateCache(CACHED_CUSTOMERS)
    ownership = Ownership(group, changelog, view, cache, topic, accept_reset=work.accept_reset)
    identity = f"{prefix}.{settings.consumer.group}.{work.instance}.{worker}"
    transactions = Transactions(config.producer(identity), _librdkafka, clock)
    topics = Topics(*(prefix + name for name in _WRITTEN))
    registry = _registry(settings)
    sorter = Sorter(cache, partitions, registry and RememberedSchemas(registry), monotonic)
    framing = _framing(registry, topics)
    places = Places(view, cache, feeds, partitions, topics.hops, framing)
    processor = Processor(view, cache, feeds, sorter, framing, places)
    source = f"/badges/{settings.consumer.group}"
    committer = Committer(transactions, processor.decide, topics, view, cache, source, partitions)
    reports = Introductions(view, cache, feeds, places, partitions)
    parts = Parts(
        group, ownership, processor, committer, transactions, feeds, view, clock, telemetry, clients,
        SameTopic(admin, prefix + CUSTOMER_ACTIONS, topic.topic_id, clock), reports,
    )  # fmt: skip
    server = None
    if settings.metrics.port:
        server = MetricsServer(settings.metrics.port + worker, telemetry, clock)
    settle()
    telemetry.started(partitions=partitions, code=code(), warnings=warnings)
    ends = _ends(config, topics, group, present, partitions) if work.exit_at_end else None
    try:
        Loop(parts).run(stopped, lambda: ends is not None and not places.waiting() and ends.reached())
    finally:
        transactions.discard()
        group.leave()
        _close(feeds, changelog, view, server, ends)


def _ends(config: ClientConfig, topics: Topics, group: InputGroup, present: int, partitions: int) -> EndWatch:
    actions = Watched(topics.actions, present, group.committed)
    hops = Watched(topics.hops, partitions, group.committed_hops)
    return EndWatch(config.reader(), actions, hops, SystemClock(), _librdkafka)


def _close(*parts: Feeds | Changelog | RedisView | MetricsServer | EndWatch | None) -> None:
    for part in parts:
        if part is not None:
            part.close()


def _registry(settings: Settings) -> RegistryClient | None:
    url = settings.registry.url
    return None if url is None else RegistryClient(url.get_secret_value())


def _framing(registry: RegistryClient | None, topics: Topics) -> OutputFraming:
    """The ids of the outputs' schemas under the subjects of their topics, where they are registered if need
    be.
    """
    if registry is None:
        return OutputFraming()

    def schema_id(topic: str, name: str) -> int:
        subject, text = f"{topic}-value", schema_text(name)
        known = registry.registered_id(subject, text)
        return registry.register(subject, text) if known is None else known

    try:
        return OutputFraming(
            schema_id(topics.issued, ISSUED_SCHEMA), schema_id(topics.decisions, DECISIONS_SCHEMA)
        )
    except (RegistryUnavailable, RegistryRefused) as error:
        raise Stopped(str(error), error.exit_code) from None
