"""Fixed windows: shapes, cycles, configurations (domain.md 4; S65, S69 to S76). All days are ordinals, all
ranges of days in this module are inclusive at both ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from badges.calendar import Zone, month_length
from badges.definitions import WEEKDAYS, BadgeDefinition, BadgeRecord, Level, Shape

Status = Literal["UPCOMING", "ACTIVE", "EXPIRED"]


def cycle_of(shape: Shape, anchor: int, day: int) -> tuple[int, int]:
    """First and last day of the natural cycle that contains `day` >= `anchor`, the first day of the first
    cycle.

    DAYS: blocks anchored on `anchor`. WEEKS and MONTHS: calendar weeks and months, the first one from
    `anchor` on.
    """
    if shape.duration == "DAYS":
        rate = shape.refresh_rate or 1
        first = day - (day - anchor) % rate
        return first, first + rate - 1
    if shape.duration == "WEEKS":
        first = day - (day - _weekday(shape)) % 7
        return max(first, anchor), first + 6
    on = date.fromordinal(day)
    first = day - on.day + 1
    return max(first, anchor), first + month_length(on.year, on.month) - 1


def _weekday(shape: Shape) -> int:
    """An ordinal of the shape's weekday: ordinal 1 (1 Jan 0001) is a Monday."""
    return 1 + WEEKDAYS.index(shape.start_day or "MONDAY")


def next_boundary(shape: Shape, day: int) -> int:
    """The first natural boundary of a shape on or after `day` (S72)."""
    if shape.duration == "DAYS":
        return day
    if shape.duration == "WEEKS":
        return day + (_weekday(shape) - day) % 7
    on = date.fromordinal(day)
    return day if on.day == 1 else day - on.day + 1 + month_length(on.year, on.month)


def end_instant(definition: BadgeDefinition, zone: Zone) -> int | None:
    """The end of a badge's fixed windows (domain.md 4.5): an instant, itself included, or None where there
    is no end.
    """
    expiry = definition.enrolment_expiry
    if expiry is None or expiry.type == "WITH_BADGE":
        return definition.ends_at
    if expiry.type == "FIXED_DATE":
        return expiry.at
    if expiry.type == "RELATIVE":
        return zone.add(definition.ends_at, expiry.value, expiry.unit)
    return None


def last_day(record: BadgeRecord, level: Level, index: int, zone: Zone) -> int | None:
    """`ends_on` of the configuration at `index` (S74); may lie before its `starts_on` (S76)."""
    end = end_instant(record.definition, zone)
    end_day = None if end is None else zone.day(end)
    configurations = record.of_level(level)
    if index + 1 == len(configurations):
        return end_day
    before_successor = configurations[index + 1].starts_on - 1
    return before_successor if end_day is None else min(before_successor, end_day)


def status(record: BadgeRecord, level: Level, index: int, zone: Zone, at: int) -> Status:
    """S75, at the instant `at`."""
    configurations = record.of_level(level)
    today = zone.day(at)
    end = end_instant(record.definition, zone)
    if end is not None and at > end:
        return "EXPIRED"
    if index + 1 < len(configurations) and today >= configurations[index + 1].starts_on:
        return "EXPIRED"
    if index == 0:
        return "UPCOMING" if at < record.definition.starts_at else "ACTIVE"
    return "UPCOMING" if today < configurations[index].starts_on else "ACTIVE"


def in_force(record: BadgeRecord, level: Level, day: int, zone: Zone) -> int | None:
    """The index of the configuration in force on a day, whatever its status (S73), or None."""
    configurations = record.of_level(level)
    for index in range(len(configurations) - 1, -1, -1):
        if configurations[index].starts_on <= day:
            last = last_day(record, level, index, zone)
            return index if last is None or day <= last else None
    return None


def cut_cycle(record: BadgeRecord, level: Level, index: int, zone: Zone, day: int) -> tuple[int, int]:
    """The cycle of a configuration that contains a day on which it is in force, cut as printed (S65)."""
    configuration = record.of_level(level)[index]
    first, last = cycle_of(configuration.shape, configuration.starts_on, day)
    end = last_day(record, level, index, zone)
    return first, last if end is None else min(last, end)


def cycles_between(
    record: BadgeRecord, level: Level, index: int, zone: Zone, first: int, last: int
) -> Iterator[tuple[int, int]]:
    """Every cycle of a configuration that has a day in first..last, cut as printed, in order (S101)."""
    configuration = record.of_level(level)[index]
    end = last_day(record, level, index, zone)
    stop = last if end is None else min(last, end)
    day = max(first, configuration.starts_on)
    while day <= stop:
        cycle = cut_cycle(record, level, index, zone, day)
        yield cycle
        day = cycle[1] + 1
