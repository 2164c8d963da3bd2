"""librdkafka settings of each client of a worker."""

from __future__ import annotations

from typing import Any

from consumer.rights import ClientErrors
from consumer.settings import Settings


class ClientConfig:
    """What correctness depends on stands last, so nothing overrides it."""

    def __init__(self, settings: Settings, bootstrap_servers: str, errors: ClientErrors) -> None:
        self._settings = settings
        self._fixed = {"bootstrap.servers": bootstrap_servers, "client.id": "badges", "error_cb": errors}

    def client(self) -> dict[str, Any]:
        """For administration."""
        return {**self._settings.client_settings("admin"), **self._fixed}

    def reader(self) -> dict[str, Any]:
        """Without membership: committed records, and where they end."""
        return {
            "fetch.wait.max.ms": 10,  # the default of 500 would be waited for the end of each partition
            **self._settings.client_settings("consumer"),
            **self._fixed,
            "group.id": self._settings.consumer.group,  # not joined; another would need its own right
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            "check.crcs": True,
        }

    def member(self) -> dict[str, Any]:
        """For the group: classic protocol, eager range assignor (reliability.md K4).

        A fetch answered as soon as there is one record would cost broker and worker a request a record, while
        a busy worker takes a batch only every 50 ms or so.
        """
        return {
            "fetch.min.bytes": 65_536,
            "fetch.wait.max.ms": 20,
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
        """The transactional one.

        `linger.ms`: a partition's records come at once, and are to be under way while the next is decided.
        `retry.backoff.ms`: its default would cost 100 ms a transaction.
        """
        return {
            "linger.ms": 2,
            "compression.type": "lz4",
            "retry.backoff.ms": 10,
            "transaction.timeout.ms": 30_000,
            "message.max.bytes": 10_485_760,  # as the topics' max.message.bytes
            **self._settings.client_settings("producer"),
            **self._fixed,
            "transactional.id": identity,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "log_level": 6,  # transactions.py is told by the log that a connection broke
            "log.connection.close": True,
        }
