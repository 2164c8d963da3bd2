"""S26 to S36: order of records, noise, and the order of checks."""

from collections.abc import Callable

import pytest

from tests.builders import (
    Line,
    act,
    at,
    badge,
    enrol,
    enrol_badge,
    fixed_date,
    issue,
    overall,
    play,
    register,
    relative,
    revoke_enrolment,
    revoke_issue,
    settings,
    support,
    told,
)

NOW = "2023-10-20T10:00:00Z"
THEN = "2023-10-20T09:00:00Z"
BUYING = {"action": "PURCHASE"}
FUTURE = "2023-10-21T10:00:00.001Z"


@pytest.mark.rule("S26")
def test_records_stand_in_the_order_of_code_points() -> None:
    ids = ["a", "B", "é", "z", "Z", "🏅", "\ue000", "10", "9"]
    lines = [badge(badge_id=badge_id, issue_on=BUYING) for badge_id in ids]
    records = play(at(NOW, *lines, act("e-1", THEN)))
    assert [record["badge_id"] for record in records] == ["10", "9", "B", "Z", "a", "z", "é", "\ue000", "🏅"]


@pytest.mark.rule("S26", "S27")
def test_an_act_may_enrol_and_issue_and_count_in_the_enrolment_it_made() -> None:
    once = enrol_badge(enrol_on=BUYING, issue_on={"action": "PURCHASE", "count": True, "reaches": 2})
    enrolled, counted, issued = play(at(NOW, once, act("e-1", THEN), act("e-2", THEN)))
    assert told([enrolled, counted, issued]) == ["ENROLLED", "COUNTED", "ISSUED"]
    assert enrolled["badge_id"] == counted["badge_id"] == "b"
    assert issued["enrolment_id"] == enrolled["enrolment_id"]


@pytest.mark.rule("S27")
def test_issue_on_sees_the_state_that_enrol_on_left() -> None:
    """The refused enrolment leaves nothing behind, so the issue is noise."""
    lines = [settings(retro_max_age_days=1), enrol_badge(enrol_on=BUYING, issue_on=BUYING)]
    lines += [register("r", THEN), act("e-1", "2023-10-18T09:00:00Z")]
    assert told(play(at(NOW, *lines))) == ["EVENT_TOO_OLD_FOR_REGISTRATION"]


@pytest.mark.rule("S28", "S30")
@pytest.mark.parametrize(
    "line",
    [
        pytest.param(act("e", THEN, "VISIT"), id="another action"),
        pytest.param(act("e", "2023-09-30T23:59:59.999Z"), id="before the period"),
        pytest.param(act("e", "2023-10-31T00:00:00Z"), id="after the period, in the future"),
    ],
)
def test_noise_for_a_direct_badge_yields_no_record(line: Line) -> None:
    noisy = [badge(issue_on=BUYING), badge(badge_id="inactive", active=False, issue_on=BUYING)]
    assert play(at(NOW, *noisy, line)) == []


@pytest.mark.rule("S28", "R11", "R14")
def test_an_act_inside_the_period_is_no_noise_even_on_an_ended_badge() -> None:
    assert told(play(at("2023-11-20T00:00:00Z", badge(issue_on=BUYING), act("e", THEN)))) == ["ISSUED"]


@pytest.mark.rule("S28", "R9")
def test_an_expired_enrolment_that_covers_the_act_is_no_noise() -> None:
    lines = [enrol_badge(issue_on=BUYING), enrol("e-1", "2023-10-10T00:00:00Z")]
    covered, uncovered = act("e-2", "2023-10-11T00:00:00Z"), act("e-3", "2023-10-13T00:00:00Z")
    assert told(play(at(NOW, *lines, covered, uncovered))) == ["ENROLLED", "ENROLMENT_EXPIRED_REENROL"]


@pytest.mark.rule("S28", "S95")
def test_a_revoked_enrolment_covers_nothing() -> None:
    lines = [
        enrol_badge(issue_on=BUYING),
        enrol("e-1", THEN),
        revoke_enrolment("e-2", THEN),
        act("e-3", THEN),
    ]
    assert told(play(at(NOW, *lines))) == ["ENROLLED", "REVOKED"]


