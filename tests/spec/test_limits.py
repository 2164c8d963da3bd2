"""S61 to S67: expiry of issuances, and limits."""

from typing import Any

import pytest

from tests.builders import (
    NEVER,
    WITH_BADGE,
    Json,
    Line,
    act,
    at,
    badge,
    customer,
    enrol,
    enrol_badge,
    every,
    fixed_date,
    issue,
    last,
    monthly,
    overall,
    play,
    relative,
    revoke_enrolment,
    rolling,
    settings,
    support,
    told,
    weekly,
)

NOW = "2023-10-20T10:00:00Z"
THEN = "2023-10-20T09:00:00Z"


@pytest.mark.rule("S61", "R3", "R2")
@pytest.mark.parametrize(
    ("expiry", "end"),
    [
        (relative(2), "2023-10-22T10:00:00.000Z"),
        (relative(2, "WEEKS"), "2023-11-03T10:00:00.000Z"),
        (relative(1, "MONTHS"), "2023-11-20T10:00:00.000Z"),
        (fixed_date("2024-01-01T00:00:00+05:30"), "2023-12-31T18:30:00.000Z"),
        (WITH_BADGE, "2023-10-30T23:59:59.000Z"),
        (NEVER, None),
    ],
)
def test_an_issuance_expires_counted_from_its_processing(expiry: Json, end: str | None) -> None:
    record = last(at(NOW, badge(issue_expiry=expiry), issue("e", "2023-10-02T00:00:00Z")))
    assert (record["processed_at"], record["expires_at"]) == ("2023-10-20T10:00:00.000Z", end)


@pytest.mark.rule("S61")
def test_an_expiry_with_the_badge_is_its_end_as_defined_then_and_never_changes() -> None:
    made = [badge(issue_expiry=WITH_BADGE), issue("e", THEN)]
    later = badge(issue_expiry=relative(1), ends_at="2024-10-30T00:00:00Z")
    answer = last(at(NOW, *made, later, issue("e-2", THEN), customer()))["customer"]
    assert [one["expires_at"] for one in answer["issuances"]] == [
        "2023-10-30T23:59:59.000Z",
        "2023-10-21T10:00:00.000Z",
    ]


@pytest.mark.rule("S62")
@pytest.mark.parametrize(
    ("now", "warned"), [("2023-10-30T23:59:59Z", False), ("2023-10-30T23:59:59.001Z", True)]
)
def test_an_issuance_expired_at_birth_is_issued_counts_and_warns(now: str, warned: bool) -> None:
    once = badge(issue_expiry=WITH_BADGE, customer_limits=[overall(1)])
    records = play(at(now, once, issue("e-1", THEN), issue("e-2", THEN)))
    assert told(records) == ["ISSUED", "LIMIT_OVERALL"]
    assert records[0]["detail"].get("warnings") == (["EXPIRED_AT_BIRTH"] if warned else None)
    assert records[0]["expires_at"] == "2023-10-30T23:59:59.000Z"


@pytest.mark.rule("S62")
def test_an_enrolment_expired_at_birth_does_not_warn() -> None:
    assert last(at(NOW, enrol_badge(), enrol("e", "2023-10-02T00:00:00Z")))["detail"] == {}


def kinds(limits: list[Json]) -> list[tuple[str, str]]:
    return [(limit["level"], limit["type"]) for limit in limits]


@pytest.mark.rule("S63", "S99")
def test_limits_stand_in_check_order_whatever_their_order_in_the_definition() -> None:
    moving = [overall(9), rolling(9, 1, "MONTHS"), rolling(9, 3, "DAYS"), rolling(9, 2, "WEEKS")]
    record = last(at(NOW, badge(customer_limits=moving, badge_limits=moving), issue("e", THEN)))
    found = [(limit["level"], limit["window"] and limit["window"][0]) for limit in record["detail"]["limits"]]
    starts = ["2023-10-17T10:00:00.000Z", "2023-10-06T10:00:00.000Z", "2023-09-20T10:00:00.000Z", None]
    assert found == [(level, start) for level in ("CUSTOMER", "BADGE") for start in starts]


