"""JSON text to values and back, exactly: numbers with a point or an exponent are Decimals, never floats (S7).

Of duplicate keys the last wins (S108). NaN and Infinity are no JSON.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from json import JSONDecodeError, JSONDecoder
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Final, NoReturn

_WHITE: Final = " \t\r\n"
_MARK: Final = "\ufeff"
_DIGITS_OF_INT: Final = 4_000
"""Python refuses to make an int of more than 4,300 digits; such a whole number is out of every range here."""
NO_NUMBER: Final = Decimal("NaN")
"""Stands for a JSON number beyond what a Decimal holds (an exponent of twenty digits): no decimal of S7."""


class NotJson(ValueError):
    """The text is no JSON; its message says why, without quoting the text."""


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"{constant} is no JSON")


def _told(error: JSONDecodeError) -> str:
    return f"{error.msg.removesuffix(' at')} at character {error.pos + 1}"


def _fraction(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        mantissa = text.lower().partition("e")[0]
        return NO_NUMBER if mantissa.strip("-0.") else Decimal(0)


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) < _DIGITS_OF_INT else Decimal(text)


_scan: Final = JSONDecoder(parse_float=Decimal, parse_constant=_refuse).scan_once  # type: ignore[attr-defined]
_any_number = JSONDecoder(parse_float=_fraction, parse_int=_whole, parse_constant=_refuse)
_scan_any: Final = _any_number.scan_once  # type: ignore[attr-defined]


def parse(text: str) -> Any:
    """The value of a JSON text with nothing but white space around it. Raises `NotJson`."""
    text = text.strip(_WHITE)
    try:
        try:
            value, end = _scan(text, 0)
        except NotJson:
            raise
        except JSONDecodeError as error:
            raise NotJson(_told(error)) from None
        except (ValueError, InvalidOperation):  # a number too long for the fast reader
            value, end = _scan_any(text, 0)
    except StopIteration as stop:
        if text.startswith(_MARK):
            raise NotJson("it begins with a byte order mark; save it without") from None
        raise NotJson(f"no JSON value at character {stop.value + 1}") from None
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except JSONDecodeError as error:
        raise NotJson(_told(error)) from None
    if end != len(text):
        raise NotJson(f"more text after the value at character {end + 1}")
    return value


def canonical_json(value: Any) -> str:
    """One text for equal values: keys in order of code points, no spaces, decimals as exact as they were.

    For values as `parse` returns them. Raises ValueError for a number that no JSON can hold, RecursionError
    where the value is nested beyond Python's own limit.
    """
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("a number is out of range")
        return str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        members = (f"{encode_basestring(key)}:{canonical_json(item)}" for key, item in sorted(value.items()))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_json, value)) + "]"
    raise ValueError(f"{type(value).__name__} is no JSON value")


def printed(value: Any) -> str:
    """As every line of output is printed: `", "` and `": "` between, non-ASCII characters unescaped."""
    return json.dumps(value, ensure_ascii=False)


def has_lone_surrogate(text: str) -> bool:
    """Whether a string holds half of a surrogate pair, which no encoding can write (S12)."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def quoted(text: str) -> str:
    """A JSON string, non-ASCII characters unescaped unless one of them is a lone surrogate."""
    return encode_basestring_ascii(text) if has_lone_surrogate(text) else encode_basestring(text)
