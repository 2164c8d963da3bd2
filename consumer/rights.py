"""Kafka said no to who we are: no repetition helps, a person has to grant something."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import Enum
from typing import Final

from confluent_kafka import KafkaError
from confluent_kafka.admin import AclOperation

from consumer.errors import MISCONFIGURED, UNREACHABLE, Stopped
from schemas.catalogue import (
    BADGE_DECISIONS,
    BADGE_DEFINITIONS,
    BADGE_HOPS,
    BADGE_ISSUED,
    CUSTOMER_ACTIONS,
    CUSTOMER_STATE,
    DEAD_LETTERS,
    ORG_SETTINGS,
)

_WHERE: Final = "docs/rights.md lists all rights"
_DENIED: Final = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "Kafka denies a topic: grant READ on topics read and WRITE on topics written"
    ),
    KafkaError.GROUP_AUTHORIZATION_FAILED: "Kafka denies the group: grant READ on the group consumer.group",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "Kafka denies the transactional id: grant WRITE on transactional ids that begin with topics.prefix"
    ),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: (
        "Kafka denies the cluster: grant IDEMPOTENT_WRITE on it, or WRITE on the topics written"
    ),
}
WORKER_TOPICS: Final = {
    CUSTOMER_ACTIONS: (AclOperation.READ, AclOperation.WRITE),
    CUSTOMER_STATE: (AclOperation.READ, AclOperation.WRITE),
    BADGE_HOPS: (AclOperation.READ, AclOperation.WRITE),
    BADGE_DEFINITIONS: (AclOperation.READ,),
    ORG_SETTINGS: (AclOperation.READ,),
    BADGE_ISSUED: (AclOperation.WRITE,),
    BADGE_DECISIONS: (AclOperation.WRITE,),
    DEAD_LETTERS: (AclOperation.WRITE,),
}
"""What a worker does with each topic, by its name without prefix."""
_CREDENTIALS: Final = frozenset({KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._AUTHENTICATION})
_CLIENT_SIDE: Final = "Local: "
"""In the text of an error of authentication: the connection broke on the way, nobody refused anything."""
_SETTING: Final = re.compile(r"No such configuration property|Invalid value |Failed to create ")
_VALUE: Final = re.compile(r'(?<=Invalid value )".*"(?= for )', re.DOTALL)


def denied(error: KafkaError, what: str = "") -> Stopped | None:
    """The end of the worker where Kafka denies something, else None. `what` names the topic, if known."""
    told = _DENIED.get(error.code())
    if told is not None:
        return Stopped(f"{what or error.str()}: {told}; {_WHERE}", MISCONFIGURED)
    if refuses_credentials(error):
        return Stopped(_credentials(error), MISCONFIGURED)
    return None


def check_topic(topic: str, allowed: Collection[Enum] | None, needed: Iterable[Enum]) -> None:
    """Raises Stopped for the first right that is missing. `allowed` is the broker's own answer, None where it
    gives none. Asked before anything is read or written: later a missing right may look like an idle
    consumer, and a refused write does not say which topic it was for.
    """
    for operation in needed:
        if allowed is not None and operation not in allowed:
            told = f"Kafka denies {operation.name} on topic {topic}: grant it"
            raise Stopped(f"{told}; {_WHERE}", MISCONFIGURED)


def refuses_credentials(error: KafkaError) -> bool:
    """Whether the broker itself refused them; a connection lost meanwhile has the same code."""
    return error.code() in _CREDENTIALS and _CLIENT_SIDE not in error.str()


def _credentials(error: KafkaError) -> str:
    return f"Kafka refuses the credentials ({error.str()}); check sasl.* in kafka.client"


def wrong_setting(error: KafkaError) -> str | None:
    """What is wrong with a librdkafka setting that a client was made with, without its value; None for any
    other error."""
    if error.code() != KafkaError._INVALID_ARG or _SETTING.match(error.str()) is None:
        return None
    text = _VALUE.sub("(not shown)", error.str())
    return f"{text}; correct kafka.client, kafka.consumer or kafka.producer"


class ClientErrors:
    """What the clients report outside of any call. An instance is their `error_cb`."""

    def __init__(self) -> None:
        self._stop: Stopped | None = None
        self.last = ""
        """The last one that says why, as text; it holds addresses, never a secret."""

    def __call__(self, error: KafkaError) -> None:
        """Remembers a denial; everything else the client repairs by itself or says in a call."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.last = error.str()
        if refuses_credentials(error):
            # They were good once in this process, so they may be again: a parent tries once more.
            self._stop = self._stop or Stopped(_credentials(error), UNREACHABLE)
        else:
            self._stop = denied(error) or self._stop

    def check(self) -> None:
        """Raises Stopped where a client was denied."""
        if self._stop is not None:
            raise self._stop

    def unanswered(self, error: KafkaError) -> Stopped:
        """Why the very first question of this process has no answer."""
        if self._stop is not None:
            return Stopped(str(self._stop), MISCONFIGURED)
        return denied(error) or Stopped(
            f"Kafka does not answer ({self.last or error.str()}); {CHECK}", UNREACHABLE
        )


CHECK: Final = "check kafka.bootstrap_servers, and kafka.client where the broker wants SASL or TLS"