@pytest.mark.rule("S63", "S35")
@pytest.mark.parametrize(
    ("customer_limits", "badge_limits", "reason", "level"),
    [
        ([every(1, 30)], [overall(1)], "LIMIT_FIXED_WINDOW", "CUSTOMER"),
        ([every(2, 30)], [overall(1)], "LIMIT_OVERALL", "BADGE"),
        ([overall(1)], [every(1, 30)], "LIMIT_OVERALL", "CUSTOMER"),
        ([overall(1), rolling(1, 1)], [], "LIMIT_ROLLING", "CUSTOMER"),
        ([overall(1), rolling(2, 1)], [every(1, 1)], "LIMIT_OVERALL", "CUSTOMER"),
        ([overall(2), rolling(2, 1)], [rolling(1, 1), overall(1)], "LIMIT_ROLLING", "BADGE"),
    ],
)
def test_the_first_limit_without_room_is_the_reason(
    customer_limits: list[Json], badge_limits: list[Json], reason: str, level: str
) -> None:
    full = badge(customer_limits=customer_limits, badge_limits=badge_limits)
    record = last(at(NOW, full, issue("e-1", THEN), issue("e-2", THEN)))
    assert (record["reason"], record["detail"]["limit"]["level"]) == (reason, level)


@pytest.mark.rule("S63")
def test_of_rolling_limits_days_come_before_weeks_and_weeks_before_months() -> None:
    for units in (["DAYS", "WEEKS", "MONTHS"], ["WEEKS", "MONTHS"], ["MONTHS"]):
        full = badge(customer_limits=[rolling(1, 1, unit) for unit in reversed(units)])
        record = last(at(NOW, full, issue("e-1", THEN), issue("e-2", THEN)))
        begins = {"DAYS": "2023-10-19", "WEEKS": "2023-10-13", "MONTHS": "2023-09-20"}[units[0]]
        assert record["detail"]["limit"]["window"][0][:10] == begins


@pytest.mark.rule("S63")
def test_a_maximum_lowered_below_the_count_leaves_no_room() -> None:
    """Three of two is a legal state (B4)."""
    lines = [badge(customer_limits=[overall(3)]), *[issue(f"e-{number}", THEN) for number in range(3)]]
    record = last(at(NOW, *lines, badge(customer_limits=[overall(2)]), issue("e", THEN)))
    assert (record["detail"]["limit"]["count"], record["detail"]["limit"]["max"]) == (3, 2)


@pytest.mark.rule("S64")
@pytest.mark.parametrize(
    "limit", [overall(3), every(3, 30), rolling(3, 1)], ids=["overall", "fixed", "rolling"]
)
@pytest.mark.parametrize("level", ["customer_limits", "badge_limits"])
def test_every_issuance_that_is_not_revoked_counts(limit: Json, level: str) -> None:
    """One before the limit existed, one by override, one under an enrolment that was revoked since."""
    free = enrol_badge(enrolment_expiry=relative(1, "MONTHS"))
    limited = enrol_badge(enrolment_expiry=relative(1, "MONTHS"), **{level: [limit]})
    lines = [
        free,
        enrol("e-1", "2023-10-10T00:00:00Z"),
        issue("e-2", THEN),
        revoke_enrolment("e-3", THEN),
        issue("e-4", THEN, **support()),
        limited,
        enrol("e-5", "2023-10-12T00:00:00Z"),
        issue("e-6", THEN),
        issue("e-7", THEN),
        issue("e-8", THEN, **support()),
    ]
    records = play(at(NOW, *lines))
    assert told(records[5:]) == ["ISSUED"] + [records[6]["reason"]] * 2
    assert [one["count"] for one in records[5]["detail"]["limits"]] == [3]
    assert records[7]["detail"]["limit"]["count"] == 3


@pytest.mark.rule("S65", "R15")
def test_a_fixed_window_counts_the_days_of_the_acts_in_the_cycle_whatever_their_processing() -> None:
    limited = badge(customer_limits=[every(1, 3)])
    records = play(
        at("2023-10-12T00:00:00Z", limited, issue("e-1", "2023-10-10T00:00:00Z")),
        at(NOW, issue("e-2", "2023-10-12T23:59:59Z"), issue("e-3", "2023-10-13T00:00:00Z")),
    )
    assert told(records) == ["ISSUED", "LIMIT_FIXED_WINDOW", "ISSUED"]
    assert records[1]["detail"]["limit"]["window"] == ["2023-10-10", "2023-10-12"]


@pytest.mark.rule("S65", "R5")
def test_cycles_are_those_of_the_orgs_days() -> None:
    """In Kolkata, 12 Oct ends at 18:30 UTC."""
    lines = [
        settings(timezone="Asia/Kolkata"),
        badge(starts_at="2023-10-01T00:00:00+05:30", customer_limits=[every(1, 3)]),
        issue("e-1", "2023-10-12T18:29:59Z"),
        issue("e-2", "2023-10-12T18:30:00Z"),
        issue("e-3", "2023-10-09T18:30:00Z"),
    ]
    assert told(play(at(NOW, *lines))) == ["ISSUED", "ISSUED", "LIMIT_FIXED_WINDOW"]


