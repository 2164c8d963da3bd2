"""How a value says what it was written with, and the closed set of what can be wrong with it (contract.md
section 4).

By its first bytes: `C3 01` Avro single-object; `00`, or the header `__value_schema_id`, Confluent framing;
`{` after white space JSON. Everything else is a dead letter. Nothing here reaches for a network: a
`SchemaSource` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Final, Literal, NamedTuple, Protocol
from uuid import UUID

from schemas.avro_schema import HEADER_SIZE, SINGLE_OBJECT, older_texts, schema_text, single_object_header
from schemas.errors import Malformed
from schemas.writer_schema import RefusedSchema, WriterSchema, WrongBytes, writer_schema

LARGEST_ACTION: Final = 256 * 1024
"""Bytes of an action's value, inclusive."""
SCHEMA_ID_HEADER: Final = "__value_schema_id"

Headers = Sequence[tuple[str, bytes | None]] | None
SchemaId = int | UUID
DeadLetterReason = Literal[
    "MALFORMED_ACTION", "UNDECODABLE", "UNKNOWN_SCHEMA", "KEY_MISMATCH", "TOO_LARGE", "EMPTY"
]


class Rejected(ValueError):
    """A record that can never be an action; it becomes a dead letter with this reason.

    `message` holds nothing of the payload. `schema_id` is what the record named, as text, if it named one.
    """

    reason: ClassVar[DeadLetterReason] = "UNDECODABLE"

    def __init__(self, message: str, schema_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.schema_id = schema_id


class Undecodable(Rejected):
    """The bytes are no value of the schema that they name, or name none."""


class UnknownSchema(Rejected):
    """The schema is not to be had. With `may_appear` a registry was asked: it may know the schema in a
    moment, so the record is asked about again for 30 s before it is a dead letter.
    """

    reason = "UNKNOWN_SCHEMA"

    def __init__(self, message: str, schema_id: str, *, may_appear: bool = False) -> None:
        super().__init__(message, schema_id)
        self.may_appear = may_appear


class TooLarge(Rejected):
    """More than LARGEST_ACTION bytes; nothing of it was decoded."""

    reason = "TOO_LARGE"


class Empty(Rejected):
    """No value, or none of any length: actions have no tombstones."""

    reason = "EMPTY"


class KeyMismatch(Rejected):
    """The key is null, or another than `org:customer` of the payload."""

    reason = "KEY_MISMATCH"


def dead_letter_reason(error: Rejected | Malformed) -> DeadLetterReason:
    """The text of the header `dlq-reason`."""
    return "MALFORMED_ACTION" if isinstance(error, Malformed) else error.reason


class SchemaSource(Protocol):
    """Where writers' schemas come from. What an id means never changes, so answers may be kept for ever."""

    def schema_by_id(self, identity: SchemaId) -> str:
        """The JSON text of an Avro schema, by Confluent id or GUID.

        Raises `UnknownSchema` where the registry answers that there is none, `Undecodable` where it is no
        Avro schema, and `schemas.registry.RegistryUnavailable` where there was no answer: that says nothing
        about the record.
        """


class Framing(NamedTuple):
    """What the first bytes and the headers say. `identity` is the fingerprint's ten-byte header with
    SINGLE_OBJECT, the id with CONFLUENT, None with JSON; the body begins at `offset`.
    """

    kind: Literal["SINGLE_OBJECT", "CONFLUENT", "JSON"]
    identity: bytes | SchemaId | None
    offset: int


def classify(value: bytes, headers: Headers = None) -> Framing:
    """The framing of a value; raises `Undecodable` where it has none."""
    for name, content in headers or ():
        if name == SCHEMA_ID_HEADER:
            return Framing("CONFLUENT", _guid(content), 0)
    first = value[:1]
    if first == b"\xc3" and value[:2] == SINGLE_OBJECT:
        if len(value) < HEADER_SIZE:
            raise Undecodable("cut off within the fingerprint")
        return Framing("SINGLE_OBJECT", value[:HEADER_SIZE], HEADER_SIZE)
    if first == b"\x00":
        if len(value) < 5:
            raise Undecodable("cut off within the schema id")
        return Framing("CONFLUENT", int.from_bytes(value[1:5], "big"), 5)
    if value.lstrip(b" \t\r\n")[:1] == b"{":
        return Framing("JSON", None, 0)
    raise Undecodable("neither Avro single-object, nor Confluent framing, nor a JSON object")


def _guid(content: bytes | None) -> SchemaId:
    if content is not None and len(content) == 17 and content[0] == 1:
        return UUID(bytes=content[1:])
    if content is not None and len(content) == 5 and content[0] == 0:
        return int.from_bytes(content[1:], "big")
    raise Undecodable(f"header {SCHEMA_ID_HEADER}: neither 01 and a GUID nor 00 and an id")


def confluent_value(schema_id: int, single_object: bytes) -> bytes:
    """The same record in Confluent framing, for outputs where a registry is configured."""
    return b"\x00" + schema_id.to_bytes(4, "big") + single_object[HEADER_SIZE:]


def read_fields(name: str, value: bytes, framing: Framing, schemas: SchemaSource | None) -> dict[str, Any]:
    """The fields of an Avro value, resolved to the current schema `name`, without logical types.

    Raises `Undecodable` or `UnknownSchema`, and what `schemas` raises.
    """
    schema_id, schema = _writer(name, framing, schemas)
    try:
        return schema.read(value, framing.offset)
    except WrongBytes as error:
        raise Undecodable(str(error), schema_id) from None


def read_record(name: str, value: bytes, schemas: SchemaSource | None = None) -> dict[str, Any]:
    """As `read_fields`, for the topics that hold nothing but Avro."""
    framing = classify(value)
    if framing.kind == "JSON":
        raise Undecodable("JSON where Avro is expected")
    return read_fields(name, value, framing, schemas)


def _writer(name: str, framing: Framing, schemas: SchemaSource | None) -> tuple[str, WriterSchema]:
    identity = framing.identity
    if isinstance(identity, bytes):
        schema_id = identity[2:].hex()
        text = _own_texts(name).get(identity)
        if text is None:
            raise UnknownSchema("a fingerprint of no known version of the schema", schema_id)
    else:
        assert identity is not None  # JSON is not read here
        schema_id = str(identity)
        if schemas is None:
            raise UnknownSchema(
                "Confluent framing, but no registry is configured: set registry.url", schema_id
            )
        text = schemas.schema_by_id(identity)
    try:
        return schema_id, writer_schema(name, text)
    except RefusedSchema as error:
        raise Undecodable(f"its schema is refused: {error}", schema_id) from None


@cache
def _own_texts(name: str) -> dict[bytes, str]:
    """Every version of one of the project's schemas by the header of its values."""
    return {single_object_header(text): text for text in (*older_texts(name), schema_text(name))}
