"""S57 to S60: what is retro, and what a record says of it."""

from typing import Any

import pytest

from tests.builders import (
    NEVER,
    Json,
    Line,
    act,
    at,
    badge,
    enrol,
    enrol_badge,
    issue,
    last,
    play,
    register,
    revoke_enrolment,
    revoke_issue,
    settings,
    support,
    told,
)

KOLKATA = settings(timezone="Asia/Kolkata")
ENDED = "2023-11-10T12:00:00Z"


def retro(now: str, *lines: Line) -> bool:
    """The `retro` of the last line's record."""
    flag: bool = last(at(now, *lines))["retro"]
    return flag


@pytest.mark.rule("S57", "R5")
@pytest.mark.parametrize(
    ("event_date", "flag"),
    [
        ("2023-10-19T18:29:59.999Z", True),
        ("2023-10-19T18:30:00Z", False),
        ("2023-10-20T18:29:59Z", False),
        ("2023-10-20T18:30:00Z", False),
        ("2023-10-21T04:00:00Z", False),
    ],
)
def test_an_operation_is_retro_when_the_day_of_the_act_in_the_orgs_zone_is_before_today(
    event_date: str,
    flag: bool,
) -> None:
    """It is 10:00 of 20 Oct in Kolkata, where the day began at 18:30 UTC of the 19th."""
    now = "2023-10-20T04:30:00Z"
    assert retro(now, KOLKATA, badge(), issue("e", event_date)) is flag
    assert retro(now, KOLKATA, enrol_badge(), enrol("e", event_date)) is flag


@pytest.mark.rule("S57")
def test_an_operation_on_an_ended_badge_is_retro_whatever_its_day() -> None:
    endings = [("2023-10-30T23:59:59Z", False), ("2023-10-30T23:59:59.001Z", True)]
    for now, flag in endings:
        assert retro(now, badge(), issue("e", "2023-10-30T22:00:00Z")) is flag
        assert retro(now, enrol_badge(), enrol("e", "2023-10-30T22:00:00Z")) is flag


@pytest.mark.rule("S57", "R19")
@pytest.mark.parametrize(
    ("event_date", "flag", "word"),
    [
        pytest.param("2023-12-24T00:00:00Z", False, "ISSUED", id="today"),
        pytest.param("2023-12-25T10:00:00Z", False, "ISSUED", id="tomorrow"),
        pytest.param("2023-12-23T23:59:59Z", True, "RETRO_WINDOW_CLOSED", id="yesterday"),
        pytest.param("2023-10-29T00:00:00Z", True, "RETRO_WINDOW_CLOSED", id="before the enrolment"),
    ],
)
def test_an_issue_of_today_in_a_running_enrolment_is_ordinary_after_the_badge_and_its_deadline(
    event_date: str,
    flag: bool,
    word: str,
) -> None:
    made = [enrol_badge(enrolment_expiry=NEVER), enrol("e-1", "2023-10-30T00:00:00Z")]
    record = last(at("2023-10-30T00:00:00Z", *made), at("2023-12-24T12:00:00Z", issue("e-2", event_date)))
    assert (record["retro"], told([record])) == (flag, [word])


@pytest.mark.rule("S57")
def test_the_exception_needs_a_running_enrolment_but_not_one_that_covers_the_act() -> None:
    """Enrolled by an act of tomorrow; an issue of today is not covered, and is ordinary."""
    lines = [enrol_badge(enrolment_expiry=NEVER), enrol("e-1", "2023-11-11T10:00:00Z", **support())]
    record = last(at(ENDED, *lines, issue("e-2", "2023-11-10T11:00:00Z")))
    assert (record["reason"], record["retro"]) == ("EVENT_OUTSIDE_ENROLMENT", False)
    record = last(at(ENDED, *lines, revoke_enrolment("e-3", ENDED), issue("e-2", "2023-11-10T11:00:00Z")))
    assert (record["reason"], record["retro"]) == ("NOT_ENROLLED", True)


