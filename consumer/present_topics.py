"""The topics as they are when a worker starts: that they are there, may be used, and fit together."""

from __future__ import annotations

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, TopicDescription

from consumer.batch import TZDATA
from consumer.errors import REFUSED, Stopped
from consumer.ownership import Topic
from consumer.rights import WORKER_TOPICS, ClientErrors, check_topic, denied
from schemas.catalogue import BADGE_HOPS, CUSTOMER_ACTIONS, CUSTOMER_STATE


def added(present: int, logical: int) -> list[str]:
    """What to say of partitions that the input topic was given later."""
    if present <= logical:
        return []
    told = (
        f"customer-actions has {present} partitions and customer-state {logical}: each customer stays in "
        f"one of the {logical}, records in others are re-published there; send to the {logical} to save that"
    )
    return [told]


def identify(admin: AdminClient, prefix: str, clients: ClientErrors) -> tuple[Topic, int]:
    """The input topic's identity, with the logical number of partitions, and the number it has now."""
    try:
        cluster = admin.describe_cluster(request_timeout=10).result()
    except KafkaException as error:
        admin.poll(0)  # calls `clients`
        raise clients.unanswered(error.args[0]) from None
    found = _described(admin, prefix)
    actions, logical = found[CUSTOMER_ACTIONS], len(found[CUSTOMER_STATE].partitions)
    of_hops = len(found[BADGE_HOPS].partitions)
    if of_hops != logical:
        raise Stopped(
            f"{prefix}{BADGE_HOPS} has {of_hops} partitions, {prefix}{CUSTOMER_STATE} has {logical}; "
            f"as long as it is empty, delete it and run `badges topics create --partitions {logical}`",
            REFUSED,
        )
    topic = Topic(str(cluster.cluster_id), str(actions.topic_id), TZDATA, logical)
    return topic, len(actions.partitions)


def _described(admin: AdminClient, prefix: str) -> dict[str, TopicDescription]:
    """All topics of a worker by their names without prefix, each there and with the rights on it."""
    asked = TopicCollection([prefix + name for name in WORKER_TOPICS])
    answers = admin.describe_topics(asked, include_authorized_operations=True, request_timeout=10)
    found: dict[str, TopicDescription] = {}
    for name, needed in WORKER_TOPICS.items():
        topic = prefix + name
        try:
            found[name] = answers[topic].result()
        except KafkaException as error:
            raise denied(error.args[0], topic) or Stopped(
                f"{topic}: {error.args[0].name()}; run `badges topics create`", REFUSED
            ) from None
        check_topic(topic, found[name].authorized_operations, needed)
    return found
