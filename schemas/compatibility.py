"""Does each schema still read what every older one wrote, and the other way round? Offline.

`python -m schemas.compatibility` prints what does not fit. Values that reach every branch and symbol of one
version are written with it, read through fastavro's resolution as the other, and compared where both have the
field. Units (logical types) are compared by themselves: Avro resolves base types only.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any, Final

import fastavro

from schemas.avro_schema import BADGE_DECISIONS, BADGE_ISSUED, CUSTOMER_ACTION, older_texts, schema_text

SCHEMAS: Final = (CUSTOMER_ACTION, BADGE_ISSUED, BADGE_DECISIONS)
UNKNOWN: Final = "UNKNOWN"
"""The default symbol of every enum: what a reader makes of a symbol that it does not know."""
_SAMPLES: Final[dict[str, Any]] = {
    "null": None,
    "boolean": True,
    "int": 7,
    "long": 7_000_000_000,
    "float": 1.5,
    "double": 1.5,
    "bytes": b"\x07",
    "string": "text",
    "date": date(2023, 10, 11),
    "timestamp-millis": datetime(2023, 10, 11, 4, 30, tzinfo=UTC),
    "timestamp-micros": datetime(2023, 10, 11, 4, 30, tzinfo=UTC),
    "decimal": Decimal("120.5"),
}


def incompatibilities() -> list[str]:
    """What is wrong, one sentence each: versions that cannot read each other, a version that is not kept."""
    found = []
    for name in SCHEMAS:
        older = older_texts(name)
        if json.loads(schema_text(name)) not in [json.loads(text) for text in older]:
            found.append(
                f"{name}: the current version is not in history/{name}/: add it under the next number"
            )
        found += between(name, older)
    return found


def between(name: str, versions: tuple[str, ...]) -> list[str]:
    """What is wrong between any two of the versions of a schema, oldest first."""
    numbered = [(number, json.loads(text)) for number, text in enumerate(versions, 1)]
    return [
        f"{name}: version {reader[0]} cannot read version {writer[0]}: {problem}"
        for writer, reader in permutations(numbered, 2)
        for problem in problems(writer[1], reader[1])
    ]


def problems(written_with: Any, read_with: Any) -> list[str]:
    """Why values written with one schema are not read right with another; empty where they are."""
    writer, reader = fastavro.parse_schema(written_with), fastavro.parse_schema(read_with)
    found: dict[str, None] = dict.fromkeys(_changed_units(written_with, read_with))
    for value in samples(written_with):
        data = io.BytesIO()
        fastavro.schemaless_writer(data, writer, value)
        data.seek(0)
        try:
            read = fastavro.schemaless_reader(data, writer, reader)
        except Exception as error:  # noqa: BLE001 -- resolution has many ways to fail; each is an answer here
            found[f"{type(error).__name__}: {error}"] = None
            continue
        found.update(dict.fromkeys(_differences(value, read, "")))
    return list(found)


def samples(schema: Any) -> list[Any]:
    """Values that between them use every branch of every union and every symbol of every enum."""
    return _samples(schema, {})


def _samples(schema: Any, named: dict[str, Any]) -> list[Any]:
    if isinstance(schema, list):
        return [value for branch in schema for value in _samples(branch, named)]
    if isinstance(schema, str):
        return [_SAMPLES[schema]] if schema in _SAMPLES else _samples(named[schema.rpartition(".")[2]], named)
    if "logicalType" in schema:
        return [_SAMPLES[schema["logicalType"]]]
    if "name" in schema:
        named[schema["name"].rpartition(".")[2]] = schema
    match schema["type"]:
        case "array":
            return [[], _samples(schema["items"], named)]
        case "map":
            return [{}, {str(n): value for n, value in enumerate(_samples(schema["values"], named))}]
        case "enum":
            return list(schema["symbols"])
        case "record":
            return list(_records(schema, named))
    return _samples(schema["type"], named)


def _records(schema: dict[str, Any], named: dict[str, Any]) -> Iterator[dict[str, Any]]:
    columns = {field["name"]: _samples(field["type"], named) for field in schema["fields"]}
    for row in range(max(map(len, columns.values()), default=0)):
        yield {name: values[row % len(values)] for name, values in columns.items()}


def _differences(written: Any, read: Any, path: str) -> Iterator[str]:
    if isinstance(written, dict) and isinstance(read, dict):
        for name in written.keys() & read.keys():
            yield from _differences(written[name], read[name], f"{path}.{name}" if path else name)
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for one, other in zip(written, read, strict=True):
            yield from _differences(one, other, path)
    elif read not in (written, UNKNOWN):
        yield f"{path} has another value than was written"


def _changed_units(one: Any, other: Any) -> Iterator[str]:
    ours, theirs = dict(_units(one, "")), dict(_units(other, ""))
    for path in sorted(ours.keys() & theirs.keys()):
        if ours[path] != theirs[path]:
            yield f"{path} is {theirs[path] or 'without unit'}, was {ours[path] or 'without unit'}"


def _units(schema: Any, path: str) -> Iterator[tuple[str, str | None]]:
    """Every place of a number or of bytes, by field and base type, with its logical type and scale."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _units(branch, path)
    elif isinstance(schema, dict) and schema["type"] == "record":
        for field in schema["fields"]:
            yield from _units(field["type"], f"{path}.{field['name']}" if path else field["name"])
    elif isinstance(schema, dict) and schema["type"] in ("array", "map"):
        yield from _units(schema["items" if schema["type"] == "array" else "values"], path)
    elif isinstance(schema, dict) and not isinstance(schema["type"], str):
        yield from _units(schema["type"], path)
    else:
        base = schema if isinstance(schema, str) else schema["type"]
        unit = None if isinstance(schema, str) else schema.get("logicalType")
        yield (
            f"{path} ({base})",
            f"decimal with scale {schema.get('scale', 0)}" if unit == "decimal" else unit,
        )


def main() -> int:
    """The exit code of a check: 6 where something does not fit (contract.md section 1)."""
    found = incompatibilities()
    for problem in found:
        print(problem)  # noqa: T201 -- the output of a command
    return 6 if found else 0


if __name__ == "__main__":
    sys.exit(main())