@pytest.mark.rule("S65", "S74")
def test_a_cycle_is_cut_as_printed_so_the_cut_days_do_not_count_together() -> None:
    """Five days from 15 Apr, then months from 1 May: the cycle of 30 Apr is one day."""
    period = {"starts_at": "2024-04-15T10:33:20Z", "ends_at": "2024-12-31T00:00:00Z"}
    five = badge(**period, customer_limits=[every(1, 5)])
    months = badge(**period, customer_limits=[monthly(1)])
    lines = [
        issue(f"e-{date}", f"2024-{date}T12:00:00Z") for date in ("04-29", "04-30", "05-01", "04-30", "05-04")
    ]
    lines[3]["action"]["event_id"] = "again"
    records = play(at("2024-04-17T00:00:00Z", five, months), at("2024-05-10T00:00:00Z", *lines))
    assert told(records) == ["ISSUED", "ISSUED", "ISSUED", "LIMIT_FIXED_WINDOW", "LIMIT_FIXED_WINDOW"]
    assert [record["detail"]["limits"][0]["window"] for record in records[:3]] == [
        ["2024-04-25", "2024-04-29"],
        ["2024-04-30", "2024-04-30"],
        ["2024-05-01", "2024-05-31"],
    ]
    assert records[4]["detail"]["limit"]["window"] == ["2024-05-01", "2024-05-31"]


@pytest.mark.rule("S65")
@pytest.mark.parametrize("event_date", ["2023-09-20T00:00:00Z", "2023-11-05T00:00:00Z"])
def test_without_a_configuration_in_force_on_the_day_only_the_other_limits_apply(event_date: str) -> None:
    limited = badge(customer_limits=[every(1, 3)], badge_limits=[overall(2)])
    lines = [issue(f"e-{number}", event_date, **support()) for number in range(3)]
    records = play(at("2023-11-05T10:00:00Z", limited, *lines))
    assert told(records) == ["ISSUED", "ISSUED", "LIMIT_OVERALL"]
    assert kinds(records[0]["detail"]["limits"]) == [("BADGE", "OVERALL")]


@pytest.mark.rule("S65", "S75")
def test_an_expired_configuration_judges_the_acts_of_its_days_with_its_last_maximum() -> None:
    """Two per five days until 14 Oct, then one per seven days; on 20 Oct an act of 12 Oct is late."""
    first, second = badge(customer_limits=[every(2, 5)]), badge(customer_limits=[every(1, 7)])
    lines = [issue(f"e-{number}", "2023-10-12T00:00:00Z") for number in range(3)]
    records = play(at("2023-10-13T00:00:00Z", first, second), at(NOW, *lines))
    assert told(records) == ["ISSUED", "ISSUED", "LIMIT_FIXED_WINDOW"]
    limit = records[2]["detail"]["limit"]
    assert (limit["max"], limit["window"]) == (2, ["2023-10-11", "2023-10-15"])


@pytest.mark.rule("S66", "R16", "S4")
@pytest.mark.parametrize(
    ("now", "word"),
    [
        ("2023-10-22T09:59:59.999Z", "LIMIT_ROLLING"),
        ("2023-10-22T10:00:00Z", "ISSUED"),
    ],
)
def test_a_rolling_window_is_open_at_its_past_end(now: str, word: str) -> None:
    limited = badge(customer_limits=[rolling(1, 2)])
    records = play(at(NOW, limited, issue("e-1", "2023-10-02T00:00:00Z")), at(now, issue("e-2", THEN)))
    assert told(records) == ["ISSUED", word]


@pytest.mark.rule("S66", "R16")
def test_a_rolling_window_looks_at_processing_instants_whatever_the_event_dates() -> None:
    limited = badge(customer_limits=[rolling(1, 2)])
    lines = [issue("e-2", "2023-10-20T09:00:00Z"), issue("e-3", "2023-10-20T09:00:00Z")]
    records = play(at("2023-10-10T00:00:00Z", limited, issue("e-1", "2023-10-10T00:00:00Z")), at(NOW, *lines))
    assert told(records) == ["ISSUED", "ISSUED", "LIMIT_ROLLING"]
    assert records[2]["detail"]["limit"]["window"] == ["2023-10-18T10:00:00.000Z", "2023-10-20T10:00:00.000Z"]


