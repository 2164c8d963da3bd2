"""The consumer group as commands see it: its members and its committed offsets."""

from __future__ import annotations

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from consumer.broker import PROBE_S, Broker
from schemas.catalogue import CUSTOMER_ACTIONS


def committed_offsets(broker: Broker) -> dict[int, int]:
    """The committed offsets of the input topic by partition, those without one left out."""
    group = broker.settings.consumer.group
    topic = broker.topic(CUSTOMER_ACTIONS)
    places = [TopicPartition(topic, partition) for partition in range(broker.partitions(CUSTOMER_ACTIONS))]
    asked = ConsumerGroupTopicPartitions(group, places)
    answers = broker.admin.list_consumer_group_offsets([asked], require_stable=True, request_timeout=PROBE_S)
    try:
        found = answers[group].result().topic_partitions
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return {}
        raise
    return {place.partition: place.offset for place in found if place.offset >= 0}


def member_count(broker: Broker) -> int:
    """How many workers are in the group now."""
    group = broker.settings.consumer.group
    answers = broker.admin.describe_consumer_groups([group], request_timeout=PROBE_S)
    try:
        return len(answers[group].result().members)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        raise