@pytest.mark.rule("S57")
def test_the_exception_is_not_for_direct_badges_and_not_for_enrolments_that_are_over() -> None:
    assert retro(ENDED, badge(), issue("e", ENDED, **support())) is True
    over = [enrol_badge(), enrol("e-1", "2023-10-20T00:00:00Z")]
    assert retro(ENDED, *over, issue("e-2", ENDED)) is True


@pytest.mark.rule("S57", "S60")
def test_an_act_of_today_on_a_live_badge_is_ordinary_and_its_processing_later_is_not() -> None:
    buying = badge(issue_on={"action": "PURCHASE"})
    assert retro("2023-10-20T23:59:59Z", buying, act("e", "2023-10-20T00:00:00Z")) is False
    assert retro("2023-10-21T00:00:00Z", buying, act("e", "2023-10-20T23:59:59Z")) is True


def strict(**org: Any) -> list[Line]:
    return [settings(**{"retro_max_age_days": 10, **org}), badge(), register("r", "2023-10-15T12:00:00Z")]


@pytest.mark.rule("S58", "R21")
def test_the_buffer_is_for_retro_operations_only() -> None:
    lines = [*strict(retro_delay_since_registration_hours=100), issue("e-1", "2023-10-15T12:00:00Z")]
    lines += [issue("e-2", "2023-10-14T12:00:00Z")]
    assert told(play(at("2023-10-15T12:00:00Z", *lines))) == ["ISSUED", "REGISTRATION_BUFFER"]


@pytest.mark.rule("S58", "R18")
def test_the_registration_age_is_for_all_operations() -> None:
    """Registered by an act of tomorrow: an act of today is a day older."""
    lines = [settings(retro_max_age_days=0), badge(), register("r", "2023-10-21T10:00:00Z")]
    record = last(at("2023-10-20T12:00:00Z", *lines, issue("e-1", "2023-10-20T11:00:00Z")))
    assert (record["reason"], record["retro"]) == ("EVENT_TOO_OLD_FOR_REGISTRATION", False)


@pytest.mark.rule("S59", "R18")
@pytest.mark.parametrize(
    ("event_date", "word"),
    [
        ("2023-10-05T12:00:00Z", "ISSUED"),
        ("2023-10-05T11:59:59.999Z", "EVENT_TOO_OLD_FOR_REGISTRATION"),
    ],
)
def test_an_act_may_be_as_old_as_n_days_before_the_registration(event_date: str, word: str) -> None:
    assert told(play(at("2023-10-20T12:00:00Z", *strict(), issue("e", event_date)))) == [word]


@pytest.mark.rule("S59", "S4")
def test_the_registration_age_is_calendar_arithmetic() -> None:
    """10 days before noon of 10 March is noon of 29 February, at another offset from UTC."""
    lines = [
        settings(timezone="America/New_York", retro_max_age_days=10),
        badge(starts_at="2024-02-01T00:00:00Z", ends_at="2024-03-30T00:00:00Z"),
        register("r", "2024-03-10T12:00:00-04:00"),
        issue("e-1", "2024-02-29T12:00:00-05:00"),
        issue("e-2", "2024-02-29T11:59:59.999-05:00"),
    ]
    words = ["ISSUED", "EVENT_TOO_OLD_FOR_REGISTRATION"]
    assert told(play(at("2024-03-15T00:00:00Z", *lines))) == words


@pytest.mark.rule("S59", "R21", "R22")
@pytest.mark.parametrize(
    ("now", "word"),
    [("2023-10-16T11:59:59.999Z", "REGISTRATION_BUFFER"), ("2023-10-16T12:00:00Z", "ISSUED")],
)
def test_the_buffer_ends_h_hours_after_the_registration(now: str, word: str) -> None:
    lines = strict(retro_delay_since_registration_hours=24)
    records = play(at("2023-10-15T12:00:00Z", *lines), at(now, issue("e", "2023-10-14T12:00:00Z")))
    assert told(records) == [word]


