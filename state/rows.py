"""The parts of a state document as rows of plain values (layout: state/document.py).

Each pair of functions is one another's inverse; those that read raise ValueError, TypeError, IndexError or
AttributeError for rows of another shape.
"""

from __future__ import annotations

from typing import Any, Final

from badges.actions import CustomerAction
from badges.customer import Enrolment, Issuance, Reservation
from badges.decisions import LimitFact

_BLOCKS_AT_MOST: Final = 1_000_000


def day_row(days: dict[int, int]) -> tuple[int, dict[int, int]] | dict[int, int]:
    """Days lie near each other: one byte instead of five, where it is worth the time."""
    if len(days) < 3:
        return days
    first = next(iter(days))
    return first, {day - first: count for day, count in days.items()}


def days_of(row: Any) -> dict[int, int]:
    """The counts by day of either form."""
    if type(row) is list:
        first, counts = row
        return {first + step: count for step, count in counts.items()}
    return dict(row)


def runs_of(blocks: set[int]) -> list[int]:
    """An active customer has a block for every month: a few runs, however old."""
    runs: list[int] = []
    following = None
    for block in sorted(blocks):
        if block == following:
            runs[-1] += 1
        else:
            runs += (block, 1)
        following = block + 1
    return runs


def blocks_of(runs: list[int]) -> set[int]:
    """The numbers of the blocks; a count beyond any age is a ValueError before it takes memory."""
    blocks: set[int] = set()
    for first, count in zip(runs[::2], runs[1::2], strict=True):
        if count > _BLOCKS_AT_MOST:
            raise ValueError("no customer is that old")
        blocks.update(range(first, first + count))
    return blocks


def enrolment_rows(enrolments: list[Enrolment], before: int) -> list[tuple[bytes, int, int | None, int]]:
    """Event dates as steps from the one before; `before` stands in front of the first."""
    rows = []
    for enrolment in enrolments:
        date = enrolment.event_date
        ends_at = enrolment.ends_at
        rows.append(
            (
                enrolment.enrolment_id,
                date - before,
                None if ends_at is None else ends_at - date,
                enrolment.sequence << 2 | enrolment.follows_badge << 1 | enrolment.revoked,
            )
        )
        before = date
    return rows


def enrolments_of(rows: list[Any], before: int) -> list[Enrolment]:
    """As `enrolment_rows` wrote them."""
    enrolments = []
    for identity, step, lasts, packed in rows:
        before += step
        ends_at = None if lasts is None else before + lasts
        enrolments.append(Enrolment(identity, before, ends_at, packed & 2 != 0, packed & 1 != 0, packed >> 2))
    return enrolments


def issuance_rows(issuances: list[Issuance], before: int) -> list[tuple[bytes, int, int, int | None, int]]:
    """As `enrolment_rows`, of issuances."""
    rows = []
    for issuance in issuances:
        date = issuance.event_date
        expires_at = issuance.expires_at
        rows.append(
            (
                issuance.issuance_id,
                date - before,
                issuance.issued_at - date,
                None if expires_at is None else expires_at - date,
                issuance.sequence << 1 | issuance.revoked,
            )
        )
        before = date
    return rows


def issuances_of(rows: list[Any], before: int) -> list[Issuance]:
    """As `issuance_rows` wrote them."""
    issuances = []
    for identity, step, waited, lasts, packed in rows:
        before += step
        expires_at = None if lasts is None else before + lasts
        issuances.append(
            Issuance(identity, before, before + waited, expires_at, packed & 1 != 0, packed >> 1)
        )
    return issuances


def reservation_of(row: Any) -> Reservation:
    """All fields of a place that is waited for."""
    (identity, action, day, at, retro, enrolment_id, progress, reaches, limits, number, revocations) = row
    return Reservation(
        identity,
        CustomerAction(*action),
        day,
        at,
        retro,
        enrolment_id,
        progress,
        reaches,
        tuple(LimitFact(*fact) for fact in limits),
        number,
        tuple(CustomerAction(*one) for one in revocations),
    )
