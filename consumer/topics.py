"""Topics: made as the catalogue says, and compared with it (contract.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    ConfigResource,
    NewTopic,
    ResourceType,
)

from consumer.broker import PROBE_S, Broker
from consumer.failure import INVALID, UNREACHABLE, Failure
from schemas.catalogue import CUSTOMER_STATE, Topic, topics

Result = Literal["CREATED", "EXISTS", "DIFFERS"]
CREATE_S: Final = 30
_VISIBLE_POLLS: Final = 100
_NO_RIGHT: Final = (
    "Kafka denies making or seeing the topic: grant CREATE, DESCRIBE and DESCRIBE_CONFIGS; "
    "docs/rights.md lists all rights"
)


@dataclass(frozen=True)
class TopicResult:
    """What became of one topic. `differs` names each difference with what is and what should be."""

    topic: str
    result: Result
    differs: dict[str, str] = field(default_factory=dict)


def create_topics(broker: Broker, partitions: int) -> list[TopicResult]:
    """Creates what is missing; what exists is compared and left as it is. In the order of the catalogue.

    Topics that exist keep their number of partitions: it decides which customer is where, for ever.
    """
    prefix = broker.settings.topics.prefix
    missing = [topic for topic in topics(prefix) if topic.name not in broker.metadata.topics]
    made = _create(broker, missing, partitions)
    return [
        TopicResult(topic.name, "CREATED") if topic.name in made else _compared(broker, topic, partitions)
        for topic in topics(prefix)
    ]


def _create(broker: Broker, missing: list[Topic], partitions: int) -> set[str]:
    """The names of those that were made just now; another command may have been quicker with the others."""
    if not missing:
        return set()
    new = [
        NewTopic(topic.name, num_partitions=topic.partition_count(partitions), config=dict(topic.config))
        for topic in missing
    ]
    made = set()
    for name, answer in broker.admin.create_topics(new, operation_timeout=CREATE_S).items():
        try:
            answer.result()
            made.add(name)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise Failure(INVALID, f"{name}: {_NO_RIGHT}") from None
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise Failure(
                    UNREACHABLE,
                    f"topic {name} could not be created ({error.args[0].str()}); see what Kafka's log says",
                ) from None
    _wait_until_visible(broker, [topic.name for topic in missing])
    return made


def _wait_until_visible(broker: Broker, names: list[str]) -> None:
    """A broker acknowledges a topic before all its partitions have a leader."""
    for _ in range(_VISIBLE_POLLS):
        broker.metadata = broker.admin.list_topics(timeout=PROBE_S)
        known = [broker.metadata.topics.get(name) for name in names]
        if all(topic and topic.partitions and _led(topic) for topic in known):
            return
        broker.admin.poll(0.1)
    for name in names:
        broker.asked_for(name)  # says so where a right is missing
    raise Failure(UNREACHABLE, "Kafka created the topics but gives them no leaders; see what its log says")


def _led(topic: Any) -> bool:
    return topic.error is None and all(one.leader >= 0 for one in topic.partitions.values())


def _compared(broker: Broker, topic: Topic, partitions: int) -> TopicResult:
    differs: dict[str, str] = {}
    found = len(broker.metadata.topics[topic.name].partitions)
    wanted = topic.partition_count(partitions)
    if found != wanted:
        differs["partitions"] = f"is {found}, should be {wanted}"
    actual = _config(broker, topic.name)
    for name, value in topic.config.items():
        if actual.get(name) != value:
            differs[name] = f"is {actual.get(name)}, should be {value}"
    return TopicResult(topic.name, "DIFFERS" if differs else "EXISTS", differs)


def _config(broker: Broker, name: str) -> dict[str, str | None]:
    resource = ConfigResource(ResourceType.TOPIC, name)
    answers = broker.admin.describe_configs([resource], request_timeout=PROBE_S)
    try:
        found = answers[resource].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise Failure(INVALID, f"{name}: {_NO_RIGHT}") from None
        raise
    return {entry.name: entry.value for entry in found.values()}


def known_partitions(broker: Broker) -> int | None:
    """How many partitions the customers are spread over; None before the topics exist."""
    topic = broker.metadata.topics.get(broker.topic(CUSTOMER_STATE))
    return len(topic.partitions) if topic and topic.partitions else None
