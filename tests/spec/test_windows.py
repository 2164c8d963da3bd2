"""S69 to S78 and FW-1 to FW-4: fixed-window configurations, their edits and their status."""

from typing import Any

import pytest

from tests.builders import (
    NEVER,
    WITH_BADGE,
    Json,
    Line,
    at,
    badge,
    enrol_badge,
    every,
    fixed_date,
    issue,
    last,
    monthly,
    overall,
    play,
    relative,
    rolling,
    settings,
    support,
    told,
    weekly,
    windows,
)

APRIL = {"starts_at": "2024-04-15T10:33:20Z", "ends_at": "2024-12-31T00:00:00Z"}
BEFORE = "2024-04-01T00:00:00Z"
DURING = "2024-04-17T12:00:00Z"


def april(limit: Json | None, **fields: Any) -> Line:
    return badge(**{**APRIL, "customer_limits": [limit] if limit else [], **fields})


def april_enrol(limit: Json | None, **fields: Any) -> Line:
    line = {**APRIL, "customer_limits": [limit] if limit else [], "enrolment_expiry": NEVER, **fields}
    return enrol_badge(**line)


def configurations(*groups: list[Json], level: str = "CUSTOMER") -> list[tuple[Any, ...]]:
    """Status, maximum, first and last day of each configuration at the end of the timeline."""
    now = groups[-1][-1]["at"]
    answer = last(*groups, at(now, windows(level)))["windows"]
    names = ("status", "max", "starts_on", "ends_on")
    return [tuple(one[name] for name in names) for one in answer["configurations"]]


def cycles(*groups: list[Json], first: str, until: str) -> list[tuple[str, str]]:
    now = groups[-1][-1]["at"]
    answer = last(*groups, at(now, windows(from_=first, to=until)))["windows"]
    return [(cycle["starts_on"][5:], cycle["ends_on"][5:]) for cycle in answer["cycles"]]


def quiet(now: str) -> list[Json]:
    """Time goes by: a line that changes nothing that is asked here."""
    return at(now, settings(org_id=99))


@pytest.mark.rule("FW-1.1", "S75")
def test_a_window_of_an_upcoming_badge_is_upcoming_and_starts_with_the_badge() -> None:
    assert configurations(at(BEFORE, april(every(1, 3)))) == [("UPCOMING", 1, "2024-04-15", "2024-12-31")]
    assert configurations(at(BEFORE, april(None), april(every(1, 3)))) == [
        ("UPCOMING", 1, "2024-04-15", "2024-12-31")
    ]


@pytest.mark.rule("FW-1.2", "S69")
def test_while_the_badge_is_upcoming_another_shape_replaces_the_only_configuration() -> None:
    edits = [april(limit) for limit in (every(1, 3), weekly(2), monthly(3), every(4, 7))]
    assert configurations(at(BEFORE, *edits)) == [("UPCOMING", 4, "2024-04-15", "2024-12-31")]


@pytest.mark.rule("FW-1.3", "S75")
@pytest.mark.parametrize(
    ("now", "status"), [("2024-04-15T10:33:19.999Z", "UPCOMING"), ("2024-04-15T10:33:20Z", "ACTIVE")]
)
def test_the_first_configuration_is_active_from_the_badges_start_instant(now: str, status: str) -> None:
    assert configurations(at(BEFORE, april(every(1, 3))), quiet(now)) == [
        (status, 1, "2024-04-15", "2024-12-31")
    ]


@pytest.mark.rule("S69", "S87")
def test_the_first_configuration_follows_a_start_that_is_moved() -> None:
    moved = april(every(1, 3), starts_at="2024-03-20T00:00:00Z")
    assert configurations(at(BEFORE, april(every(1, 3)), moved)) == [
        ("ACTIVE", 1, "2024-03-20", "2024-12-31")
    ]


