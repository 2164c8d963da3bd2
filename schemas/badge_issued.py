"""Records of `badge-issued`: one issuance, from which rewards follow (schemas/badge-issued.avsc)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from badges.actions import CustomerAction
from badges.decisions import Decision, LimitFact
from badges.definitions import BadgeRecord
from schemas.avro_schema import BADGE_ISSUED, header_of
from schemas.decision_bytes import INSTANTS, UUID_FIELD, act_bytes, cause_bytes, limit_of, limits_bytes
from schemas.framing import SchemaSource, read_record
from schemas.varint import NULL, long_bytes, optional_string, string_bytes, strings_bytes

Rewards = Literal["SEND", "HOLD", "SUPPRESS"]
REWARDS: Final[tuple[str, ...]] = ("UNKNOWN", "SEND", "HOLD", "SUPPRESS")

_START: Final = header_of(BADGE_ISSUED) + UUID_FIELD[1:]
_REWARDS: Final = {name: long_bytes(number) for number, name in enumerate(REWARDS)}
_MOST_REMEMBERED: Final = 8192


class IssuedBadge(NamedTuple):
    """One record of `badge-issued`. Instants are epoch milliseconds; `benefits` are JSON texts."""

    issuance_id: str
    org_id: int
    customer_id: str
    badge_id: str
    badge_name: str
    definition_version: int
    event_id: str
    event_date: int
    issued_at: int
    expires_at: int | None
    enrolment_id: str | None
    retro: bool
    run_id: str | None
    rewards: str
    benefits: tuple[str, ...]
    limits: tuple[LimitFact, ...]
    action: str
    attributes: dict[str, str]


class _BadgeBytes(NamedTuple):
    record: BadgeRecord
    names: bytes
    benefits: bytes


_badges: dict[tuple[int, str], _BadgeBytes] = {}


def encode_issued(
    action: CustomerAction,
    decision: Decision,
    record: BadgeRecord,
    at: int,
    run_id: str | None = None,
    rewards: Rewards = "SEND",
) -> bytes:
    """The value of one record, Avro single-object. `decision` is ISSUED under the definition in `record`."""
    issuance_id = decision.issuance_id
    assert issuance_id is not None  # ISSUED (S98)
    assert decision.limits is not None  # ISSUED (S99)
    act = act_bytes(action)
    badge = _badges.get((action.org_id, decision.badge_id))
    if badge is None or badge.record is not record:
        badge = _remember(record)
    expires_at, _, enrolment_id, retro = decision[3:7]
    return b"".join(
        [
            _START,
            issuance_id.encode(),
            act.org_and_customer,
            badge.names,
            act.event_id,
            act.event_date,
            INSTANTS[at][1:],
            INSTANTS[expires_at],
            NULL if enrolment_id is None else UUID_FIELD + enrolment_id.encode(),
            b"\x01" if retro else NULL,
            NULL if run_id is None else optional_string(run_id),
            _REWARDS[rewards],
            badge.benefits,
            limits_bytes(decision.limits),
            cause_bytes(action),
        ]
    )


def _remember(record: BadgeRecord) -> _BadgeBytes:
    """The parts that all issuances under one definition share."""
    definition = record.definition
    if len(_badges) >= _MOST_REMEMBERED:
        _badges.clear()
    names = string_bytes(definition.badge_id) + string_bytes(definition.name) + long_bytes(record.version)
    known = _BadgeBytes(record, names, strings_bytes(definition.benefits))
    _badges[definition.org_id, definition.badge_id] = known
    return known


def decode_issued(value: bytes, schemas: SchemaSource | None = None) -> IssuedBadge:
    """A record as it was encoded; raises one of the errors of framing.py for anything else."""
    fields = read_record(BADGE_ISSUED, value, schemas)
    cause = fields.pop("cause")
    fields["benefits"] = tuple(fields["benefits"])
    fields["limits"] = tuple(limit_of(limit) for limit in fields["limits"])
    return IssuedBadge(**fields, action=cause["action"], attributes=cause["attributes"] or {})