@pytest.mark.rule("S29", "S30")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param(act("e", THEN, "VISIT"), [], id="another action"),
        pytest.param(act("e", "2023-09-30T23:59:59Z"), [], id="outside the period"),
        pytest.param(act("e", "2023-10-18T09:00:00Z"), [], id="enrolled on its date"),
        pytest.param(act("e", "2023-10-19T09:00:00.001Z"), ["ENROLLED"], id="after the enrolment"),
        pytest.param(act("e", "2023-10-16T09:00:00Z"), ["ENROLMENT_OVERLAP"], id="into a later enrolment"),
        pytest.param(act("e", "2023-10-15T08:59:59.999Z"), ["ENROLLED"], id="before a later enrolment"),
    ],
)
def test_noise_for_enrol_on(line: Line, words: list[str]) -> None:
    """There is an enrolment from 17 to 19 Oct 09:00."""
    made = enrol("made", "2023-10-17T09:00:00Z")
    assert told(play(at(NOW, enrol_badge(enrol_on=BUYING), made, line)))[1:] == words


@pytest.mark.rule("S29", "S52")
def test_an_act_whose_enrolment_would_end_before_it_is_noise() -> None:
    ends = enrol_badge(enrol_on=BUYING, enrolment_expiry=fixed_date("2023-10-15T00:00:00Z"))
    early, late = act("e-1", "2023-10-15T00:00:00Z"), act("e-2", "2023-10-15T00:00:00.001Z")
    assert told(play(at(NOW, ends, late, early))) == ["ENROLLED"]


@pytest.mark.rule("S30", "R26")
def test_past_the_noise_every_failing_check_is_a_record() -> None:
    inactive = badge(active=False, issue_on=BUYING)
    assert told(play(at(NOW, inactive, act("e-1", THEN), act("e-2", "2023-10-29T00:00:00Z")))) == [
        "BADGE_INACTIVE",
        "EVENT_IN_FUTURE",
    ]


def last_word(*lines: Line, now: str = NOW) -> str:
    return told(play(at("2023-09-01T00:00:00Z", *lines[:-1]), at(now, lines[-1])))[-1]


ENDED_LONG_AGO = "2024-10-20T00:00:00Z"


def failing(make: Callable[..., Line], number: int) -> tuple[list[Line], str]:
    """Settings, badge and registration under which a request fails check `number` and all later ones.

    0 future, 1 unknown, 2 inactive, 3 upcoming, 4 registration age, 5 buffer, 6 retro window, 7 the rest.
    The second value is the event date of that request.
    """
    period = {"starts_at": "2023-09-10T00:00:00Z", "ends_at": "2023-10-01T00:00:00Z"}
    if number <= 3:
        period = {"starts_at": "2024-12-01T00:00:00Z", "ends_at": "2024-12-30T00:00:00Z"}
    lines = [
        settings(
            retro_max_age_days=30 if number <= 6 else 20_000,
            retro_delay_since_registration_hours=876_000 if number <= 5 else 0,
        )
    ]
    if number > 1:
        lines.append(make(active=number > 2, **period, customer_limits=[overall(1)]))
    lines.append(register("r", "2023-12-01T00:00:00Z" if number <= 4 else "2023-09-01T00:00:00Z"))
    return lines, "2024-11-01T00:00:00Z" if number == 0 else "2023-09-05T00:00:00Z"


ORDER = [
    "EVENT_IN_FUTURE",
    "BADGE_UNKNOWN",
    "BADGE_INACTIVE",
    "BADGE_UPCOMING",
    "EVENT_TOO_OLD_FOR_REGISTRATION",
    "REGISTRATION_BUFFER",
    "RETRO_WINDOW_CLOSED",
]


@pytest.mark.rule("S31", "S32", "S35")
@pytest.mark.parametrize("make", [badge, enrol_badge])
@pytest.mark.parametrize("number", range(8))
def test_the_first_failing_check_is_the_reason(make: Callable[..., Line], number: int) -> None:
    """Each badge fails a check and every one after it."""
    lines, event_date = failing(make, number)
    *known, registration = lines
    rest = {issue: "NOT_ENROLLED", enrol: "EVENT_OUTSIDE_BADGE_PERIOD"}
    if make is badge:
        rest = {issue: "EVENT_OUTSIDE_BADGE_PERIOD", enrol: "NOT_ENROLLABLE"}
    for request, reason in rest.items():
        records = play(
            at("2023-09-01T00:00:00Z", *known),
            at("2023-12-01T00:00:00Z", registration),
            at(ENDED_LONG_AGO, request("e", event_date)),
        )
        assert told(records) == [[*ORDER, reason][number]]