@pytest.mark.rule("S69", "S65")
def test_a_window_added_late_starts_on_the_badges_start_day_and_counts_what_was_issued() -> None:
    lines = [april(None), issue("e-1", "2024-04-16T00:00:00Z"), april(every(1, 3))]
    lines += [issue("e-2", "2024-04-17T00:00:00Z"), issue("e-3", "2024-04-18T00:00:00Z")]
    assert told(play(at(DURING, *lines))) == ["ISSUED", "LIMIT_FIXED_WINDOW", "ISSUED"]


@pytest.mark.rule("FW-2.1", "S71", "S72", "S74")
def test_a_reshape_to_seven_days_begins_after_the_current_cycle() -> None:
    story = at(DURING, april(every(10, 5)), april(every(10, 7)))
    assert configurations(story) == [
        ("ACTIVE", 10, "2024-04-15", "2024-04-19"),
        ("UPCOMING", 10, "2024-04-20", "2024-12-31"),
    ]
    assert cycles(story, first="2024-04-15", until="2024-05-03") == [
        ("04-15", "04-19"),
        ("04-20", "04-26"),
        ("04-27", "05-03"),
    ]


@pytest.mark.rule("FW-2.2", "S72", "S70")
def test_a_reshape_to_weeks_from_tuesday_replaces_the_upcoming_one_and_leaves_a_gap_to_the_old_shape() -> (
    None
):
    story = at(DURING, april(every(10, 5)), april(every(10, 7)), april(weekly(3, "TUESDAY")))
    assert configurations(story) == [
        ("ACTIVE", 10, "2024-04-15", "2024-04-22"),
        ("UPCOMING", 3, "2024-04-23", "2024-12-31"),
    ]
    assert cycles(story, first="2024-04-15", until="2024-04-30") == [
        ("04-15", "04-19"),
        ("04-20", "04-22"),
        ("04-23", "04-29"),
        ("04-30", "05-06"),
    ]


@pytest.mark.rule("FW-2.3", "S72")
def test_a_reshape_to_months_is_the_printed_series() -> None:
    story = at(DURING, april(every(10, 5)), april(monthly(10)))
    assert cycles(story, first="2024-04-15", until="2024-07-01") == [
        ("04-15", "04-19"),
        ("04-20", "04-24"),
        ("04-25", "04-29"),
        ("04-30", "04-30"),
        ("05-01", "05-31"),
        ("06-01", "06-30"),
        ("07-01", "07-31"),
    ]


@pytest.mark.rule("FW-2.4", "S72")
def test_a_reshape_to_single_days() -> None:
    story = at(DURING, april(every(10, 5)), april(every(10, 1)))
    assert cycles(story, first="2024-04-18", until="2024-04-21") == [
        ("04-15", "04-19"),
        ("04-20", "04-20"),
        ("04-21", "04-21"),
    ]


@pytest.mark.rule("S72")
@pytest.mark.parametrize(
    ("today", "limit", "starts_on"),
    [
        pytest.param("2024-04-19T23:59:59Z", every(1, 2), "2024-04-20", id="last day of the cycle"),
        pytest.param("2024-04-20T00:00:00Z", every(1, 2), "2024-04-25", id="first day of the next"),
        pytest.param("2024-04-17T00:00:00Z", weekly(1, "SATURDAY"), "2024-04-20", id="the weekday itself"),
        pytest.param("2024-04-17T00:00:00Z", weekly(1, "FRIDAY"), "2024-04-26", id="the day before it"),
        pytest.param("2024-04-17T00:00:00Z", weekly(1), "2024-04-22", id="the default, Monday"),
        pytest.param("2024-04-27T00:00:00Z", monthly(1), "2024-05-01", id="the next first"),
        pytest.param("2024-04-30T00:00:00Z", monthly(1), "2024-06-01", id="the cycle runs into the month"),
    ],
)
def test_a_new_shape_starts_on_its_first_natural_boundary(today: str, limit: Json, starts_on: str) -> None:
    story = at(today, april(every(9, 5)), april(limit))
    assert [start for _, _, start, _ in configurations(story)] == ["2024-04-15", starts_on]


