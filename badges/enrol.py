"""Enrolment: by an explicit ENROL, or by an act that matches `enrol_on` (S29, S31, S36, S50 to S53)."""

from __future__ import annotations

from badges.criteria import matches
from badges.customer import BadgeState, Enrolment
from badges.decisions import Decision, Reason
from badges.eligibility import (
    covering,
    in_period,
    is_retro,
    overlaps,
    refusal_by_badge,
    refusal_by_time,
)
from badges.identity import enrolment_id
from badges.occasion import Occasion
from badges.rulebook import CompiledBadge

_NONE: list[Enrolment] = []


def decide_enrol_on(occasion: Occasion, badge: CompiledBadge, state: BadgeState | None) -> Decision | None:
    """The record of `enrol_on` for an act that it names, or None: noise (S29)."""
    event_date = occasion.action.event_date
    criterion = badge.definition.enrol_on
    assert criterion is not None  # the index offers the badge because of it
    if not matches(criterion, occasion.action) or not in_period(badge, event_date):
        return None
    if covering(state, badge, event_date) is not None or _ends_before(badge, event_date):
        return None
    return decide_enrol(occasion, badge, state)


def decide_enrol(occasion: Occasion, badge: CompiledBadge, state: BadgeState | None) -> Decision:
    """ENROLLED, or REFUSED with the first reason of S31."""
    retro = is_retro(badge, occasion.event_day, occasion.today, occasion.at)
    reason = _refusal(occasion, badge, state, retro)
    if reason is not None:
        return Decision(badge.badge_id, "REFUSED", reason, retro=retro, definition_version=badge.version)
    action = occasion.action
    expiry = badge.definition.enrolment_expiry
    assert expiry is not None  # DIRECT badges were refused
    return Decision(
        badge.badge_id,
        "ENROLLED",
        expires_at=badge.enrolment_end(action.event_date),
        enrolment_id=enrolment_id(action.org_id, badge.badge_id, action.customer_id, action.event_id),
        retro=retro,
        definition_version=badge.version,
        follows_badge=expiry.type == "WITH_BADGE",
    )


def _refusal(
    occasion: Occasion, badge: CompiledBadge, state: BadgeState | None, retro: bool
) -> Reason | None:
    action, at = occasion.action, occasion.at
    if occasion.in_future:
        return "EVENT_IN_FUTURE"
    reason = refusal_by_badge(badge, at)
    if reason is None and not action.override_eligibility:
        reason = refusal_by_time(badge, occasion.rules, occasion.registered_at, action.event_date, at, retro)
    if reason is not None:
        return reason
    if badge.direct:
        return "NOT_ENROLLABLE"
    outside = not in_period(badge, action.event_date) and not action.override_eligibility
    if outside or _ends_before(badge, action.event_date):
        return "EVENT_OUTSIDE_BADGE_PERIOD"
    enrolments = state.enrolments if state else _NONE
    if overlaps(badge, enrolments, action.event_date, badge.enrolment_end(action.event_date)):
        return "ENROLMENT_OVERLAP"
    return None


def _ends_before(badge: CompiledBadge, event_date: int) -> bool:
    """Whether an enrolment would end before it begins (S52)."""
    end = badge.enrolment_end(event_date)
    return end is not None and end < event_date
