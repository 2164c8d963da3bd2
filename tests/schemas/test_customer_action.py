"""Actions on the wire."""

from __future__ import annotations

import json
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from badges.actions import EXPLICIT, CustomerAction
from badges.calendar import format_instant
from badges.numbers import text_of_micros
from schemas.action_bytes import read_short
from schemas.avro_schema import CUSTOMER_ACTION
from schemas.customer_action import check_key, customer_key, decode_action, encode_action
from schemas.errors import Malformed
from schemas.framing import (
    LARGEST_ACTION,
    SCHEMA_ID_HEADER,
    Framing,
    KeyMismatch,
    Rejected,
    UnknownSchema,
    dead_letter_reason,
    read_fields,
)
from schemas.varint import long_bytes, string_bytes
from tests.schemas import oracle, poison, values
from tests.schemas.poison import GOOD, GOOD_VALUE, HEADER, Poison, Registry, confluent


@given(values.acts())
def test_fastavro_writes_the_same_bytes_for_an_action(action: CustomerAction) -> None:
    fields = {
        **action._asdict(),
        "event_date": oracle.instant(action.event_date),
        "amount": oracle.decimal(action.amount),
        "attributes": action.attributes or None,
        "override_eligibility": action.override_eligibility or None,
    }
    assert encode_action(action) == oracle.encoded(CUSTOMER_ACTION, fields)


@pytest.mark.rule("S10")
@given(values.acts())
def test_an_action_comes_back_from_avro_as_it_was(action: CustomerAction) -> None:
    assert decode_action(encode_action(action)) == action


@given(values.acts())
def test_an_action_is_the_same_in_every_framing(action: CustomerAction) -> None:
    body = encode_action(action)[10:]
    assert decode_action(confluent(1, body), None, Registry()) == action
    guid = [(SCHEMA_ID_HEADER, b"\x01" + poison.GUID.bytes)]
    assert decode_action(body, guid, Registry()) == action
    written = action._asdict() | {"event_date": format_instant(action.event_date)}
    if action.amount is not None:
        written["amount"] = text_of_micros(action.amount)
    assert decode_action(b" \r\n\t" + json.dumps(written).encode()) == action


@given(values.acts(), st.data())
def test_the_short_way_reads_what_the_general_way_reads_or_gives_up(
    action: CustomerAction, data: st.DataObject
) -> None:
    value = bytearray(encode_action(action))
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(10, len(value) - 1))
        match data.draw(st.sampled_from(["change", "cut", "insert"])):
            case "change":
                value[place] = data.draw(st.integers(0, 255))
            case "cut":
                del value[place]
            case _:
                value.insert(place, data.draw(st.integers(0, 255)))
        if len(value) < 12:
            break
    _compare_ways(bytes(value))


@given(st.binary(max_size=60))
@example(b"\x02a\x0e\x0442\x02P" + b"\x80" * 5 + b"\x00" + bytes(7))
def test_the_short_way_gives_up_on_arbitrary_bytes(data: bytes) -> None:
    _compare_ways(HEADER + data)


def _compare_ways(value: bytes) -> None:
    short = read_short(value)
    if short is None:
        return
    assert short.action not in EXPLICIT
    fields = read_fields(CUSTOMER_ACTION, value, Framing("SINGLE_OBJECT", HEADER, 10), None)
    amount = None if fields["amount"] is None else int.from_bytes(fields["amount"], "big", signed=True)
    assert short[:5] == tuple(fields[name] for name in CustomerAction._fields[:5])
    assert (short.amount, short.attributes) == (amount, fields["attributes"] or {})


def test_the_usual_purchase_takes_the_short_way() -> None:
    assert read_short(GOOD_VALUE) == GOOD
    assert read_short(encode_action(GOOD._replace(amount=None, attributes={}))) is not None
    assert read_short(encode_action(GOOD._replace(org_id=2**63 - 1))) is not None


def test_an_org_of_many_continued_bytes_takes_no_time() -> None:
    value = HEADER + b"\x02a" + b"\x80" * 200_000
    assert read_short(value) is None
    with pytest.raises(Rejected):
        decode_action(value)


@pytest.mark.rule("S1", "S7", "S10", "S11", "S13")
@pytest.mark.parametrize("bad", poison.POISON, ids=lambda bad: bad.name)
def test_poison_becomes_a_dead_letter_of_its_reason(bad: Poison) -> None:
    with pytest.raises((Rejected, Malformed)) as caught:
        decode_action(bad.value, bad.headers)
    assert isinstance(caught.value, Rejected | Malformed)
    assert dead_letter_reason(caught.value) == bad.reason


