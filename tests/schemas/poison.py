"""Records that must become dead letters, for the tests of the codec and of the consumer.

`POISON` needs no registry; `POISON_OF_REGISTRY` needs the schemas of `Registry`; `POISON_OF_KEYS` are good
values under bad keys. Expected reasons are those of the header `dlq-reason`.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from badges.actions import CustomerAction
from schemas.avro_schema import header_of, schema_text
from schemas.customer_action import encode_action
from schemas.framing import SCHEMA_ID_HEADER, UnknownSchema
from schemas.varint import long_bytes, string_bytes

Headers = list[tuple[str, bytes | None]]


class Poison(NamedTuple):
    """A value and its headers; `reason` is what the dead letter must say."""

    name: str
    value: bytes | None
    headers: Headers
    reason: str


class KeyPoison(NamedTuple):
    """A good value under a key that is not its own."""

    name: str
    key: bytes | None
    value: bytes
    reason: str


GOOD = CustomerAction(7, "e-good", "42", "PURCHASE", 1_697_000_000_000, 120_500_000, {"channel": "web"})
GOOD_KEY = b"7:42"
GOOD_VALUE = encode_action(GOOD)
HEADER = header_of("customer-action")


def body(
    *,
    event_id: bytes = string_bytes("e-1"),
    org_id: bytes = long_bytes(7),
    customer_id: bytes = string_bytes("42"),
    action: bytes = string_bytes("PURCHASE"),
    event_date: bytes = long_bytes(1_697_000_000_000),
    amount: bytes = b"\x00",
    attributes: bytes = b"\x00",
    rest: bytes = bytes(5),
) -> bytes:
    """The Avro bytes of an action whose fields are given as bytes, right or wrong."""
    return event_id + org_id + customer_id + action + event_date + amount + attributes + rest


def sized(data: bytes) -> bytes:
    """Avro bytes: the size, then the content."""
    return long_bytes(len(data)) + data


def as_json(**changes: Any) -> bytes:
    """A good action as JSON, with other fields."""
    fields = {
        "event_id": "e-1",
        "org_id": 7,
        "customer_id": "42",
        "action": "PURCHASE",
        "event_date": "2023-10-11T09:00:00+05:30",
    }
    return json.dumps({**fields, **changes}).encode()


_MALFORMED = "MALFORMED_ACTION"
_UNDECODABLE = "UNDECODABLE"
_UNKNOWN = "UNKNOWN_SCHEMA"
_LAST_INSTANT = 32_503_679_999_999  # 2999-12-31T23:59:59.999Z


def _avro(name: str, data: bytes, reason: str) -> Poison:
    return Poison(name, HEADER + data, [], reason)


POISON: list[Poison] = [
    Poison("no value", None, [], "EMPTY"),
    Poison("an empty value", b"", [], "EMPTY"),
    Poison("one byte more than 256 KiB", b"{" + b" " * (256 * 1024), [], "TOO_LARGE"),
    Poison("a megabyte of zeros", bytes(1 << 20), [], "TOO_LARGE"),
    Poison("wrong magic", b"\xc3\x02" + GOOD_VALUE[2:], [], _UNDECODABLE),
    Poison("text that is no JSON", b"hello", [], _UNDECODABLE),
    Poison("a JSON array", b'["not", "an", "action"]', [], _UNDECODABLE),
    Poison("an Avro container file", b"Obj\x01" + bytes(60), [], _UNDECODABLE),
    Poison("single-object cut within the fingerprint", GOOD_VALUE[:7], [], _UNDECODABLE),
    Poison("a fingerprint of nobody", b"\xc3\x01" + b"\xaa" * 8 + GOOD_VALUE[10:], [], _UNKNOWN),
    Poison("the fingerprint alone", HEADER, [], _UNDECODABLE),
    Poison("truncated", GOOD_VALUE[:-1], [], _UNDECODABLE),
    Poison("truncated within an id", GOOD_VALUE[:14], [], _UNDECODABLE),
    Poison("trailing bytes", GOOD_VALUE + b"\x00", [], _UNDECODABLE),
    _avro("the bytes of another schema", b"\x0a\x68\x02\x00\x02\x04", _UNDECODABLE),
    _avro("a union index too high", body(amount=b"\x04"), _UNDECODABLE),
    _avro("a negative union index", body(amount=b"\x01" + sized(b"\x07")), _UNDECODABLE),
    _avro("a negative length", body(event_id=b"\x09" + b"abcd"), _UNDECODABLE),
    _avro("a length of 2^40", body(event_id=long_bytes(1 << 40)), _UNDECODABLE),
    _avro("a length of 2^62", body(event_id=long_bytes(1 << 62)), _UNDECODABLE),
    _avro("an integer of eleven bytes", body(org_id=b"\x80" * 10 + b"\x00"), _UNDECODABLE),
    _avro("a map of 2^40 entries", body(attributes=b"\x02" + long_bytes(1 << 40)), _UNDECODABLE),
    _avro(
        "a map block of another size than it says",
        body(attributes=b"\x02\x01" + long_bytes(99) + string_bytes("a") + string_bytes("b") + b"\x00"),
        _UNDECODABLE,
    ),
    _avro("a text that is not UTF-8", body(customer_id=sized(b"\xff\xfe")), _UNDECODABLE),
    _avro("a lone surrogate in UTF-8", body(customer_id=sized(b"\xed\xa0\x80")), _UNDECODABLE),
    _avro("a boolean that is 7", body(rest=b"\x00\x00\x00\x02\x07\x00"), _UNDECODABLE),
    _avro("a decimal bomb", body(amount=b"\x02" + sized(b"\x7f" * 200_000)), _MALFORMED),
    _avro("an amount of 10^18", body(amount=b"\x02" + sized((10**24).to_bytes(11, "big"))), _MALFORMED),
    _avro("an empty event id", body(event_id=b"\x00"), _MALFORMED),
    _avro("an id of 257 characters", body(customer_id=string_bytes("x" * 257)), _MALFORMED),
    _avro("a negative org", body(org_id=long_bytes(-1)), _MALFORMED),
    _avro("the year 10000", body(event_date=long_bytes(253_402_300_800_000)), _MALFORMED),
    _avro("one millisecond after 2999", body(event_date=long_bytes(_LAST_INSTANT + 1)), _MALFORMED),
    _avro("a date of 9e15 milliseconds", body(event_date=long_bytes(9 * 10**15)), _MALFORMED),
    _avro("the least date a long holds", body(event_date=long_bytes(-(1 << 63))), _MALFORMED),
    _avro("an attribute without a name", body(attributes=b"\x02\x02\x00\x02x\x00"), _MALFORMED),
    _avro("an ISSUE without a badge", body(action=string_bytes("ISSUE")), _MALFORMED),
    _avro("an override on a purchase", body(rest=b"\x00\x00\x00\x02\x01\x00"), _MALFORMED),
    Poison("a Confluent id without a registry", b"\x00\x00\x00\x00\x07" + GOOD_VALUE[10:], [], _UNKNOWN),
    Poison(
        "a GUID without a registry",
        GOOD_VALUE[10:],
        [(SCHEMA_ID_HEADER, b"\x01" + bytes(range(16)))],
        _UNKNOWN,
    ),
    Poison("a GUID cut short", GOOD_VALUE[10:], [(SCHEMA_ID_HEADER, b"\x01abc")], _UNDECODABLE),
    Poison("a Confluent id cut short", b"\x00\x00\x00", [], _UNDECODABLE),
    Poison("JSON cut off", as_json()[:-9], [], _UNDECODABLE),
    Poison("JSON with NaN", as_json()[:-1] + b', "amount": NaN}', [], _UNDECODABLE),
    Poison("JSON with Infinity", as_json()[:-1] + b', "attributes": {"a": Infinity}}', [], _UNDECODABLE),
    Poison("JSON nested 100,000 deep", b'{"a":' + b"[" * 100_000, [], _UNDECODABLE),
    Poison("JSON that is not UTF-8", b'{"event_id": "\xff"}', [], _UNDECODABLE),
    Poison("JSON followed by more", as_json() + b"}", [], _UNDECODABLE),
    Poison("JSON of nothing", b"{}", [], _MALFORMED),
    Poison("JSON with a number for a customer", as_json(customer_id=42), [], _MALFORMED),
    Poison("JSON with a text for an org", as_json(org_id="7"), [], _MALFORMED),
    Poison("JSON with an org of 2^63", as_json(org_id=1 << 63), [], _MALFORMED),
    Poison("JSON with a date without offset", as_json(event_date="2023-10-11T09:00:00"), [], _MALFORMED),
    Poison("JSON with the 30th of February", as_json(event_date="2023-02-30T09:00:00Z"), [], _MALFORMED),
    Poison("JSON with the year 3000", as_json(event_date="3000-01-01T00:00:00Z"), [], _MALFORMED),
    Poison("JSON with the amount NaN as text", as_json(amount="NaN"), [], _MALFORMED),
    Poison("JSON with an amount of seven places", as_json(amount="0.0000001"), [], _MALFORMED),
    Poison("JSON with a decimal bomb", as_json()[:-1] + b', "amount": 1e999999999}', [], _MALFORMED),
    Poison(
        "JSON with 100,000 digits", as_json()[:-1] + b', "amount": ' + b"9" * 100_000 + b"}", [], _MALFORMED
    ),
    Poison("JSON with an escaped lone surrogate", as_json(event_id="\ud800"), [], _MALFORMED),
    Poison("JSON with an attribute that is a list", as_json(attributes={"a": [1]}), [], _MALFORMED),
    Poison(
        "JSON with an override that nobody asked for",
        as_json(action="ISSUE", badge_id="gold", override_eligibility=True),
        [],
        _MALFORMED,
    ),
]


def _changed(field: str, kind: Any) -> str:
    """The action's schema with another type in one field."""
    schema = json.loads(schema_text("customer-action"))
    for one in schema["fields"]:
        if one["name"] == field:
            one["type"] = kind
    return json.dumps(schema)


