"""Documents give back every field of a state, and refuse what they do not know."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from badges.actions import CustomerAction
from badges.customer import BadgeState, CustomerState, Enrolment, Issuance, PageKey, Reservation
from badges.decisions import LimitFact
from state.document import (
    FORMAT,
    WITH_RESERVED,
    Damaged,
    UnknownFormat,
    decode_head,
    decode_page,
    encode_head,
    encode_page,
)
from tests.states import STATES, fields

BADGE_ITEMS = 9
"""Of a badge in a head of format 1."""
instants = st.integers(-62_135_596_800_000, 253_402_300_799_999)
maybe_instants = st.none() | instants
small = st.integers(0, 2**40)
big = st.integers(-(10**40), 10**40)
identities = st.binary(min_size=16, max_size=16)
seen_maps = st.dictionaries(identities, st.lists(st.integers(-1, 300), max_size=3), max_size=20)
day_maps = st.dictionaries(st.integers(1, 4_000_000), st.integers(1, 1000), max_size=24)
enrolments = st.builds(Enrolment, identities, instants, maybe_instants, st.booleans(), st.booleans(), small)
issuances = st.builds(Issuance, identities, instants, instants, maybe_instants, st.booleans(), small)

words = st.text(max_size=9)
maybe_words = st.none() | words
acts = st.builds(
    CustomerAction,
    org_id=small,
    event_id=words,
    customer_id=words,
    action=words,
    event_date=instants,
    amount=st.none() | big,
    attributes=st.dictionaries(words, words, max_size=3),
    badge_id=maybe_words,
    issuance_id=maybe_words,
    enrolment_id=maybe_words,
    override_eligibility=st.booleans(),
    requested_by=maybe_words,
)
facts = st.builds(
    LimitFact,
    st.just("CUSTOMER"),
    st.sampled_from(["FIXED_WINDOW", "ROLLING_WINDOW", "OVERALL"]),
    small,
    small,
    st.none() | instants,
    st.none() | instants,
)
reservations = st.builds(
    Reservation,
    identities,
    acts,
    st.integers(1, 4_000_000),
    instants,
    st.booleans(),
    maybe_words,
    st.none() | big,
    st.none() | big,
    st.lists(facts, max_size=3).map(tuple),
    small,
    st.lists(acts, max_size=2).map(tuple),
)


@st.composite
def badges(draw: st.DrawFn, number: int) -> BadgeState:
    badge = BadgeState(number)
    badge.enrolments = draw(st.lists(enrolments, max_size=4))
    badge.measure_number = draw(small)
    badge.periods = draw(
        st.dictionaries(st.integers(-(2**63), 2**63), st.tuples(big, small, small).map(list), max_size=4)
    )
    badge.issued = draw(small)
    badge.recent = draw(st.lists(issuances, max_size=9))
    badge.sealed = draw(small)
    badge.reserved = draw(st.lists(reservations, max_size=2))
    badge.days = draw(day_maps)
    badge.blocks = draw(st.sets(st.integers(0, 100_000), max_size=5))
    return badge


@st.composite
def states(draw: st.DrawFn) -> CustomerState:
    state = CustomerState(draw(small), draw(st.text(min_size=1)))
    state.registered_at = draw(maybe_instants)
    state.names = draw(st.lists(st.text(min_size=1), max_size=4, unique=True))
    for number in draw(st.permutations(range(len(state.names)))):
        state.badges[state.names[number]] = draw(badges(number))
    state.seen = draw(seen_maps)
    state.seen_count = draw(small)
    state.seen_buckets = draw(small)
    state.sequence = draw(small)
    return state


def shown(value: Any) -> Any:
    """All fields of a state, its parts included, as plain values; the order of a dict counts. What the codec
    remembers is none of them.
    """
    if isinstance(value, tuple):
        return tuple(shown(item) for item in value)
    if isinstance(value, STATES):
        return {name: shown(item) for name, item in fields(value).items() if name != "packed"}
    if isinstance(value, dict):
        return [(shown(key), shown(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value


@given(states())
def test_a_head_gives_back_every_field(state: CustomerState) -> None:
    data = encode_head(state)
    again = decode_head(state.org_id, state.customer_id, data)
    assert shown(again) == shown(state)
    assert encode_head(again) == data


@given(states())
def test_a_head_shares_nothing_with_what_was_encoded(state: CustomerState) -> None:
    data = encode_head(state)
    again = decode_head(state.org_id, state.customer_id, data)
    again.seen[b"x"] = [1]
    again.names.append("x")
    for badge in again.badges.values():
        badge.days[1] = 7
        badge.blocks.add(1)
    assert encode_head(state) == data


@given(st.lists(issuances, max_size=9))
def test_a_page_of_issuances_gives_back_every_field(page: list[Issuance]) -> None:
    key: PageKey = ("i", 3, 4)
    assert shown(decode_page(key, encode_page(key, page))) == shown(page)


@given(seen_maps, day_maps)
def test_pages_of_seen_events_and_of_days_are_given_back(
    seen: dict[bytes, list[int]], days: dict[int, int]
) -> None:
    assert decode_page(("s", 0), encode_page(("s", 0), seen)) == seen
    assert decode_page(("t", 0, 9), encode_page(("t", 0, 9), days)) == days


@given(states())
def test_only_a_head_with_places_that_wait_is_of_format_2_and_without_them_it_is_format_1(
    state: CustomerState,
) -> None:
    waits = any(badge.reserved for badge in state.badges.values())
    assert encode_head(state)[1] == (WITH_RESERVED if waits else FORMAT)
    for badge in state.badges.values():
        badge.reserved = []
    data = encode_head(state)
    assert data[1] == FORMAT
    assert all(len(row) == BADGE_ITEMS for row in msgpack.unpackb(data, strict_map_key=False)[-1])
    assert shown(decode_head(state.org_id, state.customer_id, data)) == shown(state)


def test_a_document_begins_with_its_format() -> None:
    assert encode_head(CustomerState(7, "42"))[1] == FORMAT
    assert encode_page(("s", 0), {})[1] == FORMAT


@pytest.mark.parametrize("rest", [b"", b"\xc1\xc1", encode_head(CustomerState(7, "42"))[2:]])
def test_a_newer_format_is_refused_with_advice(rest: bytes) -> None:
    data = b"\x98" + bytes([WITH_RESERVED + 1]) + rest
    for decode in (lambda: decode_head(7, "42", data), lambda: decode_page(("s", 0), data)):
        with pytest.raises(UnknownFormat, match=r"start the newer release again$") as raised:
            decode()
        assert raised.value.found == WITH_RESERVED + 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x98",
        b"x",
        b"\x91\x01",
        b"\x98\x01",
        b"\x92\x01\x05",
        b"\x92\x01\x91\xc0",
        b"\x92\x01\xc7\x01\x07a",
    ],
)
def test_bytes_that_are_no_document_are_damage(data: bytes) -> None:
    with pytest.raises(Damaged):
        decode_head(7, "42", data)
    for key in (("s", 0), ("i", 0, 0), ("t", 0, 0)):
        with pytest.raises(Damaged):
            decode_page(key, data)


@given(states(), st.data())
@settings(max_examples=50)
def test_a_shortened_document_is_damage(state: CustomerState, data: st.DataObject) -> None:
    whole = encode_head(state)
    with pytest.raises(Damaged):
        decode_head(state.org_id, state.customer_id, whole[: data.draw(st.integers(0, len(whole) - 1))])


def test_a_value_that_does_not_belong_is_an_error_of_the_program() -> None:
    with pytest.raises(TypeError, match="does not belong"):
        encode_page(("t", 0, 0), {1: object()})


def test_a_small_customer_is_small() -> None:
    state = CustomerState(7, "42")
    state.registered_at = 1_764_000_000_000
    for number in range(3):
        state.names.append(f"BADGE_{number}")
        badge = state.badges[state.names[number]] = BadgeState(number)
        badge.days = {20_400: 1, 20_410: 1}
        badge.periods = {0: [123_500_000, 1, 2]}
    for n in range(5):
        date = 1_764_000_000_000 + n * 86_400_000
        state.badges[f"BADGE_{n % 3}"].recent.append(
            Issuance(bytes([n]) * 16, date, date + 2000, date + 30 * 86_400_000, False, n)
        )
    state.seen = {bytes([n]) * 16: [n % 3] for n in range(6)}
    assert len(encode_head(state)) < 420
