"""S1 to S9: instants, days, calendar arithmetic, numbers."""

import json
from typing import Any

import pytest

from schemas.timeline import simulate
from tests.builders import (
    CUSTOMER,
    WITH_BADGE,
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
    rolling,
    settings,
    told,
    weekly,
    windows,
)

LATE = "2999-12-30T00:00:00Z"


def event_date_read(text: str) -> str | None:
    """How an event date is printed; None if it is malformed."""
    record = last(at(LATE, issue("e", text)))
    if "error" in record:
        assert (record["error"]["code"], record["error"]["reference"]) == (400, "event_date")
        return None
    printed: str = record["event_date"]
    return printed


@pytest.mark.rule("S1", "S2")
@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("2023-10-11T09:00:00Z", "2023-10-11T09:00:00.000Z"),
        ("2023-10-11T09:00:00+05:30", "2023-10-11T03:30:00.000Z"),
        ("2023-10-11T09:00:00-03:30", "2023-10-11T12:30:00.000Z"),
        ("2023-10-11T09:00:00+00:00", "2023-10-11T09:00:00.000Z"),
        ("2023-10-11T09:00:00-00:00", "2023-10-11T09:00:00.000Z"),
        ("2023-10-11T09:00:00+23:59", "2023-10-10T09:01:00.000Z"),
        ("2023-10-11T09:00:00.1Z", "2023-10-11T09:00:00.100Z"),
        ("2023-10-11T09:00:00.123456789Z", "2023-10-11T09:00:00.123Z"),
        ("2023-10-11T09:00:00.999999999Z", "2023-10-11T09:00:00.999Z"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00.000Z"),
        ("1899-12-31T23:00:00-01:00", "1900-01-01T00:00:00.000Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
    ],
)
def test_an_instant_is_read_with_its_offset_and_truncated_to_milliseconds(text: str, printed: str) -> None:
    assert event_date_read(text) == printed


@pytest.mark.rule("S1", "S108")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023-10-11",
        "2023-10-11T09:00:00",
        "2023-10-11T09:00Z",
        "2023-10-11 09:00:00Z",
        "2023-10-11t09:00:00Z",
        "2023-10-11T09:00:00z",
        "2023-10-11T09:00:00.Z",
        "2023-10-11T09:00:00,5Z",
        "2023-10-11T09:00:00.1234567890Z",
        "2023-10-11T09:00:00+0530",
        "2023-10-11T09:00:00+05",
        "2023-10-11T09:00:00+24:00",
        "2023-10-11T09:00:00+05:60",
        "2023-10-11T09:00:00\u221205:30",
        "2023-10-11T09:00:60Z",
        "2023-10-11T24:00:00Z",
        "2023-10-11T09:60:00Z",
        "2023-02-29T09:00:00Z",
        "2023-13-01T09:00:00Z",
        "2023-10-11T09:00:00Z ",
        " 2023-10-11T09:00:00Z",
        "2023-10-11T09:00:00Z\n",
        "+2023-10-11T09:00:00Z",
        "٢٠٢٣-10-11T09:00:00Z",
        "2023-10-1１T09:00:00Z",
        "20231011T090000Z",
        "2023-W41-3T09:00:00Z",
        "1899-12-31T23:59:59Z",
        "1900-01-01T00:00:00+00:01",
        "3000-01-01T00:00:00Z",
        "2999-12-31T23:59:59-00:01",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
    ],
)
def test_anything_else_is_no_instant(text: str) -> None:
    assert event_date_read(text) is None


@pytest.mark.rule("S1")
def test_the_last_millisecond_of_2999_is_an_instant() -> None:
    record = last(at("2999-12-31T23:59:59.999999Z", issue("e", "2999-12-31T23:59:59.999999Z")))
    assert record["event_date"] == record["at"] == "2999-12-31T23:59:59.999Z"


@pytest.mark.rule("S2")
def test_instants_are_truncated_before_they_are_compared() -> None:
    """Half a millisecond after the badge's end is its last millisecond."""
    ends = badge(ends_at="2023-10-30T00:00:00.000100Z")
    inside = issue("e-1", "2023-10-30T00:00:00.000900Z")
    outside = issue("e-2", "2023-10-30T00:00:00.001Z")
    assert told(play(at("2023-10-29T23:00:00Z", ends, inside, outside))) == [
        "ISSUED",
        "EVENT_OUTSIDE_BADGE_PERIOD",
    ]


