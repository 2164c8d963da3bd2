"""InputGroup: what the client says of partitions that stand still, and of those that go on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer import input as input_module
from consumer.errors import AssignmentLost, Stopped
from consumer.input import InputGroup


class Client:
    """A consumer that gives what is put into `found`, and refuses to seek in `given_up`."""

    def __init__(self, *_: object, **__: object) -> None:
        self.found: list[Any] = []
        self.given_up: set[int] = set()
        self.offsets: dict[int, int] = {}

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.offsets = {one.partition: one.offset for one in partitions}

    def pause(self, partitions: list[TopicPartition]) -> None:
        pass

    resume = pause

    def seek(self, place: TopicPartition) -> None:
        if place.partition in self.given_up:
            raise KafkaException(KafkaError(KafkaError._STATE))
        self.offsets[place.partition] = place.offset

    def consume(self, most: int, _wait: float) -> list[Any]:
        taken, self.found = self.found[:most], self.found[most:]
        return taken


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    found = Client()
    monkeypatch.setattr(input_module, "Consumer", lambda *_, **__: found)
    return found


@pytest.fixture
def group(client: Client) -> InputGroup:
    """Given the partitions 0 and 1."""
    found = InputGroup({}, "actions", None)
    found._assign(client, [TopicPartition("actions", 0), TopicPartition("actions", 1)])  # type: ignore[arg-type]
    return found


def not_kept(partition: int) -> Any:
    error = KafkaError(KafkaError._AUTO_OFFSET_RESET)
    return SimpleNamespace(error=lambda: error, topic=lambda: "actions", partition=lambda: partition)


def test_a_new_assignment_stands_at_a_fixed_offset_not_at_one_that_is_asked_for(
    group: InputGroup, client: Client
) -> None:
    assert group.assigned == {0, 1}
    assert client.offsets == {0: 0, 1: 0}


def test_an_offset_that_is_not_kept_matters_only_where_reading_goes_on(
    group: InputGroup, client: Client
) -> None:
    client.found = [not_kept(0)]
    assert group.take(10) == []
    group.resume({0: 7})
    client.found = [not_kept(1)]
    assert group.take(10) == []
    client.found = [not_kept(0)]
    with pytest.raises(Stopped, match="--accept-reset"):
        group.take(10)
    group.pause([0])
    client.found = [not_kept(0)]
    group.serve()


def test_a_partition_that_the_client_gave_up_is_joined_anew(group: InputGroup, client: Client) -> None:
    client.given_up = {1}
    with pytest.raises(AssignmentLost):
        group.resume({0: 7, 1: 9})


@pytest.mark.parametrize("taken_away_at_once", [False, True])
def test_a_worker_that_polled_too_late_is_told_so_also_where_its_partitions_are_taken_away_at_once(
    monkeypatch: pytest.MonkeyPatch, group: InputGroup, client: Client, taken_away_at_once: bool
) -> None:
    error = KafkaError(KafkaError._MAX_POLL_EXCEEDED)
    client.found = [SimpleNamespace(error=lambda: error, topic=lambda: None, partition=lambda: -1)]
    consume = client.consume

    def consume_and_revoke(most: int, wait: float) -> list[Any]:
        found = consume(most, wait)
        if not found and taken_away_at_once:
            group._revoke(client, [])  # type: ignore[arg-type]
        return found

    monkeypatch.setattr(client, "consume", consume_and_revoke)
    monkeypatch.setattr(client, "unassign", lambda: None, raising=False)
    with pytest.raises(AssignmentLost, match=r"max\.poll\.interval"):
        group.take(10)
