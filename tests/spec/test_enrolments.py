"""S50 to S56: enrolments, their ends, and who may be issued."""

from typing import Any

import pytest

from tests.builders import (
    NEVER,
    WITH_BADGE,
    Json,
    Line,
    at,
    badge,
    customer,
    enrol,
    enrol_badge,
    every,
    fixed_date,
    issue,
    last,
    play,
    relative,
    revoke_enrolment,
    support,
    told,
    windows,
)

NOW = "2023-10-20T10:00:00Z"
THEN = "2023-10-20T09:00:00Z"
ENDED = "2023-11-10T00:00:00Z"


@pytest.mark.rule("S50", "R4", "R3")
@pytest.mark.parametrize(
    ("expiry", "end"),
    [
        (relative(2), "2023-10-13T09:00:00.000Z"),
        (relative(1, "WEEKS"), "2023-10-18T09:00:00.000Z"),
        (fixed_date("2031-01-15T00:00:00Z"), "2031-01-15T00:00:00.000Z"),
        (WITH_BADGE, "2023-10-30T23:59:59.000Z"),
        (NEVER, None),
    ],
)
def test_an_enrolment_runs_from_the_act_to_its_end(expiry: Json, end: str | None) -> None:
    lines = [enrol_badge(enrolment_expiry=expiry), enrol("e-1", "2023-10-11T09:00:00Z"), customer()]
    record, answer = play(at(NOW, *lines))
    assert (record["event_date"], record["expires_at"]) == ("2023-10-11T09:00:00.000Z", end)
    assert answer["customer"]["enrolments"][0]["expires_at"] == end


def ends(*groups: list[Json]) -> list[str]:
    return [one["expires_at"] for one in last(*groups, at(ENDED, customer()))["customer"]["enrolments"]]


@pytest.mark.rule("S51", "S102")
def test_an_enrolment_with_badge_follows_every_edit_of_the_badges_end() -> None:
    made = [enrol_badge(enrolment_expiry=WITH_BADGE), enrol("e-1", THEN)]
    longer = enrol_badge(enrolment_expiry=WITH_BADGE, ends_at="2023-12-31T00:00:00Z")
    other = enrol_badge(enrolment_expiry=relative(1), ends_at="2023-12-24T00:00:00Z")
    assert ends(at(NOW, *made)) == ["2023-10-30T23:59:59.000Z"]
    assert ends(at(NOW, *made, longer)) == ["2023-12-31T00:00:00.000Z"]
    assert ends(at(NOW, *made, longer, other)) == ["2023-12-24T00:00:00.000Z"]


@pytest.mark.rule("S51")
def test_other_ends_never_change_and_an_edit_is_for_later_enrolments() -> None:
    lines: list[Line] = [
        enrol_badge(enrolment_expiry=relative(2)),
        enrol("e-1", "2023-10-02T00:00:00Z"),
        enrol_badge(enrolment_expiry=fixed_date("2023-10-08T00:00:00Z"), ends_at="2023-12-31T00:00:00Z"),
        enrol("e-2", "2023-10-06T00:00:00Z"),
        enrol_badge(enrolment_expiry=relative(9), ends_at="2023-11-30T00:00:00Z"),
    ]
    assert ends(at(NOW, *lines)) == ["2023-10-04T00:00:00.000Z", "2023-10-08T00:00:00.000Z"]


@pytest.mark.rule("S51")
def test_the_end_of_the_fixed_window_follows_the_current_enrolment_expiry() -> None:
    for expiry, last_day in (
        (relative(2), "2023-11-01"),
        (relative(1, "MONTHS"), "2023-11-30"),
        (fixed_date("2031-01-15T00:00:00Z"), "2031-01-15"),
        (WITH_BADGE, "2023-10-30"),
        (NEVER, None),
    ):
        limited = enrol_badge(customer_limits=[every(1, 3)], enrolment_expiry=relative(5))
        edited = enrol_badge(customer_limits=[every(1, 3)], enrolment_expiry=expiry)
        (configuration,) = last(at(NOW, limited, edited, windows()))["windows"]["configurations"]
        assert configuration["ends_on"] == last_day


