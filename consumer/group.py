"""The consumer group as commands see it: its members and its committed offsets."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from consumer.broker import PROBE_S, Broker
from schemas.catalogue import CUSTOMER_ACTIONS

_FINDS_ITS_COORDINATOR: Final = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)
"""The first question about any group to a new cluster meets these, and one while brokers change."""
_PAUSE_S: Final = 0.1


def committed_offsets(broker: Broker) -> dict[int, int]:
    """The committed offsets of the input topic by partition, those without one left out."""
    group = broker.settings.consumer.group
    topic = broker.topic(CUSTOMER_ACTIONS)
    places = [TopicPartition(topic, partition) for partition in range(broker.partitions(CUSTOMER_ACTIONS))]
    asked = ConsumerGroupTopicPartitions(group, places)

    def ask() -> Any:
        admin = broker.admin
        return admin.list_consumer_group_offsets([asked], require_stable=True, request_timeout=PROBE_S)[group]

    try:
        found = _answer(ask).topic_partitions
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return {}
        raise
    return {place.partition: place.offset for place in found if place.offset >= 0}


def member_count(broker: Broker) -> int:
    """How many workers are in the group now."""
    group = broker.settings.consumer.group

    def ask() -> Any:
        return broker.admin.describe_consumer_groups([group], request_timeout=PROBE_S)[group]

    try:
        return len(_answer(ask).members)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        raise


def _answer(ask: Callable[[], Any]) -> Any:
    """The result of the future that `ask` makes; asked again while the group has no coordinator to answer."""
    deadline = time.monotonic() + PROBE_S
    while True:
        try:
            return ask().result()
        except KafkaException as error:
            passing = error.args[0].code() in _FINDS_ITS_COORDINATOR
            if not passing or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_S)
