"""Actions on the wire: bytes to `CustomerAction` and back (contract.md section 4; S7, S10 to S12)."""

from __future__ import annotations

from typing import Any, Final

from badges.actions import ENROL, EXPLICIT, ISSUE, REVOKE_ENROLMENT, REVOKE_ISSUE, CustomerAction
from badges.calendar import in_range
from schemas.action_bytes import HEADER, LARGEST_AMOUNT, read_short
from schemas.avro_schema import CUSTOMER_ACTION
from schemas.errors import Malformed
from schemas.framing import (
    LARGEST_ACTION,
    Empty,
    Headers,
    KeyMismatch,
    SchemaSource,
    TooLarge,
    Undecodable,
    classify,
    read_fields,
)
from schemas.json_action import TEXT_MAX, action_from_json
from schemas.json_text import NotJson, parse
from schemas.varint import (
    NULL,
    SECOND_BRANCH,
    decimal_bytes,
    long_bytes,
    optional_map,
    optional_string,
    string_bytes,
)

_TRUE: Final = SECOND_BRANCH + b"\x01"


def decode_action(
    value: bytes | None, headers: Headers = None, schemas: SchemaSource | None = None
) -> CustomerAction:
    """The action in a record of `customer-actions`.

    Raises one of framing.py's `Rejected`, or `Malformed` (S10), for a record that is a dead letter
    (`dead_letter_reason` names it); `RegistryUnavailable` where `schemas` had no answer. Nothing else,
    whatever the bytes.
    """
    if not value:
        raise Empty("no value")
    if len(value) > LARGEST_ACTION:
        raise TooLarge(f"{len(value)} bytes, more than {LARGEST_ACTION}")
    if value.startswith(HEADER):
        action = read_short(value)
        if action is not None:
            return action
    framing = classify(value, headers)
    if framing.kind == "JSON":
        return _from_json(value)
    return _from_fields(read_fields(CUSTOMER_ACTION, value, framing, schemas))


def check_key(key: bytes | None, action: CustomerAction) -> None:
    """Raises `KeyMismatch` unless the record's key is `org:customer` of its action."""
    if key is None:
        raise KeyMismatch("the key is null; it must be org:customer")
    if key != customer_key(action.org_id, action.customer_id):
        raise KeyMismatch("the key is not org:customer of the action")


def customer_key(org_id: int, customer_id: str) -> bytes:
    """`org:customer`, the key of everything about a customer."""
    return f"{org_id}:{customer_id}".encode()


def encode_action(action: CustomerAction) -> bytes:
    """The value of a record, Avro single-object in the current schema."""
    amount = action.amount
    return b"".join(
        [
            HEADER,
            string_bytes(action.event_id),
            long_bytes(action.org_id),
            string_bytes(action.customer_id),
            string_bytes(action.action),
            long_bytes(action.event_date),
            NULL if amount is None else SECOND_BRANCH + decimal_bytes(amount),
            optional_map(action.attributes),
            optional_string(action.badge_id),
            optional_string(action.issuance_id),
            optional_string(action.enrolment_id),
            _TRUE if action.override_eligibility else NULL,
            optional_string(action.requested_by),
        ]
    )


def _from_json(value: bytes) -> CustomerAction:
    try:
        body = parse(value.decode())
    except UnicodeDecodeError:
        raise Undecodable("JSON that is not UTF-8") from None
    except NotJson as error:
        raise Undecodable(f"no JSON: {error}") from None
    return action_from_json(body)


def _from_fields(fields: dict[str, Any]) -> CustomerAction:
    """S10 to S12 over the fields of the current schema, whose types are right by now."""
    org_id = fields["org_id"]
    if org_id < 0:
        raise Malformed("org_id: not an integer from 0 to 2^63 - 1", "org_id")
    event_id = _text(fields, "event_id")
    customer_id = _text(fields, "customer_id")
    action = _text(fields, "action")
    event_date = fields["event_date"]
    if not in_range(event_date):
        raise Malformed("event_date: not in the years 1900 to 2999", "event_date")
    amount = _amount(fields["amount"])
    attributes = fields["attributes"] or {}
    for name in attributes:
        if not 0 < len(name) <= TEXT_MAX:
            raise Malformed(f"attributes: a name has not 1 to {TEXT_MAX} characters", "attributes")
    override = bool(fields["override_eligibility"])
    if override and action not in (ENROL, ISSUE):
        raise Malformed("override_eligibility: only with ENROL and ISSUE", "override_eligibility")
    if action not in EXPLICIT:
        return CustomerAction(org_id, event_id, customer_id, action, event_date, amount, attributes)
    if override and not fields["requested_by"]:
        raise Malformed("requested_by: mandatory with override_eligibility", "requested_by")
    names_enrolment = action == REVOKE_ENROLMENT and fields["enrolment_id"] is not None
    return CustomerAction(
        org_id,
        event_id,
        customer_id,
        action,
        event_date,
        amount,
        attributes,
        badge_id=_text(fields, "badge_id"),
        issuance_id=_text(fields, "issuance_id") if action == REVOKE_ISSUE else None,
        enrolment_id=_text(fields, "enrolment_id") if names_enrolment else None,
        override_eligibility=override,
        requested_by=fields["requested_by"] if override else None,
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields[name]
    if type(value) is str and 0 < len(value) <= TEXT_MAX:
        return value
    raise Malformed(f"{name}: not a string of 1 to {TEXT_MAX} characters", name)


def _amount(data: bytes | None) -> int | None:
    if data is None:
        return None
    micros = int.from_bytes(data, "big", signed=True)
    if not -LARGEST_AMOUNT < micros < LARGEST_AMOUNT:
        raise Malformed("amount: not a decimal below 10^18", "amount")
    return micros
