"""Questions about the consumer group while its coordinator is being found."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from consumer import group
from consumer.broker import Broker

MOVING = [
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
]


def refused(code: int) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(KafkaException(KafkaError(code)))
    return future


def answered(result: object) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(result)
    return future


def broker(answers: Iterator[Future[Any]]) -> Broker:
    """A broker with four partitions that gives these answers about its group `g`, one a question."""

    def ask(*_: object, **__: object) -> dict[str, Future[Any]]:
        return {"g": next(answers)}

    found = SimpleNamespace(
        settings=SimpleNamespace(consumer=SimpleNamespace(group="g")),
        admin=SimpleNamespace(list_consumer_group_offsets=ask, describe_consumer_groups=ask),
        topic=lambda name: name,
        partitions=lambda _name: 4,
    )
    return cast("Broker", found)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "_PAUSE_S", 0.0)


def test_a_group_without_coordinator_yet_is_asked_for_again() -> None:
    refusals = [refused(code) for code in MOVING]
    members = answered(SimpleNamespace(members=["one", "two"]))
    assert group.member_count(broker(iter([*refusals, members]))) == 2

    places = [SimpleNamespace(partition=0, offset=7), SimpleNamespace(partition=1, offset=-1001)]
    offsets = answered(SimpleNamespace(topic_partitions=places))
    assert group.committed_offsets(broker(iter([*refusals, offsets]))) == {0: 7}


def test_a_group_that_finds_no_coordinator_in_time_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "PROBE_S", -1)
    with pytest.raises(KafkaException) as raised:
        group.member_count(broker(iter([refused(KafkaError.NOT_COORDINATOR)])))
    assert raised.value.args[0].code() == KafkaError.NOT_COORDINATOR


@pytest.mark.parametrize("code", [KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError._TRANSPORT])
def test_another_refusal_is_told_at_once(code: int) -> None:
    with pytest.raises(KafkaException):
        group.member_count(broker(iter([refused(code)])))


def test_a_group_that_nobody_made_yet_has_no_member_and_no_offset() -> None:
    unknown = [refused(KafkaError.GROUP_ID_NOT_FOUND) for _ in range(2)]
    asked = broker(iter(unknown))
    assert group.member_count(asked) == 0
    assert group.committed_offsets(asked) == {}
