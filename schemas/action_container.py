"""Avro container files of actions: records to the JSON values that `action_from_json` judges."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from importlib.util import find_spec
from typing import Any, BinaryIO, Final

import fastavro

from badges.calendar import format_instant
from schemas.errors import Malformed

_CODECS: Final = frozenset({"null", "deflate", "bzip2", "xz"})
"""What Python itself decompresses."""


def container_bodies(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """The records of a container file, whatever its schema, in their order, as bodies of actions.

    Raises `Malformed` where the file is no Avro container, or is damaged: nothing can be read behind that.
    """
    try:
        reader = fastavro.reader(stream)
        _check_codec(reader.codec)
        for record in reader:
            fields = record if isinstance(record, dict) else {}
            yield {name: _plain(value) for name, value in fields.items() if value is not None}
    except Malformed:
        raise
    except (ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise Malformed(f"no Avro container file, or damaged: {error}") from None


def _check_codec(codec: str) -> None:
    if codec not in _CODECS and find_spec("cramjam") is None:
        remedy = "run `pip install cramjam`, or write it with deflate"
        raise Malformed(f"the file is compressed with {codec}: {remedy}")


def _plain(value: object) -> object:
    """A timestamp becomes the text of an instant; one without a zone stays so, and is refused as a date."""
    if isinstance(value, datetime):
        return format_instant(_milliseconds(value)) if value.tzinfo else value.isoformat()
    if isinstance(value, float):
        return Decimal(repr(value))
    return value


def _milliseconds(moment: datetime) -> int:
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * 1000 + moment.microsecond // 1000
