"""S68: while a place of a limit over all customers is waited for."""

from __future__ import annotations

import pytest

from badges.calendar import parse_instant
from badges.customer import CustomerState, Reservation
from badges.decide import decide
from badges.decisions import Decision, Reason
from badges.definitions import BadgeDefinition, OrgSettings
from badges.edits import accept
from badges.evolve import evolve
from badges.places import Answer
from badges.reservations import settle
from badges.rulebook import OrgRules, compile_org
from schemas.documents import definition_from_json
from schemas.json_action import action_from_json
from tests.builders import CUSTOMER, ORG, Json, act, badge, every, overall, rolling

AT = parse_instant("2023-10-20T10:00:00Z") or 0
EVENT = "2023-10-20T09:00:00Z"
DAY_MS = 86_400_000


def rules(limit: Json) -> OrgRules:
    """One badge: so often a customer, and ten times anybody."""
    body = badge(issue_on={"action": "PURCHASE"}, customer_limits=[limit], badge_limits=[overall(10)])[
        "badge"
    ]
    made = definition_from_json(body)
    assert isinstance(made, BadgeDefinition)
    settings = OrgSettings(ORG)
    return compile_org(settings, {made.badge_id: accept(made, None, {}, settings, AT - 30 * DAY_MS)})


def decided(state: CustomerState, event_id: str, of: OrgRules, at: int = AT) -> Decision:
    """The decision of one purchase, taken over, where nobody knows of the other customers."""
    action = action_from_json(act(event_id, EVENT)["action"])
    verdict = decide(action, state, of, at)
    evolve(state, action, verdict, of, at)
    [decision] = verdict.decisions
    return decision


def answer(state: CustomerState, waiting: Reservation, of: OrgRules, *, granted: bool) -> list[Decision]:
    """What the owner of the badge says, taken over."""
    [fact] = [one._replace(level="BADGE") for one in waiting.limits]
    reason: Reason | None = None if granted else "LIMIT_OVERALL"
    number = waiting.limit_number
    said = Answer(ORG, "b", CUSTOMER, waiting.issuance_id, number, AT + 1, reason, (fact,))
    settled = settle(state, said, of)
    assert settled is not None
    return [decision for _, decision in settled.decided]


@pytest.mark.rule("S68")
@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (overall(2), "LIMIT_OVERALL"),
        (rolling(2, 1), "LIMIT_ROLLING"),
        (every(2, 3), "LIMIT_FIXED_WINDOW"),
    ],
)
def test_a_reserved_place_counts_as_taken_until_it_is_refused(limit: Json, reason: str) -> None:
    of, state = rules(limit), CustomerState(ORG, CUSTOMER)
    assert [decided(state, f"e-{n}", of).outcome for n in (1, 2)] == ["RESERVED", "RESERVED"]

    third = decided(state, "e-3", of)
    assert (third.outcome, third.reason) == ("REFUSED", reason)
    assert third.limit is not None
    assert (third.limit.level, third.limit.counted) == ("CUSTOMER", 2)

    first, second = state.badges["b"].reserved
    assert [one.outcome for one in answer(state, first, of, granted=True)] == ["ISSUED"]
    assert decided(state, "e-4", of, AT + 2).reason == reason
    assert [one.reason for one in answer(state, second, of, granted=False)] == ["LIMIT_OVERALL"]
    assert decided(state, "e-5", of, AT + 3).outcome == "RESERVED"
    assert decided(state, "e-6", of, AT + 4).reason == reason
