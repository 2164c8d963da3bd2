"""The composition root: the only place that knows every concrete class. Nothing connects before `run` is
called.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from confluent_kafka.admin import AdminClient

from consumer.addresses import Addresses
from consumer.batch import Committer
from consumer.batch_records import Topics
from consumer.changelog import Changelog
from consumer.client_config import ClientConfig
from consumer.clock import SystemClock
from consumer.compiled import code
from consumer.end_watch import EndWatch, Watched
from consumer.errors import Stopped
from consumer.feeds import Feeds
from consumer.input import Hops, InputGroup
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
from consumer.rights import ClientErrors
from consumer.same_topic import SameTopic
from consumer.settings import Settings
from consumer.sorting import Sorter
from consumer.telemetry import Telemetry
from consumer.transactions import Transactions
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
from schemas.registry import RegistryRefused, RegistryUnavailable, RememberedSchemas
from state.cache import StateCache
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


def run(work: Work, worker: int, stopping: Callable[[], bool], telemetry: Telemetry) -> None:
    """One worker, made and run until it is stopped or has reached the end. Raises what ends it."""
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
        Loop(parts).run(stopping, lambda: ends is not None and not places.waiting() and ends.reached())
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
