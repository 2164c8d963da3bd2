"""The benchmark's input: an org of twenty badges, three of which match each act, and a skewed crowd.

Deterministic: the same sizes and seed give the same acts. The busiest customer has about 4 % of them, event
dates lie anywhere in 60 days, and each matching badge issues at most twice in a cycle of three days.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from badges.actions import CustomerAction
from badges.calendar import DAY, format_instant
from badges.definitions import BadgeDefinition, BadgeRecord, OrgSettings
from badges.edits import accept
from badges.numbers import MILLION
from badges.rulebook import OrgRules, compile_org
from schemas.documents import Document

ORG = 7
TIMEZONE = "Asia/Kolkata"
DAYS = 60
_ACTIONS = ("PURCHASE", "VISIT", "REVIEW", "REFERRAL")
_SHARE_OF_BUSIEST = 0.04
_EXPONENT = 1.2
"""With it 250,000 acts of 20,000 customers yield 1.4 issuances each, as in the comparison of baselines."""
_MARGIN = 5 * DAY
_MATCHING = 3


def documents(at: int) -> list[Document]:
    """The org's settings, and twenty badges live around an instant.

    Five an action, of which three match every act of that name.
    """
    settings = {"org_id": ORG, "timezone": TIMEZONE}
    found = [Document("settings", settings, "benchmark")]
    for action in _ACTIONS:
        found += [Document("badge", _badge(action, number, at), "benchmark") for number in range(5)]
    return found


def _badge(action: str, number: int, at: int) -> dict[str, Any]:
    badge_id = f"{action.lower()}-{number}"
    issue_on: dict[str, Any] = {"action": action}
    if number >= _MATCHING:
        issue_on["where"] = {"channel": "kiosk"}
    return {
        "org_id": ORG,
        "badge_id": badge_id,
        "name": badge_id,
        "type": "DIRECT",
        "starts_at": format_instant(at - DAYS * DAY - _MARGIN),
        "ends_at": format_instant(at + 365 * DAY),
        "issue_expiry": {"type": "RELATIVE", "value": 30, "unit": "DAYS"},
        "issue_on": issue_on,
        "customer_limits": [{"type": "FIXED_WINDOW", "max": 2, "duration": "DAYS", "refresh_rate": 3}],
    }


def rules(at: int) -> OrgRules:
    """The same org compiled, for measurements without a broker."""
    settings = OrgSettings(ORG, TIMEZONE)
    records: dict[str, BadgeRecord] = {}
    for document in documents(at):
        value = document.read()
        if isinstance(value, BadgeDefinition):
            records[value.badge_id] = accept(value, None, records, settings, at)
    return compile_org(settings, records)


def actions(count: int, customers: int, at: int, first: int = 0) -> Iterator[CustomerAction]:
    """`count` acts of the 60 days before an instant, in the order of processing.

    Event ids are `e-<first>` and so on; another `first` gives other acts of the same customers.
    """
    draw = random.Random(first)  # noqa: S311 -- a reproducible load, no secret
    weights = list(accumulate(_weights(customers)))
    whole = weights[-1]
    for number in range(count):
        customer = bisect_left(weights, draw.random() * whole)
        yield CustomerAction(
            org_id=ORG,
            event_id=f"e-{first + number}",
            customer_id=f"c{customer}",
            action=_ACTIONS[number % len(_ACTIONS)],
            event_date=at - draw.randrange(DAYS * DAY),
            amount=draw.randrange(1, 200 * MILLION),
            attributes={"channel": "web" if number % 3 else "app"},
        )


def _weights(customers: int) -> list[float]:
    """Zipf and Mandelbrot: (rank + offset) ** -exponent, the offset such that the busiest has its share."""
    low, high = 0.0, 1e6
    for _ in range(40):
        offset = (low + high) / 2
        weights = [(rank + offset) ** -_EXPONENT for rank in range(1, customers + 1)]
        low, high = (offset, high) if weights[0] / sum(weights) > _SHARE_OF_BUSIEST else (low, offset)
    return weights
