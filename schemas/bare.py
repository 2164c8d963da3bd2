"""fastavro without a check: the floor that benchmarks compare with. Never for records of others."""

from __future__ import annotations

import io
from typing import Any

import fastavro

from schemas.avro_schema import HEADER_SIZE, plain


def bare_fields(name: str, value: bytes) -> Any:
    """The fields of a single-object value known to be written with the current schema `name`."""
    body = io.BytesIO(value)
    body.seek(HEADER_SIZE)
    return fastavro.schemaless_reader(body, plain(name), None)
