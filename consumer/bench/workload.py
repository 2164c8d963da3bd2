"""The benchmark's input: an org of twenty badges, three of which match each act, and a skewed crowd.

Deterministic: the same sizes and seed give the same acts. The busiest customer has about 4 % of them, event
dates lie anywhere in 60 days, and each matching badge issues at most twice in a cycle of three days.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from badges.actions import CustomerAction
from badges.calendar import DAY
from badges.definitions import (
    BadgeDefinition,
    Condition,
    Criterion,
    Expiry,
    FixedWindow,
    LevelLimits,
    OrgSettings,
    Shape,
)
from badges.numbers import MILLION

ORG = 7
TIMEZONE = "Asia/Kolkata"
DAYS = 60
SETTINGS = OrgSettings(ORG, TIMEZONE)
_ACTIONS = ("PURCHASE", "VISIT", "REVIEW", "REFERRAL")
_SHARE_OF_BUSIEST = 0.04
_EXPONENT = 1.2
"""With it 250,000 acts of 20,000 customers yield 1.4 issuances each, as in the comparison of baselines."""
_MARGIN = 5 * DAY


def definitions(at: int) -> list[BadgeDefinition]:
    """Twenty live badges around an instant: five an action, of which three match every act of that name."""
    found = []
    for action in _ACTIONS:
        for number in range(5):
            name = f"{action.lower()}-{number}"
            where = () if number < 3 else (Condition("channel", texts=frozenset({"kiosk"})),)
            found.append(
                BadgeDefinition(
                    org_id=ORG,
                    badge_id=name,
                    name=name,
                    type="DIRECT",
                    starts_at=at - DAYS * DAY - _MARGIN,
                    ends_at=at + 365 * DAY,
                    issue_expiry=Expiry("RELATIVE", 30, "DAYS"),
                    issue_on=Criterion((action,), where),
                    customer_limits=LevelLimits(fixed=FixedWindow(2, Shape("DAYS", refresh_rate=3))),
                )
            )
    return found


def actions(count: int, customers: int, at: int, seed: int = 1) -> Iterator[CustomerAction]:
    """`count` acts of the 60 days before an instant, event ids `e-0`, `e-1`, … in the order of processing."""
    draw = random.Random(seed)  # noqa: S311 -- a reproducible load, no secret
    weights = list(accumulate(_weights(customers)))
    whole = weights[-1]
    for number in range(count):
        customer = bisect_left(weights, draw.random() * whole)
        yield CustomerAction(
            org_id=ORG,
            event_id=f"e-{number}",
            customer_id=f"c{customer}",
            action=_ACTIONS[number % len(_ACTIONS)],
            event_date=at - draw.randrange(DAYS * DAY),
            amount=draw.randrange(1, 200 * MILLION),
            attributes={"channel": "web" if number % 3 else "app"},
        )


def one_customer(count: int, at: int, seed: int = 1) -> Iterator[CustomerAction]:
    """`count` acts of a single customer."""
    return actions(count, 1, at, seed)


def _weights(customers: int) -> list[float]:
    """Zipf and Mandelbrot: (rank + offset) ** -exponent, the offset such that the busiest has its share."""
    low, high = 0.0, 1e6
    for _ in range(40):
        offset = (low + high) / 2
        weights = [(rank + offset) ** -_EXPONENT for rank in range(1, customers + 1)]
        low, high = (offset, high) if weights[0] / sum(weights) > _SHARE_OF_BUSIEST else (low, offset)
    return weights
