"""Decisions as JSON lines, byte for byte what `simulate` and `tail decisions` print (S98 to S100, S110).

Put together by hand: the order of fields is part of the contract, and this is most of what `simulate` writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Final

from badges.actions import CustomerAction
from badges.calendar import format_day, format_instant
from badges.decisions import Decision, LimitFact, Noise
from badges.numbers import text_of_micros

_NULL: Final = "null"
_WORD: Final = '"%s"'
# Badge ids and thresholds come again and again.
_quote_again = lru_cache(maxsize=4096)(encode_basestring)
_text_again = lru_cache(maxsize=4096)(text_of_micros)
# The badges of one act mostly expire together.
_end_again = lru_cache(maxsize=64)(format_instant)


def decision_lines(
    action: CustomerAction, decisions: Sequence[Decision], at: int, run_id: str | None = None
) -> list[str]:
    """One JSON text a decision, without line ends, in the order given."""
    if not decisions:
        return []
    now = format_instant(at)
    identity = _identity(action, now)
    dates = f', "event_date": "{format_instant(action.event_date)}", "processed_at": "{now}", "expires_at": '
    run = "null" if run_id is None else encode_basestring(run_id)
    return [identity + _rest(decision, dates, run) for decision in decisions]


def noise_line(action: CustomerAction, badge_id: str, noise: Noise, at: int) -> str:
    """S110."""
    return f'{_identity(action, format_instant(at))}{_quote_again(badge_id)}, "noise": "{noise}"}}'


def _identity(action: CustomerAction, now: str) -> str:
    return (
        f'{{"at": "{now}", "event_id": {encode_basestring(action.event_id)}, "org_id": {action.org_id}'
        f', "customer_id": {encode_basestring(action.customer_id)}, "badge_id": '
    )


def _rest(decision: Decision, dates: str, run: str) -> str:
    """From `badge_id` on. Words and ids made here need no escapes."""
    badge_id, outcome, reason, expires_at, issuance_id, enrolment_id, retro, version = decision[:8]
    return (
        f'{_quote_again(badge_id)}, "outcome": "{outcome}", "reason": '
        f"{_NULL if reason is None else _WORD % reason}{dates}"
        f"{_NULL if expires_at is None else _WORD % _end_again(expires_at)}"
        f', "issuance_id": {_NULL if issuance_id is None else _WORD % issuance_id}'
        f', "enrolment_id": {_NULL if enrolment_id is None else _WORD % enrolment_id}'
        f', "retro": {"true" if retro else "false"}, "run_id": {run}'
        f', "definition_version": {_NULL if version is None else version}'
        f', "detail": {{{_detail(decision)}}}}}'
    )


def _detail(decision: Decision) -> str:
    """S99: `limits` stands with every ISSUED, `limit` with a refusal by one."""
    progress, reaches, limit, limits, warnings = decision[8:13]
    text = ""
    if progress is not None and reaches is not None:
        text = f'"progress": "{text_of_micros(progress)}", "reaches": "{_text_again(reaches)}"'
        if limit is None and limits is None:
            return text
        text += ", "
    if limits is not None:
        text += f'"limits": [{", ".join(map(_limit, limits))}]'
    if limit is not None:
        text += f'"limit": {_limit(limit)}'
    if warnings:
        text += f', "warnings": [{", ".join(_WORD % warning for warning in warnings)}]'
    return text


def _limit(fact: LimitFact) -> str:
    """S100."""
    first, last = fact.window_from, fact.window_to
    if first is None or last is None:
        window = "null"
    elif fact.type == "FIXED_WINDOW":
        window = f'["{format_day(first)}", "{format_day(last)}"]'
    else:
        window = f'["{format_instant(first)}", "{format_instant(last)}"]'
    return (
        f'{{"level": "{fact.level}", "type": "{fact.type}", "max": {fact.max}, "count": {fact.counted}'
        f', "window": {window}}}'
    )
