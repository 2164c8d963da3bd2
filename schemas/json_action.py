"""An action as JSON (contract.md section 2) to a value, or the reason why it is none (S7, S10 to S13, S38).

Written by hand, because every event passes through here: plain comparisons, one dictionary look-up a field.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from badges.actions import ENROL, EXPLICIT, ISSUE, REVOKE_ENROLMENT, REVOKE_ISSUE, CustomerAction
from badges.calendar import parse_instant
from badges.numbers import micros_of_number, micros_of_text, text_of_micros
from schemas.errors import Malformed
from schemas.json_text import has_lone_surrogate

ORG_ID_MAX: Final = 2**63 - 1
TEXT_MAX: Final = 256
_OVERRIDABLE: Final = frozenset({ENROL, ISSUE})
_NONE: Final[dict[str, str]] = {}


def action_from_json(body: object) -> CustomerAction:
    """The action that a JSON value (numbers as int or Decimal, never float) describes. Raises `Malformed`."""
    if type(body) is not dict:
        raise Malformed("an action is a JSON object")
    get = body.get
    org_id = org_id_of(body)
    event_id = text_of(get("event_id"), "event_id")
    customer_id = text_of(get("customer_id"), "customer_id")
    action = text_of(get("action"), "action")
    written = get("event_date")
    event_date = parse_instant(written) if type(written) is str else None
    if event_date is None:
        raise Malformed("event_date: not an instant with offset", "event_date")
    amount = get("amount")
    if amount is not None:
        amount = _micros(amount)
    attributes = get("attributes")
    attributes = _NONE if attributes is None else _attributes(attributes)
    override = get("override_eligibility")
    if override is not None and override is not False:
        _check_override(override, action)
    if action not in EXPLICIT:
        return CustomerAction(org_id, event_id, customer_id, action, event_date, amount, attributes)
    requested_by = _requester(get("requested_by")) if override else None
    issuance_id = text_of(get("issuance_id"), "issuance_id") if action == REVOKE_ISSUE else None
    enrolment_id = get("enrolment_id") if action == REVOKE_ENROLMENT else None
    if enrolment_id is not None:
        text_of(enrolment_id, "enrolment_id")
    return CustomerAction(
        org_id,
        event_id,
        customer_id,
        action,
        event_date,
        amount,
        attributes,
        text_of(get("badge_id"), "badge_id"),
        issuance_id,
        enrolment_id,
        bool(override),
        requested_by,
    )


def org_id_of(body: dict[str, Any]) -> int:
    """The org id of an action or a question (S10). Raises `Malformed`."""
    org_id = body.get("org_id")
    if type(org_id) is int and 0 <= org_id <= ORG_ID_MAX:
        return org_id
    raise Malformed("org_id: not an integer from 0 to 2^63 - 1", "org_id")


def text_of(value: Any, name: str) -> str:
    """An id or a name: 1 to 256 code points, none of them a lone surrogate (S10, S12). Raises `Malformed`."""
    if (
        type(value) is str
        and 0 < len(value) <= TEXT_MAX
        and (value.isascii() or not has_lone_surrogate(value))
    ):
        return value
    raise Malformed(f"{name}: not a string of 1 to {TEXT_MAX} characters", name)


def _micros(value: Any) -> int:
    """S7: a JSON number, or a string that is written like one."""
    kind = type(value)
    micros: int | None = None
    if kind is str:
        micros = micros_of_text(value)
    elif kind is int or kind is Decimal:
        micros = micros_of_number(value)
    if micros is None:
        raise Malformed("amount: not a decimal below 10^18 with at most six places", "amount")
    return micros


def _attributes(value: Any) -> dict[str, str]:
    """S38: attributes compare as text, whatever they were written as; null counts as absent (S12)."""
    if type(value) is not dict:
        raise Malformed("attributes: not an object", "attributes")
    texts: dict[str, str] = {}
    for name, item in value.items():
        if not 0 < len(name) <= TEXT_MAX or has_lone_surrogate(name):
            raise Malformed(f"attributes: a name has not 1 to {TEXT_MAX} characters", "attributes")
        kind = type(item)
        if kind is str:
            if not item.isascii() and has_lone_surrogate(item):
                raise Malformed("attributes: a value is not valid Unicode", f"attributes.{name}")
            texts[name] = item
        elif kind is bool:
            texts[name] = "true" if item else "false"
        elif item is not None:
            micros = micros_of_number(item) if kind is int or kind is Decimal else None
            if micros is None:
                message = "attributes: a value is no string, boolean or decimal with at most six places"
                raise Malformed(message, f"attributes.{name}")
            texts[name] = text_of_micros(micros)
    return texts


def _check_override(override: Any, action: str) -> None:
    """S11."""
    if override is not True:
        raise Malformed("override_eligibility: not a boolean", "override_eligibility")
    if action not in _OVERRIDABLE:
        raise Malformed("override_eligibility: only with ENROL and ISSUE", "override_eligibility")


def _requester(value: Any) -> str:
    """S11: who asked for an override; the audit needs a name."""
    if type(value) is not str or not value or has_lone_surrogate(value):
        raise Malformed("requested_by: mandatory with override_eligibility", "requested_by")
    return value
