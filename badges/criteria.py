"""Does an act match, what does it add, and to which period (S37 to S48)."""

from __future__ import annotations

from typing import Final

from badges.actions import CustomerAction
from badges.definitions import Condition, Criterion
from badges.numbers import MILLION, micros_of_text

WHOLE_BADGE: Final = 0
"""Period key of a DIRECT badge without cycles. An enrolment's period has its index in the customer's list of
the badge's enrolments; a cycle's has the ordinal of its first day.
"""
BEFORE_START: Final = -1
"""Period key of all days before the badge's start day (S42)."""
CROSSINGS_AN_ACT: Final = 100
"""S44: what is then missing is made by the next act that is counted."""


def matches(criterion: Criterion, action: CustomerAction) -> bool:
    """S37 to S39, for an action whose name is one of the criterion's."""
    for condition in criterion.where:
        if not _holds(condition, action):
            return False
    return criterion.measure is None or added_by(criterion, action) is not None


def _holds(condition: Condition, action: CustomerAction) -> bool:
    if condition.name == "amount":
        number = action.amount
        if condition.numbers is not None:
            return number in condition.numbers
    else:
        text = action.attributes.get(condition.name)
        if condition.texts is not None:
            return text in condition.texts
        number = None if text is None else micros_of_text(text)
    if number is None:
        return False
    low, high = condition.minimum, condition.maximum
    return (low is None or number >= low) and (high is None or number <= high)


def added_by(criterion: Criterion, action: CustomerAction) -> int | None:
    """What a matching act adds to its period, in millionths; None where it carries no number (S39)."""
    measure = criterion.measure
    assert measure is not None  # only criteria that count or sum have periods
    if measure.sum_of is None:
        return MILLION
    if measure.sum_of == "amount":
        return action.amount
    text = action.attributes.get(measure.sum_of)
    return None if text is None else micros_of_text(text)


def crossings_due(criterion: Criterion, total: int, made: int) -> int:
    """How many crossings the act that led to `total` makes, 0 to 100 (S44, S45)."""
    wanted = total // criterion.reaches if total > 0 else 0
    if not criterion.repeat:
        wanted = min(wanted, 1)
    return max(0, min(wanted - made, CROSSINGS_AN_ACT))
