"""What `badges verify --issued` compares, over made-up logs of one partition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from uuid import UUID

import pytest

from consumer.issued_check import IssuedCheck, Told, Topic, check_issued

ISSUED: Topic = "badge-issued"
DECIDED: Topic = "badge-decisions"


def identity(number: int) -> bytes:
    return number.to_bytes(16, "big")


def name(number: int) -> str:
    return str(UUID(bytes=identity(number)))


@dataclass
class MadeUpLogs:
    """Whatever a running worker does between two requests is done by `meanwhile`, with the number of the
    request.
    """

    meanwhile: Callable[[int], None] = lambda request: None
    partition: int = 3
    _records: dict[Topic, list[Told]] = field(default_factory=lambda: {ISSUED: [], DECIDED: []})
    _starts: dict[Topic, int] = field(default_factory=lambda: {ISSUED: 0, DECIDED: 0})
    _requests: int = 0

    def committed_end(self, topic: Topic) -> int:
        self._next()
        return len(self._records[topic])

    def read(self, topic: Topic) -> list[Told]:
        self._next()
        return self._records[topic][self._starts[topic] :]

    def lost(self, topic: Topic) -> bool:
        self._next()
        return self._starts[topic] > 0

    def tell(self, topic: Topic, at: int, *numbers: int) -> None:
        records = self._records[topic]
        issuances = tuple((identity(number), "gold") for number in numbers)
        records.append(Told(len(records), at, "7:asha", issuances))

    def commit(self, at: int, *numbers: int) -> None:
        """One act, decided and issued."""
        self.tell(DECIDED, at, *numbers)
        for number in numbers:
            self.tell(ISSUED, at, number)

    def remove_before(self, topic: Topic, offset: int) -> None:
        """As retention does."""
        self._starts[topic] = offset

    def _next(self) -> None:
        self._requests += 1
        self.meanwhile(self._requests)


def committed(*instants: int) -> MadeUpLogs:
    """Each instant issued the badge of its own number."""
    logs = MadeUpLogs()
    for at in instants:
        logs.commit(at, at)
    return logs


def names(found: IssuedCheck) -> tuple[list[str], list[str], list[str]]:
    return list(found.missing), list(found.unknown), list(found.twice)


def test_nothing_is_equal_to_nothing() -> None:
    assert check_issued(MadeUpLogs()) == IssuedCheck(3)


def test_an_act_that_issued_several_badges_and_one_that_issued_none_are_equal() -> None:
    logs = MadeUpLogs()
    logs.commit(1, 10, 11, 12)
    logs.commit(2)
    assert check_issued(logs) == IssuedCheck(3, decided=3, issued=3)


def test_a_decision_whose_issuance_is_gone_is_missing_with_its_place() -> None:
    logs = committed(1, 2)
    logs.tell(DECIDED, 3, 9)
    logs.commit(4, 4)
    found = check_issued(logs)
    assert names(found) == ([name(9)], [], [])
    assert found.missing[name(9)] == (DECIDED, 2, 3, "7:asha", "gold")


def test_an_issuance_whose_decision_is_gone_is_unknown_with_its_place() -> None:
    logs = committed(1, 2)
    logs.tell(ISSUED, 3, 9)
    logs.commit(4, 4)
    found = check_issued(logs)
    assert names(found) == ([], [name(9)], [])
    assert found.unknown[name(9)] == (ISSUED, 2, 3, "7:asha", "gold")


@pytest.mark.parametrize("topic", [ISSUED, DECIDED])
def test_what_one_topic_tells_twice_is_told_by_its_second_place(topic: Topic) -> None:
    logs = committed(1, 2)
    logs.tell(topic, 3, 1)
    found = check_issued(logs)
    assert names(found) == ([], [], [name(1)])
    assert (found.twice[name(1)].topic, found.twice[name(1)].offset) == (topic, 2)
    assert (found.decided, found.issued) == (2, 2)


@pytest.mark.parametrize(("issued", "decided"), list(product(range(7), range(7))))
def test_retention_never_makes_a_difference(issued: int, decided: int) -> None:
    logs = MadeUpLogs()
    for number, at in enumerate((1, 1, 2, 2, 2, 3)):
        logs.commit(at, number)
    logs.remove_before(ISSUED, issued)
    logs.remove_before(DECIDED, decided)
    assert check_issued(logs).equal


@pytest.mark.parametrize(("removed_from", "topic"), list(product((ISSUED, DECIDED), (ISSUED, DECIDED))))
def test_what_is_torn_after_the_records_that_retention_removed_is_found(
    removed_from: Topic, topic: Topic
) -> None:
    logs = committed(1, 2, 3, 4)
    logs.tell(topic, 5, 9)
    logs.remove_before(removed_from, 2)
    found = check_issued(logs)
    assert sorted((*found.missing, *found.unknown)) == [name(9)]
    assert found.compared_after == 3


def test_a_check_says_that_it_compared_from_the_start() -> None:
    assert check_issued(committed(1, 2)).compared_after is None


@pytest.mark.parametrize("topic", [ISSUED, DECIDED])
def test_where_retention_emptied_a_topic_nothing_was_compared_up_to_the_newest_record(topic: Topic) -> None:
    logs = committed(1, 2, 3)
    logs.remove_before(topic, 3)
    found = check_issued(logs)
    assert (found.equal, found.compared_after) == (True, 3)


def test_decisions_that_issued_nothing_tell_too_how_far_retention_went() -> None:
    logs = committed(1)
    logs.commit(2)
    logs.tell(ISSUED, 3, 9)
    logs.remove_before(DECIDED, 1)
    found = check_issued(logs)
    assert (names(found), found.compared_after) == (([], [name(9)], []), 2)


@pytest.mark.parametrize("request_number", range(1, 6))
def test_what_a_worker_commits_between_two_requests_is_no_difference(request_number: int) -> None:
    logs = committed(1)

    def commit(number: int) -> None:
        if number == request_number:
            logs.commit(2, 2)

    logs.meanwhile = commit
    assert check_issued(logs).equal


def test_a_worker_that_commits_before_every_request_hides_nothing_that_was_torn_before() -> None:
    logs = committed(1)
    logs.tell(DECIDED, 2, 8)
    logs.tell(ISSUED, 2, 9)
    logs.meanwhile = lambda number: logs.commit(2 + number, 100 + number)
    assert names(check_issued(logs)) == ([name(8)], [name(9)], [])


def test_retention_that_goes_on_while_the_topics_are_read_makes_no_difference() -> None:
    logs = committed(1, 2, 3, 4, 5, 6)
    logs.meanwhile = lambda number: logs.remove_before(ISSUED if number % 2 else DECIDED, number)
    assert check_issued(logs).equal