@pytest.mark.rule("S3", "R11")
@pytest.mark.parametrize(
    ("event_date", "outcome"),
    [
        ("2023-09-30T23:59:59.999Z", "EVENT_OUTSIDE_BADGE_PERIOD"),
        ("2023-10-01T00:00:00Z", "ISSUED"),
        ("2023-10-30T23:59:59Z", "ISSUED"),
        ("2023-10-30T23:59:59.001Z", "EVENT_OUTSIDE_BADGE_PERIOD"),
    ],
)
def test_badge_periods_are_closed_ranges_of_instants(event_date: str, outcome: str) -> None:
    now = "2023-10-30T12:00:00Z"
    assert told(play(at(now, badge(), issue("e", event_date)))) == [outcome]


@pytest.mark.rule("S3")
def test_enrolments_are_closed_ranges_of_instants() -> None:
    start, end = "2023-10-10T10:00:00Z", "2023-10-12T10:00:00Z"
    lines = [
        enrol_badge(),
        enrol("e-0", start),
        issue("e-1", "2023-10-10T09:59:59.999Z"),
        issue("e-2", start),
        issue("e-3", end),
        issue("e-4", "2023-10-12T10:00:00.001Z"),
    ]
    outside = "EVENT_OUTSIDE_ENROLMENT"
    assert told(play(at("2023-10-12T10:00:00Z", *lines))) == [
        "ENROLLED",
        outside,
        "ISSUED",
        "ISSUED",
        outside,
    ]


@pytest.mark.rule("S3")
def test_cycles_are_half_open_ranges_of_days_printed_as_first_and_last_day() -> None:
    lines = [badge(ends_at="2023-10-06T23:00:00Z", customer_limits=[every(1, 3)]), windows()]
    cycles = last(at("2023-10-01T00:00:00Z", *lines))["windows"]["cycles"]
    assert [(cycle["starts_on"], cycle["ends_on"]) for cycle in cycles] == [
        ("2023-10-01", "2023-10-03"),
        ("2023-10-04", "2023-10-06"),
    ]


def enrolment_end(zone: str, start: str, expiry: Any) -> str:
    """Until when an enrolment lasts that was made by an act of the instant `start`."""
    long = enrol_badge(
        starts_at="2000-01-01T00:00:00Z", ends_at="2030-01-01T00:00:00Z", enrolment_expiry=expiry
    )
    record = last(at(start, settings(timezone=zone), long, enrol("e", start)))
    end: str = record["expires_at"]
    return end


NEW_YORK, LORD_HOWE = "America/New_York", "Australia/Lord_Howe"


@pytest.mark.rule("S4", "R4")
@pytest.mark.parametrize(
    ("zone", "start", "expiry", "end"),
    [
        pytest.param(
            "UTC", "2023-01-31T08:00:00Z", relative(1, "MONTHS"), "2023-02-28T08:00:00.000Z", id="31 Jan"
        ),
        pytest.param(
            "UTC", "2024-01-31T08:00:00Z", relative(1, "MONTHS"), "2024-02-29T08:00:00.000Z", id="leap year"
        ),
        pytest.param(
            "UTC", "2024-02-29T08:00:00Z", relative(12, "MONTHS"), "2025-02-28T08:00:00.000Z", id="29 Feb"
        ),
        pytest.param("UTC", "2023-11-30T08:00:00Z", relative(3, "MONTHS"), "2024-02-29T08:00:00.000Z"),
        pytest.param("UTC", "2023-12-31T08:00:00Z", relative(2, "WEEKS"), "2024-01-14T08:00:00.000Z"),
        pytest.param("UTC", "2024-02-28T08:00:00.123Z", relative(2, "DAYS"), "2024-03-01T08:00:00.123Z"),
        pytest.param(
            "Asia/Kolkata",
            "2023-01-30T20:00:00Z",
            relative(1, "MONTHS"),
            "2023-02-27T20:00:00.000Z",
            id="31 Jan in Kolkata only",
        ),
        pytest.param(
            NEW_YORK,
            "2024-03-09T12:00:00-05:00",
            relative(1, "DAYS"),
            "2024-03-10T16:00:00.000Z",
            id="a day of 23 hours",
        ),
        pytest.param(
            NEW_YORK,
            "2023-11-04T12:00:00-04:00",
            relative(1, "DAYS"),
            "2023-11-05T17:00:00.000Z",
            id="a day of 25 hours",
        ),
        pytest.param(
            LORD_HOWE,
            "2023-09-30T12:00:00+10:30",
            relative(1, "DAYS"),
            "2023-10-01T01:00:00.000Z",
            id="a change of half an hour",
        ),
    ],
)
def test_relative_lengths_are_calendar_arithmetic_in_the_zone_of_the_org(
    zone: str, start: str, expiry: Any, end: str
) -> None:
    assert enrolment_end(zone, start, expiry) == end