@pytest.mark.rule("S72")
@pytest.mark.parametrize(
    ("old", "starts_on"),
    [(weekly(9), "2024-04-22"), (weekly(9, "THURSDAY"), "2024-04-18"), (monthly(9), "2024-05-01")],
)
def test_a_reshape_from_calendar_cycles_follows_their_natural_end(old: Json, starts_on: str) -> None:
    """The badge starts on Monday, 15 April."""
    story = at(DURING, april(old), april(every(1, 2)))
    assert configurations(story)[1][2] == starts_on


@pytest.mark.rule("S72", "S76", "S74")
def test_a_new_shape_starts_as_if_neither_the_end_nor_an_upcoming_one_cut_the_cycle() -> None:
    ends = {"ends_at": "2024-04-18T00:00:00Z"}
    story = at(DURING, april(every(9, 5), **ends), april(monthly(8), **ends), april(every(7, 2), **ends))
    assert configurations(story) == [
        ("ACTIVE", 9, "2024-04-15", "2024-04-18"),
        ("UPCOMING", 7, "2024-04-20", "2024-04-18"),
    ]
    assert cycles(story, first="2024-04-15", until="2024-04-30") == [("04-15", "04-18")]


@pytest.mark.rule("S76", "S75")
def test_a_configuration_beyond_the_end_expires_with_it_and_an_extension_brings_it_to_life() -> None:
    ends = {"ends_at": "2024-04-18T12:00:00Z"}
    limits = every(9, 5), every(7, 2)
    story = at(DURING, *[april_enrol(limit, enrolment_expiry=WITH_BADGE, **ends) for limit in limits])
    over = quiet("2024-04-18T12:00:00.001Z")
    assert [status for status, *_ in configurations(story, quiet("2024-04-18T12:00:00Z"))] == [
        "ACTIVE",
        "UPCOMING",
    ]
    assert [status for status, *_ in configurations(story, over)] == ["EXPIRED", "EXPIRED"]
    longer = april_enrol(limits[1], enrolment_expiry=WITH_BADGE)
    assert configurations(story, at("2024-04-18T18:00:00Z", longer)) == [
        ("ACTIVE", 9, "2024-04-15", "2024-04-19"),
        ("UPCOMING", 7, "2024-04-20", "2024-12-31"),
    ]


@pytest.mark.rule("FW-2.5", "S71")
def test_a_limit_only_edit_changes_the_maximum_at_once_and_nothing_else() -> None:
    lines = [april(every(1, 5)), issue("e-1", DURING), issue("e-2", DURING)]
    more = [april(every(2, 5)), issue("e-3", DURING)]
    assert told(play(at(DURING, *lines, *more))) == ["ISSUED", "LIMIT_FIXED_WINDOW", "ISSUED"]
    assert configurations(at(DURING, *lines, *more)) == [("ACTIVE", 2, "2024-04-15", "2024-12-31")]


@pytest.mark.rule("S71")
def test_the_shape_of_the_upcoming_one_sets_its_maximum() -> None:
    story = at(DURING, april(every(9, 5)), april(every(8, 7)), april(every(3, 7)))
    assert configurations(story) == [
        ("ACTIVE", 9, "2024-04-15", "2024-04-19"),
        ("UPCOMING", 3, "2024-04-20", "2024-12-31"),
    ]


@pytest.mark.rule("S71", "S101")
def test_the_shape_of_the_current_one_sets_its_maximum_and_drops_the_upcoming_one() -> None:
    story = at(DURING, april(every(9, 5)), april(every(8, 7)), april(every(3, 5)))
    assert configurations(story) == [("ACTIVE", 3, "2024-04-15", "2024-12-31")]


@pytest.mark.rule("S71")
def test_the_shape_of_an_expired_one_is_a_new_configuration() -> None:
    story = at(DURING, april(every(9, 5)), april(every(8, 7)))
    later = at("2024-04-22T00:00:00Z", april(every(7, 5)))
    assert configurations(story, later) == [
        ("EXPIRED", 9, "2024-04-15", "2024-04-19"),
        ("ACTIVE", 8, "2024-04-20", "2024-04-26"),
        ("UPCOMING", 7, "2024-04-27", "2024-12-31"),
    ]


