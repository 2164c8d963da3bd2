"""Writers' schemas, checked before the first byte is decoded with them.

fastavro decodes in C without limits: nesting ends the process, items of no size fill the memory, a negative
union index is taken for the last branch. So a schema with recursion or items of no size is refused when it is
loaded, and every value is walked in Python first, which proves that each index, length and text in it is
right and nothing is left over.
"""

from __future__ import annotations

import io
import json
from functools import lru_cache
from typing import Any, Final

import fastavro

from schemas.avro_schema import plain, without_logical_types
from schemas.avro_walk import RefusedSchema, WrongBytes, walker
from schemas.units import Rescale, rescaling

__all__ = ["RefusedSchema", "WriterSchema", "WrongBytes", "writer_schema"]

_MOST_SCHEMAS: Final = 1_024


class WriterSchema:
    """A schema that was accepted, and how to read values written with it as the current schema."""

    def __init__(self, name: str, text: str) -> None:
        schema = _parse(text)
        self._walk = walker(schema)
        self._rescale: tuple[Rescale, ...] = rescaling(schema, name)
        self._reader = plain(name)
        try:
            self._schema = fastavro.parse_schema(without_logical_types(schema))
        except Exception as error:  # noqa: BLE001 -- another team wrote it
            raise RefusedSchema(f"no valid Avro schema ({type(error).__name__})") from None

    def read(self, value: bytes, offset: int) -> dict[str, Any]:
        """The fields of the value that fills `value` from `offset` to its end; raises `WrongBytes`."""
        self._walk(value, offset)
        body = io.BytesIO(value)
        body.seek(offset)
        try:
            fields = fastavro.schemaless_reader(body, self._schema, self._reader)
        except Exception as error:  # noqa: BLE001 -- whatever C makes of hostile bytes is one outcome
            raise WrongBytes(f"not a value of its schema ({type(error).__name__})") from None
        if body.tell() != len(value) or not isinstance(fields, dict):
            raise WrongBytes("bytes are left over")
        for rescale in self._rescale:
            rescale(fields)
        return fields


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedSchema("no JSON") from None


@lru_cache(maxsize=_MOST_SCHEMAS)
def writer_schema(name: str, text: str) -> WriterSchema:
    """The schema `text` as a writer's schema of records that are read as `name`; raises `RefusedSchema`."""
    return WriterSchema(name, text)