@pytest.mark.rule("S4", "S34")
def test_twenty_four_hours_ahead_are_elapsed_time_when_the_clock_changes() -> None:
    """On the day of 25 hours, 24 hours ahead is the same wall time less one hour."""
    lines = [settings(timezone=NEW_YORK), badge(ends_at="2023-12-01T00:00:00Z")]
    lines += [issue("e-1", "2023-11-05T11:00:00-05:00"), issue("e-2", "2023-11-05T11:00:00.001-05:00")]
    assert told(play(at("2023-11-04T12:00:00-04:00", *lines))) == ["ISSUED", "EVENT_IN_FUTURE"]


@pytest.mark.rule("S4", "S59")
def test_the_registration_buffer_is_elapsed_time() -> None:
    lines = [
        settings(timezone=NEW_YORK, retro_delay_since_registration_hours=24),
        badge(ends_at="2023-12-01T00:00:00Z"),
        act("r", "2023-11-04T12:00:00-04:00", "REGISTER"),
    ]
    records = play(
        at("2023-11-04T12:00:00-04:00", *lines),
        at("2023-11-05T10:59:59.999-05:00", issue("e-1", "2023-11-04T13:00:00-04:00")),
        at("2023-11-05T11:00:00-05:00", issue("e-2", "2023-11-04T13:00:00-04:00")),
    )
    assert told(records) == ["REGISTRATION_BUFFER", "ISSUED"]


@pytest.mark.rule("S5")
@pytest.mark.parametrize(
    ("zone", "start", "expiry", "end"),
    [
        pytest.param(
            NEW_YORK,
            "2024-03-09T02:30:00-05:00",
            relative(1, "DAYS"),
            "2024-03-10T07:30:00.000Z",
            id="02:30 does not exist and becomes 03:30",
        ),
        pytest.param(
            NEW_YORK,
            "2023-11-04T01:30:00-04:00",
            relative(1, "DAYS"),
            "2023-11-05T05:30:00.000Z",
            id="01:30 exists twice, the first is meant",
        ),
        pytest.param(
            NEW_YORK,
            "2023-11-05T01:30:00-05:00",
            relative(1, "DAYS"),
            "2023-11-06T06:30:00.000Z",
            id="from the second 01:30 to an ordinary day",
        ),
        pytest.param(
            "America/Sao_Paulo",
            "2018-11-03T00:00:00-03:00",
            relative(1, "DAYS"),
            "2018-11-04T03:00:00.000Z",
            id="midnight does not exist",
        ),
        pytest.param(
            LORD_HOWE,
            "2023-09-30T02:15:00+10:30",
            relative(1, "DAYS"),
            "2023-09-30T15:45:00.000Z",
            id="02:15 becomes 02:45",
        ),
        pytest.param(
            "Pacific/Apia",
            "2011-12-29T12:00:00-10:00",
            relative(1, "DAYS"),
            "2011-12-30T22:00:00.000Z",
            id="a skipped day is read with the offset before",
        ),
        pytest.param(
            "Pacific/Apia",
            "2011-12-29T12:00:00-10:00",
            relative(2, "DAYS"),
            "2011-12-30T22:00:00.000Z",
            id="so the day after it is the same instant",
        ),
    ],
)
def test_a_local_time_that_is_missing_or_doubled(zone: str, start: str, expiry: Any, end: str) -> None:
    assert enrolment_end(zone, start, expiry) == end


@pytest.mark.rule("S5")
def test_the_first_of_two_is_meant_whatever_the_fold_of_the_start() -> None:
    """364 days after the second 01:30 of 4 Nov 2018 lies 3 Nov 2019, which has two of them as well."""
    start = "2018-11-04T01:30:00-05:00"
    assert enrolment_end(NEW_YORK, start, relative(364, "DAYS")) == "2019-11-03T05:30:00.000Z"


@pytest.mark.rule("S5", "S59")
def test_adding_nothing_leaves_the_instant_in_its_second_pass() -> None:
    """N = 0: the deadline is the end itself, the second 01:30, not the first."""
    end = "2023-11-05T01:30:00-05:00"
    lines = [settings(timezone=NEW_YORK, retro_max_age_days=0), badge(ends_at=end)]
    early = "2023-11-01T00:00:00Z"
    records = play(
        at(early, *lines),
        at("2023-11-05T01:30:00-05:00", issue("e-1", early)),
        at("2023-11-05T01:30:00.001-05:00", issue("e-2", early)),
    )
    assert told(records) == ["ISSUED", "RETRO_WINDOW_CLOSED"]


