"""simulate and the naive model say the same of customers who act thousands of times.

What a customer did is kept in pages, buckets and blocks once there is much of it (badges/customer.py); none
of them may show.
"""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from badges.customer import DAYS_INLINE, ISSUANCES_A_PAGE, SEEN_INLINE
from tests.builders import play
from tests.properties.test_naive_model import without_messages
from tests.spec.naive import run
from tests.spec.naive_days import Json, identity, written
from tests.spec.naive_rules import known

ORG = 1
DAY = 86_400_000
START = known("2023-01-01T00:00:00Z")
ACTIONS = 1_200
LENGTH = 300 * DAY
LIMITS: list[list[Json]] = [
    [],
    [{"type": "FIXED_WINDOW", "max": 2, "duration": "DAYS", "refresh_rate": 1}],
    [{"type": "FIXED_WINDOW", "max": 60, "duration": "DAYS", "refresh_rate": 30}],
    [{"type": "FIXED_WINDOW", "max": 30, "duration": "WEEKS"}],
    [{"type": "FIXED_WINDOW", "max": 100, "duration": "MONTHS"}],
    [
        {"type": "ROLLING_WINDOW", "max": 20, "value": 10, "unit": "DAYS"},
        {"type": "ROLLING_WINDOW", "max": 150, "value": 2, "unit": "MONTHS"},
        {"type": "OVERALL", "max": 600},
    ],
]
CRITERIA: list[Json] = [
    {"action": "BUY"},
    {"action": "BUY", "count": True, "reaches": 2, "repeat": True},
    {"action": "BUY", "sum": "amount", "reaches": 20, "repeat": True, "within": {"duration": "WEEKS"}},
]
ISSUE_EXPIRY = {"type": "RELATIVE", "value": 3, "unit": "DAYS"}
ENROLMENT: Json = {
    "type": "ENROL_AND_ISSUE",
    "enrolment_expiry": {"type": "RELATIVE", "value": 2, "unit": "WEEKS"},
    "enrol_on": {"action": "BUY"},
}


def documents(chance: random.Random) -> Iterator[Json]:
    zone = "America/New_York"
    yield {"at": written(START), "settings": {"org_id": ORG, "timezone": zone, "retro_max_age_days": 400}}
    for badge_id in ("a", "b", "c"):
        body = {
            "org_id": ORG,
            "badge_id": badge_id,
            "name": badge_id,
            "type": "DIRECT",
            "starts_at": written(START - 400 * DAY),
            "ends_at": written(START + LENGTH),
            "issue_expiry": ISSUE_EXPIRY,
            "issue_on": chance.choice(CRITERIA),
            "customer_limits": chance.choice(LIMITS),
            "badge_limits": chance.choice(LIMITS),
        }
        yield {"at": written(START), "badge": body | (ENROLMENT if badge_id == "c" else {})}


def actions(chance: random.Random) -> Iterator[Json]:
    at = START
    used: list[str] = []
    for number in range(ACTIONS):
        at += chance.randrange(2 * LENGTH // ACTIONS)
        used.append(chance.choice(used) if used and chance.random() < 0.12 else f"e{number}")
        past = chance.choice([0, 0, 0, 1, 5, 40, 200]) * DAY + chance.randrange(DAY)
        customer_id, badge_id = chance.choice("xxxy"), chance.choice("abc")
        body = {"org_id": ORG, "event_id": used[-1], "customer_id": customer_id}
        body |= {"event_date": written(at - past), "badge_id": badge_id}
        kinds = ["BUY", "ISSUE", "REVOKE_ISSUE", "REVOKE_ENROLMENT", "REGISTER"]
        body["action"] = chance.choices(kinds, [75, 10, 11, 2, 2])[0]
        if body["action"] == "REVOKE_ISSUE":
            body["issuance_id"] = identity("issuance", ORG, badge_id, customer_id, chance.choice(used), 1)
        yield {"at": written(at), "action": body | {"amount": chance.choice([5, 30, -10, 70])}}
    for customer_id in "xy":
        yield {"at": written(at), "customer": {"org_id": ORG, "customer_id": customer_id}}


@pytest.mark.rule("S15", "S64", "S65", "S66", "S96", "S102")
@pytest.mark.parametrize("seed", range(4))
def test_simulate_prints_what_the_naive_model_says_of_long_lives(seed: int) -> None:
    chance = random.Random(seed)
    timeline = [*documents(chance), *actions(chance)]
    printed = without_messages(play(timeline))
    for got, wanted in zip(printed, run(timeline), strict=True):
        assert got == wanted
    assert_long(printed)


def assert_long(printed: list[Json]) -> None:
    """That the lives are long enough for pages, blocks and buckets."""
    (answer,) = (line["customer"] for line in printed if line.get("customer", {}).get("customer_id") == "x")
    issued = Counter(issuance["badge_id"] for issuance in answer["issuances"])
    days = {(issuance["badge_id"], issuance["event_date"][:10]) for issuance in answer["issuances"]}
    assert max(issued.values()) > ISSUANCES_A_PAGE
    assert max(Counter(badge_id for badge_id, _ in days).values()) > DAYS_INLINE
    assert len({line["event_id"] for line in printed if line.get("customer_id") == "x"}) > SEEN_INLINE