def _with_field(name: str, kind: Any) -> str:
    """The action's schema with one more field."""
    schema = json.loads(schema_text("customer-action"))
    schema["fields"].append({"name": name, "type": kind})
    return json.dumps(schema)


def _bushy() -> Any:
    """A record without size that has 2^40 parts."""
    kind: Any = {"type": "record", "name": "R0", "fields": [{"name": "n", "type": "null"}]}
    for level in range(1, 41):
        fields = [{"name": "a", "type": kind}, {"name": "b", "type": f"R{level - 1}"}]
        kind = {"type": "record", "name": f"R{level}", "fields": fields}
    return kind


_NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
_NOTHING = {"type": "record", "name": "Nothing", "fields": [{"name": "n", "type": "null"}]}
GUID = UUID("01234567-89ab-cdef-0123-456789abcdef")


class Registry:
    """A schema registry in memory: ids 1 to 3 are good, those from 100 are hostile."""

    SCHEMAS: ClassVar[dict[int | UUID, str]] = {
        1: schema_text("customer-action"),
        2: _changed("event_date", {"type": "long", "logicalType": "timestamp-micros"}),
        3: _changed(
            "amount", ["null", {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}]
        ),
        GUID: schema_text("customer-action"),
        100: _with_field("node", _NODE),
        101: _with_field("nulls", {"type": "array", "items": "null"}),
        102: _with_field("nothings", {"type": "array", "items": _NOTHING}),
        103: _with_field("bush", _bushy()),
        104: '{"type": "record", "name": "Other", "fields": [{"name": "a", "type": "int"}]}',
        105: "this is no JSON",
        106: '{"type": "no such type"}',
        107: _changed("amount", ["null", "string"]),
        108: _changed("amount", ["null", "double"]),
        109: _changed("event_date", "string"),
        110: "[" * 100_000,
        111: _with_field("more", "string"),
        112: '"string"',
        113: _with_field("deep", json.loads('{"type":"array","items":' * 60 + '"int"' + "}" * 60)),
    }

    def schema_by_id(self, identity: int | UUID) -> str:
        """As a registry that answers."""
        try:
            return self.SCHEMAS[identity]
        except KeyError:
            raise UnknownSchema("not registered", str(identity), may_appear=True) from None