@pytest.mark.rule("S6")
def test_a_date_that_the_zone_skipped_counts_as_a_day() -> None:
    """Apia had no 30 Dec 2011; the cycle of three days holds it all the same."""
    lines = [
        settings(timezone="Pacific/Apia"),
        badge(
            starts_at="2011-12-28T00:00:00-10:00",
            ends_at="2012-01-02T23:00:00+14:00",
            customer_limits=[every(1, 3)],
        ),
        windows(),
        issue("e-1", "2011-12-29T23:00:00-10:00"),
        issue("e-2", "2011-12-31T00:00:00+14:00"),
        issue("e-3", "2011-12-28T00:00:00-10:00"),
    ]
    answer, first, second, third = play(at("2012-01-02T00:00:00+14:00", *lines))
    assert [(cycle["starts_on"], cycle["ends_on"]) for cycle in answer["windows"]["cycles"]] == [
        ("2011-12-28", "2011-12-30"),
        ("2011-12-31", "2012-01-02"),
    ]
    assert told([first, second, third]) == ["ISSUED", "ISSUED", "LIMIT_FIXED_WINDOW"]


def amount_read(value: Any) -> str | None:
    """The total after one act of the amount; None if the amount is malformed."""
    spend = badge(issue_on={"action": "PURCHASE", "sum": "amount", "reaches": "999999999999999999"})
    record = last(at("2023-10-10T00:00:00Z", spend, act("e", "2023-10-10T00:00:00Z", amount=value)))
    if "error" in record:
        assert (record["error"]["code"], record["error"]["reference"]) == (400, "amount")
        return None
    progress: str = record["detail"]["progress"]
    return progress


@pytest.mark.rule("S7", "S8")
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (500, "500"),
        ("500", "500"),
        ("120.50", "120.5"),
        (120.5, "120.5"),
        ("0.0", "0"),
        ("-0", "0"),
        ("-0.000000", "0"),
        (-0.0, "0"),
        ("-20.10", "-20.1"),
        ("007", "7"),
        ("1.0000000000", "1"),
        ("0.000001", "0.000001"),
        ("0.1", "0.1"),
        (0.3, "0.3"),
        (1e3, "1000"),
        ("123456789012345678.123456", "123456789012345678.123456"),
        ("-999999999999999999.999999", "-999999999999999999.999999"),
        (123456789012345678, "123456789012345678"),
    ],
)
def test_a_decimal_is_exact_and_is_shown_without_ornament(value: Any, shown: str) -> None:
    assert amount_read(value) == shown


@pytest.mark.rule("S7", "S108")
@pytest.mark.parametrize(
    "value",
    [
        "",
        "-",
        "+5",
        ".5",
        "5.",
        "1e3",
        "1,5",
        " 5",
        "5 ",
        "5\n",
        "0x10",
        "١٢",
        "NaN",
        "Infinity",
        "1_000",
        "--5",
        "0.0000001",
        0.0000001,
        "1000000000000000000",
        10**18,
        -(10**18),
        "-1000000000000000000.5",
        True,
        [],
        {},
    ],
)
def test_anything_else_is_no_decimal(value: Any) -> None:
    assert amount_read(value) is None


@pytest.mark.rule("S7")
def test_decimals_add_up_without_the_error_of_floats() -> None:
    spend = badge(issue_on={"action": "PURCHASE", "sum": "amount", "reaches": "0.3"})
    acts = [act(f"e-{number}", "2023-10-10T00:00:00Z", amount="0.1") for number in range(3)]
    records = play(at("2023-10-10T00:00:00Z", spend, *acts))
    assert told(records) == ["COUNTED", "COUNTED", "ISSUED"]
    assert records[-1]["detail"]["progress"] == "0.3"


def accepted(**fields: Any) -> bool:
    """Whether a badge with these fields is accepted; a refusal is a 400."""
    make = enrol_badge if "enrolment_expiry" in fields else badge
    records = play(at("2023-10-10T00:00:00Z", make(**fields)))
    assert told(records) in ([], ["400"])
    return not records


@pytest.mark.rule("S9")
@pytest.mark.parametrize(
    ("unit", "most"), [("DAYS", 36_500), ("WEEKS", 5_200), ("MONTHS", 1_200)], ids=["days", "weeks", "months"]
)
def test_a_length_is_a_whole_number_up_to_a_hundred_years(unit: str, most: int) -> None:
    for value, fine in [(0, False), (1, True), (most, True), (most + 1, False), (-1, False)]:
        assert accepted(issue_expiry=relative(value, unit)) is fine
        assert accepted(enrolment_expiry=relative(value, unit)) is fine
        assert accepted(customer_limits=[rolling(1, value, unit)]) is fine
        assert accepted(badge_limits=[rolling(1, value, unit)]) is fine


