"""Messages of badge-hops and documents of places come back as they were."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from badges.decisions import LimitFact
from badges.places import Answer, BadgePlaces, Hop, Release, Report, Request
from schemas.errors import UnreadableRecord
from schemas.hops import decode_hop, encode_hop
from state.places import changed_places, day_key, decode_day, decode_places, places_key

small = st.integers(0, 2**40)
words = st.text(max_size=12)
identities = st.binary(min_size=16, max_size=16)
counts = st.dictionaries(small, st.integers(1, 99), max_size=9)
facts = st.builds(
    LimitFact, st.just("BADGE"), st.just("OVERALL"), small, small, st.none() | small, st.none() | small
)
requests = st.builds(Request, small, words, words, identities, small, small, small, small)
hops: st.SearchStrategy[Hop] = st.one_of(
    requests,
    st.builds(
        Answer,
        small,
        words,
        words,
        identities,
        small,
        small,
        st.none() | st.just("LIMIT_OVERALL"),
        st.lists(facts, max_size=3).map(tuple),
    ),
    st.builds(Release, small, words, small, small, small),
    st.builds(Report, small, words, small, small, st.booleans(), counts, counts),
)


@given(hops)
def test_a_message_comes_back_as_it_was(hop: Hop) -> None:
    again = decode_hop(encode_hop(hop))
    assert type(again) is type(hop)
    assert again == hop


@example(msgpack.packb([1, []]))
@given(st.binary(max_size=30) | st.recursive(st.integers(0, 9), st.lists).map(msgpack.packb))
def test_anything_else_is_refused_in_words(value: bytes) -> None:
    try:
        decode_hop(value)
    except UnreadableRecord:
        return
    pytest.fail("read what nobody wrote")


@given(
    small,
    small,
    st.lists(st.tuples(st.integers(1, 800_000), st.integers(0, 10**12)), max_size=20),
    st.sets(small, max_size=4),
    st.lists(requests, max_size=3),
)
def test_places_come_back_as_they_were(
    number: int, last_at: int, placed: list[tuple[int, int]], reported: set[int], waiting: list[Request]
) -> None:
    places = BadgePlaces(7, "gold")
    places.limit_number, places.last_at, places.reported = number, last_at, reported
    places.waiting = list(waiting)
    for day, instant in placed:
        places._count_day(day, 1)
        places._count_instant(instant, 1)
    pages = {day: dict(page) for day, page in places.pages.items()}
    store = dict(changed_places(places))
    again = decode_places(7, "gold", store[places_key(7, "gold")])
    names = ("limit_number", "last_at", "total", "days", "made", "reported", "waiting")
    assert [getattr(again, name) for name in names] == [getattr(places, name) for name in names]
    assert {day: decode_day(day, store[day_key(7, "gold", day)]) for day in pages} == pages
