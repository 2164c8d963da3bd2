"""S93 and S96: revocation."""

import pytest

from tests.builders import (
    Json,
    act,
    at,
    badge,
    enrol,
    enrol_badge,
    every,
    issue,
    monthly,
    overall,
    play,
    revoke_enrolment,
    revoke_issue,
    rolling,
    told,
)

NOW = "2023-10-20T10:00:00Z"
THEN = "2023-10-20T09:00:00Z"
ENROLMENTS = [enrol("e-1", "2023-10-02T00:00:00Z"), enrol("e-2", "2023-10-06T00:00:00Z"), enrol("e-3", THEN)]


@pytest.mark.rule("S93")
def test_without_an_id_all_enrolments_are_revoked_in_the_order_of_enrolment_expired_ones_too() -> None:
    made = play(at(NOW, enrol_badge(), *ENROLMENTS))
    records = play(at(NOW, enrol_badge(), *ENROLMENTS, revoke_enrolment("r", NOW)))[3:]
    assert told(records) == ["REVOKED"] * 3
    assert [one["enrolment_id"] for one in records] == [one["enrolment_id"] for one in made]


@pytest.mark.rule("S93")
def test_with_an_id_that_enrolment_is_revoked_and_no_other() -> None:
    made = play(at(NOW, enrol_badge(), *ENROLMENTS))
    second = made[1]["enrolment_id"]
    lines = [
        *ENROLMENTS,
        revoke_enrolment("r-1", NOW, enrolment_id=second),
        revoke_enrolment("r-2", NOW, enrolment_id=second),
        revoke_enrolment("r-3", NOW),
        revoke_enrolment("r-4", NOW),
    ]
    records = play(at(NOW, enrol_badge(), *lines))[3:]
    assert told(records) == ["REVOKED", "NOTHING_TO_REVOKE", "REVOKED", "REVOKED", "NOTHING_TO_REVOKE"]
    assert records[0]["enrolment_id"] == second
    assert [one["enrolment_id"] for one in records[2:4]] == [made[0]["enrolment_id"], made[2]["enrolment_id"]]


@pytest.mark.rule("S93")
def test_what_is_unknown_or_not_this_customers_or_not_this_badges_cannot_be_revoked() -> None:
    badges = [enrol_badge(), enrol_badge(badge_id="other")]
    enrolled, issued = play(at(NOW, *badges, enrol("e", THEN), issue("i", THEN)))
    enrolment_id, issuance_id = enrolled["enrolment_id"], issued["issuance_id"]
    asks = [
        revoke_enrolment("r-1", NOW, enrolment_id="nobody's"),
        revoke_enrolment("r-2", NOW, enrolment_id=enrolment_id, customer_id="43"),
        revoke_enrolment("r-3", NOW, "other", enrolment_id=enrolment_id),
        revoke_issue("r-4", NOW, "nobody's"),
        revoke_issue("r-5", NOW, issuance_id, customer_id="43"),
        revoke_issue("r-6", NOW, issuance_id, "other"),
        revoke_issue("r-7", NOW, issuance_id),
        revoke_issue("r-8", NOW, issuance_id),
    ]
    records = play(at(NOW, *badges, enrol("e", THEN), issue("i", THEN), *asks))[2:]
    assert told(records) == ["NOTHING_TO_REVOKE"] * 6 + ["REVOKED", "NOTHING_TO_REVOKE"]
    assert records[6]["issuance_id"] == issuance_id


@pytest.mark.rule("S96")
@pytest.mark.parametrize("level", ["customer_limits", "badge_limits"])
@pytest.mark.parametrize("limit", [every(1, 3), monthly(1), overall(1), rolling(1, 5)])
def test_a_revoked_issuance_frees_its_place_in_every_limit(level: str, limit: Json) -> None:
    limited = badge(**{level: [limit]})
    issuance_id = play(at(NOW, limited, issue("e-1", THEN)))[0]["issuance_id"]
    lines = [
        limited,
        issue("e-1", THEN),
        issue("e-2", THEN),
        revoke_issue("r", NOW, issuance_id),
        issue("e-3", THEN),
        issue("e-4", THEN),
    ]
    full = {
        "FIXED_WINDOW": "LIMIT_FIXED_WINDOW",
        "OVERALL": "LIMIT_OVERALL",
        "ROLLING_WINDOW": "LIMIT_ROLLING",
    }
    refused = full[limit["type"]]
    assert told(play(at(NOW, *lines))) == ["ISSUED", refused, "REVOKED", "ISSUED", refused]


@pytest.mark.rule("S96")
def test_the_crossing_of_a_revoked_issuance_stays_spent() -> None:
    spend = badge(issue_on={"action": "PURCHASE", "sum": "amount", "reaches": 100})
    crossing = act("e-1", THEN, amount=120)
    issuance_id = play(at(NOW, spend, crossing))[0]["issuance_id"]
    lines = [spend, crossing, revoke_issue("r", NOW, issuance_id), act("e-2", THEN, amount=500)]
    assert told(play(at(NOW, *lines))) == ["ISSUED", "REVOKED", "COUNTED"]