@pytest.mark.rule("S9")
@pytest.mark.parametrize(
    ("value", "fine"),
    [(0, False), (1, True), (36_500, True), (36_501, False), (2.0, False), ("2", False), (True, False)],
)
def test_a_refresh_rate_is_a_whole_number_of_days(value: Any, fine: bool) -> None:
    assert accepted(customer_limits=[every(1, value)]) is fine
    within = {"duration": "DAYS", "refresh_rate": value}
    assert accepted(issue_on={"action": "A", "count": True, "reaches": 1, "within": within}) is fine


@pytest.mark.rule("S70", "S12")
@pytest.mark.parametrize("field", ["refresh_rate", "start_day"])
@pytest.mark.parametrize(
    ("value", "fine"),
    [
        ('"x"', True),
        ("[1.5]", True),
        ('"\\ud800"', False),
        ('{"a": ["\\udfff"]}', False),
        ("1e99999999999999999999999", False),
        ("[" * 50 + "]" * 50, True),
        pytest.param("[" * 600 + "]" * 600, False, id="deep"),
    ],
)
def test_a_field_that_is_ignored_is_kept_and_has_to_be_writable(field: str, value: str, fine: bool) -> None:
    limited = badge(customer_limits=[{**monthly(1), field: "HERE"}])
    text = json.dumps(at("2023-10-10T00:00:00Z", limited)[0]).replace('"HERE"', value)
    records = [json.loads(line) for line in simulate([text.encode()])]
    assert told(records) == ([] if fine else ["400"])


@pytest.mark.rule("S9", "S108")
@pytest.mark.parametrize(
    ("value", "fine"),
    [
        (1, True),
        (10**9, True),
        (0, False),
        (10**9 + 1, False),
        (-1, False),
        (1.5, False),
        (7.0, False),
        (1e3, False),
        ("7", False),
        (True, False),
        (None, False),
    ],
)
def test_a_maximum_is_a_whole_number_up_to_a_milliard(value: Any, fine: bool) -> None:
    for limit in (every(value, 3), weekly(value), monthly(value), rolling(value, 1), overall(value)):
        assert accepted(customer_limits=[limit]) is fine
        assert accepted(badge_limits=[limit]) is fine


@pytest.mark.rule("S9")
def test_an_enrolment_of_a_hundred_years_has_an_end() -> None:
    assert (
        enrolment_end("UTC", "2023-01-31T00:00:00Z", relative(1_200, "MONTHS")) == "2123-01-31T00:00:00.000Z"
    )
    assert enrolment_end("UTC", "2023-01-31T00:00:00Z", relative(36_500)) == "2123-01-07T00:00:00.000Z"


@pytest.mark.rule("S1", "S50")
def test_an_end_after_2999_is_printed_with_its_year() -> None:
    ends = enrol_badge(
        starts_at="2999-01-01T00:00:00Z",
        ends_at="2999-12-31T00:00:00Z",
        enrolment_expiry=relative(1_200, "MONTHS"),
    )
    record = last(at("2999-06-01T00:00:00Z", ends, enrol("e", "2999-06-01T00:00:00Z")))
    assert record["expires_at"] == "3099-06-01T00:00:00.000Z"


@pytest.mark.rule("S2")
def test_every_instant_of_an_answer_is_printed_in_utc_with_milliseconds() -> None:
    lines = [
        enrol_badge(enrolment_expiry=fixed_date("2023-10-20T12:00:00.5+02:00"), issue_expiry=WITH_BADGE),
        act("r", "2023-10-02T00:00:00+14:00", "REGISTER"),
        enrol("e-1", "2023-10-10T02:00:00+02:00"),
        issue("e-2", "2023-10-10T00:00:00Z"),
        customer(CUSTOMER),
    ]
    answer = last(at("2023-10-10T12:00:00.250+02:00", *lines))
    assert answer["at"] == "2023-10-10T10:00:00.250Z"
    assert answer["customer"]["registered_at"] == "2023-10-01T10:00:00.000Z"
    enrolment, issuance = answer["customer"]["enrolments"][0], answer["customer"]["issuances"][0]
    assert (enrolment["event_date"], enrolment["expires_at"]) == (
        "2023-10-10T00:00:00.000Z",
        "2023-10-20T10:00:00.500Z",
    )
    assert (issuance["issued_at"], issuance["expires_at"]) == (
        "2023-10-10T10:00:00.250Z",
        "2023-10-30T23:59:59.000Z",
    )
