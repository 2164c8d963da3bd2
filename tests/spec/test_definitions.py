"""S79 to S85, S88, S91, S92: definitions and settings, and what is refused of them."""

from typing import Any

import pytest

from tests.builders import (
    Json,
    Line,
    act,
    at,
    badge,
    enrol,
    enrol_badge,
    every,
    fixed_date,
    issue,
    last,
    overall,
    play,
    relative,
    rolling,
    settings,
    told,
    weekly,
)

BEFORE = "2023-09-20T10:00:00Z"
NOW = "2023-10-20T10:00:00Z"
THEN = "2023-10-20T09:00:00Z"
AFTER = "2023-11-05T10:00:00Z"
SPEND: Json = {"action": "PURCHASE", "sum": "amount", "reaches": 100}


def refusal(*groups: Any) -> tuple[int, str | None]:
    """Code and reference of the last line, which is an error."""
    error = last(*groups)["error"]
    return error["code"], error["reference"]


@pytest.mark.rule("S79")
def test_a_badge_line_replaces_the_whole_definition() -> None:
    limited = badge(customer_limits=[overall(1)], issue_on={"action": "PURCHASE"}, active=False)
    lines = [limited, issue("e-1", THEN), badge(), issue("e-2", THEN), issue("e-3", THEN), act("e-4", THEN)]
    assert told(play(at(NOW, *lines))) == ["BADGE_INACTIVE", "ISSUED", "ISSUED"]


@pytest.mark.rule("S79", "S90")
def test_an_accepted_definition_prints_nothing_and_a_refused_one_changes_nothing() -> None:
    refused = badge(active=False, ends_at="2023-10-01T00:00:00Z")
    lines = [badge(), badge(), refused, issue("e", THEN)]
    records = play(at(NOW, *lines))
    assert told(records) == ["720", "ISSUED"]
    assert records[1]["definition_version"] == 2


@pytest.mark.rule("S80", "S84")
@pytest.mark.parametrize(
    "field", ["org_id", "badge_id", "name", "type", "starts_at", "ends_at", "issue_expiry"]
)
def test_a_definition_without_a_mandatory_field_is_400(field: str) -> None:
    body = badge()["badge"]
    del body[field]
    assert refusal(at(NOW, {"badge": body})) == (400, field)


@pytest.mark.rule("S80", "S84")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("org_id", "7"),
        ("org_id", True),
        ("org_id", 7.5),
        ("badge_id", 5),
        ("badge_id", ""),
        ("name", ["b"]),
        ("type", "direct"),
        ("starts_at", "2023-10-01"),
        ("ends_at", 1698710399),
        ("active", "yes"),
        ("active", 1),
        ("issue_expiry", "NEVER"),
        ("issue_expiry", {"type": "SOON"}),
        ("issue_expiry", {"type": "RELATIVE", "value": 0, "unit": "DAYS"}),
        ("issue_expiry", {"type": "RELATIVE", "value": 2, "unit": "HOURS"}),
        ("issue_expiry", {"type": "FIXED_DATE", "at": "tomorrow"}),
        ("customer_limits", {"type": "OVERALL", "max": 1}),
        ("customer_limits", [{"type": "OVERALL", "max": 0}]),
        ("customer_limits", [{"type": "FIXED_WINDOW", "max": 1, "duration": "DAYS"}]),
        ("customer_limits", [{"type": "FIXED_WINDOW", "max": 1, "duration": "YEARS"}]),
        ("customer_limits", [{"type": "ROLLING_WINDOW", "max": 1, "value": 3}]),
        ("benefits", [{"type": "COUPON"}] * 11),
        ("colour", "gold"),
    ],
)
def test_a_wrong_value_or_an_unknown_field_is_400(field: str, value: object) -> None:
    code, reference = refusal(at(NOW, badge(**{field: value})))
    assert code == 400
    assert reference is not None
    assert reference.startswith(field)


@pytest.mark.rule("S80")
@pytest.mark.parametrize(
    "fields",
    [
        {"issue_expiry": {"type": "NEVER", "colour": 1}},
        {"customer_limits": [{**overall(1), "colour": 1}]},
        {"issue_on": {**SPEND, "colour": 1}},
        {"issue_on": {**SPEND, "within": {"duration": "MONTHS", "colour": 1}}},
        {"issue_on": {**SPEND, "where": {"amount": {"min": 1, "colour": 1}}}},
    ],
)
def test_an_unknown_field_is_400_at_any_depth(fields: Json) -> None:
    assert told(play(at(NOW, badge(**fields)))) == ["400"]


