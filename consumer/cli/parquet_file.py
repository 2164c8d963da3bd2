"""Parquet files of actions, by duckdb (extra `analytics`; without it the import fails)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from badges.calendar import format_instant
from consumer.failure import USAGE, Failure

# An optional extra: type checkers need not have it either.
duckdb: Any = importlib.import_module("duckdb")

_ROWS_AT_ONCE: Final = 10_000
_WITH_ZONE: Final = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS")
_ATTRIBUTE: Final = "attributes."


def parquet_bodies(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """The rows of a file, in order, as bodies of actions; columns as in CSV, `attributes` may be a map."""
    connection = duckdb.connect()
    file = [stream.name]  # duckdb opens it itself
    try:
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", file).fetchall()
        names, types = [row[0] for row in described], [row[1] for row in described]
        wanted = ", ".join(_selected(name, kind) for name, kind in zip(names, types, strict=True))
        # By SQL, not by relations: in duckdb 2 those give no rows in portions.
        result = connection.execute(f"SELECT {wanted} FROM read_parquet(?)", file)  # noqa: S608 -- quoted names
        while rows := result.fetchmany(_ROWS_AT_ONCE):
            for row in rows:
                yield _body(names, types, row)
    except duckdb.Error as error:
        raise Failure(
            USAGE, f"{stream.name} cannot be read as Parquet: {str(error).splitlines()[0]}"
        ) from None
    finally:
        connection.close()


def _selected(name: str, kind: str) -> str:
    """Instants as microseconds; decimals and floats as the text that denotes them."""
    column = '"' + name.replace('"', '""') + '"'
    if kind in _WITH_ZONE:  # not epoch_ms: it rounds towards 1970 in duckdb 1
        return f"epoch_us(CAST({column} AS {_WITH_ZONE[0]})) AS {column}"
    if kind.startswith("DECIMAL") or kind in ("DOUBLE", "FLOAT"):
        return f"CAST({column} AS VARCHAR) AS {column}"
    return column


def _body(names: list[str], types: list[str], row: tuple[Any, ...]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, kind, value in zip(names, types, row, strict=True):
        if value is None:
            continue
        if name.startswith(_ATTRIBUTE):
            attributes[name.removeprefix(_ATTRIBUTE)] = _plain(kind, value)
        else:
            body[name] = _plain(kind, value)
    if attributes:
        given = body.get("attributes")
        body["attributes"] = {**(given if isinstance(given, dict) else {}), **attributes}
    return body


def _plain(kind: str, value: object) -> object:
    if kind in _WITH_ZONE and isinstance(value, int):
        return format_instant(value // 1000)
    return value if isinstance(value, str | bool | int | dict) else str(value)