@pytest.mark.rule("S66", "S4", "S5")
@pytest.mark.parametrize(
    ("value", "unit", "now", "since"),
    [
        (1, "DAYS", "2024-03-10T12:00:00-04:00", "2024-03-09T17:00:00.000Z"),
        (1, "WEEKS", "2024-03-10T12:00:00-04:00", "2024-03-03T17:00:00.000Z"),
        (1, "MONTHS", "2024-03-31T12:00:00-04:00", "2024-02-29T17:00:00.000Z"),
        (1, "DAYS", "2024-03-11T02:30:00-04:00", "2024-03-10T07:30:00.000Z"),
    ],
)
def test_a_rolling_window_is_calendar_arithmetic_in_the_orgs_zone(
    value: int, unit: str, now: str, since: str
) -> None:
    lines = [
        settings(timezone="America/New_York"),
        badge(
            starts_at="2024-01-01T00:00:00Z",
            ends_at="2024-12-31T00:00:00Z",
            customer_limits=[rolling(1, value, unit)],
        ),
        issue("e", now),
    ]
    assert last(at(now, *lines))["detail"]["limits"][0]["window"][0] == since


@pytest.mark.rule("S66", "S5", "S44")
@pytest.mark.parametrize("level", ["customer_limits", "badge_limits"])
def test_a_rolling_window_that_a_skipped_day_leaves_empty_counts_not_even_issues_of_the_same_act(
    level: str,
) -> None:
    """Apia had no 30 December 2011: a day before this instant, the 31st there, is the instant itself."""
    now = "2011-12-30T12:00:00Z"
    each = {"action": "BUY", "sum": "amount", "reaches": 1, "repeat": True}
    limited = badge(
        starts_at="2011-12-01T00:00:00Z",
        ends_at="2012-01-30T00:00:00Z",
        issue_on=each,
        **{level: [rolling(1, 1)]},
    )
    lines = [settings(timezone="Pacific/Apia"), limited, act("e", now, "BUY", amount=2)]
    records = play(at(now, *lines))
    assert told(records) == ["ISSUED", "ISSUED"]
    assert [one["detail"]["limits"][0]["count"] for one in records] == [1, 1]
    assert records[0]["detail"]["limits"][0]["window"] == ["2011-12-30T12:00:00.000Z"] * 2


@pytest.mark.rule("S66", "R17")
def test_an_overall_limit_counts_all_issuances() -> None:
    limited = badge(customer_limits=[overall(2)])
    early = "2023-10-02T00:00:00Z"
    records = play(
        at("2023-10-10T00:00:00Z", limited, issue("e-1", early)),
        at(NOW, issue("e-2", THEN)),
        at("2023-11-10T00:00:00Z", issue("e-3", early)),
    )
    assert told(records) == ["ISSUED", "ISSUED", "LIMIT_OVERALL"]


@pytest.mark.rule("S67")
@pytest.mark.parametrize("limit", [overall(2), weekly(2), monthly(2), rolling(2, 1)])
def test_badge_level_limits_are_decided_at_once_in_the_order_of_the_lines(limit: Json) -> None:
    limited = badge(badge_limits=[limit], issue_on={"action": "PURCHASE"})
    lines: list[Line] = [act("e-1", THEN, customer_id=str(number)) for number in range(4)]
    records = play(at(NOW, limited, *lines))
    assert [record["outcome"] for record in records] == ["ISSUED", "ISSUED", "REFUSED", "REFUSED"]
    assert records[3]["detail"]["limit"]["count"] == 2


@pytest.mark.rule("S67", "S64")
def test_badge_level_counts_are_those_of_the_badge_and_the_org() -> None:
    lines = [
        badge(badge_limits=[overall(1)]),
        badge(badge_id="c", badge_limits=[overall(1)]),
        badge(org_id=8, badge_limits=[overall(1)]),
        issue("e-1", THEN),
        issue("e-2", THEN, "c"),
        issue("e-3", THEN, org_id=8),
        issue("e-4", THEN, customer_id="43"),
    ]
    assert told(play(at(NOW, *lines))) == ["ISSUED", "ISSUED", "ISSUED", "LIMIT_OVERALL"]


@pytest.mark.rule("S63", "S64")
def test_a_refused_issue_counts_in_no_limit() -> None:
    """The customer's limit refuses before the badge's; the badge still has room for another."""
    limited = badge(customer_limits=[overall(1)], badge_limits=[overall(2)])
    lines = [issue("e-1", THEN), issue("e-2", THEN), issue("e-3", THEN, customer_id="43")]
    records = play(at(NOW, limited, *lines))
    assert told(records) == ["ISSUED", "LIMIT_OVERALL", "ISSUED"]
    counts: list[Any] = [one["count"] for one in records[2]["detail"]["limits"]]
    assert counts == [1, 2]
