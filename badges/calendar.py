"""Instants and days (S1 to S6). An instant is epoch milliseconds UTC; a day is a proleptic ordinal (1 Jan
0001 = 1).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from badges.definitions import Unit

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_LOCAL: Final = datetime(1970, 1, 1)  # noqa: DTZ001 -- the origin of local clock readings
_FIRST: Final = (date(1900, 1, 1).toordinal() - _EPOCH_DAY) * DAY
_LAST: Final = (date(3000, 1, 1).toordinal() - _EPOCH_DAY) * DAY - 1
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,9}))?"
    r"(?:(Z)|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))\Z"
)
_DAY_TEXT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
# Found beside the zones in many zone databases, and none of them: what a machine is set to (S107), and clocks
# that count leap seconds.
_OF_THE_MACHINE: Final = frozenset({"localtime", "posixrules"})
_NOT_CIVIL: Final = ("posix/", "right/")
_CACHED_HOURS: Final = 200_000
_CACHED_PARTS: Final = 100_000


@lru_cache(maxsize=4096)
def parse_day(text: str) -> int | None:
    """`YYYY-MM-DD` as an ordinal, or None where it is no calendar day."""
    if not _DAY_TEXT.match(text):
        return None
    try:
        return date(int(text[:4]), int(text[5:7]), int(text[8:])).toordinal()
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def format_day(ordinal: int) -> str:
    """`YYYY-MM-DD`."""
    return date.fromordinal(ordinal).isoformat()


# The parts of every well-formed instant seen lately: day, `T10:33:`, `20`, fraction with offset. A text made
# of known parts is well-formed: S1 puts no condition on one part that depends on another.
_day_parts: dict[str, int] = {}
_minute_parts: dict[str, int] = {}
_second_parts: dict[str, int] = {f"{second:02d}": second * SECOND for second in range(60)}
_end_parts: dict[str, int] = {}


def parse_instant(text: str) -> int | None:
    """An instant of S1, truncated towards the past to milliseconds (S2); None if malformed (S1, S108)."""
    try:
        instant = (
            _day_parts[text[:10]]
            + _minute_parts[text[10:17]]
            + _second_parts[text[17:19]]
            + _end_parts[text[19:]]
        )
    except KeyError:
        return _parse_new(text)
    return instant if _FIRST <= instant <= _LAST else None


def _parse_new(text: str) -> int | None:
    match = _INSTANT.match(text)
    if match is None:
        return None
    day_text, hour, minute, second, fraction, _, sign, offset_hour, offset_minute = match.groups()
    day = parse_day(day_text)
    if day is None:
        return None
    midnight = (day - _EPOCH_DAY) * DAY
    minutes = int(hour) * HOUR + int(minute) * MINUTE
    end = int(fraction[:3].ljust(3, "0")) if fraction else 0
    if sign:
        offset = int(offset_hour) * HOUR + int(offset_minute) * MINUTE
        end += offset if sign == "-" else -offset
    for parts, part, value in (
        (_day_parts, day_text, midnight),
        (_minute_parts, text[10:17], minutes),
        (_end_parts, text[19:], end),
    ):
        if len(parts) >= _CACHED_PARTS:
            parts.clear()
        parts[part] = value
    instant = midnight + minutes + int(second) * SECOND + end
    return instant if _FIRST <= instant <= _LAST else None


def in_range(instant: int) -> bool:
    """Whether an instant lies in the years 1900 to 2999 UTC (S1)."""
    return _FIRST <= instant <= _LAST


def format_instant(instant: int) -> str:
    """UTC with three decimals and `Z` (S2)."""
    days, rest = divmod(instant, DAY)
    minutes, rest = divmod(rest, MINUTE)
    seconds, millis = divmod(rest, SECOND)
    return f"{format_day(days + _EPOCH_DAY)}{_MINUTES[minutes]}{_SECONDS[seconds]}{_MILLIS[millis]}"


_MINUTES: Final = [f"T{minutes // 60:02d}:{minutes % 60:02d}:" for minutes in range(24 * 60)]
_SECONDS: Final = [f"{seconds:02d}." for seconds in range(60)]
_MILLIS: Final = [f"{millis:03d}Z" for millis in range(1000)]


class Zone:
    """An IANA zone: the local day of an instant, and calendar arithmetic that keeps the local time of day."""

    __slots__ = ("_offsets", "_zone", "key")

    def __init__(self, key: str) -> None:
        self.key = key
        self._zone = ZoneInfo(key)
        self._offsets: dict[int, int] = {}

    def day(self, instant: int) -> int:
        """The calendar day of an instant."""
        offset = self._offsets.get(instant // HOUR)
        if offset is None:
            offset = self._offset(instant)
        return (instant + offset) // DAY + _EPOCH_DAY

    def _offset(self, instant: int) -> int:
        """Milliseconds to add to UTC. Remembered per hour, unless the offset changes within it."""
        hour = instant // HOUR
        first, last = self._exact(hour * HOUR), self._exact(hour * HOUR + HOUR - 1)
        if first != last:
            return self._exact(instant)
        if len(self._offsets) >= _CACHED_HOURS:
            self._offsets.clear()
        self._offsets[hour] = first
        return first

    def _exact(self, instant: int) -> int:
        offset = (_EPOCH + timedelta(seconds=instant // SECOND)).astimezone(self._zone).utcoffset()
        assert offset is not None  # an aware datetime
        return round(offset.total_seconds()) * SECOND

    def add(self, instant: int, value: int, unit: Unit) -> int:
        """`value` DAYS, WEEKS or MONTHS later (earlier if negative), by S4 and S5. Adding 0: the same."""
        if unit == "MONTHS":
            return self._add_exactly(instant, value, unit) if value else instant
        moved = instant + value * (DAY if unit == "DAYS" else WEEK)
        # With one offset at the start, at the end and a day before the end, the local time exists and is
        # not the
        # second of two, so elapsed and calendar time agree.
        offsets = self._offsets
        offset = offsets.get(instant // HOUR)
        if (
            offset is not None
            and offset == offsets.get(moved // HOUR)
            and offset == offsets.get((moved - DAY) // HOUR)
        ):
            return moved
        return self._add_exactly(instant, value, unit) if value else instant

    def _add_exactly(self, instant: int, value: int, unit: Unit) -> int:
        offset = self._offset(instant)
        seconds, milli = divmod(instant + offset, SECOND)
        local = _EPOCH_LOCAL + timedelta(seconds=seconds)
        moved = _add_months(local, value) if unit == "MONTHS" else local + _span(value, unit)
        # fold=0 is S5 in both cases: the offset before a gap, the first of two.
        utc = moved.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        result = (utc - _EPOCH) // timedelta(seconds=1) * SECOND + milli
        if unit != "MONTHS":  # so that the next one of this hour takes the short way
            self._offset(result)
            self._offset(result - DAY)
        return result


def _span(value: int, unit: Unit) -> timedelta:
    return timedelta(days=value) if unit == "DAYS" else timedelta(weeks=value)


def _add_months(local: datetime, months: int) -> datetime:
    years, month = divmod(local.month - 1 + months, 12)
    year = local.year + years
    return local.replace(year=year, month=month + 1, day=min(local.day, month_length(year, month + 1)))


def month_length(year: int, month: int) -> int:
    """Days in a month, 28 to 31."""
    return 31 if month == 12 else (date(year, month + 1, 1) - date(year, month, 1)).days


@lru_cache(maxsize=1024)
def zone(name: str) -> Zone:
    """The zone of that name; ValueError where there is none (S91). One object per name, so its days are
    cached once.
    """
    if name in _OF_THE_MACHINE or name.startswith(_NOT_CIVIL):
        raise ValueError(f"{name!r} is not an IANA time zone")
    try:
        return Zone(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone") from error