@pytest.mark.rule("FW-2.6", "S75", "S73")
@pytest.mark.parametrize(
    ("now", "statuses"),
    [
        ("2024-04-19T23:59:59.999Z", ["ACTIVE", "UPCOMING"]),
        ("2024-04-20T00:00:00Z", ["EXPIRED", "ACTIVE"]),
    ],
)
def test_when_the_upcoming_start_is_reached_it_is_active_and_the_old_one_expired(
    now: str, statuses: list[str]
) -> None:
    story = at(DURING, april(every(9, 5)), april(every(8, 7)))
    assert [status for status, *_ in configurations(story, quiet(now))] == statuses


@pytest.mark.rule("FW-2.6", "S75", "S5")
def test_the_change_of_configurations_is_at_the_orgs_midnight() -> None:
    """In Sao Paulo, 4 Nov 2018 began at 01:00; the change is at that instant."""
    period = {"starts_at": "2018-11-01T00:00:00-03:00", "ends_at": "2018-12-31T00:00:00-02:00"}
    zone = settings(timezone="America/Sao_Paulo")
    limits = [every(9, 3), every(8, 7)]
    story = at("2018-11-02T00:00:00-03:00", zone, *[badge(**period, customer_limits=[one]) for one in limits])
    for now, statuses in (
        ("2018-11-03T23:59:59.999-03:00", ["ACTIVE", "UPCOMING"]),
        ("2018-11-04T01:00:00-02:00", ["EXPIRED", "ACTIVE"]),
    ):
        assert [status for status, *_ in configurations(story, quiet(now))] == statuses


@pytest.mark.rule("FW-2.7")
def test_after_the_change_another_edit_makes_one_of_each_status() -> None:
    story = at(DURING, april(every(9, 5)), april(every(8, 7)))
    edited = at("2024-04-21T00:00:00Z", april(monthly(7)))
    assert configurations(story, edited) == [
        ("EXPIRED", 9, "2024-04-15", "2024-04-19"),
        ("ACTIVE", 8, "2024-04-20", "2024-04-30"),
        ("UPCOMING", 7, "2024-05-01", "2024-12-31"),
    ]


AFTER = "2025-02-01T00:00:00Z"


@pytest.mark.rule("FW-3.1", "S69", "S77")
def test_a_window_added_to_an_expired_badge_with_endless_enrolments_is_active_without_end() -> None:
    story = [*at(DURING, april_enrol(None)), *at(AFTER, april_enrol(every(2, 3)))]
    assert configurations(story) == [("ACTIVE", 2, "2024-04-15", None)]


@pytest.mark.rule("FW-3.2", "FW-3.4", "S71", "S73")
@pytest.mark.parametrize(("limit", "starts_on"), [(every(2, 7), "2025-02-04"), (monthly(2), "2025-03-01")])
def test_a_reshape_on_an_expired_badge_makes_an_upcoming_one_as_when_live(
    limit: Json, starts_on: str
) -> None:
    """Five days from 15 Apr 2024: the cycle of 1 Feb 2025 runs from 30 Jan to 3 Feb."""
    story = [*at(DURING, april_enrol(every(2, 5))), *at(AFTER, april_enrol(limit))]
    assert [(status, start) for status, _, start, _ in configurations(story)] == [
        ("ACTIVE", "2024-04-15"),
        ("UPCOMING", starts_on),
    ]


@pytest.mark.rule("FW-3.3", "S71")
def test_a_limit_only_edit_on_an_expired_badge_updates_the_limit() -> None:
    story = [*at(DURING, april_enrol(every(2, 5))), *at(AFTER, april_enrol(every(3, 5)))]
    assert configurations(story) == [("ACTIVE", 3, "2024-04-15", None)]


@pytest.mark.rule("S73", "S71")
def test_the_current_one_is_current_even_if_its_end_has_passed() -> None:
    """The window ended with the badge; a limit-only edit still finds it."""
    ended = {"enrolment_expiry": WITH_BADGE}
    story = [*at(DURING, april_enrol(every(2, 5), **ended)), *at(AFTER, april_enrol(every(3, 5), **ended))]
    assert configurations(story) == [("EXPIRED", 3, "2024-04-15", "2024-12-31")]


