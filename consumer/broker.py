"""The commands' way to the broker: clients with the user's settings, and what every command asks first."""

from __future__ import annotations

import logging
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import (
    AclOperation,
    AdminClient,
    ClusterMetadata,
    TopicMetadata,
)

from consumer.addresses import kafka_address
from consumer.errors import MISCONFIGURED
from consumer.failure import DIFFERENT, UNREACHABLE, Failure
from consumer.rights import CHECK, ClientErrors, check_topic, denied
from consumer.settings import Settings

PROBE_S: Final = 10
"""A broker that has not answered a metadata request by then counts as unreachable."""
TRANSACTION_S: Final = 30
"""How long a transaction of a command may last, and how long each of its steps is waited for."""

# Without a logger librdkafka writes to stderr by itself; what matters reaches a command as an error.
_silent = logging.getLogger("consumer.librdkafka")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Broker:
    """One broker address with the settings of this process. Opening it asks the broker for its metadata."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.address = kafka_address(settings)
        self._errors = ClientErrors()
        self.admin = AdminClient(self._client("admin"), logger=_silent)
        self.metadata = self._probe()

    def _client(self, kind: str) -> dict[str, Any]:
        return {
            "client.id": "badges-command",
            **self.settings.client_settings(kind),
            "bootstrap.servers": self.address,
            "error_cb": self._errors,
        }

    def _probe(self) -> ClusterMetadata:
        try:
            return self.admin.list_topics(timeout=PROBE_S)
        except KafkaException as error:
            self.admin.poll(0)  # calls `_errors`
            stop = self._errors.unanswered(error.args[0])
            if stop.exit_code == MISCONFIGURED:
                raise stop from None
            told = f"Kafka at {self.address} does not answer ({self._errors.last or error.args[0].str()})"
            raise Failure(UNREACHABLE, f"{told}; start it with `badges up`, or {CHECK}") from None

    def topic(self, name: str) -> str:
        """The name of a topic under the prefix of the settings."""
        return self.settings.topics.prefix + name

    def partitions(self, name: str) -> int:
        """How many partitions a topic of ours has."""
        topic = self.metadata.topics.get(self.topic(name))
        if topic is None:
            topic = self.asked_for(self.topic(name))
        if topic is None or topic.error is not None or not topic.partitions:
            raise _missing(self.topic(name))
        return len(topic.partitions)

    def asked_for(self, topic: str) -> TopicMetadata | None:
        """Topics without a right are in no list; only a question about one of them tells."""
        found = self.admin.list_topics(topic, timeout=PROBE_S).topics.get(topic)
        stop = denied(found.error, topic) if found and found.error else None
        if stop is not None:
            raise stop
        return found

    def check_writable(self, *names: str) -> None:
        """Before a transaction over these topics: one that fails by a right does not say on which topic."""
        asked = TopicCollection([self.topic(name) for name in names])
        found = self.admin.describe_topics(asked, include_authorized_operations=True, request_timeout=PROBE_S)
        for topic, answer in found.items():
            try:
                allowed = answer.result().authorized_operations
            except KafkaException as error:
                cause = error.args[0]
                if cause.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise _missing(topic) from None
                raise denied(cause, topic) or error from None
            check_topic(topic, allowed, (AclOperation.WRITE,))

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

    def sole_producer(self, name: str) -> Producer:
        """A producer of one transaction at a time under `name`: whoever makes the next one fences this one
        (KIP-98). Raises KafkaException.
        """
        identity = {"transactional.id": self.topic(name), "transaction.timeout.ms": TRANSACTION_S * 1000}
        producer = self.producer(**identity)
        producer.init_transactions(TRANSACTION_S)
        return producer

    def reader(self) -> Consumer:
        """A consumer without membership that reads committed records and tells where a partition ends."""
        config = {
            "fetch.wait.max.ms": 10,  # the default of 500 would be waited for the end of each partition
            **self._client("consumer"),
            "group.id": self.settings.consumer.group,  # librdkafka wants one; it is never joined
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
        }
        return Consumer(config, logger=_silent)


def _missing(topic: str) -> Failure:
    return Failure(DIFFERENT, f"topic {topic} does not exist; run `badges topics create`")