@pytest.mark.rule("S31")
def test_not_enrollable_comes_before_the_period_and_the_period_before_the_overlap() -> None:
    outside = "2023-09-30T00:00:00Z"
    assert last_word(badge(), enrol("e", outside)) == "NOT_ENROLLABLE"
    long = enrol_badge(enrolment_expiry=relative(30))
    records = play(at(NOW, long, enrol("e-1", "2023-10-01T00:00:00Z"), enrol("e-2", outside)))
    assert told(records) == ["ENROLLED", "EVENT_OUTSIDE_BADGE_PERIOD"]


@pytest.mark.rule("S32")
def test_eligibility_comes_before_the_limits() -> None:
    full = badge(customer_limits=[overall(1)])
    records = play(
        at(NOW, full, issue("e-1", THEN), issue("e-2", "2023-09-01T00:00:00Z"), issue("e-3", THEN))
    )
    assert told(records) == ["ISSUED", "EVENT_OUTSIDE_BADGE_PERIOD", "LIMIT_OVERALL"]


@pytest.mark.rule("S33", "S94")
def test_a_revocation_is_checked_for_future_then_badge_then_what_to_revoke() -> None:
    for line in (revoke_enrolment("e", FUTURE), revoke_issue("e", FUTURE, "i")):
        assert last_word(line) == "EVENT_IN_FUTURE"
    for line in (revoke_enrolment("e", THEN), revoke_issue("e", THEN, "i")):
        assert last_word(line) == "BADGE_UNKNOWN"
        assert last_word(badge(active=False, starts_at="2023-10-25T00:00:00Z"), line) == "NOTHING_TO_REVOKE"


@pytest.mark.rule("S34", "R24")
def test_exactly_twenty_four_hours_ahead_passes() -> None:
    assert last_word(badge(), issue("e", "2023-10-21T10:00:00Z")) == "ISSUED"
    assert last_word(badge(), issue("e", FUTURE)) == "EVENT_IN_FUTURE"
    assert last_word(badge(), issue("e", FUTURE, **support())) == "EVENT_IN_FUTURE"


@pytest.mark.rule("S35", "R26")
@pytest.mark.parametrize("now", ["2023-09-20T00:00:00Z", NOW, "2023-11-20T00:00:00Z"])
def test_an_inactive_badge_refuses_enrolment_and_issue_whatever_its_status(now: str) -> None:
    assert last_word(badge(active=False), issue("e", "2023-09-20T00:00:00Z"), now=now) == "BADGE_INACTIVE"
    assert (
        last_word(enrol_badge(active=False), enrol("e", "2023-09-20T00:00:00Z"), now=now) == "BADGE_INACTIVE"
    )


@pytest.mark.rule("S35")
def test_a_badge_that_is_activated_again_goes_on() -> None:
    lines = [badge(), badge(active=False), issue("e-1", THEN), badge(active=True), issue("e-2", THEN)]
    assert told(play(at(NOW, *lines))) == ["BADGE_INACTIVE", "ISSUED"]


@pytest.mark.rule("S36")
def test_limits_do_not_apply_to_enrolment() -> None:
    full = enrol_badge(customer_limits=[overall(1)], badge_limits=[overall(1)])
    lines = [
        full,
        enrol("e-1", "2023-10-10T00:00:00Z"),
        enrol("e-2", THEN),
        issue("e-3", THEN),
        issue("e-4", THEN),
        enrol("e-5", "2023-10-02T00:00:00Z"),
        enrol("e-6", THEN, customer_id="43"),
    ]
    assert told(play(at(NOW, *lines))) == [
        "ENROLLED",
        "ENROLLED",
        "ISSUED",
        "LIMIT_OVERALL",
        "ENROLLED",
        "ENROLLED",
    ]