@pytest.mark.rule("FW-3.5", "S78", "S84", "S89")
@pytest.mark.parametrize("field", ["customer_limits", "badge_limits"])
def test_adding_or_reshaping_on_an_expired_direct_badge_is_815(field: str) -> None:
    with_window, bare = badge(**APRIL, **{field: [every(2, 5)]}), badge(**APRIL)
    reshaped = badge(**APRIL, **{field: [every(2, 7)]})
    for first, edit in ((bare, with_window), (with_window, reshaped)):
        error = last([*at(DURING, first), *at(AFTER, edit)])["error"]
        assert (error["code"], error["reference"]) == (815, field)


@pytest.mark.rule("S78")
def test_on_an_expired_direct_badge_the_shapes_of_the_current_and_the_upcoming_one_are_accepted() -> None:
    """The badge ended on 18 Apr, before its next configuration could start."""
    ends = {"ends_at": "2024-04-18T00:00:00Z"}
    story = at(DURING, april(every(9, 5), **ends), april(every(8, 7), **ends))
    now = "2024-04-19T00:00:00Z"
    assert configurations(story, at(now, april(every(3, 7), **ends))) == [
        ("EXPIRED", 9, "2024-04-15", "2024-04-18"),
        ("EXPIRED", 3, "2024-04-20", "2024-04-18"),
    ]
    assert configurations(story, at(now, april(every(3, 5), **ends))) == [
        ("EXPIRED", 3, "2024-04-15", "2024-04-18")
    ]
    assert told(play(story, at(now, april(every(3, 6), **ends)))) == ["815"]


@pytest.mark.rule("S78", "S86")
def test_a_badge_introduced_after_its_end_may_have_a_window() -> None:
    lines = [april(every(1, 5)), issue("e-1", DURING), issue("e-2", DURING)]
    records = play(at("2025-01-10T00:00:00Z", *lines))
    assert told(records) == ["ISSUED", "LIMIT_FIXED_WINDOW"]


@pytest.mark.rule("S78")
def test_an_upcoming_direct_badge_that_is_moved_before_today_is_judged_as_upcoming() -> None:
    moved = april(every(1, 7), starts_at="2024-03-01T00:00:00Z", ends_at="2024-04-01T00:00:00Z")
    assert told(play(at(BEFORE, april(every(1, 5)), moved))) == []


@pytest.mark.rule("FW-4", "S77")
@pytest.mark.parametrize("now", [BEFORE, DURING, AFTER], ids=["upcoming", "live", "expired"])
@pytest.mark.parametrize("moving", [overall(1), rolling(1, 2)], ids=["overall", "rolling"])
@pytest.mark.parametrize("field", ["customer_limits", "badge_limits"])
def test_a_direct_change_of_family_is_826_whatever_the_status(now: str, moving: Json, field: str) -> None:
    fixed_body, moving_body = ({**APRIL, field: [limit]} for limit in (every(1, 3), moving))
    for first, edit in ((fixed_body, moving_body), (moving_body, fixed_body)):
        error = last([*at(BEFORE, badge(**first)), *at(now, badge(**edit))])["error"]
        assert (error["code"], error["reference"]) == (826, field)


@pytest.mark.rule("S77")
def test_a_fixed_window_can_be_left_out_only_while_the_badge_is_upcoming() -> None:
    first = at(BEFORE, april(every(1, 3)))
    assert told(play(first, at(BEFORE, april(None), april(overall(1))))) == []
    for now in ("2024-04-15T10:33:20Z", DURING, AFTER):
        assert told(play(first, at(now, april(None)))) == ["826"]


