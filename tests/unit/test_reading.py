"""Questions about the ends of partitions while their leader changes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer.broker import Broker
from consumer.reading import SETTLING_POLLS, high_watermarks


def refused(code: int) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(KafkaException(KafkaError(code)))
    return future


def answered(offset: int) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(SimpleNamespace(offset=offset))
    return future


def broker(answers: Iterator[Future[Any]]) -> Broker:
    """One that gives these answers about partition 0, one a question, and looks at its metadata between."""

    def ask(asked: dict[TopicPartition, Any], **_: object) -> dict[TopicPartition, Future[Any]]:
        return {place: next(answers) for place in asked}

    def nothing(*_: object, **__: object) -> None:
        pass

    admin = SimpleNamespace(list_offsets=ask, poll=nothing, list_topics=nothing)
    return cast("Broker", SimpleNamespace(admin=admin))


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    ],
)
def test_a_partition_between_two_leaders_is_asked_for_again(code: int) -> None:
    refusals = [refused(code) for _ in range(SETTLING_POLLS)]
    assert high_watermarks(broker(iter([*refusals, answered(7)])), "topic", [0]) == {0: 7}


def test_a_partition_that_stays_without_a_leader_is_an_error() -> None:
    refusals = (refused(KafkaError.LEADER_NOT_AVAILABLE) for _ in range(SETTLING_POLLS + 1))
    with pytest.raises(KafkaException):
        high_watermarks(broker(refusals), "topic", [0])


def test_another_refusal_is_told_at_once() -> None:
    answers = iter([refused(KafkaError.TOPIC_AUTHORIZATION_FAILED), answered(7)])
    with pytest.raises(KafkaException):
        high_watermarks(broker(answers), "topic", [0])