@pytest.mark.parametrize("bad", poison.POISON_OF_REGISTRY, ids=lambda bad: bad.name)
def test_poison_under_a_registry_becomes_a_dead_letter_of_its_reason(bad: Poison) -> None:
    with pytest.raises((Rejected, Malformed)) as caught:
        decode_action(bad.value, bad.headers, Registry())
    assert isinstance(caught.value, Rejected | Malformed)
    assert dead_letter_reason(caught.value) == bad.reason
    if isinstance(caught.value, Rejected):
        assert caught.value.schema_id is not None


@pytest.mark.parametrize("bad", poison.POISON_OF_KEYS, ids=lambda bad: bad.name)
def test_a_key_that_is_not_the_customers_is_a_mismatch(bad: poison.KeyPoison) -> None:
    with pytest.raises(KeyMismatch) as caught:
        check_key(bad.key, decode_action(bad.value))
    assert isinstance(caught.value, Rejected | Malformed)
    assert dead_letter_reason(caught.value) == bad.reason


def test_the_right_key_is_no_mismatch() -> None:
    check_key(poison.GOOD_KEY, GOOD)
    assert customer_key(7, "Zoë:4") == "7:Zoë:4".encode()


@given(st.binary(max_size=300), st.sampled_from([b"", HEADER, b"\xc3\x01", b"{", b"\x00\x00\x00\x00\x01"]))
def test_no_bytes_raise_anything_but_a_reason_for_a_dead_letter(data: bytes, start: bytes) -> None:
    with suppress(Rejected, Malformed):
        assert isinstance(decode_action(start + data, None, Registry()), CustomerAction)


def test_an_action_of_exactly_256_kib_is_read() -> None:
    room = LARGEST_ACTION - len(encode_action(GOOD._replace(attributes={"a": "x" * 100_000}))) + 100_000
    action = GOOD._replace(attributes={"a": "x" * room})
    assert len(encode_action(action)) == LARGEST_ACTION
    assert decode_action(encode_action(action)) == action


def test_microseconds_and_smaller_scales_of_other_teams_are_converted() -> None:
    registry = Registry()
    date = poison.body(event_date=b"".join([long_bytes(1_697_000_000_123_999)]))
    assert decode_action(confluent(2, date), None, registry).event_date == 1_697_000_000_123
    cents = poison.body(amount=b"\x02" + poison.sized((-12_050).to_bytes(2, "big", signed=True)))
    assert decode_action(confluent(3, cents), None, registry).amount == -120_500_000


def test_a_field_that_we_do_not_know_is_ignored() -> None:
    value = confluent(111, poison.body() + string_bytes("something new"))
    assert decode_action(value, None, Registry()).event_id == "e-1"


def test_a_map_in_several_blocks_is_read() -> None:
    entries = [string_bytes(text) for text in ("a", "1", "b", "2")]
    size = long_bytes(len(entries[0] + entries[1]))
    blocks = b"\x02" + b"\x01" + size + entries[0] + entries[1] + b"\x02" + entries[2] + entries[3] + b"\x00"
    action = decode_action(HEADER + poison.body(attributes=blocks))
    assert action.attributes == {"a": "1", "b": "2"}


@pytest.mark.rule("S12")
def test_fields_that_an_act_does_not_use_are_ignored() -> None:
    unused = b"\x02\x00" * 3 + b"\x02\x00" + b"\x02\x00"
    action = decode_action(HEADER + poison.body(rest=unused))
    assert action[7:] == (None, None, None, False, None)


@pytest.mark.rule("S7")
def test_a_padded_decimal_is_the_same_number() -> None:
    action = decode_action(HEADER + poison.body(amount=b"\x02" + poison.sized(bytes(30) + b"\x07")))
    assert action.amount == 7


def test_a_schema_that_a_registry_may_still_learn_is_told_from_one_that_nobody_can() -> None:
    with pytest.raises(UnknownSchema) as caught:
        decode_action(confluent(99, poison.body()), None, Registry())
    assert caught.value.may_appear
    assert caught.value.schema_id == "99"
    with pytest.raises(UnknownSchema) as caught:
        decode_action(b"\xc3\x01" + b"\xaa" * 8, None, Registry())
    assert not caught.value.may_appear


def test_the_schema_id_header_wins_over_the_first_bytes() -> None:
    unknown = [(SCHEMA_ID_HEADER, b"\x01" + UUID(int=5).bytes)]
    with pytest.raises(UnknownSchema):
        decode_action(b"{}", unknown, Registry())


def test_other_headers_are_ignored() -> None:
    assert decode_action(GOOD_VALUE, [("ce_id", b"\xff"), ("trace", None)]) == GOOD
    by_id = [("x", None), (SCHEMA_ID_HEADER, b"\x00\x00\x00\x00\x01")]
    assert decode_action(GOOD_VALUE[10:], by_id, Registry()) == GOOD