@pytest.mark.rule("S59", "R19")
@pytest.mark.parametrize(
    ("now", "word"),
    [("2023-11-09T23:59:59Z", "ISSUED"), ("2023-11-09T23:59:59.001Z", "RETRO_WINDOW_CLOSED")],
)
def test_the_retro_window_closes_n_days_after_the_current_end(now: str, word: str) -> None:
    lines = [settings(retro_max_age_days=10), badge()]
    records = play(at("2023-10-15T12:00:00Z", *lines), at(now, issue("e", "2023-10-14T12:00:00Z")))
    assert told(records) == [word]


@pytest.mark.rule("S59", "R22")
def test_n_and_h_are_read_at_processing_time() -> None:
    lines: list[Line] = [
        settings(retro_max_age_days=10),
        badge(),
        issue("e-1", "2023-10-14T12:00:00Z"),
        settings(retro_max_age_days=60),
        issue("e-2", "2023-10-14T12:00:00Z"),
        settings(retro_max_age_days=60, retro_delay_since_registration_hours=1),
        register("r", "2023-11-20T11:30:00Z"),
        issue("e-3", "2023-10-14T12:00:00Z"),
    ]
    assert told(play(at("2023-11-20T12:00:00Z", *lines))) == [
        "RETRO_WINDOW_CLOSED",
        "ISSUED",
        "REGISTRATION_BUFFER",
    ]


def flags(records: list[Json]) -> list[tuple[str, bool]]:
    return [(told([record])[0], record["retro"]) for record in records]


@pytest.mark.rule("S60")
def test_the_exception_is_for_records_of_issues_only() -> None:
    """After the badge's end, with a running enrolment, for acts of today."""
    endless = enrol_badge(enrolment_expiry=NEVER, issue_on={"action": "PURCHASE"})
    lines = [
        enrol("e-2", ENDED),
        issue("e-3", ENDED),
        act("e-4", ENDED),
        act("e-4", ENDED),
        revoke_issue("e-5", ENDED, "nothing"),
        revoke_enrolment("e-6", ENDED),
    ]
    records = play(
        at("2023-10-30T00:00:00Z", endless, enrol("e-1", "2023-10-30T00:00:00Z")), at(ENDED, *lines)
    )
    assert flags(records) == [
        ("ENROLLED", False),
        ("EVENT_OUTSIDE_BADGE_PERIOD", True),
        ("ISSUED", False),
        ("ISSUED", False),
        ("DUPLICATE", True),
        ("NOTHING_TO_REVOKE", True),
        ("REVOKED", True),
    ]


@pytest.mark.rule("S60")
def test_retro_is_told_with_the_state_at_that_moment() -> None:
    """The enrolment that the act itself made is running when its issue is told."""
    both = enrol_badge(enrolment_expiry=NEVER, enrol_on={"action": "BUY"}, issue_on={"action": "BUY"})
    same_day_end = {**both["badge"], "ends_at": "2023-10-20T08:00:00Z"}
    records = play(
        at("2023-10-20T10:00:00Z", {"badge": same_day_end}, act("e", "2023-10-20T07:00:00Z", "BUY"))
    )
    assert flags(records) == [("ENROLLED", True), ("ISSUED", False)]


@pytest.mark.rule("S60", "S90")
def test_an_unknown_badge_is_not_retro_and_has_no_version() -> None:
    record = last(at(ENDED, issue("e", "2023-10-01T00:00:00Z", "nobody's")))
    assert (record["reason"], record["retro"], record["definition_version"]) == ("BADGE_UNKNOWN", False, None)


@pytest.mark.rule("S60")
def test_refusals_for_the_future_are_not_retro_on_a_live_badge_but_are_on_an_ended_one() -> None:
    future = "2023-12-30T00:00:00Z"
    assert retro("2023-10-20T00:00:00Z", badge(), issue("e", future)) is False
    assert retro(ENDED, badge(), issue("e", future)) is True
