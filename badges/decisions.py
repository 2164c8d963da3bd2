"""The closed set of outcomes and reasons, with the facts that decided (S98 to S100)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Outcome = Literal["ENROLLED", "ISSUED", "COUNTED", "REFUSED", "DUPLICATE", "REVOKED", "RESERVED"]
"""RESERVED is never printed: it waits for the owner of the badge's places."""
Reason = Literal[
    "EVENT_IN_FUTURE",
    "BADGE_UNKNOWN",
    "BADGE_INACTIVE",
    "BADGE_UPCOMING",
    "EVENT_TOO_OLD_FOR_REGISTRATION",
    "REGISTRATION_BUFFER",
    "RETRO_WINDOW_CLOSED",
    "NOT_ENROLLABLE",
    "EVENT_OUTSIDE_BADGE_PERIOD",
    "NOT_ENROLLED",
    "ENROLMENT_EXPIRED_REENROL",
    "EVENT_OUTSIDE_ENROLMENT",
    "ENROLMENT_OVERLAP",
    "LIMIT_FIXED_WINDOW",
    "LIMIT_ROLLING",
    "LIMIT_OVERALL",
    "NOTHING_TO_REVOKE",
]
LimitType = Literal["FIXED_WINDOW", "ROLLING_WINDOW", "OVERALL"]
Noise = Literal["NO_MATCH", "OUTSIDE_PERIOD", "OUTSIDE_ENROLMENT", "ALREADY_ENROLLED"]

EXPIRED_AT_BIRTH: Final = "EXPIRED_AT_BIRTH"


class LimitFact(NamedTuple):
    """S100. `window_from` and `window_to` are ordinal days (FIXED_WINDOW, both inclusive), instants
    (ROLLING_WINDOW) or None (OVERALL). `counted` includes this issue on ISSUED, is the count found on
    REFUSED.
    """

    level: str
    type: LimitType
    max: int
    counted: int
    window_from: int | None
    window_to: int | None


class Decision(NamedTuple):
    """What was decided about one action and one badge. The action's identity and dates are not repeated
    here: they travel once beside the array of decisions. `processed_at` of all decisions of an action is the
    batch's `at`.

    The last four fields are not printed; `evolve` applies them: `period` is the key of the progress period
    that moved (criteria.py) or None, `crossings` those made in it after the act, `measure_number` the
    measure that it belongs to (S48); `progress` is its total. `follows_badge` says that an enrolment ends
    with the badge (S51).
    """

    badge_id: str
    outcome: Outcome
    reason: Reason | None = None
    expires_at: int | None = None
    issuance_id: str | None = None
    enrolment_id: str | None = None
    retro: bool = False
    definition_version: int | None = None
    progress: int | None = None
    reaches: int | None = None
    limit: LimitFact | None = None
    limits: tuple[LimitFact, ...] | None = None
    warnings: tuple[str, ...] = ()
    period: int | None = None
    crossings: int = 0
    measure_number: int = 0
    follows_badge: bool = False


_new: Final = tuple.__new__


def fact_of(
    level: str, kind: LimitType, most: int, counted: int, window_from: int | None, window_to: int | None
) -> LimitFact:
    """As `LimitFact(...)`. Compiled code reaches the constructor of a NamedTuple by way of the interpreter:
    for what is made several times an act, this and `decision_of` cost a third of it.
    """
    return _new(LimitFact, (level, kind, most, counted, window_from, window_to))


def decision_of(  # noqa: PLR0913, PLR0917 -- an argument a field
    badge_id: str,
    outcome: Outcome,
    reason: Reason | None,
    expires_at: int | None,
    issuance_id: str | None,
    enrolment_id: str | None,
    retro: bool,
    definition_version: int,
    progress: int | None,
    reaches: int | None,
    limit: LimitFact | None,
    limits: tuple[LimitFact, ...] | None,
    warnings: tuple[str, ...],
    period: int | None,
    crossings: int,
    measure_number: int,
) -> Decision:
    """As `Decision(...)` with these fields, for issues; see `fact_of`."""
    return _new(
        Decision,
        (
            badge_id,
            outcome,
            reason,
            expires_at,
            issuance_id,
            enrolment_id,
            retro,
            definition_version,
            progress,
            reaches,
            limit,
            limits,
            warnings,
            period,
            crossings,
            measure_number,
            False,
        ),
    )


class Verdict(NamedTuple):
    """Everything that one action yields: its decisions in the order of S26, and what `evolve` needs beside
    them: the event's digest and day (an ordinal in the org's zone), `registered_at` (S18; None = unchanged)
    and `registers` (a REGISTER id to remember, S18).
    """

    decisions: tuple[Decision, ...]
    digest: bytes
    event_day: int
    registered_at: int | None = None
    registers: bool = False

    @property
    def changes(self) -> bool:
        """Whether the customer's state changes; DUPLICATEs alone change nothing."""
        return self.registers or any(decision.outcome != "DUPLICATE" for decision in self.decisions)
