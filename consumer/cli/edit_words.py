"""An edit in words: what changes, and for a fixed window when it takes effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

from badges.calendar import format_day, format_instant
from badges.definitions import (
    LEVELS,
    BadgeDefinition,
    BadgeRecord,
    Configuration,
    Expiry,
    Level,
    LevelLimits,
    Shape,
)

if TYPE_CHECKING:
    from consumer.definitions_store import Edited

_INSTANTS = frozenset({"starts_at", "ends_at"})
_LONG = "set"


def words_of(edited: Edited, at: int) -> list[str]:
    """Lines for a person; `at` is the instant of the edit."""
    if edited.error is not None:
        error = edited.error
        return [f"{edited.place}: {error['message']} ({error['code']}, {error['reference']})"]
    before, after = edited.before, edited.after
    if after is None or before is after:
        return []
    if before is None:
        return _new(after, at)
    return [*_changes(before.definition, after.definition), *_windows(before, after)]


def _new(record: BadgeRecord, at: int) -> list[str]:
    if record.definition.starts_at >= at:
        return []
    return ["starts in the past: acts that were processed before now are not looked at again"]


def _changes(before: BadgeDefinition, after: BadgeDefinition) -> Iterator[str]:
    for field in fields(before):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new:
            words = _shown(field.name, old), _shown(field.name, new)
            # Criteria and benefits are too long for a line: `badges show` prints them.
            yield (
                f"{field.name}: changed" if words == (_LONG, _LONG) else f"{field.name}: {' -> '.join(words)}"
            )


def _shown(name: str, value: object) -> str:
    if name in _INSTANTS and isinstance(value, int):
        return format_instant(value)
    if isinstance(value, LevelLimits):
        return limits_text(value)
    if isinstance(value, Expiry):
        return expiry_text(value)
    if value in (None, ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else _LONG


def shape_text(shape: Shape) -> str:
    """`3 DAYS`, `week from TUESDAY`, `month`."""
    if shape.duration == "DAYS":
        return f"{shape.refresh_rate} DAYS"
    return "MONTH" if shape.duration == "MONTHS" else f"WEEK from {shape.start_day or 'MONDAY'}"


def limits_text(limits: LevelLimits) -> str:
    """All limits of a level in one line."""
    parts = []
    if limits.fixed is not None:
        parts.append(f"{limits.fixed.max} per {shape_text(limits.fixed.shape)}")
    parts += [f"{one.max} in any {one.value} {one.unit}" for one in limits.rolling]
    if limits.overall is not None:
        parts.append(f"{limits.overall} in all")
    return ", ".join(parts) or "none"


def expiry_text(expiry: Expiry) -> str:
    """When what begins now ends."""
    if expiry.type == "RELATIVE":
        return f"after {expiry.value} {expiry.unit}"
    if expiry.type == "FIXED_DATE":
        return f"at {format_instant(expiry.at)}"
    return "with the badge" if expiry.type == "WITH_BADGE" else "never"


def _windows(before: BadgeRecord, after: BadgeRecord) -> Iterator[str]:
    for level in LEVELS:
        yield from _level_windows(before.of_level(level), after.of_level(level), level)


def _level_windows(
    before: tuple[Configuration, ...], after: tuple[Configuration, ...], level: Level
) -> Iterator[str]:
    known = {one.number: one for one in before}
    kept = {one.number for one in after}
    name = f"{level.lower()} window"
    for one in before:
        if one.number not in kept:
            yield f"{name}: {one.max} per {shape_text(one.shape)} from {format_day(one.starts_on)} is dropped"
    for one in after:
        old = known.get(one.number)
        if old is None:
            yield (
                f"{name}: {one.max} per {shape_text(one.shape)} takes effect on {format_day(one.starts_on)}"
            )
        elif old.max != one.max:
            yield f"{name}: {one.max} per {shape_text(one.shape)} instead of {old.max} takes effect at once"
        elif old.starts_on != one.starts_on:
            yield f"{name}: starts on {format_day(one.starts_on)} instead of {format_day(old.starts_on)}"
