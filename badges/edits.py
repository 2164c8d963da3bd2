"""May this definition follow that one, and what becomes of its fixed windows (FW-1 to FW-4; S69 to S92)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from badges.calendar import Zone, zone
from badges.definitions import (
    LEVELS,
    BadgeDefinition,
    BadgeRecord,
    Configuration,
    FixedWindow,
    Level,
    Measure,
    OrgSettings,
)
from badges.identity import configuration_id
from badges.windows import cycle_of, next_boundary

BadgeStatus = Literal["UPCOMING", "LIVE", "EXPIRED"]

YEARS_BACK = 100


class Refused(Exception):
    """A definition or settings document that is refused: changes nothing (S79). `reference` by S84."""

    def __init__(self, code: int, message: str, reference: str | None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reference = reference


def badge_status(definition: BadgeDefinition, at: int) -> BadgeStatus:
    """The badge's period is a closed range of instants (S3)."""
    if at < definition.starts_at:
        return "UPCOMING"
    return "LIVE" if at <= definition.ends_at else "EXPIRED"


def accept(
    definition: BadgeDefinition,
    current: BadgeRecord | None,
    others: Mapping[str, BadgeRecord],
    settings: OrgSettings,
    at: int,
) -> BadgeRecord:
    """The record that a well-formed definition leads to, or `Refused` with the first code in the order of
    S83.

    `others` are the org's records (the badge's own among them or not); `at` is the instant of the edit.
    """
    local = zone(settings.timezone)
    _check(definition, current, others, local, at)
    if current is None:
        record = BadgeRecord(definition, 1, at, measure_number=1)
    else:
        changed = _measure(current.definition) != _measure(definition)
        record = replace(
            current,
            definition=definition,
            version=current.version + 1,
            accepted_at=at,
            measure_number=current.measure_number + changed,
            limit_number=current.limit_number + _introduced(current.definition, definition),
        )
    for level in LEVELS:
        record = _with_window(record, current, level, local, at)
    return record


def accept_settings(settings: OrgSettings, current: OrgSettings | None, has_badges: bool) -> OrgSettings:
    """S91, S92: the zone exists, and stays the same once the org has a badge (UTC before any settings)."""
    try:
        zone(settings.timezone)
    except ValueError as error:
        raise Refused(400, f"timezone: {error}", "timezone") from error
    in_force = current.timezone if current else "UTC"
    if has_badges and settings.timezone != in_force:
        message = f"timezone: stays {in_force}, because the org has badges whose days were counted in it"
        raise Refused(400, message, "timezone")
    return settings


def _introduced(before: BadgeDefinition, after: BadgeDefinition) -> bool:
    """Whether an edit introduces badge-level limits: what was issued before it has to be counted."""
    return after.badge_limits.any and not before.badge_limits.any


def _measure(definition: BadgeDefinition) -> Measure | None:
    return definition.issue_on.measure if definition.issue_on else None


def _check(
    new: BadgeDefinition, current: BadgeRecord | None, others: Mapping[str, BadgeRecord], local: Zone, at: int
) -> None:
    if new.starts_at >= new.ends_at:
        raise Refused(720, "starts_at must be before ends_at", "starts_at")
    for record in others.values():
        if record.definition.badge_id != new.badge_id and record.definition.name == new.name:
            raise Refused(725, f"name: badge {record.definition.badge_id!r} has it already", "name")
    for level in LEVELS:
        limits = new.limits(level)
        if limits.fixed and limits.moving:
            message = "a level takes a fixed window, or rolling and overall limits, not both"
            raise Refused(826, message, _reference(level))
    if current is None:
        if new.starts_at < local.add(at, -12 * YEARS_BACK, "MONTHS"):
            raise Refused(722, f"starts_at lies more than {YEARS_BACK} years back", "starts_at")
        return
    _check_edit(new, current, local, at)


def _check_edit(new: BadgeDefinition, current: BadgeRecord, local: Zone, at: int) -> None:
    """S87: an edit is judged by the status that the definition in force has at `at`."""
    old = current.definition
    status = badge_status(old, at)
    if new.type != old.type:
        raise Refused(1020, f"type: stays {old.type}", "type")
    if status != "UPCOMING" and new.starts_at != old.starts_at:
        raise Refused(723, "starts_at cannot change once the badge has started", "starts_at")
    if new.ends_at != old.ends_at and new.ends_at < at:
        raise Refused(724, "ends_at cannot be moved to the past", "ends_at")
    for level in LEVELS:
        _check_family(new, old, level, status)
    if status == "EXPIRED" and new.type == "DIRECT":
        for level in LEVELS:
            _check_ended_direct(new, current, level, local, at)


