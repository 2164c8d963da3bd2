"""The view against the changelog, look by look (`badges verify`)."""

from __future__ import annotations

import pytest

from consumer.state_reading import Folded, PartitionCheck
from schemas.changelog import PositionMarker
from state.marker import RedisMarker
from state.memory_view import MemoryView
from state.view import Document

A, B = b"7:a", b"7:b"


def position(sequence: int) -> PositionMarker:
    return PositionMarker(sequence, "cluster", "topic", sequence * 10, 0, 0, 0, "")


def marker(sequence: int, changelog_offset: int) -> RedisMarker:
    return RedisMarker(sequence, "cluster", "topic", sequence * 10, 0, (0, 0), changelog_offset)


def view_of(documents: dict[bytes, tuple[int, bytes]], stands: RedisMarker) -> MemoryView:
    view = MemoryView()
    view.apply(0, None, [Document(key, *at) for key, at in documents.items()], stands)
    return view


def folded(documents: dict[bytes, tuple[int, bytes | None]], sequence: int, end: int) -> Folded:
    return Folded(dict(documents), position(sequence), end)


def looked(view: MemoryView, log: Folded) -> PartitionCheck:
    check = PartitionCheck(0)
    check.look(view, log)
    return check


def test_an_empty_partition_is_equal_to_an_empty_view() -> None:
    check = looked(MemoryView(), Folded())
    assert check.equal
    assert (check.marker, check.documents, check.differences) == (None, 0, 0)


def test_a_view_that_is_the_fold_is_equal() -> None:
    check = looked(view_of({A: (3, b"x")}, marker(2, 5)), folded({A: (3, b"x")}, 2, 6))
    assert check.equal
    assert (check.marker, check.documents) == (20, 1)


@pytest.mark.parametrize(
    "held",
    [
        pytest.param({A: (3, b"altered"), B: (4, b"y")}, id="altered"),
        pytest.param({B: (4, b"y")}, id="missing"),
        pytest.param({A: (1, b"w"), B: (4, b"y")}, id="stale"),
        pytest.param({A: (3, b"x"), B: (4, b"y"), b"7:c": (2, b"z")}, id="unknown to the log"),
    ],
)
def test_one_wrong_document_is_one_difference_at_once(held: dict[bytes, tuple[int, bytes]]) -> None:
    log = folded({A: (3, b"x"), B: (4, b"y")}, 2, 6)
    check = looked(view_of(held, marker(2, 5)), log)
    assert (check.settled, check.differences, check.equal) == (True, 1, False)


def test_a_deleted_document_is_missing_rightly() -> None:
    assert looked(view_of({}, marker(2, 5)), folded({A: (3, None)}, 2, 6)).equal


def test_a_view_one_batch_behind_is_looked_at_again() -> None:
    view = view_of({A: (3, b"x")}, marker(2, 5))
    log = folded({A: (6, b"new")}, 3, 8)
    check = looked(view, log)
    assert not check.settled
    view.apply(0, marker(2, 5), [Document(A, 6, b"new")], marker(3, 8))
    check.look(view, log)
    assert check.equal


def test_a_view_ahead_of_what_was_read_is_judged_once_the_log_was_read_on() -> None:
    view = view_of({A: (6, b"new")}, marker(3, 8))
    log = folded({A: (3, b"x")}, 2, 5)
    check = looked(view, log)
    assert not check.settled
    log.documents[A], log.marker, log.end = (6, b"new"), position(3), 8
    check.look(view, log)
    assert check.equal


def test_a_document_that_the_log_never_held_is_a_difference_once_the_log_was_read_past_it() -> None:
    view = view_of({A: (6, b"phantom")}, marker(2, 5))
    log = folded({A: (3, b"x")}, 2, 5)
    check = looked(view, log)
    assert not check.settled
    log.end = 9
    check.look(view, log)
    assert (check.settled, check.differences) == (True, 1)


def test_what_stays_open_counts_as_a_difference() -> None:
    view = MemoryView()
    check = looked(view, folded({A: (3, b"x"), B: (4, b"y")}, 2, 6))
    assert (check.settled, check.equal, check.differences) == (False, False, 2)


def test_a_view_under_repair_is_not_settled() -> None:
    view = view_of({A: (3, b"x")}, marker(2, 5))
    view.claim(0, marker(2, 5))
    assert not looked(view, folded({A: (3, b"x")}, 2, 6)).settled


def test_a_marker_ahead_of_the_log_is_never_settled() -> None:
    check = looked(view_of({}, marker(9, 5)), folded({}, 2, 6))
    check.look(view_of({}, marker(9, 5)), folded({}, 2, 6))
    assert not check.settled
