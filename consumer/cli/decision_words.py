"""Decisions in words, with the dates that decided (contract.md section 1, `why`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from badges.actions import CustomerAction
from badges.calendar import format_day, format_instant
from badges.decisions import Decision, LimitFact, Noise
from badges.definitions import BadgeRecord, Level
from badges.numbers import text_of_micros
from badges.rulebook import OrgRules
from consumer.cli.edit_words import shape_text
from schemas.decisions import DecidedAction

_SILENCE: Final[Mapping[Noise, str]] = {
    "NO_MATCH": "the act does not meet the badge's criterion",
    "OUTSIDE_PERIOD": "the act lies outside the badge's period",
    "OUTSIDE_ENROLMENT": "no enrolment of the customer covers the act's date",
    "ALREADY_ENROLLED": "the customer is enrolled on the act's date",
}


def told(
    act: DecidedAction, decisions: Sequence[Decision], versions: Mapping[int, BadgeRecord], rules: OrgRules
) -> Iterator[str]:
    """Lines about one act. `versions` are the badge's records: each decision is told by its own."""
    bypass = f", eligibility overridden by {act.requested_by}" if act.requested_by else ""
    date, at = format_instant(act.event_date), format_instant(act.processed_at)
    yield f"{act.action} {act.event_id} of {date}, processed {at}{bypass}"
    for decision in decisions:
        record = versions.get(decision.definition_version or 0)
        retro = ", retro" if decision.retro else ""
        yield f"  {decision.outcome}{retro} (version {decision.definition_version or '-'} of the badge)"
        for line in _facts(act, decision, record, rules):
            yield f"    {line}"


def silence(action: CustomerAction, noise: Noise) -> Iterator[str]:
    """Lines about an act that yielded no record for the badge."""
    yield f"{action.action} {action.event_id} of {format_instant(action.event_date)}"
    yield f"  no record, {noise}: {_SILENCE[noise]}"


def _facts(
    act: DecidedAction, decision: Decision, record: BadgeRecord | None, rules: OrgRules
) -> Iterator[str]:
    if decision.reason is not None:
        yield f"{decision.reason}: {_reason(act, decision, record, rules)}"
    if decision.progress is not None and decision.reaches is not None:
        yield f"total {text_of_micros(decision.progress)}, threshold {text_of_micros(decision.reaches)}"
    for fact in (*(decision.limits or ()), *((decision.limit,) if decision.limit else ())):
        yield _limit(fact)
        if record is not None and fact.type == "FIXED_WINDOW":
            yield from _configuration(fact, record)
    if decision.issuance_id:
        yield f"issuance {decision.issuance_id}"
    if decision.enrolment_id:
        yield f"enrolment {decision.enrolment_id}"
    if decision.outcome in ("ISSUED", "ENROLLED"):
        end = decision.expires_at
        yield "never expires" if end is None else f"until {format_instant(end)}"
    yield from decision.warnings


def _limit(fact: LimitFact) -> str:
    first, last = fact.window_from, fact.window_to
    where = "in all"
    if fact.type == "FIXED_WINDOW" and first is not None and last is not None:
        where = f"with event dates from {format_day(first)} to {format_day(last)}"
    elif first is not None and last is not None:
        where = f"processed after {format_instant(first)}, to {format_instant(last)}"
    return f"{fact.level.lower()} limit: {fact.counted} of {fact.max} {where}"


def _configuration(fact: LimitFact, record: BadgeRecord) -> Iterator[str]:
    """The configuration that cut the window: the last one that had begun on its first day (S65, S73)."""
    first, configurations = fact.window_from, record.of_level(cast("Level", fact.level))
    begun = [one for one in configurations if first is not None and one.starts_on <= first]
    if begun:
        shape, since = shape_text(begun[-1].shape), format_day(begun[-1].starts_on)
        yield f"  {shape} since {since}, configuration {begun[-1].configuration_id}"


def _reason(act: DecidedAction, decision: Decision, record: BadgeRecord | None, rules: OrgRules) -> str:
    """Why, with the dates of the badge version that decided and of the org's present settings."""
    settings = rules.settings
    age, buffer = settings.retro_max_age_days, settings.retro_delay_since_registration_hours
    whose = " of all customers" if decision.limit is not None and decision.limit.level == "BADGE" else ""
    fixed = {
        "EVENT_IN_FUTURE": f"the act is dated more than 24 hours after {format_instant(act.processed_at)}",
        "BADGE_UNKNOWN": "there was no such badge",
        "BADGE_INACTIVE": "the badge was deactivated",
        "EVENT_TOO_OLD_FOR_REGISTRATION": f"the act lies more than {age} days before the registration",
        "REGISTRATION_BUFFER": f"a retro act is taken only {buffer} hours after the registration",
        "NOT_ENROLLABLE": "a DIRECT badge has no enrolment",
        "NOT_ENROLLED": "the customer was not enrolled",
        "ENROLMENT_EXPIRED_REENROL": "the enrolment had expired: the customer must enrol again",
        "EVENT_OUTSIDE_ENROLMENT": "the act lies outside the customer's enrolment",
        "ENROLMENT_OVERLAP": "it would overlap another enrolment of the customer",
        "LIMIT_FIXED_WINDOW": f"the fixed window{whose} that contains the act's day is full",
        "LIMIT_ROLLING": f"the rolling limit{whose} is reached",
        "LIMIT_OVERALL": f"the overall limit{whose} is reached",
        "NOTHING_TO_REVOKE": "nothing of this id is there, or it was revoked already",
    }
    if record is None or decision.reason in fixed:
        return fixed.get(str(decision.reason), "the version of the badge is not known any more")
    definition = record.definition
    starts, ends = format_instant(definition.starts_at), format_instant(definition.ends_at)
    if decision.reason == "RETRO_WINDOW_CLOSED":
        deadline = rules.zone.add(definition.ends_at, age, "DAYS")
        return f"the badge ended {ends}; retro acts were taken until {format_instant(deadline)}"
    if decision.reason == "BADGE_UPCOMING":
        return f"the badge starts {starts}"
    return f"the act lies outside the badge's period, {starts} to {ends}"
