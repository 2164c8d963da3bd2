"""Files of actions: what is sent, what is refused and named (contract.md sections 1 and 2)."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from consumer.cli.action_files import Rejection, Row, avro_rows, csv_rows, jsonl_rows, raw_rows, reader_of
from consumer.failure import Failure
from schemas.customer_action import decode_action

GOOD = {
    "event_id": "e-1",
    "org_id": 7,
    "customer_id": "42",
    "action": "PURCHASE",
    "event_date": "2026-10-11T09:00:00+05:30",
    "amount": "120.50",
    "attributes": {"channel": "web"},
}


def jsonl(*values: Any) -> io.BytesIO:
    return io.BytesIO(
        b"".join(
            (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n" for value in values
        )
    )


def split(rows: Any) -> tuple[list[Row], list[Rejection]]:
    found = list(rows)
    return [one for one in found if isinstance(one, Row)], [
        one for one in found if isinstance(one, Rejection)
    ]


def test_a_line_becomes_single_object_avro_under_the_customers_key() -> None:
    [row], rejected = split(jsonl_rows(jsonl(GOOD)))
    assert not rejected
    assert row.key == b"7:42"
    assert row.value[:2] == b"\xc3\x01"
    action = decode_action(row.value)
    assert (action.event_id, action.amount, action.attributes) == ("e-1", 120_500_000, {"channel": "web"})


def test_refused_lines_are_named_by_number_and_their_neighbours_sent() -> None:
    lines = jsonl(
        GOOD, b"", b"   ", {**GOOD, "org_id": "7"}, b"{nope", b"\xff\xfe", b"[1]", {**GOOD, "event_id": "e-2"}
    )
    rows, rejected = split(jsonl_rows(lines))
    assert [row.line for row in rows] == [1, 8]
    assert [one.line for one in rejected] == [4, 5, 6, 7]
    assert rejected[0].error.startswith("org_id:")


def test_what_is_no_json_is_told_with_the_place_or_the_byte_order_mark() -> None:
    _, rejected = split(
        jsonl_rows(jsonl(b"nope", b'{"a": }', b'{"a', b"\xef\xbb\xbf" + json.dumps(GOOD).encode()))
    )
    assert [one.error for one in rejected] == [
        "not JSON: no JSON value at character 1",
        "not JSON: no JSON value at character 7",
        "not JSON: Unterminated string starting at character 2",
        "not JSON: it begins with a byte order mark; save it without",
    ]


def test_raw_lines_go_byte_for_byte_with_the_key_where_it_can_be_read() -> None:
    strange = b' {"org_id":7,"customer_id":"42", "event_id": 5} '
    rows, rejected = split(raw_rows(jsonl(strange, b"nope", b"", {**GOOD, "org_id": "7"}, b"\xff")))
    assert not rejected
    assert [(row.key, row.value) for row in rows[:2]] == [(b"7:42", strange), (None, b"nope")]
    assert [row.key for row in rows] == [b"7:42", None, None, None]


def csv_file(text: str) -> io.BytesIO:
    return io.BytesIO(text.encode())


def test_csv_columns_are_fields_and_attributes_and_empty_cells_are_absent() -> None:
    text = (
        "event_id,org_id,customer_id,action,event_date,amount,attributes.channel,attributes.note\n"
        'e-1,7,042,PURCHASE,2026-10-11T09:00:00Z,12.5,web,"a\nb"\n'
        "e-2,7,42,PURCHASE,2026-10-11T09:00:00Z,,,\n"
    )
    rows, rejected = split(csv_rows(csv_file(text)))
    assert not rejected
    first, second = (decode_action(row.value) for row in rows)
    assert (first.customer_id, first.amount, first.attributes) == (
        "042",
        12_500_000,
        {"channel": "web", "note": "a\nb"},
    )
    assert (second.amount, second.attributes) == (None, {})
    assert [row.line for row in rows] == [2, 4]


def test_csv_booleans_and_a_byte_order_mark_are_read() -> None:
    header = "event_id,org_id,customer_id,action,event_date,badge_id,override_eligibility,requested_by\n"
    text = "\ufeff" + header + "e-1,7,42,ISSUE,2026-10-11T09:00:00Z,gold,true,ann\n"
    [row], rejected = split(csv_rows(csv_file(text)))
    assert not rejected
    assert decode_action(row.value).override_eligibility


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("e-1,7,42,PURCHASE,yesterday", "event_date"),
        ("e-1,seven,42,PURCHASE,2026-10-11T09:00:00Z", "org_id"),
        ("e-1,7,42,PURCHASE,2026-10-11T09:00:00Z,more", "6 cells for 5 columns"),
        ("e-1,7,42", "action"),
    ],
)
def test_a_refused_csv_row_is_named(line: str, told: str) -> None:
    text = f"event_id,org_id,customer_id,action,event_date\n{line}\n"
    rows, [rejected] = split(csv_rows(csv_file(text)))
    assert not rows
    assert rejected.line == 2
    assert told in rejected.error


def test_a_csv_row_that_is_no_utf8_is_refused_alone() -> None:
    stream = io.BytesIO(
        b"event_id,org_id,customer_id,action,event_date\n"
        b"\xff,7,42,PURCHASE,2026-10-11T09:00:00Z\ne-2,7,42,PURCHASE,2026-10-11T09:00:00Z\n"
    )
    rows, rejected = split(csv_rows(stream))
    assert [row.line for row in rows] == [3]
    assert [one.line for one in rejected] == [2]


def test_an_unknown_csv_column_is_a_usage_error() -> None:
    with pytest.raises(Failure, match=r"'channel'.*attributes\.NAME") as caught:
        list(csv_rows(csv_file("event_id,channel\n")))
    assert caught.value.code == 2


@pytest.mark.parametrize("twice", ["event_date", "attributes.channel"])
def test_a_csv_column_that_stands_there_twice_is_wrong_usage(twice: str) -> None:
    with pytest.raises(Failure, match="twice") as failure:
        list(csv_rows(csv_file(f"event_id,{twice},org_id,{twice}\n")))
    assert failure.value.code == 2


CONTAINER = {
    "type": "record",
    "name": "Purchase",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "org_id", "type": "long"},
        {"name": "customer_id", "type": "string"},
        {"name": "action", "type": "string"},
        {"name": "event_date", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {
            "name": "amount",
            "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 24, "scale": 6}],
        },
        {"name": "attributes", "type": ["null", {"type": "map", "values": "string"}]},
    ],
}


def container(*records: dict[str, Any]) -> io.BytesIO:
    stream = io.BytesIO()
    fastavro.writer(stream, CONTAINER, records)
    stream.seek(0)
    return stream


def test_an_avro_container_is_read_exactly() -> None:
    moment = datetime(2026, 10, 11, 9, 0, 0, 123_000, tzinfo=UTC)
    record = {**GOOD, "event_date": moment, "amount": Decimal("120.500001")}
    nothing = {**record, "event_id": "", "amount": None, "attributes": None}
    [row], [rejected] = split(avro_rows(container(record, nothing)))
    action = decode_action(row.value)
    assert action.amount == 120_500_001
    assert action.event_date == int(moment.timestamp() * 1000)
    assert rejected.line == 2


@pytest.mark.parametrize("damage", [lambda data: b"no container", lambda data: data[:-20], lambda data: b""])
def test_a_damaged_container_is_a_rejection(damage: Any) -> None:
    moment = datetime(2026, 10, 11, tzinfo=UTC)
    data = container({**GOOD, "event_date": moment, "amount": None}).getvalue()
    _, rejected = split(avro_rows(io.BytesIO(damage(data))))
    assert len(rejected) == 1


@pytest.mark.parametrize("codec", [b"snappy", b"zstandard"])
def test_a_container_that_nothing_here_decompresses_says_what_to_do(codec: bytes) -> None:
    data = container({**GOOD, "event_date": datetime(2026, 10, 11, tzinfo=UTC), "amount": None}).getvalue()
    compressed = data.replace(b"\x08null", bytes([2 * len(codec)]) + codec)
    _, [rejected] = split(avro_rows(io.BytesIO(compressed)))
    assert rejected.error == (
        f"the file is compressed with {codec.decode()}: run `pip install cramjam`, or write it with deflate"
    )


def test_an_action_over_the_limit_is_refused_before_it_is_sent() -> None:
    large = {**GOOD, "attributes": {"note": "x" * 300_000}}
    rows, [rejected] = split(jsonl_rows(jsonl(large)))
    assert not rows
    assert "bytes" in rejected.error


def test_the_suffix_decides_how_a_file_is_read() -> None:
    assert reader_of(".CSV") is csv_rows
    assert reader_of("") is jsonl_rows
    with pytest.raises(Failure, match="understood"):
        reader_of(".txt")
