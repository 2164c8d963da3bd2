"""Other units in a writer's schema: Avro resolves base types only, so microseconds would be read as
milliseconds.

An instant may be written in milliseconds (also without a logical type) or microseconds, a decimal with any
scale up to six. Anything else at the place of one of them is refused with the schema: read as it stands it
would be a wrong number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from schemas.avro_schema import CUSTOMER_ACTION, schema_text
from schemas.avro_walk import RefusedSchema

Rescale = Callable[[dict[str, Any]], None]
_SCALE: Final = 6
_PER_MILLISECOND: Final = {None: 1, "timestamp-millis": 1, "timestamp-micros": 1_000}


def rescaling(schema: Any, name: str) -> tuple[Rescale, ...]:
    """What turns the numbers of a writer's record into milliseconds and millionths; raises `RefusedSchema`.

    Only actions come from other teams' schemas; the project's own records have had their units from the
    beginning.
    """
    if name != CUSTOMER_ACTION or schema == json.loads(schema_text(name)):
        return ()
    if not isinstance(schema, dict) or not isinstance(schema.get("fields"), list):
        raise RefusedSchema("not a record")
    types = {field.get("name"): field.get("type") for field in schema["fields"] if isinstance(field, dict)}
    return (*_instant(types.get("event_date")), *_decimal(types.get("amount")))


def _branches(kind: Any) -> list[Any]:
    branches = kind if isinstance(kind, list) else [kind]
    return [branch for branch in branches if branch != "null" and branch is not None]


def _described(branch: Any) -> dict[str, Any]:
    return branch if isinstance(branch, dict) else {"type": branch}


def _instant(kind: Any) -> tuple[Rescale, ...]:
    units = set()
    for branch in map(_described, _branches(kind)):
        unit = _PER_MILLISECOND.get(branch.get("logicalType"))
        if branch["type"] not in ("int", "long") or unit is None:
            raise RefusedSchema("event_date is no timestamp-millis or timestamp-micros")
        units.add(unit)
    if len(units) > 1:
        raise RefusedSchema("event_date has two units")
    return (partial(_divide, divisor=units.pop()),) if units - {1} else ()


def _decimal(kind: Any) -> tuple[Rescale, ...]:
    scales = set()
    for branch in map(_described, _branches(kind)):
        scale = branch.get("scale", 0)
        right = branch["type"] == "bytes" and branch.get("logicalType") == "decimal"
        if not right or not isinstance(scale, int) or not 0 <= scale <= _SCALE:
            raise RefusedSchema("amount is no decimal in bytes with a scale of at most six")
        scales.add(scale)
    if len(scales) > 1:
        raise RefusedSchema("amount has two scales")
    return (partial(_multiply, factor=10 ** (_SCALE - scales.pop())),) if scales - {_SCALE} else ()


def _divide(fields: dict[str, Any], divisor: int) -> None:
    fields["event_date"] //= divisor


def _multiply(fields: dict[str, Any], factor: int) -> None:
    if fields["amount"] is not None:
        micros = int.from_bytes(fields["amount"], "big", signed=True) * factor
        fields["amount"] = micros.to_bytes((micros.bit_length() + 8) >> 3, "big", signed=True)
