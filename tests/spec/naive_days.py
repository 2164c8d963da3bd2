"""Instants, days, cycles and numbers of the naive model: slow, and written from the text alone.

Nothing here imports the product. Days are `datetime.date`, instants are milliseconds since 1970 in UTC.
"""

import calendar
import hashlib
import json
import re
import uuid
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE_DAY = timedelta(days=1)
HOUR = 3_600_000
WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
WRITTEN = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|([+-])(\d\d):(\d\d))", re.ASCII
)


def instant(text: str) -> int | None:
    """S1, S2: milliseconds of a written instant, truncated towards the past; None if malformed."""
    found = WRITTEN.fullmatch(text)
    if found is None:
        return None
    *fields, fraction, zone, sign, hours, minutes = found.groups()
    try:
        year, month, day, hour, minute, second = map(int, fields)
        read = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if zone != "Z":
            if int(hours) > 23 or int(minutes) > 59:
                return None
            ahead = timedelta(hours=int(hours), minutes=int(minutes))
            read = read - ahead if sign == "+" else read + ahead
    except (ValueError, OverflowError):
        return None
    if not 1900 <= read.year <= 2999:
        return None
    return (read - EPOCH) // timedelta(milliseconds=1) + int((fraction or "").ljust(3, "0")[:3])


def written(ms: int | None) -> str | None:
    """S2: the instant in UTC with three decimals and Z."""
    if ms is None:
        return None
    moment = EPOCH + timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def local(ms: int, zone: ZoneInfo) -> datetime:
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(zone)


def day_of(ms: int, zone: ZoneInfo) -> date:
    return local(ms, zone).date()


def read_locally(wall: datetime, zone: ZoneInfo) -> int:
    """S5: a wall time that does not exist takes the offset before the change; of two, the first is meant."""
    return (wall.replace(tzinfo=zone, fold=0).astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


def midnight(day: date, zone: ZoneInfo) -> int:
    return read_locally(datetime.combine(day, time.min), zone)


def plus(ms: int, value: int, unit: str, zone: ZoneInfo) -> int:
    """S4, S5: calendar arithmetic that keeps the local time of day."""
    if value == 0:
        return ms
    wall = local(ms, zone).replace(tzinfo=None, fold=0)
    if unit == "MONTHS":
        months = wall.year * 12 + wall.month - 1 + value
        year, month = months // 12, months % 12 + 1
        wall = wall.replace(year=year, month=month, day=min(wall.day, calendar.monthrange(year, month)[1]))
    else:
        wall += timedelta(days=value if unit == "DAYS" else 7 * value)
    return read_locally(wall, zone)


def shape_of(limit: Json) -> tuple[str, int | None, str | None]:
    """S70: what makes two fixed windows the same shape."""
    duration = limit["duration"]
    rate = limit["refresh_rate"] if duration == "DAYS" else None
    start_day = (limit.get("start_day") or "MONDAY") if duration == "WEEKS" else None
    return duration, rate, start_day


def begins_cycle(shape: tuple[str, int | None, str | None], anchor: date, day: date) -> bool:
    """Whether a natural cycle of the shape begins on the day, for a configuration that starts on `anchor`."""
    duration, rate, start_day = shape
    if day == anchor:
        return True
    if duration == "DAYS":
        assert rate is not None
        return (day - anchor).days % rate == 0
    return WEEKDAYS[day.weekday()] == start_day if duration == "WEEKS" else day.day == 1


def natural_cycle(shape: tuple[str, int | None, str | None], anchor: date, day: date) -> tuple[date, date]:
    """First and last day of the cycle that holds the day, found by walking; not cut by anything."""
    first = last = day
    while not begins_cycle(shape, anchor, first):
        first -= ONE_DAY
    while not begins_cycle(shape, anchor, last + ONE_DAY):
        last += ONE_DAY
    return first, last


def next_start(shape: tuple[str, int | None, str | None], day: date) -> date:
    """S72: the first natural boundary of a new shape that is not before the day."""
    while (shape[0] == "WEEKS" and WEEKDAYS[day.weekday()] != shape[2]) or (
        shape[0] == "MONTHS" and day.day != 1
    ):
        day += ONE_DAY
    return day


def exact(value: Any) -> Fraction | None:
    """S7: the number, or None where it is none. Numbers of the timeline are int or Decimal here."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str) and not re.fullmatch(r"-?\d+(\.\d+)?", value, re.ASCII):
        return None
    number = Fraction(value)
    return number if abs(number) < 10**18 and (number * 10**6).denominator == 1 else None


def shown(number: Fraction) -> str:
    """S8: no exponent, no trailing zeros, no minus zero."""
    millionths = int(abs(number) * 10**6)
    text = f"{millionths // 10**6}.{millionths % 10**6:06d}".rstrip("0").rstrip(".")
    return "-" + text if number < 0 else text


def identity(*name: Any) -> str:
    """S20, S22, S23."""
    return str(
        uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(list(name), ensure_ascii=False, separators=(",", ":")))
    )


def reference_of(level: str, shape: tuple[str, int | None, str | None]) -> str:
    """S25 and domain.md 4.4: a version-3 UUID over the bare name, without a namespace."""
    kind = "CUSTOMER_BADGE_FIXED_WINDOW" if level == "CUSTOMER" else "BADGE_FIXED_WINDOW"
    name = kind + shape[0] + str(shape[1] or "null") + str(shape[2] or "null")
    return str(uuid.UUID(bytes=hashlib.md5(name.encode()).digest(), version=3))
