"""The walk that proves bytes before C decodes them."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro_schema import schema_text
from schemas.avro_walk import RefusedSchema, WrongBytes, walker
from schemas.compatibility import SCHEMAS, samples


@pytest.mark.parametrize("name", SCHEMAS)
def test_everything_that_fastavro_writes_passes(name: str) -> None:
    schema = json.loads(schema_text(name))
    check = walker(schema)
    for value in samples(schema):
        data = io.BytesIO()
        fastavro.schemaless_writer(data, fastavro.parse_schema(schema), value)
        check(data.getvalue(), 0)
        check(b"before" + data.getvalue(), 6)
        for size in range(len(data.getvalue())):
            with pytest.raises(WrongBytes):
                check(data.getvalue()[:size], 0)


TYPES = {
    "null": b"",
    "boolean": b"\x01",
    "int": b"\x02",
    "long": b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    "float": bytes(4),
    "double": bytes(8),
    "bytes": b"\x04\xff\xff",
    "string": b"\x04hi",
}


@pytest.mark.parametrize(("kind", "data"), TYPES.items())
def test_a_primitive_passes_and_one_byte_more_does_not(kind: str, data: bytes) -> None:
    walker({"type": kind})(data, 0)
    with pytest.raises(WrongBytes):
        walker(kind)(data + b"\x00", 0)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("boolean", b"\x02"),
        ("int", b"\x80\x80\x80\x80\x10"),
        ("long", b"\xff" * 9 + b"\x02"),
        ("string", b"\x02\xff"),
        ("bytes", b"\x01"),
        (["null", "string"], b"\x01"),
        (["null", "string"], b"\x04"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x02"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x01"),
        ({"type": "fixed", "name": "F", "size": 3}, b"ab"),
        ({"type": "array", "items": {"type": "fixed", "name": "F", "size": 3}}, b"\x80\x80\x80\x80\x80\x01"),
        ({"type": "array", "items": "int"}, b"\x03\x00\x02\x02\x00"),
    ],
)
def test_wrong_bytes_are_refused(kind: Any, data: bytes) -> None:
    with pytest.raises(WrongBytes):
        walker(kind)(data, 0)


def _record(name: str, *types: Any) -> dict[str, Any]:
    fields = [{"name": f"f{number}", "type": kind} for number, kind in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


def _chain(length: int, uses: int) -> dict[str, Any]:
    """Records side by side, each of which holds the one before so many times."""
    types: list[Any] = [_record("R0", "null")]
    types += [_record(f"R{n}", *[f"R{n - 1}"] * uses) for n in range(1, length)]
    return _record("All", *types)


@pytest.mark.parametrize(
    "schema",
    [
        _record("R", ["null", "R"]),
        _record("R", {"type": "array", "items": "R"}),
        _record("R", {"type": "map", "values": _record("S", ["null", "R"])}),
        {"type": "array", "items": "null"},
        {"type": "array", "items": _record("R", "null", _record("S"))},
        {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}},
        _chain(40, 1),
        _chain(20, 2),
        {"type": "fixed", "name": "F", "size": -1},
        {"type": "fixed", "name": "F", "size": "many"},
        {"type": "enum", "name": "E", "symbols": "AB"},
        {"type": "enum", "symbols": ["A"]},
        {"type": "record", "name": "R", "namespace": 5, "fields": []},
        {"type": "record", "name": "R", "fields": ["f"]},
        {"type": "record", "name": "R", "fields": [{"name": "f"}]},
        {"type": "array"},
        {"items": "int"},
        "Nobody",
        None,
        7,
    ],
)
def test_a_schema_that_could_end_the_process_is_refused(schema: Any) -> None:
    with pytest.raises(RefusedSchema):
        walker(schema)


def test_a_type_may_be_used_twice_and_named_with_or_without_its_namespace() -> None:
    leaf = {"type": "fixed", "name": "F", "namespace": "a.b", "size": 1}
    schema = {**_record("R", leaf, "F", "a.b.F"), "namespace": "a.b"}
    walker(schema)(b"xyz", 0)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(sorted(TYPES)),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.fixed_dictionaries(
                {"type": st.sampled_from(["record", "array", "map", "enum", "fixed"]) | inner},
                optional={
                    "name": inner,
                    "items": inner,
                    "values": inner,
                    "fields": inner,
                    "symbols": inner,
                    "size": inner,
                },
            )
        ),
        max_leaves=8,
    )
)
def test_no_schema_raises_anything_but_a_refusal(schema: Any) -> None:
    try:
        check = walker(schema)
    except RefusedSchema:
        return
    with suppress(WrongBytes):
        check(b"\x02\x02\x02", 0)
