"""Answers to questions, as JSON-able values with their fields in the order printed (S101 to S103)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from badges.calendar import Zone, format_day, format_instant
from badges.criteria import BEFORE_START
from badges.customer import BadgeState, CustomerState, Enrolment, Issuance, Reservation
from badges.definitions import BadgeRecord, Level
from badges.eligibility import end_of
from badges.identity import reference_id, uuid_text
from badges.numbers import text_of_micros
from badges.rulebook import CompiledBadge, OrgRules
from badges.windows import cycle_of, cycles_between, last_day, status

LAST_DAY: Final = date.max.toordinal()
"""The last day that can be written; a cycle that ends later is not listed."""


def windows_answer(
    record: BadgeRecord, level: Level, first: int | None, last: int | None, zone: Zone, at: int
) -> dict[str, Any]:
    """S101: `first` and `last` are days, inclusive, None = the badge's own."""
    definition = record.definition
    first = zone.day(definition.starts_at) if first is None else first
    last = zone.day(definition.ends_at) if last is None else last
    numbered = list(enumerate(record.of_level(level)))
    return {
        "badge_id": definition.badge_id,
        "level": level,
        "configurations": [_configuration(record, level, index, zone, at) for index, _ in numbered],
        "cycles": [
            {
                "configuration_id": configuration.configuration_id,
                "starts_on": format_day(cycle[0]),
                "ends_on": format_day(cycle[1]),
            }
            for index, configuration in numbered
            for cycle in cycles_between(record, level, index, zone, first, last)
            if cycle[1] <= LAST_DAY
        ],
    }


def _configuration(record: BadgeRecord, level: Level, index: int, zone: Zone, at: int) -> dict[str, Any]:
    configuration = record.of_level(level)[index]
    shape = configuration.shape
    ends_on = last_day(record, level, index, zone)
    return {
        "configuration_id": configuration.configuration_id,
        "reference_id": reference_id(level, shape),
        "status": status(record, level, index, zone, at),
        "duration": shape.duration,
        "refresh_rate": shape.refresh_rate,
        "start_day": shape.start_day,
        "max": configuration.max,
        "starts_on": format_day(configuration.starts_on),
        "ends_on": None if ends_on is None else format_day(ends_on),
    }


def customer_answer(state: CustomerState, rules: OrgRules, at: int) -> dict[str, Any]:
    """S102, S103 at the instant `at`. Raises `PageMissing` until all pages of issuances are loaded."""
    enrolments: list[tuple[int, dict[str, Any]]] = []
    issuances: list[tuple[int, dict[str, Any]]] = []
    progress: list[tuple[int, dict[str, Any]]] = []
    for badge_id, own in state.badges.items():
        badge = rules.badges.get(badge_id)
        if badge is None:
            continue
        enrolments += [(one.sequence, _enrolment(one, badge, at)) for one in own.enrolments]
        issuances += [
            (one.sequence, _issuance(one, badge_id, at)) for page in state.issuance_pages(own) for one in page
        ]
        progress += _progress(own, badge)
    registered_at = state.registered_at
    waiting = [_waiting(one, badge_id) for badge_id, own in state.badges.items() for one in own.reserved]
    return {
        "org_id": state.org_id,
        "customer_id": state.customer_id,
        "registered_at": None if registered_at is None else format_instant(registered_at),
        "enrolments": _in_order(enrolments),
        "issuances": _in_order(issuances),
        "progress": _in_order(progress),
        **({"waiting": waiting} if waiting else {}),
    }


def _in_order(numbered: list[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """In order of processing, across badges."""
    return [entry for _, entry in sorted(numbered, key=lambda pair: pair[0])]


def _end(instant: int | None) -> str | None:
    return None if instant is None else format_instant(instant)


def _standing(revoked: bool, ends_at: int | None, at: int) -> str:
    """S102: an end is itself still inside."""
    if revoked:
        return "REVOKED"
    return "ACTIVE" if ends_at is None or at <= ends_at else "EXPIRED"


def _enrolment(enrolment: Enrolment, badge: CompiledBadge, at: int) -> dict[str, Any]:
    ends_at = end_of(enrolment, badge)
    return {
        "enrolment_id": uuid_text(enrolment.enrolment_id),
        "badge_id": badge.badge_id,
        "event_date": format_instant(enrolment.event_date),
        "expires_at": _end(ends_at),
        "status": _standing(enrolment.revoked, ends_at, at),
    }


def _issuance(issuance: Issuance, badge_id: str, at: int) -> dict[str, Any]:
    return {
        "issuance_id": uuid_text(issuance.issuance_id),
        "badge_id": badge_id,
        "event_date": format_instant(issuance.event_date),
        "issued_at": format_instant(issuance.issued_at),
        "expires_at": _end(issuance.expires_at),
        "status": _standing(issuance.revoked, issuance.expires_at, at),
    }


def _waiting(reservation: Reservation, badge_id: str) -> dict[str, Any]:
    """An issuance that waits for a place under the badge's limit (S68); simulate never has any."""
    return {
        "issuance_id": uuid_text(reservation.issuance_id),
        "badge_id": badge_id,
        "event_date": format_instant(reservation.action.event_date),
        "since": format_instant(reservation.at),
    }


def _progress(own: BadgeState, badge: CompiledBadge) -> Iterator[tuple[int, dict[str, Any]]]:
    """S103: what was counted before a change of measure is gone (S48); what belongs to a revoked enrolment
    was dropped with it (S95).
    """
    criterion = badge.definition.issue_on
    if criterion is None or criterion.measure is None or own.measure_number != badge.record.measure_number:
        return
    for key, (total, _, sequence) in own.periods.items():
        entry = {
            "badge_id": badge.badge_id,
            "period": _period(key, own, badge),
            "progress": text_of_micros(total),
            "reaches": text_of_micros(criterion.reaches),
        }
        yield sequence, entry


def _period(key: int, own: BadgeState, badge: CompiledBadge) -> list[str | None]:
    criterion = badge.definition.issue_on
    assert criterion is not None
    assert criterion.measure is not None  # asked of badges that add up only
    shape = criterion.measure.within
    if shape is None:
        if badge.direct:
            return [format_instant(badge.starts_at), format_instant(badge.ends_at)]
        enrolment = own.enrolments[key]
        return [format_instant(enrolment.event_date), _end(end_of(enrolment, badge))]
    if key == BEFORE_START:
        return [None, format_day(badge.start_day - 1)]
    return [format_day(day) for day in cycle_of(shape, badge.start_day, key)]