@pytest.mark.rule("S80")
def test_benefits_and_the_names_in_where_are_free() -> None:
    free = badge(
        benefits=[{"type": "COUPON", "colour": {"deep": [1]}}] * 10,
        issue_on={"action": "PURCHASE", "where": {"colour of the sky": "blue"}},
    )
    assert play(at(NOW, free)) == []


@pytest.mark.rule("S80")
@pytest.mark.parametrize(
    "line",
    [
        badge(enrolment_expiry=relative(2)),
        badge(enrol_on={"action": "VISIT"}),
        enrol_badge(enrolment_expiry=None),
        enrol_badge(enrolment_expiry=fixed_date("2023-09-30T23:59:59.999Z")),
    ],
)
def test_enrolment_belongs_to_enrol_and_issue_and_cannot_end_before_the_badge(line: Line) -> None:
    assert told(play(at(NOW, line))) == ["400"]


@pytest.mark.rule("S80")
def test_an_enrolment_expiry_at_the_start_is_accepted() -> None:
    assert play(at(NOW, enrol_badge(enrolment_expiry=fixed_date("2023-10-01T00:00:00Z")))) == []


@pytest.mark.rule("S81")
@pytest.mark.parametrize(
    "criterion",
    [
        {"action": "ENROL"},
        {"action": "ISSUE"},
        {"action": ["PURCHASE", "REVOKE_ENROLMENT"]},
        {"action": "REVOKE_ISSUE"},
        {"action": []},
        {"where": {"channel": "web"}},
        {"action": "PURCHASE", "where": {"channel": []}},
        {"action": "PURCHASE", "sum": "amount", "count": True, "reaches": 5},
        {"action": "PURCHASE", "sum": "amount"},
        {"action": "PURCHASE", "count": True},
        {"action": "PURCHASE", "count": True, "reaches": 0},
        {"action": "PURCHASE", "sum": "amount", "reaches": -5},
        {"action": "PURCHASE", "reaches": 5},
        {"action": "PURCHASE", "where": {"amount": "many"}},
        {"action": "PURCHASE", "where": {"amount": ["5", "many"]}},
    ],
)
def test_a_criterion_that_makes_no_sense_is_400(criterion: Json) -> None:
    assert told(play(at(NOW, badge(issue_on=criterion)))) == ["400"]


@pytest.mark.rule("S81")
@pytest.mark.parametrize("more", [{"count": True, "reaches": 2}, {"repeat": True}, {"reaches": 2}])
def test_enrol_on_has_no_more_than_action_and_where(more: Json) -> None:
    fine = {"action": "VISIT", "where": {"channel": "web"}}
    assert play(at(NOW, enrol_badge(enrol_on=fine))) == []
    assert told(play(at(NOW, enrol_badge(enrol_on={**fine, **more})))) == ["400"]


@pytest.mark.rule("S81")
def test_register_is_an_act_that_criteria_may_name() -> None:
    assert play(at(NOW, badge(issue_on={"action": "REGISTER"}))) == []


@pytest.mark.rule("S82")
@pytest.mark.parametrize("level", ["customer_limits", "badge_limits"])
@pytest.mark.parametrize(
    "limits",
    [[every(1, 3), weekly(2)], [overall(1), overall(2)], [rolling(1, 3), rolling(2, 5)]],
)
def test_two_limits_of_one_kind_on_a_level_are_400(level: str, limits: list[Json]) -> None:
    code, reference = refusal(at(NOW, badge(**{level: limits})))
    assert code == 400
    assert (reference or "").startswith(level)


@pytest.mark.rule("S82")
def test_one_rolling_limit_a_unit_beside_an_overall_limit_is_accepted() -> None:
    limits = [rolling(1, 3), rolling(2, 5, "WEEKS"), rolling(3, 1, "MONTHS"), overall(9)]
    assert play(at(NOW, badge(customer_limits=limits, badge_limits=limits))) == []


BOTH = [every(1, 3), overall(5)]
WORSE_AND_WORSE: list[tuple[int, str, Json]] = [
    (815, "customer_limits", {"customer_limits": [every(1, 5)]}),
    (724, "ends_at", {"ends_at": "2023-10-29T00:00:00Z"}),
    (723, "starts_at", {"starts_at": "2023-10-02T00:00:00Z"}),
    (1020, "type", {"type": "ENROL_AND_ISSUE", "enrolment_expiry": relative(2)}),
    (722, "starts_at", {"starts_at": "1923-10-02T00:00:00Z"}),
    (826, "customer_limits", {"customer_limits": BOTH}),
    (725, "name", {"name": "taken"}),
    (720, "starts_at", {"ends_at": "1923-10-01T00:00:00Z"}),
    (400, "active", {"active": "yes"}),
]


