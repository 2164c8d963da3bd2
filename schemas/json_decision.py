"""Decisions as JSON lines, byte for byte what `simulate` and `tail decisions` print (S98 to S100, S110).

Put together by hand: the order of fields is part of the contract, and this is most of what `simulate` writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from json.encoder import encode_basestring

from badges.actions import CustomerAction
from badges.calendar import format_day, format_instant
from badges.decisions import Decision, LimitFact, Noise
from badges.numbers import text_of_micros

_quote_again = lru_cache(maxsize=4096)(encode_basestring)  # badge ids come again and again


def decision_lines(
    action: CustomerAction, decisions: Sequence[Decision], at: int, run_id: str | None = None
) -> list[str]:
    """One JSON text a decision, without line ends, in the order given."""
    if not decisions:
        return []
    now = format_instant(at)
    identity = _identity(action, now)
    event_date = format_instant(action.event_date)
    dates = f', "event_date": "{event_date}", "processed_at": "{now}", "expires_at": '
    run = "null" if run_id is None else encode_basestring(run_id)
    return [f"{identity}{_quote_again(decision[0])}{_rest(decision, dates, run)}" for decision in decisions]


def noise_line(action: CustomerAction, badge_id: str, noise: Noise, at: int) -> str:
    """S110."""
    return f'{_identity(action, format_instant(at))}{_quote_again(badge_id)}, "noise": "{noise}"}}'


def _identity(action: CustomerAction, now: str) -> str:
    return (
        f'{{"at": "{now}", "event_id": {encode_basestring(action.event_id)}, "org_id": {action.org_id}'
        f', "customer_id": {encode_basestring(action.customer_id)}, "badge_id": '
    )


def _rest(decision: Decision, dates: str, run: str) -> str:
    """From `outcome` on. Words and ids made here need no escapes."""
    _, outcome, reason, expires_at, issuance_id, enrolment_id, retro, version = decision[:8]
    return (
        f', "outcome": "{outcome}", "reason": {_name(reason)}{dates}'
        f"{'null' if expires_at is None else _instant(expires_at)}"
        f', "issuance_id": {_name(issuance_id)}, "enrolment_id": {_name(enrolment_id)}'
        f', "retro": {"true" if retro else "false"}, "run_id": {run}'
        f', "definition_version": {"null" if version is None else version}, "detail": {_detail(decision)}}}'
    )


def _name(text: str | None) -> str:
    return "null" if text is None else f'"{text}"'


def _instant(instant: int) -> str:
    return f'"{format_instant(instant)}"'


def _detail(decision: Decision) -> str:
    """S99: `limits` stands with every ISSUED, `limit` with a refusal by one."""
    parts: list[str] = []
    if decision.progress is not None and decision.reaches is not None:
        progress, reaches = text_of_micros(decision.progress), text_of_micros(decision.reaches)
        parts.append(f'"progress": "{progress}", "reaches": "{reaches}"')
    if decision.limits is not None:
        parts.append(f'"limits": [{", ".join(map(_limit, decision.limits))}]')
    if decision.limit is not None:
        parts.append(f'"limit": {_limit(decision.limit)}')
    if decision.warnings:
        parts.append('"warnings": [' + ", ".join(map(_name, decision.warnings)) + "]")
    return "{" + ", ".join(parts) + "}"


def _limit(fact: LimitFact) -> str:
    """S100."""
    first, last = fact.window_from, fact.window_to
    if first is None or last is None:
        window = "null"
    elif fact.type == "FIXED_WINDOW":
        window = f'["{format_day(first)}", "{format_day(last)}"]'
    else:
        window = f"[{_instant(first)}, {_instant(last)}]"
    return (
        f'{{"level": "{fact.level}", "type": "{fact.type}", "max": {fact.max}, "count": {fact.counted}'
        f', "window": {window}}}'
    )
