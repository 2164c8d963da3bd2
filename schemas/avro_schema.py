"""The project's own Avro schemas: read from the package, with the header that marks their single-object
encoding.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

FOLDER: Final = Path(__file__).parent
SINGLE_OBJECT: Final = b"\xc3\x01"
HEADER_SIZE: Final = 10
"""The two marker bytes and the CRC-64-AVRO fingerprint, little-endian."""

CUSTOMER_ACTION: Final = "customer-action"
BADGE_ISSUED: Final = "badge-issued"
BADGE_DECISIONS: Final = "badge-decisions"


@cache
def schema_text(name: str) -> str:
    """The JSON text of `<name>.avsc`, the current version."""
    return (FOLDER / f"{name}.avsc").read_text(encoding="utf-8")


@cache
def older_texts(name: str) -> tuple[str, ...]:
    """The JSON texts of the versions before the current one, oldest first: `history/<name>/<number>.avsc`."""
    files = sorted((FOLDER / "history" / name).glob("*.avsc"), key=lambda file: int(file.stem))
    return tuple(file.read_text(encoding="utf-8") for file in files)


def single_object_header(text: str) -> bytes:
    """The first ten bytes of every value that is written with a schema."""
    return SINGLE_OBJECT + bytes.fromhex(
        fingerprint(to_parsing_canonical_form(json.loads(text)), "CRC-64-AVRO")
    )


@cache
def header_of(name: str) -> bytes:
    """The first ten bytes of a single-object value in the current schema."""
    return single_object_header(schema_text(name))


@cache
def typed(name: str) -> Any:
    """The schema as fastavro parses it, instants as datetime and decimals as Decimal."""
    return fastavro.parse_schema(json.loads(schema_text(name)))


@cache
def plain(name: str) -> Any:
    """The schema without logical types: instants stay integers, decimals stay bytes.

    Faster, and a hostile value cannot overflow a datetime or keep Decimal busy for minutes.
    """
    return fastavro.parse_schema(without_logical_types(json.loads(schema_text(name))))


def without_logical_types(schema: Any) -> Any:
    """A copy of a schema in which every logical type is its base type."""
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if isinstance(schema, dict):
        return {
            key: value if key in _KEPT else without_logical_types(value)
            for key, value in schema.items()
            if key != "logicalType"
        }
    return schema


_KEPT: Final = frozenset({"default", "symbols", "doc", "aliases"})