@pytest.mark.rule("S83", "S84", "S85", "S88")
@pytest.mark.parametrize("upto", range(1, len(WORSE_AND_WORSE) + 1))
def test_of_several_failures_the_first_in_order_is_told(upto: int) -> None:
    """Each row adds a failure that comes before the ones above it."""
    edit: Json = {"customer_limits": [every(1, 5)]}
    for _, _, change in WORSE_AND_WORSE[:upto]:
        edit |= change
    first = [badge(badge_id="other", name="taken"), badge(customer_limits=[every(1, 3)])]
    code, reference, _ = WORSE_AND_WORSE[upto - 1]
    if code == 722:  # a new start of a badge that has one is judged by 723, unless the badge is new
        first = first[:1]
        edit = {**edit, "badge_id": "new"}
    if code in (826, 725, 720, 400):
        edit.pop("badge_id", None)
    assert refusal(at(AFTER, *first, badge(**edit))) == (code, reference)


@pytest.mark.rule("S83")
def test_the_customer_level_is_judged_before_the_badge_level() -> None:
    both = badge(customer_limits=BOTH, badge_limits=BOTH)
    assert refusal(at(NOW, both)) == (826, "customer_limits")
    assert refusal(at(NOW, badge(badge_limits=BOTH))) == (826, "badge_limits")


@pytest.mark.rule("S85")
@pytest.mark.parametrize("ends_at", ["2023-10-01T00:00:00Z", "2023-09-30T23:59:59Z"])
def test_a_badge_that_does_not_start_before_its_end_is_720(ends_at: str) -> None:
    assert refusal(at(NOW, badge(ends_at=ends_at))) == (720, "starts_at")


@pytest.mark.rule("S85")
def test_a_name_is_taken_by_any_other_badge_of_the_org_whatever_its_status() -> None:
    ended = badge(badge_id="old", name="Gold", active=False)
    assert refusal(at(AFTER, ended, badge(name="Gold", ends_at="2024-01-01T00:00:00Z"))) == (725, "name")
    assert play(at(AFTER, ended, badge(badge_id="old", name="Gold"), badge(name="gold"))) == []
    elsewhere = badge(badge_id="old", name="Gold", org_id=8)
    assert play(at(AFTER, elsewhere, badge(name="Gold"))) == []


@pytest.mark.rule("S88")
@pytest.mark.parametrize(("ends_at", "words"), [("2023-10-20T09:59:59.999Z", ["724"]), (NOW, [])])
def test_an_end_cannot_be_moved_before_now(ends_at: str, words: list[str]) -> None:
    assert told(play(at(NOW, badge(), badge(ends_at=ends_at)))) == words


@pytest.mark.rule("S88", "S86")
def test_an_unchanged_past_end_and_a_new_badge_that_has_ended_are_accepted() -> None:
    assert play(at(AFTER, badge(), badge(description="edited"))) == []


@pytest.mark.rule("S91")
def test_without_settings_an_org_is_in_utc_with_thirty_days_and_no_buffer() -> None:
    day = {"issue_on": {"action": "PURCHASE"}, "customer_limits": [every(1, 1)]}
    record = last(at(NOW, badge(**day), act("e", "2023-10-19T23:59:59.999Z")))
    assert record["detail"]["limits"][0]["window"] == ["2023-10-19", "2023-10-19"]
    ended = badge()
    assert told(play(at("2023-11-29T23:59:59Z", ended, issue("e", THEN)))) == ["ISSUED"]
    assert told(play(at("2023-11-30T00:00:00Z", ended, issue("e", THEN)))) == ["RETRO_WINDOW_CLOSED"]
    registered = act("r", "2023-10-20T08:00:00Z", "REGISTER")
    assert told(play(at(NOW, ended, registered, issue("e", "2023-10-19T09:00:00Z")))) == ["ISSUED"]


@pytest.mark.rule("S91")
def test_settings_replace_the_ones_before_and_absent_fields_take_their_defaults() -> None:
    late = at("2023-11-05T10:00:00Z", badge(), settings(retro_max_age_days=3), issue("e-1", THEN))
    assert told(play([*late, *at("2023-11-05T10:00:00Z", settings(), issue("e-2", THEN))])) == [
        "RETRO_WINDOW_CLOSED",
        "ISSUED",
    ]


