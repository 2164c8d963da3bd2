"""Avro's building bricks as bytes: zigzag integers, strings, decimals, maps. Encoding only, for the hot path.

The tables turn an integer into bytes 14 bits at a time; an instant of this century takes three look-ups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_BITS: Final = 14
_MASK: Final = (1 << _BITS) - 1
_MORE: Final = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(1 << _BITS)]
_LAST: Final = [bytes((n,)) if n < 128 else bytes((n & 127 | 128, n >> 7)) for n in range(1 << _BITS)]
_SIZES: Final = [_LAST[2 * n] for n in range(1024)]

NULL: Final = b"\x00"
SECOND_BRANCH: Final = b"\x02"
"""The index of the value's branch in a union with null first."""


def long_bytes(number: int) -> bytes:
    """An int or long; `number` in -2^63 .. 2^63 - 1."""
    rest = (number << 1) ^ (number >> 63)
    if rest <= _MASK:
        return _LAST[rest]
    data = _MORE[rest & _MASK]
    rest >>= _BITS
    while rest > _MASK:
        data += _MORE[rest & _MASK]
        rest >>= _BITS
    return data + _LAST[rest]


def string_bytes(text: str) -> bytes:
    """A string."""
    data = text.encode()
    size = len(data)
    return (_SIZES[size] if size < 1024 else long_bytes(size)) + data


def optional_string(text: str | None) -> bytes:
    """A union of null and string."""
    return NULL if text is None else SECOND_BRANCH + string_bytes(text)


def decimal_bytes(micros: int) -> bytes:
    """A decimal of scale 6 from its millionths, in as few bytes as two's complement allows."""
    data = micros.to_bytes((micros.bit_length() + 8) >> 3, "big", signed=True)
    return _SIZES[len(data)] + data


def optional_map(texts: Mapping[str, str]) -> bytes:
    """A union of null and a map of strings; an empty map is null."""
    if not texts:
        return NULL
    parts = [SECOND_BRANCH, long_bytes(len(texts))]
    for key, value in texts.items():
        parts.append(string_bytes(key))
        parts.append(string_bytes(value))
    parts.append(NULL)
    return b"".join(parts)


def strings_bytes(texts: tuple[str, ...]) -> bytes:
    """An array of strings."""
    if not texts:
        return NULL
    return b"".join([long_bytes(len(texts)), *map(string_bytes, texts), NULL])
