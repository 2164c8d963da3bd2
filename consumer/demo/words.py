"""Decisions in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import groupby
from typing import Final

from badges.calendar import Zone
from badges.decisions import Decision, LimitFact, Reason
from badges.numbers import text_of_micros

REASONS: Final[Mapping[Reason, str]] = {
    "EVENT_IN_FUTURE": "dated more than a day ahead",
    "BADGE_UNKNOWN": "no such badge",
    "BADGE_INACTIVE": "badge switched off",
    "BADGE_UPCOMING": "badge has not begun",
    "EVENT_TOO_OLD_FOR_REGISTRATION": "too long before the customer registered",
    "REGISTRATION_BUFFER": "too soon after the customer registered",
    "RETRO_WINDOW_CLOSED": "badge is over and its retro deadline has passed",
    "NOT_ENROLLABLE": "badge needs no enrolment",
    "EVENT_OUTSIDE_BADGE_PERIOD": "outside the badge's period",
    "NOT_ENROLLED": "not enrolled",
    "ENROLMENT_EXPIRED_REENROL": "enrolment is over by now",
    "EVENT_OUTSIDE_ENROLMENT": "outside the enrolment",
    "ENROLMENT_OVERLAP": "runs into another enrolment",
    "LIMIT_FIXED_WINDOW": "window full",
    "LIMIT_ROLLING": "limit of the last days reached",
    "LIMIT_OVERALL": "as often as anybody can have it",
    "NOTHING_TO_REVOKE": "nothing to revoke",
}

_PLACES: Final[Mapping[Reason, str]] = {
    "LIMIT_FIXED_WINDOW": "all places of the window are given",
    "LIMIT_ROLLING": "all places of the last days are given",
    "LIMIT_OVERALL": "all places are given",
}
"""Of limits over all customers."""


def reason_text(reason: Reason, level: str | None) -> str:
    """Why not; `level` is that of the limit that had no room, if it was one."""
    return _PLACES[reason] if level == "BADGE" else REASONS[reason]


def day_text(ordinal: int) -> str:
    """`Sun 14 Jun 2026`."""
    day = date.fromordinal(ordinal)
    return f"{day:%a} {day.day} {day:%b %Y}"


def sentences(decisions: tuple[Decision, ...], names: Mapping[str, str], zone: Zone) -> list[str]:
    """The decisions of one act, one sentence for each badge and outcome, the good news first."""
    order = ("ISSUED", "ENROLLED", "COUNTED", "REFUSED", "REVOKED", "DUPLICATE")
    ranked = sorted(decisions, key=lambda decision: (order.index(decision.outcome), decision.badge_id))
    return [
        _sentence(list(same), names.get(badge_id, badge_id), zone)
        for (badge_id, _), same in groupby(ranked, key=lambda decision: (decision.badge_id, decision.outcome))
    ]


def _sentence(same: list[Decision], name: str, zone: Zone) -> str:
    decision = same[-1]
    facts = [*_progress(decision), *(_taken(fact) for fact in decision.limits or ())]
    why = f" ({', '.join(facts)})" if facts else ""
    match decision.outcome:
        case "ISSUED":
            times = f" {len(same)} times" if len(same) > 1 else ""
            return f"earns {name}{times}{why}"
        case "ENROLLED":
            end = decision.expires_at
            until = "" if end is None else f" until {day_text(zone.day(end))}"
            return f"joins {name}{until}"
        case "COUNTED":
            return f"{name} moves on{why}"
        case "REFUSED":
            assert decision.reason is not None  # S98
            limit = decision.limit
            found = "" if limit is None else f", {_room(limit)}"
            return f"no {name}: {reason_text(decision.reason, limit and limit.level)}{found}"
        case outcome:
            return f"{name}: {outcome.lower()}"


def _progress(decision: Decision) -> list[str]:
    if decision.progress is None or decision.reaches is None:
        return []
    return [f"{text_of_micros(decision.progress)} of {text_of_micros(decision.reaches)}"]


def _taken(fact: LimitFact) -> str:
    return f"place {_room(fact)}" if fact.level == "BADGE" else _room(fact)


def _room(fact: LimitFact) -> str:
    first, last = fact.window_from, fact.window_to
    count = f"{fact.counted} of {fact.max}"
    if fact.type == "OVERALL" or first is None or last is None:
        return f"{count} in all"
    if fact.type == "FIXED_WINDOW":
        return f"{count} from {day_text(first)} to {day_text(last)}"
    return f"{count} lately"
