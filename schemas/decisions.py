"""Records of `badge-decisions`: all that was decided about one action (schemas/badge-decisions.avsc)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from badges.actions import CustomerAction
from badges.decisions import Decision
from schemas.avro_schema import BADGE_DECISIONS, header_of
from schemas.decision_bytes import (
    INSTANTS,
    LIMITS,
    UUID_FIELD,
    VERSIONS,
    Remembered,
    act_bytes,
    limit_of,
    limits_bytes,
)
from schemas.framing import SchemaSource, read_record
from schemas.varint import (
    NULL,
    SECOND_BRANCH,
    decimal_bytes,
    long_bytes,
    optional_string,
    string_bytes,
    strings_bytes,
)

OUTCOMES: Final[tuple[str, ...]] = (
    "UNKNOWN", "ENROLLED", "ISSUED", "COUNTED", "REFUSED", "DUPLICATE", "REVOKED",
)  # fmt: skip
REASONS: Final[tuple[str, ...]] = (
    "UNKNOWN", "EVENT_IN_FUTURE", "BADGE_UNKNOWN", "BADGE_INACTIVE", "BADGE_UPCOMING",
    "EVENT_TOO_OLD_FOR_REGISTRATION", "REGISTRATION_BUFFER", "RETRO_WINDOW_CLOSED", "NOT_ENROLLABLE",
    "EVENT_OUTSIDE_BADGE_PERIOD", "NOT_ENROLLED", "ENROLMENT_EXPIRED_REENROL", "EVENT_OUTSIDE_ENROLMENT",
    "ENROLMENT_OVERLAP", "LIMIT_FIXED_WINDOW", "LIMIT_ROLLING", "LIMIT_OVERALL", "NOTHING_TO_REVOKE",
)  # fmt: skip
_HEADER: Final = header_of(BADGE_DECISIONS)
_TWO_NULLS: Final = NULL * 2
_THREE_NULLS: Final = NULL * 3


class DecidedAction(NamedTuple):
    """One record of `badge-decisions`. `processed_at` holds for all its decisions; `requested_by` is set with
    an override only. Fields of a decision that are not on the wire (`period`, …) have their defaults.
    """

    event_id: str
    org_id: int
    customer_id: str
    action: str
    event_date: int
    processed_at: int
    run_id: str | None
    requested_by: str | None
    decisions: tuple[Decision, ...]

    def as_action(self) -> CustomerAction:
        """The identity and date of the act, in the form that `schemas.json_decision.decision_lines` takes."""
        return CustomerAction(self.org_id, self.event_id, self.customer_id, self.action, self.event_date)


class _HeadBytes(Remembered[tuple[Any, ...]]):
    def encode(self, key: tuple[Any, ...]) -> bytes:
        badge_id, outcome, reason = key
        data = string_bytes(badge_id) + long_bytes(OUTCOMES.index(outcome))
        return data + (NULL if reason is None else SECOND_BRANCH + long_bytes(REASONS.index(reason)))


class _ThresholdBytes(Remembered[int]):
    def encode(self, key: int) -> bytes:
        return SECOND_BRANCH + decimal_bytes(key)


_HEADS: Final = _HeadBytes()
_THRESHOLDS: Final = _ThresholdBytes()


def encode_decisions(
    action: CustomerAction, decisions: Sequence[Decision], at: int, run_id: str | None = None
) -> bytes:
    """The value of one record, Avro single-object. `at` is when all its decisions were made (S98)."""
    act = act_bytes(action)
    parts = [
        _HEADER,
        act.event_id,
        act.org_and_customer,
        act.name,
        act.event_date,
        INSTANTS[at][1:],
        NULL if run_id is None else optional_string(run_id),
        optional_string(action.requested_by) if action.override_eligibility else NULL,
        long_bytes(len(decisions)),
    ]
    for decision in decisions:
        # By place, because that is twice as fast as by name: fields 0 to 2 are the head, 6 and 7 the version.
        head = _HEADS[decision[:3]]
        if decision[1] in _NAMELESS:
            parts += (head, _THREE_NULLS, VERSIONS[decision[6:8]], _detail(decision))
        else:
            expires_at, issuance_id, enrolment_id = decision[3:6]
            parts += (
                head,
                INSTANTS[expires_at],
                NULL if issuance_id is None else UUID_FIELD + issuance_id.encode(),
                NULL if enrolment_id is None else UUID_FIELD + enrolment_id.encode(),
                VERSIONS[decision[6:8]],
                _detail(decision),
            )
    if decisions:
        parts.append(NULL)
    return b"".join(parts)


_NAMELESS: Final = frozenset({"COUNTED", "REFUSED", "DUPLICATE"})
"""Outcomes without `expires_at` and ids (S98)."""


def _detail(decision: Decision) -> bytes:
    progress, reaches, limit, limits, warnings = decision[8:13]
    if progress is None:
        head = _TWO_NULLS
    else:
        head = SECOND_BRANCH + decimal_bytes(progress) + (NULL if reaches is None else _THRESHOLDS[reaches])
    if limits is not None:
        tail = SECOND_BRANCH + strings_bytes(warnings) if warnings else NULL
        return head + b"\x00\x02" + limits_bytes(limits) + tail
    if limit is not None:
        return head + SECOND_BRANCH + LIMITS[limit] + _TWO_NULLS
    return head + _THREE_NULLS


def decode_decisions(value: bytes, schemas: SchemaSource | None = None) -> DecidedAction:
    """A record as it was encoded; raises one of the errors of framing.py for anything else."""
    record = read_record(BADGE_DECISIONS, value, schemas)
    return DecidedAction(
        record["event_id"],
        record["org_id"],
        record["customer_id"],
        record["action"],
        record["event_date"],
        record["processed_at"],
        record["run_id"],
        record["requested_by"],
        tuple(_decision(fields) for fields in record["decisions"]),
    )


def _decision(fields: dict[str, Any]) -> Decision:
    detail = fields["detail"]
    limit, limits = detail["limit"], detail["limits"]
    return Decision(
        fields["badge_id"],
        fields["outcome"],
        fields["reason"],
        fields["expires_at"],
        fields["issuance_id"],
        fields["enrolment_id"],
        fields["retro"],
        fields["definition_version"],
        _micros(detail["progress"]),
        _micros(detail["reaches"]),
        None if limit is None else limit_of(limit),
        None if limits is None else tuple(limit_of(one) for one in limits),
        tuple(detail["warnings"] or ()),
    )


def _micros(data: bytes | None) -> int | None:
    return None if data is None else int.from_bytes(data, "big", signed=True)
