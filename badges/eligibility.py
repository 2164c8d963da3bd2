"""May a customer be enrolled in or issued a badge for an act (S31 to S35, S50 to S60, S97)."""

from __future__ import annotations

from badges.customer import BadgeState, Enrolment
from badges.decisions import Reason
from badges.rulebook import CompiledBadge, OrgRules


def end_of(enrolment: Enrolment, badge: CompiledBadge) -> int | None:
    """The end of an enrolment as of now (S51); None = no end."""
    return badge.ends_at if enrolment.follows_badge else enrolment.ends_at


def covers(enrolment: Enrolment, badge: CompiledBadge, event_date: int) -> bool:
    """Not revoked, and the event date lies inside, both ends inclusive."""
    if enrolment.revoked or event_date < enrolment.event_date:
        return False
    end = end_of(enrolment, badge)
    return end is None or event_date <= end


def running(enrolment: Enrolment, badge: CompiledBadge, at: int) -> bool:
    """Not revoked, and `at` is not after the end."""
    if enrolment.revoked:
        return False
    end = end_of(enrolment, badge)
    return end is None or at <= end


def covering(state: BadgeState | None, badge: CompiledBadge, event_date: int) -> int | None:
    """The index of the enrolment that covers an event date, the first made if several do (S54), or None."""
    if state is not None:
        for index, enrolment in enumerate(state.enrolments):
            if covers(enrolment, badge, event_date):
                return index
    return None


def is_retro(badge: CompiledBadge, event_day: int, today: int, at: int) -> bool:
    """S57 without its exception."""
    return event_day < today or at > badge.ends_at


def is_retro_issue(
    badge: CompiledBadge, enrolments: list[Enrolment], event_day: int, today: int, at: int
) -> bool:
    """S57 for an issue: on an ENROL_AND_ISSUE badge, an act of today while an enrolment is running is
    ordinary.
    """
    if event_day < today:
        return True
    if at <= badge.ends_at:
        return False
    return badge.direct or not any(running(enrolment, badge, at) for enrolment in enrolments)


def refusal_by_badge(badge: CompiledBadge, at: int) -> Reason | None:
    """S35, R6, R26."""
    if not badge.active:
        return "BADGE_INACTIVE"
    return "BADGE_UPCOMING" if at < badge.starts_at else None


def refusal_by_time(
    badge: CompiledBadge, rules: OrgRules, registered_at: int | None, event_date: int, at: int, retro: bool
) -> Reason | None:
    """R18, R21, R19, in this order (S31, S32, S58, S59)."""
    if registered_at is not None:
        if event_date < registered_at and event_date < rules.oldest_accepted(registered_at):
            return "EVENT_TOO_OLD_FOR_REGISTRATION"
        if retro and at < registered_at + rules.registration_buffer:
            return "REGISTRATION_BUFFER"
    if retro and at > badge.deadline and at > badge.ends_at:
        return "RETRO_WINDOW_CLOSED"
    return None


def refusal_by_enrolment(
    badge: CompiledBadge, enrolments: list[Enrolment], event_date: int, at: int
) -> Reason | None:
    """S55 on a LIVE, S56 on an EXPIRED badge. Revoked enrolments are as if they had never been (S95)."""
    own = [enrolment for enrolment in enrolments if not enrolment.revoked]
    if not own:
        return "NOT_ENROLLED"
    live = at <= badge.ends_at
    around = [enrolment for enrolment in own if covers(enrolment, badge, event_date)]
    if around:
        if not live or any(running(enrolment, badge, at) for enrolment in around):
            return None
        return "ENROLMENT_EXPIRED_REENROL"
    if not live or any(running(enrolment, badge, at) for enrolment in own):
        return "EVENT_OUTSIDE_ENROLMENT"
    return "ENROLMENT_EXPIRED_REENROL"


def in_period(badge: CompiledBadge, event_date: int) -> bool:
    """Whether an event date lies in the badge's period, both ends inclusive (S3)."""
    return badge.starts_at <= event_date <= badge.ends_at


def overlaps(badge: CompiledBadge, enrolments: list[Enrolment], event_date: int, ends_at: int | None) -> bool:
    """Whether [event_date, ends_at] overlaps an enrolment that is not revoked (S53, R23)."""
    for enrolment in enrolments:
        if enrolment.revoked or (ends_at is not None and enrolment.event_date > ends_at):
            continue
        end = end_of(enrolment, badge)
        if end is None or event_date <= end:
            return True
    return False
