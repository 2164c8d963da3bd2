"""Kafka said no to who we are: no repetition helps, a person has to grant something."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError

from consumer.errors import MISCONFIGURED, Stopped

_WHERE: Final = "docs/operations.md lists the rights of a worker"
_DENIED: Final = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "Kafka denies a topic: grant READ and DESCRIBE on topics read, WRITE and DESCRIBE on those written"
    ),
    KafkaError.GROUP_AUTHORIZATION_FAILED: "Kafka denies the group: grant READ on the group consumer.group",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "Kafka denies the transactional id: grant WRITE and DESCRIBE on transactional ids that begin with "
        "topics.prefix and consumer.group"
    ),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: (
        "Kafka denies the cluster: grant DESCRIBE and IDEMPOTENT_WRITE on it"
    ),
    KafkaError.SASL_AUTHENTICATION_FAILED: "Kafka refuses the credentials: check the settings kafka.client",
    KafkaError._AUTHENTICATION: "Kafka refuses the credentials: check the settings kafka.client",
}


def denied(error: KafkaError, what: str = "") -> Stopped | None:
    """The end of the worker where Kafka denies something, else None. `what` names the topic, if known."""
    told = _DENIED.get(error.code())
    if told is None:
        return None
    place = f"{what}: " if what else ""
    return Stopped(f"{place}{told}; {_WHERE}", MISCONFIGURED)


class ClientErrors:
    """What the clients report outside of any call. An instance is their `error_cb`."""

    def __init__(self) -> None:
        self._stop: Stopped | None = None

    def __call__(self, error: KafkaError) -> None:
        """Remembers a denial; everything else the client repairs by itself or says in a call."""
        self._stop = denied(error) or self._stop

    def check(self) -> None:
        """Raises Stopped where a client was denied."""
        if self._stop is not None:
            raise self._stop