def _check_family(new: BadgeDefinition, old: BadgeDefinition, level: Level, status: BadgeStatus) -> None:
    """S77 and FW-4."""
    before, after = old.limits(level), new.limits(level)
    if (before.fixed and after.moving) or (before.moving and after.fixed):
        message = "a fixed window cannot replace rolling or overall limits, nor they it"
        raise Refused(826, message, _reference(level))
    if before.fixed and not after.fixed and status != "UPCOMING":
        message = "the fixed window cannot be left out once the badge has started"
        raise Refused(826, message, _reference(level))


def _check_ended_direct(
    new: BadgeDefinition, current: BadgeRecord, level: Level, local: Zone, at: int
) -> None:
    """S78, FW-3.5."""
    window = new.limits(level).fixed
    if window is None:
        return
    configurations = current.of_level(level)
    known = configurations[max(0, _current_index(configurations, local.day(at))) :]
    if window.shape not in [configuration.shape for configuration in known]:
        message = "a fixed window cannot be added to or reshaped on a DIRECT badge that has ended"
        raise Refused(815, message, _reference(level))


def _reference(level: Level) -> str:
    return "customer_limits" if level == "CUSTOMER" else "badge_limits"


def _current_index(configurations: tuple[Configuration, ...], today: int) -> int:
    """S73: the last one whose `starts_on` is not after today; -1 if there is none."""
    return sum(configuration.starts_on <= today for configuration in configurations) - 1


def _with_window(
    record: BadgeRecord, current: BadgeRecord | None, level: Level, local: Zone, at: int
) -> BadgeRecord:
    """The record with the configurations that its definition wants on a level."""
    window = record.definition.limits(level).fixed
    if window is None:
        return _with_configurations(record, level, (), 0)
    configurations = record.of_level(level)
    if current is not None and badge_status(current.definition, at) != "UPCOMING" and configurations:
        return _reshaped(record, level, window, local.day(at))
    start_day = local.day(record.definition.starts_at)
    if configurations and configurations[0].shape == window.shape:
        kept = replace(configurations[0], max=window.max, starts_on=start_day)
        return _with_configurations(record, level, (kept,), 0)
    return _with_configurations(record, level, (_created(record, level, window, start_day),), 1)


def _reshaped(record: BadgeRecord, level: Level, window: FixedWindow, today: int) -> BadgeRecord:
    """S71, S72 on a badge that has started and has configurations on the level."""
    configurations = record.of_level(level)
    index = _current_index(configurations, today)
    past, now, upcoming = configurations[:index], configurations[index], configurations[index + 1 :]
    if upcoming and upcoming[0].shape == window.shape:
        kept = replace(upcoming[0], max=window.max)
        return _with_configurations(record, level, (*past, now, kept), 0)
    if now.shape == window.shape:
        return _with_configurations(record, level, (*past, replace(now, max=window.max)), 0)
    _, cycle_end = cycle_of(now.shape, now.starts_on, today)
    starts_on = next_boundary(window.shape, cycle_end + 1)
    created = _created(record, level, window, starts_on)
    return _with_configurations(record, level, (*past, now, created), 1)


def _created(record: BadgeRecord, level: Level, window: FixedWindow, starts_on: int) -> Configuration:
    number = record.created[LEVELS.index(level)] + 1
    definition = record.definition
    identity = configuration_id(definition.org_id, definition.badge_id, level, number)
    return Configuration(number, identity, window.shape, window.max, starts_on)


def _with_configurations(
    record: BadgeRecord, level: Level, configurations: tuple[Configuration, ...], created: int
) -> BadgeRecord:
    if level == "CUSTOMER":
        return replace(
            record,
            configurations=(configurations, record.configurations[1]),
            created=(record.created[0] + created, record.created[1]),
        )
    return replace(
        record,
        configurations=(record.configurations[0], configurations),
        created=(record.created[0], record.created[1] + created),
    )
