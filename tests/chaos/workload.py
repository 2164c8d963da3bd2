"""What flows through the chaos: acts without end, each a function of its number, some of them malformed or in
a partition that is not theirs; and rules that change meanwhile.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from confluent_kafka import murmur2

from badges.actions import CustomerAction
from badges.calendar import format_instant
from badges.numbers import micros_of_text
from schemas.customer_action import customer_key, encode_action
from schemas.documents import Document, load_documents

ORG: Final = 7
PARTITIONS: Final = 6
CUSTOMERS: Final = 1_500
DAY_MS: Final = 86_400_000
_STEP_MS: Final = 500
"""Between the dates of two acts."""
_BAD: Final = 97
_ASTRAY: Final = 61
"""One act in so many is malformed, or sent to another partition."""

_RULES: Final = """
settings:
  org_id: 7
  timezone: Europe/Berlin
  retro_max_age_days: 400
---
badge: {{org_id: 7, badge_id: regular, name: Regular, type: DIRECT, starts_at: {start}, ends_at: {end},
  issue_expiry: {{type: NEVER}}, issue_on: {{action: PURCHASE, where: {{amount: {{min: 20}}}}}},
  customer_limits: [{{type: FIXED_WINDOW, max: {most}, duration: DAYS, refresh_rate: 2}}]}}
---
badge: {{org_id: 7, badge_id: spender, name: Spender, type: DIRECT, starts_at: {start}, ends_at: {end},
  issue_expiry: {{type: RELATIVE, value: 3, unit: MONTHS}},
  issue_on: {{action: PURCHASE, sum: amount, reaches: 150, within: {{duration: MONTHS}}, repeat: true}}}}
---
badge: {{org_id: 7, badge_id: club, name: Club, type: ENROL_AND_ISSUE, starts_at: {start}, ends_at: {end},
  enrolment_expiry: {{type: RELATIVE, value: 12, unit: MONTHS}}, issue_expiry: {{type: WITH_BADGE}},
  enrol_on: {{action: PURCHASE, where: {{amount: {{min: 60}}}}}},
  issue_on: {{action: PURCHASE, count: true, reaches: 3}}}}
---
badge: {{org_id: 7, badge_id: visitor, name: Visitor {edit}, type: DIRECT, starts_at: {start}, ends_at: {end},
  issue_expiry: {{type: NEVER}}, issue_on: {{action: VISIT}},
  customer_limits: [{{type: ROLLING_WINDOW, max: 3, value: 1, unit: DAYS}}, {{type: OVERALL, max: 40}}]}}
---
badge: {{org_id: 7, badge_id: few, name: Few, type: DIRECT, starts_at: {start}, ends_at: {end},
  issue_expiry: {{type: NEVER}}, issue_on: {{action: PURCHASE, where: {{amount: {{min: 70}}}}}},
  badge_limits: [{few}]}}
"""


def documents(began: int, edit: int) -> list[Document]:
    """The rules after so many edits; each edit changes a limit and a name."""
    start, end = format_instant(began - 30 * DAY_MS), format_instant(began + 30 * DAY_MS)
    text = _RULES.format(start=f'"{start}"', end=f'"{end}"', most=2 + edit % 3, edit=edit, few=_few(edit))
    return load_documents(text, "chaos.yaml")


def _few(edit: int) -> str:
    """More places with each edit; every fourth takes the limit away, the next introduces it again."""
    return "" if edit % 4 == 3 else f"{{type: OVERALL, max: {200 * (edit + 1)}}}"


class Sent(NamedTuple):
    """One record of the input."""

    partition: int
    key: bytes
    value: bytes


def record(began: int, number: int) -> Sent:
    """The record of act `number`, the same whenever it is asked for."""
    action = _act(began, number)
    key = customer_key(ORG, action.customer_id)
    right = murmur2(key, PARTITIONS)
    if number % _BAD == 5:
        return Sent(right, key, b"no action %d" % number)
    if number % _ASTRAY == 7:
        return Sent((right + 1) % PARTITIONS, key, encode_action(action))
    return Sent(right, key, encode_action(action))


def _act(began: int, number: int) -> CustomerAction:
    customer = number * 7_919 % CUSTOMERS
    return CustomerAction(
        ORG,
        f"e-{number}",
        f"c-{customer}",
        "VISIT" if number % 4 == 3 else "PURCHASE",
        began - 20 * DAY_MS + number * _STEP_MS,
        amount=micros_of_text(str(number * 31 % 97)),
    )