def confluent(schema_id: int, data: bytes) -> bytes:
    """Confluent framing."""
    return b"\x00" + schema_id.to_bytes(4, "big") + data


POISON_OF_REGISTRY: list[Poison] = [
    Poison(name, confluent(schema_id, data), [], reason)
    for name, schema_id, data, reason in [
        ("an id that nobody registered", 99, body(), _UNKNOWN),
        ("a recursive schema, 20,000 deep", 100, body() + b"\x02" * 20_000 + b"\x00", _UNDECODABLE),
        ("200 million nulls", 101, body() + long_bytes(200_000_000) + b"\x00", _UNDECODABLE),
        ("200 million empty records", 102, body() + long_bytes(200_000_000) + b"\x00", _UNDECODABLE),
        ("2^40 fields in no bytes", 103, body(), _UNDECODABLE),
        ("a record of another kind", 104, b"\x0a", _UNDECODABLE),
        ("a schema that is no JSON", 105, body(), _UNDECODABLE),
        ("a schema of no known type", 106, body(), _UNDECODABLE),
        ("amounts as texts", 107, body(amount=b"\x02" + string_bytes("120.50")), _UNDECODABLE),
        ("amounts as floats", 108, body(amount=b"\x02" + bytes(8)), _UNDECODABLE),
        ("dates as texts", 109, body(event_date=string_bytes("yesterday")), _UNDECODABLE),
        ("a schema of 100,000 brackets", 110, body(), _UNDECODABLE),
        ("a schema of one text", 112, string_bytes("e-1"), _UNDECODABLE),
        ("a schema nested 60 deep", 113, body() + bytes(60), _UNDECODABLE),
        ("an unread field cut off", 111, body() + b"\x14abc", _UNDECODABLE),
        ("trailing bytes after a foreign schema", 1, body() + b"\x00", _UNDECODABLE),
        ("a year beyond 2999 in microseconds", 2, body(event_date=long_bytes(1 << 62)), _MALFORMED),
        ("10^18 with two places", 3, body(amount=b"\x02" + sized((10**20).to_bytes(9, "big"))), _MALFORMED),
    ]
]

POISON_OF_KEYS: list[KeyPoison] = [
    KeyPoison("no key", None, GOOD_VALUE, "KEY_MISMATCH"),
    KeyPoison("an empty key", b"", GOOD_VALUE, "KEY_MISMATCH"),
    KeyPoison("another customer's key", b"7:43", GOOD_VALUE, "KEY_MISMATCH"),
    KeyPoison("the customer without the org", b"42", GOOD_VALUE, "KEY_MISMATCH"),
    KeyPoison("an org with a leading zero", b"07:42", GOOD_VALUE, "KEY_MISMATCH"),
    KeyPoison("a key that is not UTF-8", b"\xff\xfe", GOOD_VALUE, "KEY_MISMATCH"),
]
