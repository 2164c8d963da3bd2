"""Exact decimals (S7, S8). A decimal is held as a whole number of millionths, so sums never round."""

from __future__ import annotations

import re
from decimal import Decimal

MILLION = 1_000_000
_LIMIT = 10**18 * MILLION
_SCALES = (MILLION, 100_000, 10_000, 1_000, 100, 10, 1)
_TEXT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?\Z")


def micros_of_text(text: str) -> int | None:
    """The millionths of a decimal written `-?digits[.digits]`, or None where S7 says it is no number."""
    whole, point, fraction = text.partition(".")
    if len(text) < 19 and text.isascii() and whole.isdigit():  # as nearly all amounts are written
        if not point:
            return int(whole) * MILLION
        if fraction.isdigit() and len(fraction) < 7:
            return int(whole) * MILLION + int(fraction) * _SCALES[len(fraction)]
    match = _TEXT.match(text)
    if match is None:
        return None
    sign, whole, fraction = match.groups("")
    if len(whole) > 18:
        whole = whole.lstrip("0") or "0"
        if len(whole) > 18:
            return None
    if fraction[6:].strip("0"):
        return None
    micros = int(whole) * MILLION + int(fraction[:6].ljust(6, "0"))
    return -micros if sign else micros


def micros_of_number(number: int | Decimal) -> int | None:
    """The millionths of a JSON number (an int, or a Decimal for one with a point or an exponent), or None
    (S7).
    """
    if isinstance(number, int):
        micros = number * MILLION
        return micros if -_LIMIT < micros < _LIMIT else None
    if not number.is_finite():
        return None
    if number.is_zero():
        return 0
    if not -24 < number.adjusted() < 18:
        return None
    return micros_of_text(format(number, "f"))  # exact, whatever the number of digits


def text_of_micros(micros: int) -> str:
    """As S8 prints it: no exponent, no trailing zeros, no minus zero."""
    if micros < 0:
        return f"-{text_of_micros(-micros)}"
    whole, fraction = divmod(micros, MILLION)
    if not fraction:
        return str(whole)
    hundredths, rest = divmod(fraction, 10_000)
    if not rest:
        return f"{whole}{_HUNDREDTHS[hundredths]}"
    return f"{whole}.{fraction:06d}".rstrip("0")


_HUNDREDTHS = [f".{hundredths:02d}".rstrip("0") for hundredths in range(100)]  # nearly all amounts are money
