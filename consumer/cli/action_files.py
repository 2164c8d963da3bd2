"""Files of actions: each row becomes what is sent, or a named rejection (contract.md sections 1 and 2)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from badges.actions import CustomerAction
from consumer.failure import USAGE, Failure
from schemas.action_container import container_bodies
from schemas.customer_action import encode_action
from schemas.errors import Malformed
from schemas.framing import LARGEST_ACTION
from schemas.json_action import action_from_json, org_id_of, text_of
from schemas.json_text import NotJson, parse

ATTRIBUTE: Final = "attributes."
_FIELDS: Final = frozenset({*CustomerAction._fields, "attributes"})
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_BOOLEANS: Final = {"true": True, "false": False}


class Row(NamedTuple):
    """One record for the input topic. `line` counts lines of text, or records, from 1."""

    line: int
    key: bytes | None
    value: bytes


class Rejection(NamedTuple):
    """A row that is not sent, and why."""

    line: int
    error: str


Rows = Iterator[Row | Rejection]


def reader_of(suffix: str) -> Callable[[BinaryIO], Rows]:
    """How a file with this suffix is read; stdin has none and is JSONL."""
    try:
        return _READERS[suffix.lower()]
    except KeyError:
        known = ", ".join(name for name in _READERS if name)
        raise Failure(USAGE, f"a file ending in {suffix!r} is not understood; use one of {known}") from None


def encoded(action: CustomerAction, line: int) -> Row | Rejection:
    """An action as it is sent: Avro single-object under the key `org:customer`."""
    value = encode_action(action)
    if len(value) > LARGEST_ACTION:
        return Rejection(line, f"{len(value)} bytes, more than the {LARGEST_ACTION} that an action may have")
    return Row(line, key_of(action.org_id, action.customer_id), value)


def key_of(org_id: int, customer_id: str) -> bytes:
    """The record key of a customer."""
    return f"{org_id}:{customer_id}".encode()


def _judged(body: object, line: int) -> Row | Rejection:
    try:
        return encoded(action_from_json(body), line)
    except Malformed as error:
        return Rejection(line, error.message)


def jsonl_rows(stream: BinaryIO) -> Rows:
    """One JSON object a line; lines of white space are skipped and counted."""
    for line, raw in enumerate(stream, 1):
        if raw.isspace():
            continue
        try:
            body = parse(raw.decode())
        except UnicodeDecodeError:
            yield Rejection(line, "not UTF-8")
        except NotJson as error:
            yield Rejection(line, f"not JSON: {error}")
        else:
            yield _judged(body, line)


def raw_rows(stream: BinaryIO) -> Rows:
    """JSONL lines byte for byte, without line end; the key where org and customer can be read, else none."""
    for line, raw in enumerate(stream, 1):
        if raw.isspace():
            continue
        yield Row(line, _readable_key(raw), raw.removesuffix(b"\n"))


def _readable_key(raw: bytes) -> bytes | None:
    try:
        body = parse(raw.decode())
        if not isinstance(body, dict):
            return None
        return key_of(org_id_of(body), text_of(body.get("customer_id"), "customer_id"))
    except (UnicodeDecodeError, NotJson, Malformed):
        return None


def csv_rows(stream: BinaryIO) -> Rows:
    """A header of field names and `attributes.NAME`; an empty cell is an absent field."""
    # What is no UTF-8 becomes lone surrogates, which every field refuses: only that row is not sent.
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    csv.field_size_limit(LARGEST_ACTION)
    reader = csv.reader(text)
    try:
        columns = next(reader, [])
        _check_columns(columns)
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not cells:
                continue
            if len(cells) > len(columns):
                yield Rejection(line, f"{len(cells)} cells for {len(columns)} columns")
            else:
                yield _judged(_body(columns, cells), line)
    except csv.Error as error:
        yield Rejection(reader.line_num, f"not CSV from here on: {error}")
    finally:
        text.detach()


def _check_columns(columns: list[str]) -> None:
    for name in columns:
        if columns.count(name) > 1:
            raise Failure(USAGE, f"CSV column {name!r} stands there twice; which one holds the value?")
        if name not in _FIELDS and not (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE)):
            message = f"CSV column {name!r} is no field of an action; attributes are named {ATTRIBUTE}NAME"
            raise Failure(USAGE, message)


def _body(columns: list[str], cells: list[str]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, cell in zip(columns, cells, strict=False):
        if cell == "":
            continue
        if name.startswith(ATTRIBUTE):
            attributes[name.removeprefix(ATTRIBUTE)] = cell
        elif name == "org_id":
            body[name] = int(cell) if _INTEGER.fullmatch(cell) else cell
        elif name == "override_eligibility":
            body[name] = _BOOLEANS.get(cell, cell)
        elif name == "attributes":
            body[name] = _json_or_text(cell)
        else:
            body[name] = cell
    if attributes:
        body["attributes"] = {**_object(body.get("attributes")), **attributes}
    return body


def _json_or_text(cell: str) -> object:
    try:
        return parse(cell)
    except NotJson:
        return cell


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def avro_rows(stream: BinaryIO) -> Rows:
    """An Avro container file; `line` is the number of the record."""
    line = 0
    try:
        for line, body in enumerate(container_bodies(stream), 1):
            yield _judged(body, line)
    except Malformed as error:
        yield Rejection(line + 1, error.message)


def parquet_rows(stream: BinaryIO) -> Rows:
    """A Parquet file; `line` is the number of the row."""
    try:
        from consumer.cli.parquet_file import parquet_bodies
    except ImportError:
        message = "Parquet needs the extra `analytics`: pip install 'badges[analytics]', or send JSONL or CSV"
        raise Failure(USAGE, message) from None
    for line, body in enumerate(parquet_bodies(stream), 1):
        yield _judged(body, line)


_READERS: Final[dict[str, Callable[[BinaryIO], Rows]]] = {
    "": jsonl_rows,
    ".jsonl": jsonl_rows,
    ".ndjson": jsonl_rows,
    ".json": jsonl_rows,
    ".csv": csv_rows,
    ".avro": avro_rows,
    ".parquet": parquet_rows,
}