@pytest.mark.rule("S77")
def test_moving_limits_come_and_go_at_any_time_and_free_the_level_for_either_family() -> None:
    moving = april(overall(1), badge_limits=[rolling(1, 2), overall(3)])
    for now in (BEFORE, DURING):
        story = at(now, moving, april(rolling(1, 2)), april(None), april(every(1, 3)))
        assert told(play(story)) == []
        assert len(configurations(story)) == 1


@pytest.mark.rule("S77")
def test_the_levels_are_independent() -> None:
    both = april(every(1, 3), badge_limits=[overall(9), rolling(9, 3)])
    swapped = april(overall(1), badge_limits=[monthly(9)])
    assert told(play(at(DURING, both))) == []
    assert told(play(at(DURING, swapped))) == []


@pytest.mark.rule("S70")
@pytest.mark.parametrize(
    ("first", "same"),
    [
        (weekly(1), weekly(2, "MONDAY")),
        (weekly(1), {**weekly(2), "refresh_rate": 3}),
        (monthly(1), {**monthly(2), "refresh_rate": 3, "start_day": "FRIDAY"}),
        (every(1, 3), {**every(2, 3), "start_day": "FRIDAY"}),
        (every(1, 3), {**every(2, 3), "start_day": None}),
    ],
)
def test_fields_that_a_duration_ignores_are_no_part_of_the_shape(first: Json, same: Json) -> None:
    assert configurations(at(DURING, april(first), april(same))) == [
        ("ACTIVE", 2, "2024-04-15", "2024-12-31")
    ]


@pytest.mark.rule("S70", "S101")
@pytest.mark.parametrize(
    ("limit", "shape"),
    [
        ({**every(1, 3), "start_day": "FRIDAY"}, ("DAYS", 3, None)),
        ({**weekly(1), "refresh_rate": 3}, ("WEEKS", None, "MONDAY")),
        (weekly(1, "SUNDAY"), ("WEEKS", None, "SUNDAY")),
        ({**monthly(1), "refresh_rate": 3, "start_day": "FRIDAY"}, ("MONTHS", None, None)),
    ],
)
def test_fields_that_a_duration_ignores_are_null_in_answers(limit: Json, shape: tuple[Any, ...]) -> None:
    (one,) = last(at(DURING, april(limit), windows()))["windows"]["configurations"]
    assert (one["duration"], one["refresh_rate"], one["start_day"]) == shape


@pytest.mark.rule("S101")
@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (monthly(1), [("9999-11-01", "9999-11-30"), ("9999-12-01", "9999-12-31")]),
        (weekly(1, "FRIDAY"), [("9999-11-26", "9999-12-02"), ("9999-12-03", "9999-12-09")]),
    ],
)
def test_cycles_without_end_are_listed_as_far_as_they_are_asked_for(
    limit: Json, expected: list[tuple[str, str]]
) -> None:
    until = "9999-12-31" if limit["duration"] == "MONTHS" else "9999-12-09"
    story = at(DURING, april_enrol(limit), windows(from_="9999-11-30", to=until))
    listed = last(story)["windows"]["cycles"]
    assert [(cycle["starts_on"], cycle["ends_on"]) for cycle in listed] == expected


@pytest.mark.rule("S101")
def test_a_cycle_that_ends_on_no_day_that_can_be_written_is_not_listed() -> None:
    story = at(DURING, april_enrol(weekly(1)), windows(from_="9999-12-20", to="9999-12-31"))
    assert [cycle["ends_on"] for cycle in last(story)["windows"]["cycles"]] == ["9999-12-26"]


@pytest.mark.rule("S69", "S72")
@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (weekly(1), [("02-14", "02-18"), ("02-19", "02-25"), ("02-26", "03-03")]),
        (weekly(1, "WEDNESDAY"), [("02-14", "02-20"), ("02-21", "02-27"), ("02-28", "03-05")]),
        (monthly(1), [("02-14", "02-29"), ("03-01", "03-31")]),
        (every(1, 7), [("02-14", "02-20"), ("02-21", "02-27"), ("02-28", "03-05")]),
    ],
)
def test_the_first_cycle_is_a_stub_before_calendar_cycles(
    limit: Json, expected: list[tuple[str, str]]
) -> None:
    """The badge starts on Wednesday, 14 Feb 2024, of a leap year (B2)."""
    story = at(DURING, april(limit, starts_at="2024-02-14T22:00:00Z"))
    assert cycles(story, first="2024-01-01", until="2024-03-02") == expected


