"""The commands' way to the broker: clients with the user's settings, and what every command asks first."""

from __future__ import annotations

import logging
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ClusterMetadata  # type: ignore[attr-defined]  # stubs

from consumer.failure import DIFFERENT, UNREACHABLE, Failure
from consumer.settings import Settings, kafka_address

PROBE_S: Final = 10
"""A broker that has not answered a metadata request by then counts as unreachable."""
READ_GROUP: Final = "badges-command"
"""librdkafka wants a group id of every consumer; nothing is ever committed under this one."""

# Without a logger librdkafka writes to stderr by itself; what matters reaches a command as an error.
_silent = logging.getLogger("consumer.librdkafka")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Broker:
    """One broker address with the settings of this process. Opening it asks the broker for its metadata."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.address = kafka_address(settings)
        self.admin = AdminClient(self._client("admin"), logger=_silent)
        self.metadata = self._probe()

    def _client(self, kind: str) -> dict[str, Any]:
        return {
            "client.id": "badges-command",
            **self.settings.client_settings(kind),
            "bootstrap.servers": self.address,
        }

    def _probe(self) -> ClusterMetadata:
        try:
            return self.admin.list_topics(timeout=PROBE_S)
        except KafkaException as error:
            message = f"Kafka at {self.address} does not answer ({error.args[0].str()})"
            raise Failure(
                UNREACHABLE, f"{message}; start it with `badges up`, or correct the address"
            ) from None

    def topic(self, name: str) -> str:
        """The name of a topic under the prefix of the settings."""
        return self.settings.topics.prefix + name

    def partitions(self, name: str) -> int:
        """How many partitions a topic of ours has."""
        topic = self.metadata.topics.get(self.topic(name))
        if topic is None or topic.error is not None or not topic.partitions:
            raise Failure(DIFFERENT, f"topic {self.topic(name)} does not exist; run `badges topics create`")
        return len(topic.partitions)

    def producer(self, **fixed: Any) -> Producer:
        """Idempotent, with the partitioner of contract.md section 4."""
        config = {
            "linger.ms": 20,
            "compression.type": "lz4",
            "message.max.bytes": 10_485_760,  # what the topics take
            "retry.backoff.ms": 10,  # the default of 100 would be waited once per transaction
            **self._client("producer"),
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            **fixed,
        }
        return Producer(config, logger=_silent)

    def reader(self) -> Consumer:
        """A consumer without membership that reads committed records and tells where a partition ends."""
        config = {
            "fetch.wait.max.ms": 10,  # the default of 500 would be waited for the end of each partition
            **self._client("consumer"),
            "group.id": READ_GROUP,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
        }
        return Consumer(config, logger=_silent)
