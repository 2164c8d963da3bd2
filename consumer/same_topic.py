"""Is the input still the topic that the worker began with? A topic that is deleted and created anew has the
same name and starts again at offset 0: a client that did not notice goes on at its old offset and skips
what lies before.
"""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from consumer.clock import Clock
from consumer.errors import REFUSED, Stopped

CHECK_S: Final = 5.0


class SameTopic:
    """Asked before batches are decided, so only while there is work, and the broker has just answered."""

    def __init__(self, admin: AdminClient, topic: str, topic_id: str, clock: Clock) -> None:
        self._admin = admin
        self._topic = topic
        self._topic_id = topic_id
        self._clock = clock
        self._next = 0.0

    def check(self) -> None:
        """Asks the broker at most once in CHECK_S. Raises Stopped; without an answer it asks again later."""
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + CHECK_S
        answers = self._admin.describe_topics(TopicCollection([self._topic]), request_timeout=5)
        try:
            found = answers[self._topic].result()
        except KafkaException:
            return  # a topic that is gone, or a broker, is told by the consumer itself
        if str(found.topic_id) != self._topic_id:
            raise Stopped(
                f"{self._topic} was deleted and created anew under the running worker; give the new one "
                "another topics.prefix and consumer.group, or delete customer-state too",
                REFUSED,
            )