@pytest.mark.rule("S52", "S97")
@pytest.mark.parametrize("more", [{}, support()], ids=["plain", "overridden"])
@pytest.mark.parametrize(
    ("event_date", "word"), [("2023-10-08T00:00:00Z", "ENROLLED"), ("2023-10-08T00:00:00.001Z", None)]
)
def test_an_enrolment_that_would_end_before_the_act_is_refused(
    more: Json, event_date: str, word: Any
) -> None:
    short = enrol_badge(enrolment_expiry=fixed_date("2023-10-08T00:00:00Z"))
    word = word or "EVENT_OUTSIDE_BADGE_PERIOD"
    assert told(play(at(NOW, short, enrol("e-1", event_date, **more)))) == [word]


@pytest.mark.rule("S52", "S97")
def test_an_overridden_enrolment_after_the_end_of_a_badge_that_ends_it_is_refused() -> None:
    ended = enrol_badge(enrolment_expiry=WITH_BADGE)
    late = enrol("e-1", "2023-11-05T00:00:00Z", **support())
    assert told(play(at(ENDED, ended, late))) == ["EVENT_OUTSIDE_BADGE_PERIOD"]


@pytest.mark.rule("S53", "R23")
@pytest.mark.parametrize(
    ("event_date", "word"),
    [
        ("2023-10-08T09:59:59.999Z", "ENROLLED"),
        ("2023-10-08T10:00:00Z", "ENROLMENT_OVERLAP"),
        ("2023-10-10T10:00:00Z", "ENROLMENT_OVERLAP"),
        ("2023-10-12T10:00:00Z", "ENROLMENT_OVERLAP"),
        ("2023-10-12T10:00:00.001Z", "ENROLLED"),
    ],
)
def test_enrolments_overlap_when_each_begins_no_later_than_the_other_ends(event_date: str, word: str) -> None:
    """There is one from 10 to 12 Oct 10:00, expired by now; each lasts two days."""
    lines = [enrol_badge(), enrol("e-1", "2023-10-10T10:00:00Z"), enrol("e-2", event_date)]
    assert told(play(at(NOW, *lines))) == ["ENROLLED", word]


@pytest.mark.rule("S53", "S95")
def test_a_revoked_enrolment_overlaps_nothing() -> None:
    lines = [enrol_badge(), enrol("e-1", THEN), revoke_enrolment("e-2", THEN), enrol("e-3", THEN)]
    assert told(play(at(NOW, *lines))) == ["ENROLLED", "REVOKED", "ENROLLED"]


@pytest.mark.rule("S53")
def test_an_enrolment_without_end_overlaps_everything_after_and_reaches_nothing_before() -> None:
    endless = enrol_badge(enrolment_expiry=NEVER)
    lines = [endless, enrol("e-1", "2023-10-10T00:00:00Z"), enrol("e-2", THEN), enrol_badge()]
    lines += [enrol("e-3", "2023-10-07T00:00:00Z"), enrol("e-4", "2023-10-08T00:00:00Z")]
    overlap = "ENROLMENT_OVERLAP"
    assert told(play(at(NOW, *lines))) == ["ENROLLED", overlap, "ENROLLED", overlap]


@pytest.mark.rule("S53")
def test_enrolments_of_other_customers_and_badges_do_not_overlap() -> None:
    lines = [
        enrol_badge(),
        enrol_badge(badge_id="c"),
        enrol("e-1", THEN),
        enrol("e-2", THEN, "c"),
        enrol("e-3", THEN, customer_id="43"),
    ]
    assert told(play(at(NOW, *lines))) == ["ENROLLED"] * 3


@pytest.mark.rule("S54")
def test_an_issue_does_not_use_up_an_enrolment() -> None:
    lines = [enrol_badge(), enrol("e-1", THEN), issue("e-2", THEN), issue("e-3", THEN)]
    enrolled, *issued = play(at(NOW, *lines))
    assert told(issued) == ["ISSUED", "ISSUED"]
    assert {record["enrolment_id"] for record in issued} == {enrolled["enrolment_id"]}


@pytest.mark.rule("S54", "S97")
def test_an_issue_that_no_enrolment_covers_names_none() -> None:
    lines = [enrol_badge(), enrol("e-1", THEN), issue("e-2", "2023-10-11T00:00:00Z", **support())]
    assert [record["enrolment_id"] is None for record in play(at(NOW, *lines))] == [False, True]