@pytest.mark.rule("S91", "S84")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timezone", "Mars/Olympus"),
        ("timezone", ""),
        ("timezone", "Europe"),
        ("timezone", "europe/london"),
        ("timezone", "../zoneinfo/UTC"),
        ("timezone", "localtime"),
        ("timezone", "posixrules"),
        ("timezone", "posix/Europe/London"),
        ("timezone", "right/Europe/London"),
        ("timezone", 5),
        ("retro_max_age_days", -1),
        ("retro_max_age_days", 36_501),
        ("retro_max_age_days", 1.5),
        ("retro_max_age_days", True),
        ("retro_max_age_days", "many"),
        ("retro_delay_since_registration_hours", -1),
        ("retro_delay_since_registration_hours", 876_001),
        ("colour", "gold"),
    ],
)
def test_settings_that_make_no_sense_are_400(field: str, value: object) -> None:
    assert refusal(at(NOW, settings(**{field: value}))) == (400, field)


@pytest.mark.rule("S91")
def test_the_greatest_settings_are_accepted() -> None:
    greatest = settings(retro_max_age_days=36_500, retro_delay_since_registration_hours=876_000)
    assert play(at(NOW, greatest)) == []


@pytest.mark.rule("S92", "S84")
def test_the_zone_of_an_org_that_has_a_badge_cannot_change() -> None:
    kolkata = settings(timezone="Asia/Kolkata", retro_max_age_days=10)
    assert refusal(at(NOW, badge(), kolkata)) == (400, "timezone")
    assert play(at(NOW, kolkata, badge(), kolkata)) == []
    assert refusal(at(NOW, kolkata, badge(), settings(retro_max_age_days=5))) == (400, "timezone")
    assert play(at(NOW, badge(org_id=8), kolkata)) == []


@pytest.mark.rule("S92")
def test_the_settings_before_a_refused_change_of_zone_stay() -> None:
    first = at(AFTER, settings(retro_max_age_days=3), badge())
    refused = at(AFTER, settings(timezone="Asia/Kolkata", retro_max_age_days=30), issue("e", THEN))
    assert told(play(first, refused)) == ["400", "RETRO_WINDOW_CLOSED"]


@pytest.mark.rule("R6")
def test_an_upcoming_badge_refuses_enrolment_and_issue_whatever_the_event_date() -> None:
    dates = ["2023-09-19T10:00:00Z", "2023-09-20T09:00:00Z", "2023-09-21T00:00:00Z"]
    asks = [ask(f"{ask.__name__}-{date}", date) for date in dates for ask in (enrol, issue)]
    assert told(play(at(BEFORE, enrol_badge(), *asks))) == ["BADGE_UPCOMING"] * 6


@pytest.mark.rule("R7")
@pytest.mark.parametrize(
    ("event_date", "word"),
    [
        ("2023-09-30T23:59:59.999Z", "EVENT_OUTSIDE_BADGE_PERIOD"),
        ("2023-10-01T00:00:00Z", "ENROLLED"),
        ("2023-10-20T09:00:00Z", "ENROLLED"),
        ("2023-10-21T10:00:00Z", "ENROLLED"),
    ],
)
def test_a_live_badge_enrols_for_acts_from_its_start_to_its_end(event_date: str, word: str) -> None:
    assert told(play(at(NOW, enrol_badge(), enrol("e", event_date)))) == [word]


@pytest.mark.rule("R7")
def test_a_live_badge_does_not_enrol_for_an_act_after_its_end() -> None:
    soon = enrol_badge(ends_at="2023-10-20T12:00:00Z")
    lines = [soon, enrol("e-1", "2023-10-20T12:00:00.001Z"), enrol("e-2", "2023-10-20T12:00:00Z")]
    assert told(play(at(NOW, *lines))) == ["EVENT_OUTSIDE_BADGE_PERIOD", "ENROLLED"]


@pytest.mark.rule("R20")
def test_the_retro_deadline_follows_the_badges_current_end() -> None:
    late = "2023-12-05T00:00:00Z"
    lines = at(NOW, badge()) + at(late, issue("e-1", THEN))
    extended = at(NOW, badge(), badge(ends_at="2023-11-30T00:00:00Z")) + at(late, issue("e-1", THEN))
    revived = [*lines, *at(late, badge(ends_at="2023-12-06T00:00:00Z"), issue("e-2", THEN))]
    assert told(play(lines)) == ["RETRO_WINDOW_CLOSED"]
    assert told(play(extended)) == ["ISSUED"]
    assert told(play(revived)) == ["RETRO_WINDOW_CLOSED", "ISSUED"]


@pytest.mark.rule("R25", "S86")
def test_a_badge_introduced_late_issues_for_acts_before_its_introduction_inside_its_period_only() -> None:
    lines = [badge(), issue("e-1", "2023-10-02T00:00:00Z"), issue("e-2", "2023-09-30T00:00:00Z")]
    records = play(at(NOW, *lines))
    assert told(records) == ["ISSUED", "EVENT_OUTSIDE_BADGE_PERIOD"]
    assert records[0]["retro"] is True
