"""The cache keeps what was used last, forgets what it is told to, and stays near its limit."""

from __future__ import annotations

import pytest

from badges.customer import CustomerState, PageKey
from state.cache import PAGES_KEPT, StateCache


def put(cache: StateCache, partition: int, *customers: str) -> None:
    for customer in customers:
        cache.put(partition, CustomerState(7, customer))


def kept(cache: StateCache, partition: int, *customers: str) -> list[str]:
    return [customer for customer in customers if cache.get(partition, 7, customer) is not None]


def test_a_state_is_found_under_its_partition_org_and_customer_only() -> None:
    cache = StateCache(10)
    state = CustomerState(7, "a")
    cache.put(1, state)
    assert cache.get(1, 7, "a") is state
    assert cache.get(2, 7, "a") is None
    assert cache.get(1, 8, "a") is None
    assert cache.get(1, 7, "b") is None


def test_what_was_used_last_stays() -> None:
    cache = StateCache(3)
    put(cache, 1, "a", "b", "c")
    cache.get(1, 7, "a")
    put(cache, 1, "d")
    assert kept(cache, 1, "a", "b", "c", "d") == ["a", "c", "d"]
    assert len(cache) == 3


def test_a_busy_partition_does_not_empty_the_others() -> None:
    cache = StateCache(32)
    put(cache, 1, "a")
    put(cache, 2, *map(str, range(1000)))
    assert kept(cache, 1, "a") == ["a"]
    assert len(cache) <= 32
    assert kept(cache, 2, "999") == ["999"]


def test_a_state_put_again_counts_once() -> None:
    cache = StateCache(3)
    put(cache, 1, "a", "a", "a", "b", "c")
    assert len(cache) == 3


def test_forgotten_and_dropped_states_are_gone_and_make_room() -> None:
    cache = StateCache(10)
    put(cache, 1, "a", "b")
    put(cache, 2, "c")
    cache.forget(1, [(7, "a"), (7, "unknown")])
    cache.forget(9, [(7, "a")])
    assert (kept(cache, 1, "a", "b"), len(cache)) == (["b"], 2)
    cache.drop(1)
    cache.drop(1)
    assert (kept(cache, 1, "b"), kept(cache, 2, "c"), len(cache)) == ([], ["c"], 1)


def test_a_state_with_many_pages_is_kept_with_those_loaded_last() -> None:
    cache, kept = StateCache(10), PAGES_KEPT["s"]
    few, many, dirty = (CustomerState(7, name) for name in ("few", "many", "dirty"))
    few.pages["s", 0] = {}
    for state in (many, dirty):
        state.pages.update({("s", n): {} for n in range(kept + 1)})
    dirty.dirty.add(("s", 0))
    for state in (few, many, dirty):
        cache.put(1, state)
    assert [len(state.pages) for state in (few, many, dirty)] == [1, kept, kept + 1]
    assert list(many.pages) == [("s", n) for n in range(1, kept + 1)]


def test_seen_events_do_not_drive_out_the_counts_of_days() -> None:
    cache = StateCache(10)
    busy = CustomerState(7, "busy")
    days: list[PageKey] = [("t", badge, block) for badge in range(10) for block in range(3)]
    busy.pages.update({key: {} for key in days})
    busy.pages.update({("s", n): {} for n in range(500)})
    cache.put(1, busy)
    assert list(busy.pages) == [*days, *[("s", n) for n in range(500 - PAGES_KEPT["s"], 500)]]


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        StateCache(0)
