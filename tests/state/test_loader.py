"""States and pages come out of a view as they went in, and nothing is decided on a hole."""

from __future__ import annotations

import pytest

from badges.customer import BadgeState, CustomerState, PageMissing
from state.document import UnknownFormat
from state.errors import MarkerMoved, ViewDamaged
from state.keys import head_key
from state.loader import Wanted, WantedPages, changed_documents, load_pages, load_states
from state.memory_view import MemoryView
from state.view import Document
from tests.state.test_view_contract import FIRST, SECOND


def paged_customer(customer_id: str = "42") -> CustomerState:
    """With all its seen events in two buckets, and a block of days."""
    state = CustomerState(7, customer_id)
    state.names.append("B")
    badge = state.badges["B"] = BadgeState(0)
    badge.blocks = {3}
    state.seen_buckets = 2
    state.seen_count = 1
    state.pages = {("s", 0): {b"\0" * 16: [0]}, ("s", 1): {}, ("t", 0, 3): {100: 2}}
    state.dirty = {("s", 0), ("s", 1), ("t", 0, 3)}
    return state


def stored(view: MemoryView, *states: CustomerState, partition: int = 1) -> None:
    documents = [Document(key, 0, value) for state in states for key, value in changed_documents(state)]
    view.apply(partition, None, documents, FIRST)


def test_the_changed_documents_are_the_head_and_the_dirty_pages_once() -> None:
    state = paged_customer()
    assert [key for key, _ in changed_documents(state)] == [
        b"7:42",
        b"!s:0:7:42",
        b"!s:1:7:42",
        b"!t:0:3:7:42",
    ]
    assert [key for key, _ in changed_documents(state)] == [b"7:42"]


def test_heads_come_in_order_and_unknown_customers_are_empty() -> None:
    view = MemoryView()
    stored(view, paged_customer("a"), paged_customer("b"))
    found = load_states(
        view, [Wanted(1, FIRST, [(7, "b"), (7, "new"), (7, "a")]), Wanted(2, None, [(7, "c")])]
    )
    assert isinstance(found[1], list)
    assert [state.customer_id for state in found[1]] == ["b", "new", "a"]
    assert [len(state.names) for state in found[1]] == [1, 0, 1]
    assert isinstance(found[2], list)


def test_a_page_is_demanded_loaded_and_used() -> None:
    view = MemoryView()
    stored(view, paged_customer())
    found = load_states(view, [Wanted(1, FIRST, [(7, "42")])])[1]
    assert isinstance(found, list)
    [state] = found
    with pytest.raises(PageMissing) as demand:
        state.seen_by(b"\0" * 16)
    assert load_pages(view, [WantedPages(1, FIRST, [(state, demand.value.keys)])]) == {1: None}
    assert state.seen_by(b"\0" * 16) == [0]
    load_pages(view, [WantedPages(1, FIRST, [(state, [("t", 0, 3)])])])
    assert state.day_counts(state.badges["B"], 96, 127) == 2


def test_another_marker_is_told_per_partition() -> None:
    view = MemoryView()
    stored(view, paged_customer())
    wanted = [Wanted(1, SECOND, [(7, "42")]), Wanted(2, None, [])]
    found = load_states(view, wanted)
    assert isinstance(found[1], MarkerMoved)
    assert found[2] == []
    assert isinstance(load_pages(view, [WantedPages(1, SECOND, [])])[1], MarkerMoved)


def test_a_page_that_the_view_lacks_is_damage_and_not_an_empty_page() -> None:
    view = MemoryView()
    stored(view, paged_customer())
    state = paged_customer()
    error = load_pages(view, [WantedPages(1, FIRST, [(state, [("s", 7)])])])[1]
    assert isinstance(error, ViewDamaged)
    assert str(error).endswith("run `badges rebuild`")


def test_unreadable_documents_are_damage() -> None:
    view = MemoryView()
    documents = [Document(head_key(7, "42"), 0, b"junk"), Document(b"!s:0:7:42", 0, b"junk")]
    view.apply(1, None, documents, FIRST)
    assert isinstance(load_states(view, [Wanted(1, FIRST, [(7, "42")])])[1], ViewDamaged)
    pages = WantedPages(1, FIRST, [(CustomerState(7, "42"), [("s", 0)])])
    assert isinstance(load_pages(view, [pages])[1], ViewDamaged)


def test_a_state_of_a_newer_release_stops_the_program() -> None:
    view = MemoryView()
    view.apply(1, None, [Document(head_key(7, "42"), 0, b"\x98\x63rest")], FIRST)
    with pytest.raises(UnknownFormat):
        load_states(view, [Wanted(1, FIRST, [(7, "42")])])