@pytest.mark.rule("S74", "S73")
@pytest.mark.parametrize(
    ("ends_at", "last_day"),
    [("2024-04-30T00:00:00Z", "2024-04-30"), ("2024-04-29T23:59:59.999Z", "2024-04-29")],
)
def test_the_last_day_is_the_day_of_the_end_instant_even_at_midnight(ends_at: str, last_day: str) -> None:
    story = at(DURING, april(every(1, 5), ends_at=ends_at))
    assert configurations(story) == [("ACTIVE", 1, "2024-04-15", last_day)]


@pytest.mark.rule("S74", "S75", "S51")
@pytest.mark.parametrize(
    ("expiry", "last_day", "still", "over"),
    [
        (WITH_BADGE, "2024-12-31", "2024-12-31T00:00:00Z", "2024-12-31T00:00:00.001Z"),
        (relative(1, "MONTHS"), "2025-01-31", "2025-01-31T00:00:00Z", "2025-01-31T00:00:00.001Z"),
        (fixed_date("2031-01-15T06:00:00Z"), "2031-01-15", "2031-01-15T06:00:00Z", "2031-01-15T06:00:01Z"),
    ],
)
def test_a_window_of_an_enrolment_badge_lives_as_long_as_an_enrolment_can(
    expiry: Json, last_day: str, still: str, over: str
) -> None:
    story = at(DURING, april_enrol(every(1, 5), enrolment_expiry=expiry))
    assert configurations(story, quiet(still)) == [("ACTIVE", 1, "2024-04-15", last_day)]
    assert configurations(story, quiet(over)) == [("EXPIRED", 1, "2024-04-15", last_day)]


@pytest.mark.rule("S75")
def test_expired_wins_over_upcoming() -> None:
    """An UPCOMING badge whose enrolments would all have ended: a FIXED_DATE at its start."""
    first = april_enrol(every(1, 5), enrolment_expiry=fixed_date("2024-04-15T10:33:20Z"))
    assert configurations(at(BEFORE, first))[0][0] == "UPCOMING"
    story = at(DURING, april_enrol(every(1, 5)), april_enrol(every(1, 7)))
    ended = april_enrol(every(1, 7), enrolment_expiry=fixed_date("2024-04-16T00:00:00Z"))
    assert [status for status, *_ in configurations([*story, *at(DURING, ended)])] == ["EXPIRED", "EXPIRED"]


@pytest.mark.rule("S73", "S65", "S97")
def test_a_configuration_is_in_force_on_all_its_days_whatever_its_status() -> None:
    """The window's last day is 30 Apr; it is over at noon, but judges an act of that evening."""
    ends = {"ends_at": "2024-04-30T12:00:00Z"}
    evening = "2024-04-30T20:00:00Z"
    lines = [issue("e-1", evening, **support()), issue("e-2", evening, **support())]
    records = play(at(DURING, april(every(1, 5), **ends)), at("2024-05-02T00:00:00Z", *lines))
    assert told(records) == ["ISSUED", "LIMIT_FIXED_WINDOW"]
    assert records[1]["detail"]["limit"]["window"] == ["2024-04-30", "2024-04-30"]


@pytest.mark.rule("S74", "S51")
def test_an_edit_of_the_badges_end_moves_the_cut() -> None:
    story = at(DURING, april(every(1, 5), ends_at="2024-04-21T00:00:00Z"))
    assert cycles(story, first="2024-04-19", until="2024-04-30") == [("04-15", "04-19"), ("04-20", "04-21")]
    longer = at(DURING, april(every(1, 5), ends_at="2024-04-27T00:00:00Z"))
    assert cycles(story, longer, first="2024-04-21", until="2024-04-30") == [
        ("04-20", "04-24"),
        ("04-25", "04-27"),
    ]