def eligibility(now: str, enrolled_on: list[str], event_date: str) -> str:
    """The word for an ISSUE of the event date after enrolments of two days each."""
    lines = [enrol(f"e-{date}", f"2023-10-{date}T10:00:00Z") for date in enrolled_on]
    return told(play(at(now, enrol_badge(), *lines, issue("e", event_date))))[-1]


@pytest.mark.rule("S55", "R8", "R9", "R10")
@pytest.mark.parametrize(
    ("enrolled_on", "event_date", "word"),
    [
        pytest.param([], THEN, "NOT_ENROLLED", id="none"),
        pytest.param(["19"], THEN, "ISSUED", id="one that covers is running"),
        pytest.param(["10"], "2023-10-11T00:00:00Z", "ENROLMENT_EXPIRED_REENROL", id="it has ended"),
        pytest.param(["10", "19"], "2023-10-11T00:00:00Z", "ENROLMENT_EXPIRED_REENROL", id="another runs"),
        pytest.param(["10", "19"], "2023-10-15T00:00:00Z", "EVENT_OUTSIDE_ENROLMENT", id="between, one runs"),
        pytest.param(["10"], "2023-10-15T00:00:00Z", "ENROLMENT_EXPIRED_REENROL", id="none covers or runs"),
        pytest.param(["10"], "2023-09-15T00:00:00Z", "ENROLMENT_EXPIRED_REENROL", id="before the badge"),
        pytest.param(["18"], THEN, "ISSUED", id="it ends at this instant"),
    ],
)
def test_issue_on_a_live_badge(enrolled_on: list[str], event_date: str, word: str) -> None:
    now = "2023-10-20T10:00:00Z"
    assert eligibility(now, enrolled_on, event_date) == word


@pytest.mark.rule("S55")
def test_an_enrolment_is_over_a_millisecond_after_its_end() -> None:
    assert eligibility("2023-10-20T10:00:00.001Z", ["18"], THEN) == "ENROLMENT_EXPIRED_REENROL"


@pytest.mark.rule("S55", "S95")
def test_a_revoked_enrolment_is_no_enrolment() -> None:
    lines = [enrol_badge(), enrol("e-1", THEN), revoke_enrolment("e-2", THEN), issue("e-3", THEN)]
    assert told(play(at(NOW, *lines)))[-1] == "NOT_ENROLLED"


@pytest.mark.rule("S56", "R12", "R13")
@pytest.mark.parametrize(
    ("enrolled_on", "event_date", "word"),
    [
        ([], "2023-10-11T00:00:00Z", "NOT_ENROLLED"),
        (["10"], "2023-10-11T00:00:00Z", "ISSUED"),
        (["10"], "2023-10-13T00:00:00Z", "EVENT_OUTSIDE_ENROLMENT"),
        (["10"], "2023-11-05T00:00:00Z", "EVENT_OUTSIDE_ENROLMENT"),
        (["30"], "2023-11-01T10:00:00Z", "ISSUED"),
    ],
)
def test_issue_on_an_expired_badge(enrolled_on: list[str], event_date: str, word: str) -> None:
    assert eligibility(ENDED, enrolled_on, event_date) == word


@pytest.mark.rule("S55", "S56", "S3")
def test_a_badge_is_live_at_its_last_instant_and_expired_after_it() -> None:
    covered = "2023-10-11T00:00:00Z"
    assert eligibility("2023-10-30T23:59:59Z", ["10"], covered) == "ENROLMENT_EXPIRED_REENROL"
    assert eligibility("2023-10-30T23:59:59.001Z", ["10"], covered) == "ISSUED"


@pytest.mark.rule("S56", "R8")
def test_an_enrolment_that_outlives_the_badge_is_judged_by_itself() -> None:
    """An act after the badge's end, in the enrolment: never EVENT_OUTSIDE_BADGE_PERIOD."""
    lines = [enrol_badge(), enrol("e-1", "2023-10-30T10:00:00Z")]
    tail = "2023-11-01T09:00:00Z"
    assert told(play(at("2023-10-30T10:00:00Z", *lines), at(tail, issue("e-2", tail)))) == [
        "ENROLLED",
        "ISSUED",
    ]


@pytest.mark.rule("S55")
def test_a_direct_badge_knows_no_enrolment() -> None:
    assert told(play(at(NOW, badge(), issue("e-1", THEN), enrol("e-2", THEN)))) == [
        "ISSUED",
        "NOT_ENROLLABLE",
    ]
