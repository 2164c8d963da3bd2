"""What a customer did, or what somebody asked for (S10 to S13)."""

from __future__ import annotations

from typing import Final, NamedTuple

REGISTER: Final = "REGISTER"
ENROL: Final = "ENROL"
ISSUE: Final = "ISSUE"
REVOKE_ENROLMENT: Final = "REVOKE_ENROLMENT"
REVOKE_ISSUE: Final = "REVOKE_ISSUE"

EXPLICIT: Final = frozenset({ENROL, ISSUE, REVOKE_ENROLMENT, REVOKE_ISSUE})
"""Requests that name a badge. Any other action, REGISTER included, is an ordinary act (S17)."""


class CustomerAction(NamedTuple):
    """A well-formed action. `event_date` is epoch milliseconds UTC; `amount` is in millionths (numbers.py).

    `attributes` holds text: a number as S8 prints it, a boolean as `true` or `false`, a string as it came
    (S38). Fields that the action's kind does not use are None, False or empty (S12).
    """

    org_id: int
    event_id: str
    customer_id: str
    action: str
    event_date: int
    amount: int | None = None
    attributes: dict[str, str] = {}  # noqa: RUF012 -- never mutated; a NamedTuple default
    badge_id: str | None = None
    issuance_id: str | None = None
    enrolment_id: str | None = None
    override_eligibility: bool = False
    requested_by: str | None = None
