"""S37 to S49: criteria, thresholds, progress."""

from typing import Any

import pytest

from tests.builders import (
    Json,
    Line,
    act,
    at,
    badge,
    customer,
    enrol,
    enrol_badge,
    issue,
    last,
    overall,
    play,
    relative,
    revoke_enrolment,
    revoke_issue,
    settings,
    support,
    told,
)

NOW = "2023-10-20T10:00:00Z"
THEN = "2023-10-20T09:00:00Z"


def matched(criterion: Json, **fields: Any) -> bool:
    """Whether an act of these fields matches the criterion."""
    records = play(at(NOW, badge(issue_on={"action": "PURCHASE", **criterion}), act("e", THEN, **fields)))
    assert told(records) in ([], ["ISSUED"], ["COUNTED"])
    return bool(records)


@pytest.mark.rule("S37")
@pytest.mark.parametrize(
    ("named", "action", "matches"),
    [
        ("PURCHASE", "PURCHASE", True),
        ("PURCHASE", "purchase", False),
        ("PURCHASE", "PURCHASE ", False),
        (["VISIT", "PURCHASE"], "PURCHASE", True),
        (["VISIT", "SPIN"], "PURCHASE", False),
        ("REGISTER", "REGISTER", True),
        (["REGISTER"], "PURCHASE", False),
    ],
)
def test_an_action_is_matched_exactly(named: Any, action: str, matches: bool) -> None:
    assert matched({"action": named}, action=action) is matches


def where(condition: Any, value: Any, name: str = "a") -> bool:
    attributes = {} if value is ... else {name: value}
    return matched({"where": {name: condition}}, attributes=attributes)


@pytest.mark.rule("S37", "S38")
@pytest.mark.parametrize(
    ("condition", "value", "matches"),
    [
        ("web", "web", True),
        ("web", "Web", False),
        ("web", ..., False),
        ("web", None, False),
        (["web", "app"], "app", True),
        (["web", "app"], "shop", False),
        (5, 5, True),
        (5, 5.0, True),
        (5, "5", True),
        (5, "5.0", False),
        ("5.0", 5, False),
        ("5", 5, True),
        ("5.0", "5.0", True),
        (5.50, "5.5", True),
        ("5.50", 5.5, False),
        (True, True, True),
        (True, "true", True),
        (True, "True", False),
        ("false", False, True),
        (True, 1, False),
        (1, True, False),
        ([1, "x", False], False, True),
        ([1, "x", False], 1, True),
        ("", "", True),
        ("", ..., False),
        ("é", "é", True),
        ("é", "e\u0301", False),
    ],
)
def test_a_value_equals_an_attribute_if_their_strings_are_equal(
    condition: Any,
    value: Any,
    matches: bool,
) -> None:
    assert where(condition, value) is matches


@pytest.mark.rule("S37", "S38")
@pytest.mark.parametrize(
    ("condition", "value", "matches"),
    [
        ({"min": 2}, 2, True),
        ({"min": 2}, "1.999999", False),
        ({"max": 2}, 2, True),
        ({"max": 2}, "2.000001", False),
        ({"min": 2, "max": 4}, "3", True),
        ({"min": "2", "max": "4.5"}, 4.5, True),
        ({"min": 2, "max": 4}, 5, False),
        ({"min": 0}, "-0", True),
        ({"min": 10}, "9", False),
        ({"min": 0}, "many", False),
        ({"min": 0}, "1e3", False),
        ({"min": 0}, "", False),
        ({"min": 0}, True, False),
        ({"min": -5, "max": -1}, "-3", True),
        ({"min": 0}, ..., False),
        ({"min": 0}, "0.0000001", False),
        ({"min": 0}, "1000000000000000000", False),
    ],
)
def test_min_and_max_are_inclusive_and_compare_numbers(
    condition: Any,
    value: Any,
    matches: bool,
) -> None:
    assert where(condition, value) is matches


@pytest.mark.rule("S38")
@pytest.mark.parametrize(
    ("condition", "amount", "matches"),
    [
        (5, "5.0", True),
        ("5.00", 5, True),
        ([1, "2.50"], 2.5, True),
        ({"min": 10}, "9.99", False),
        ({"min": 10}, 10, True),
        ({"max": 0}, -3, True),
        (5, None, False),
        ({"min": 0}, None, False),
    ],
)
def test_amount_in_where_is_the_field_and_compares_as_a_number(
    condition: Any,
    amount: Any,
    matches: bool,
) -> None:
    assert matched({"where": {"amount": condition}}, amount=amount) is matches


@pytest.mark.rule("S38")
def test_amount_is_never_an_attribute_and_other_names_are_never_fields() -> None:
    assert not matched({"where": {"amount": 5}}, attributes={"amount": 5})
    assert not matched({"where": {"customer_id": "42"}})
    assert not matched({"where": {"action": "PURCHASE"}})


@pytest.mark.rule("S37")
def test_all_conditions_hold_together() -> None:
    both = {"where": {"channel": "web", "amount": {"min": 10}}}
    assert matched(both, amount=10, attributes={"channel": "web"})
    assert not matched(both, amount=9, attributes={"channel": "web"})
    assert not matched(both, amount=10, attributes={"channel": "app"})


def spend(**fields: Any) -> Json:
    return {"action": "PURCHASE", "sum": "amount", "reaches": 100, **fields}


@pytest.mark.rule("S39")
def test_with_sum_an_act_without_a_number_does_not_match() -> None:
    assert not matched(spend())
    assert not matched(spend(sum="points"), amount=5, attributes={"points": "many"})
    assert not matched(spend(sum="points"), attributes={"points": True})
    assert matched(spend(sum="points"), attributes={"points": "5.50"})
    assert matched(spend(), amount=0)


def progress(records: list[Json]) -> list[str | None]:
    return [record["detail"].get("progress") for record in records]


@pytest.mark.rule("S39", "S37")
def test_where_applies_to_returns_and_a_return_counts_on_its_own_date() -> None:
    within = spend(within={"duration": "MONTHS"}, where={"channel": "web"})
    lines = [
        badge(starts_at="2023-09-01T00:00:00Z", issue_on=within),
        act("e-1", "2023-09-30T10:00:00Z", amount=60, attributes={"channel": "web"}),
        act("e-2", "2023-10-01T10:00:00Z", amount=-10, attributes={"channel": "web"}),
        act("e-3", "2023-10-01T10:00:00Z", amount=-10, attributes={"channel": "shop"}),
        act("e-4", "2023-09-30T10:00:00Z", amount=30, attributes={"channel": "web"}),
    ]
    records = play(at(NOW, *lines))
    assert [record["event_id"] for record in records] == ["e-1", "e-2", "e-4"]
    assert progress(records) == ["60", "-10", "90"]


@pytest.mark.rule("S40")
def test_without_sum_and_count_every_matching_act_issues() -> None:
    terms = {"action": "PURCHASE", "repeat": False, "within": {"duration": "MONTHS"}}
    records = play(at(NOW, badge(issue_on=terms), act("e-1", THEN), act("e-2", THEN)))
    assert told(records) == ["ISSUED", "ISSUED"]
    assert [record["detail"] for record in records] == [{"limits": []}] * 2


def counting(reaches: int = 2, **fields: Any) -> Json:
    return {"action": "PURCHASE", "count": True, "reaches": reaches, **fields}


@pytest.mark.rule("S41", "S46")
def test_acts_add_up_in_processing_order_over_the_whole_badge() -> None:
    lines = [
        badge(issue_on=counting(3)),
        act("e-1", "2023-10-19T00:00:00Z"),
        act("e-2", "2023-10-01T00:00:00Z"),
        act("other", "2023-10-01T00:00:00Z", customer_id="43"),
        act("e-3", "2023-10-10T00:00:00Z"),
        act("e-4", "2023-10-02T00:00:00Z"),
    ]
    records = play(at(NOW, *lines))
    assert told(records) == ["COUNTED", "COUNTED", "COUNTED", "ISSUED", "COUNTED"]
    assert progress(records) == ["1", "2", "1", "3", "4"]
    assert records[3]["event_date"] == "2023-10-10T00:00:00.000Z"


@pytest.mark.rule("S41", "R1")
def test_for_enrol_and_issue_the_period_is_the_enrolment_that_covers_the_act() -> None:
    lines = [
        enrol_badge(issue_on=counting()),
        enrol("e-1", "2023-10-10T00:00:00Z"),
        enrol("e-2", "2023-10-19T00:00:00Z"),
        act("e-3", "2023-10-19T10:00:00Z"),
    ]
    late = [act("e-4", "2023-10-11T00:00:00Z"), act("e-5", "2023-10-20T00:00:00Z")]
    after = [act("e-6", "2023-10-11T00:00:00Z")]
    records = play(at(NOW, *lines), at("2023-11-10T00:00:00Z", *late, *after))[2:]
    assert told(records) == ["COUNTED", "COUNTED", "ISSUED", "ISSUED"]
    assert progress(records) == ["1", "1", "2", "2"]


@pytest.mark.rule("S41", "S51", "S54")
def test_of_several_enrolments_that_cover_an_act_the_one_made_first_counts() -> None:
    """Two enrolments come to overlap when the badge that ends the first one is extended."""
    with_badge = {"starts_at": "2023-10-01T00:00:00Z", "enrolment_expiry": {"type": "WITH_BADGE"}}
    short = enrol_badge(**with_badge, ends_at="2023-10-15T00:00:00Z")
    counted = enrol_badge(
        ends_at="2023-10-30T00:00:00Z",
        enrolment_expiry=relative(10),
        issue_on=counting(),
        issue_expiry=relative(1),
    )
    records = play(
        at("2023-10-14T00:00:00Z", short, enrol("e-1", "2023-10-14T00:00:00Z")),
        at(
            "2023-10-16T00:00:00Z", enrol_badge(ends_at="2023-10-15T00:00:00Z", enrolment_expiry=relative(10))
        ),
        at("2023-10-16T00:00:00Z", enrol("e-2", "2023-10-16T00:00:00Z", **support()), counted),
        at("2023-10-17T00:00:00Z", act("e-3", "2023-10-17T00:00:00Z"), act("e-4", "2023-10-17T00:00:00Z")),
    )
    assert told(records) == ["ENROLLED", "ENROLLED", "COUNTED", "ISSUED"]
    assert records[3]["enrolment_id"] == records[0]["enrolment_id"]


@pytest.mark.rule("S42")
def test_cycles_of_within_run_from_the_start_day_with_a_stub() -> None:
    """The badge starts on Wednesday, 4 Oct; its first week ends on Sunday, 8 Oct."""
    weekly = badge(starts_at="2023-10-04T15:00:00Z", issue_on=counting(within={"duration": "WEEKS"}))
    dates = ["04T16:00", "08T23:59", "09T00:00", "15T23:59"]
    lines = [act(f"e-{date}", f"2023-10-{date}:00Z") for date in dates]
    assert told(play(at(NOW, weekly, *lines))) == ["COUNTED", "ISSUED", "COUNTED", "ISSUED"]
    answer = last(at(NOW, weekly, *lines, customer()))["customer"]
    assert [entry["period"] for entry in answer["progress"]] == [
        ["2023-10-04", "2023-10-08"],
        ["2023-10-09", "2023-10-15"],
    ]


@pytest.mark.rule("S42")
@pytest.mark.parametrize(
    ("within", "period"),
    [
        ({"duration": "DAYS", "refresh_rate": 3}, ["2023-10-31", "2023-11-02"]),
        ({"duration": "WEEKS", "start_day": "TUESDAY"}, ["2023-10-31", "2023-11-06"]),
        ({"duration": "MONTHS", "start_day": "TUESDAY", "refresh_rate": 3}, ["2023-11-01", "2023-11-30"]),
    ],
)
def test_cycles_of_within_go_on_without_end(within: Json, period: list[str]) -> None:
    """An act in an enrolment that outlives the badge; its cycle is not cut."""
    lines = [
        enrol_badge(
            starts_at="2023-10-04T00:00:00Z",
            issue_on=counting(within=within),
            enrolment_expiry=relative(1, "MONTHS"),
        ),
        enrol("e-1", "2023-10-28T00:00:00Z"),
    ]
    late = "2023-11-01T12:00:00Z"
    answer = last(at("2023-10-28T00:00:00Z", *lines), at(late, act("e-2", late), customer()))
    assert [entry["period"] for entry in answer["customer"]["progress"]] == [period]


@pytest.mark.rule("S42", "S41", "S95")
def test_in_a_cycle_acts_under_different_enrolments_add_up() -> None:
    lines = [
        enrol_badge(issue_on=counting(3, within={"duration": "MONTHS"})),
        enrol("e-1", "2023-10-20T08:00:00Z"),
        act("e-2", THEN),
        revoke_enrolment("e-3", THEN),
        enrol("e-4", "2023-10-20T08:30:00Z"),
        act("e-5", THEN),
    ]
    assert progress(play(at(NOW, *lines)))[-1] == "2"


@pytest.mark.rule("S42", "S103")
def test_days_before_the_badge_form_one_period() -> None:
    """The badge starts on 16 Oct; the support desk enrolled the customer from 1 Oct on."""
    weekly = enrol_badge(
        starts_at="2023-10-16T00:00:00Z",
        enrolment_expiry=relative(1, "MONTHS"),
        issue_on=counting(within={"duration": "WEEKS"}),
    )
    lines = [
        weekly,
        enrol("e-1", "2023-10-01T00:00:00Z", **support()),
        act("e-2", "2023-10-02T00:00:00Z"),
        act("e-3", "2023-10-15T23:59:59Z"),
        act("e-4", "2023-10-16T00:00:00Z"),
        customer(),
    ]
    records = play(at(NOW, *lines))
    assert told(records[:-1]) == ["ENROLLED", "COUNTED", "ISSUED", "COUNTED"]
    assert [entry["period"] for entry in records[-1]["customer"]["progress"]] == [
        [None, "2023-10-15"],
        ["2023-10-16", "2023-10-22"],
    ]


@pytest.mark.rule("S43")
def test_an_act_refused_before_the_limits_adds_nothing() -> None:
    lines = [
        badge(active=False, issue_on=counting()),
        act("e-1", THEN),
        badge(issue_on=counting()),
        act("e-2", THEN),
    ]
    records = play(at(NOW, *lines))
    assert told(records) == ["BADGE_INACTIVE", "COUNTED"]
    assert progress(records) == [None, "1"]


@pytest.mark.rule("S44", "S45", "S46")
@pytest.mark.parametrize(
    ("repeat", "amounts", "words"),
    [
        pytest.param(False, [99, 1, 100, 500], ["COUNTED", "ISSUED", "COUNTED", "COUNTED"], id="once"),
        pytest.param(True, [100, 99, 1], ["ISSUED", "COUNTED", "ISSUED"], id="again at each multiple"),
        pytest.param(True, [350, 49, 1], ["ISSUED"] * 3 + ["COUNTED", "ISSUED"], id="several at once"),
        pytest.param(False, [350, 50], ["ISSUED", "COUNTED"], id="once without repeat"),
        pytest.param(True, [100, -100, 100, 100], ["ISSUED", "COUNTED", "COUNTED", "ISSUED"], id="a return"),
        pytest.param(True, [-250, 250, 100], ["COUNTED", "COUNTED", "ISSUED"], id="below zero"),
        pytest.param(True, [-100], ["COUNTED"], id="minus one multiple"),
        pytest.param(True, [0], ["COUNTED"], id="nothing"),
        pytest.param(False, ["99.999999", "0.000001"], ["COUNTED", "ISSUED"], id="exactly enough"),
    ],
)
def test_crossings_of_a_threshold(repeat: bool, amounts: list[Any], words: list[str]) -> None:
    lines = [act(f"e-{number}", THEN, amount=amount) for number, amount in enumerate(amounts)]
    assert told(play(at(NOW, badge(issue_on=spend(repeat=repeat)), *lines))) == words


@pytest.mark.rule("S44")
def test_a_refused_crossing_stays_spent_and_each_is_checked_after_the_one_before() -> None:
    once = badge(issue_on=spend(repeat=True), customer_limits=[overall(1)])
    records = play(at(NOW, once, act("e-1", THEN, amount=300), act("e-2", THEN, amount=99)))
    assert told(records) == ["ISSUED", "LIMIT_OVERALL", "LIMIT_OVERALL", "COUNTED"]
    assert progress(records) == ["300", "300", "300", "399"]
    freed = revoke_issue("e-3", THEN, records[0]["issuance_id"])
    lines = [
        once,
        act("e-1", THEN, amount=300),
        freed,
        act("e-2", THEN, amount=99),
        act("e-4", THEN, amount=1),
    ]
    assert told(play(at(NOW, *lines)))[3:] == ["REVOKED", "COUNTED", "ISSUED"]


@pytest.mark.rule("S44")
def test_an_act_makes_at_most_a_hundred_crossings_and_the_next_goes_on() -> None:
    ones = badge(issue_on=spend(reaches=1, repeat=True))
    lines = [act("e-1", THEN, amount=250), act("e-2", THEN, amount=-100), act("e-3", THEN, amount="0.5")]
    records = play(at(NOW, ones, *lines))
    by_act = [[record for record in records if record["event_id"] == f"e-{number}"] for number in (1, 2, 3)]
    assert [len(found) for found in by_act] == [100, 50, 1]
    assert told(by_act[0] + by_act[1]) == ["ISSUED"] * 150
    assert told(by_act[2]) == ["COUNTED"]
    assert {record["detail"]["progress"] for record in by_act[1]} == {"150"}


@pytest.mark.rule("S46", "S99")
def test_an_act_that_is_added_without_a_crossing_is_counted_whatever_its_amount() -> None:
    records = play(
        at(NOW, badge(issue_on=spend()), act("e-1", THEN, amount=0), act("e-2", THEN, amount="-0.5"))
    )
    assert [record["detail"] for record in records] == [
        {"progress": "0", "reaches": "100"},
        {"progress": "-0.5", "reaches": "100"},
    ]


@pytest.mark.rule("S47")
def test_an_explicit_issue_ignores_the_criterion_and_moves_no_progress() -> None:
    lines = [badge(issue_on=counting()), issue("e-1", THEN), act("e-2", THEN), issue("e-3", THEN)]
    records = play(at(NOW, *lines))
    assert told(records) == ["ISSUED", "COUNTED", "ISSUED"]
    assert progress(records) == [None, "1", None]


@pytest.mark.rule("S47")
def test_requests_need_no_criteria() -> None:
    assert told(play(at(NOW, enrol_badge(), enrol("e-1", THEN), issue("e-2", THEN), act("e-3", THEN)))) == [
        "ENROLLED",
        "ISSUED",
    ]


def after_edit(before: Json | None, after: Json | None, *more: Json | None) -> Json:
    """The record of a purchase of 10 after one of 60 under `before` and the edits to `after` and `more`."""
    edits = [badge(issue_on=terms) for terms in (after, *more)]
    purchases = [act("e-1", THEN, amount=60), act("e-2", THEN, amount=10, attributes={"channel": "web"})]
    return last(at(NOW, badge(issue_on=before), purchases[0], *edits, purchases[1]))


@pytest.mark.rule("S48")
@pytest.mark.parametrize(
    "edits",
    [
        pytest.param([spend(action=["PURCHASE", "VISIT"])], id="action"),
        pytest.param([spend(where={"channel": "web"})], id="where"),
        pytest.param([spend(reaches=200)], id="reaches"),
        pytest.param([spend(repeat=True)], id="repeat"),
        pytest.param([spend(within={"duration": "BADGE"})], id="the default in words"),
    ],
)
def test_an_edit_that_is_no_change_of_measure_keeps_the_total(edits: list[Json]) -> None:
    assert after_edit(spend(), *edits)["detail"]["progress"] == "70"


@pytest.mark.rule("S48")
@pytest.mark.parametrize(
    ("edits", "total"),
    [
        pytest.param([spend(within={"duration": "MONTHS"})], "10", id="within"),
        pytest.param([counting(100)], "1", id="count for sum"),
        pytest.param([spend(within={"duration": "MONTHS"}), spend()], "10", id="within there and back"),
        pytest.param([counting(100), spend()], "10", id="sum there and back"),
        pytest.param([None, spend()], "10", id="no criterion and back"),
        pytest.param([{"action": "PURCHASE"}, spend()], "10", id="no threshold and back"),
        pytest.param([spend(sum="points"), spend()], "10", id="another number and back"),
    ],
)
def test_a_change_of_measure_starts_at_zero_also_back_to_an_earlier_one(edits: list[Any], total: str) -> None:
    assert after_edit(spend(), *edits)["detail"]["progress"] == total


@pytest.mark.rule("S48", "S70")
def test_the_same_within_written_otherwise_is_no_change() -> None:
    week = {"duration": "WEEKS"}
    same = {"duration": "WEEKS", "start_day": "MONDAY", "refresh_rate": 9}
    assert after_edit(spend(within=week), spend(within=same))["detail"]["progress"] == "70"
    other = {"duration": "WEEKS", "start_day": "TUESDAY"}
    assert after_edit(spend(within=week), spend(within=other))["detail"]["progress"] == "10"


@pytest.mark.rule("S48")
def test_a_change_of_measure_starts_crossings_at_zero() -> None:
    edits = [badge(issue_on=counting(1)), act("e-2", THEN), badge(issue_on=spend(reaches=60))]
    lines = [
        badge(issue_on=spend(reaches=60)),
        act("e-1", THEN, amount=60),
        *edits,
        act("e-3", THEN, amount=60),
    ]
    assert told(play(at(NOW, *lines))) == ["ISSUED"] * 3


@pytest.mark.rule("S48")
def test_an_edit_issues_nothing_by_itself_but_the_next_counted_act_does() -> None:
    """60 of 100 becomes 60 of 20 with repeat: three crossings are missing."""
    lines: list[Line] = [badge(issue_on=spend()), act("e-1", THEN, amount=60)]
    lowered = badge(issue_on=spend(reaches=20, repeat=True))
    assert told(play(at(NOW, *lines, lowered))) == ["COUNTED"]
    records = play(at(NOW, *lines, lowered, act("e-2", THEN, amount=-20), act("e-3", THEN, amount=20)))
    assert told(records) == ["COUNTED", "ISSUED", "ISSUED", "ISSUED"]
    assert [record["event_id"] for record in records] == ["e-1", "e-2", "e-2", "e-3"]


@pytest.mark.rule("S48")
def test_crossings_made_are_kept_when_the_threshold_is_raised() -> None:
    lines: list[Line] = [badge(issue_on=spend(reaches=20, repeat=True)), act("e-1", THEN, amount=60)]
    raised = badge(issue_on=spend(reaches=30, repeat=True))
    records = play(at(NOW, *lines, raised, act("e-2", THEN, amount=59), act("e-3", THEN, amount=1)))
    assert told(records) == ["ISSUED"] * 3 + ["COUNTED", "ISSUED"]


@pytest.mark.rule("S48")
def test_what_was_counted_keeps_the_number_it_was_counted_with() -> None:
    lines: list[Line] = [badge(issue_on=spend()), act("e-1", THEN, amount=60)]
    stricter = badge(issue_on=spend(where={"amount": {"min": 70}}))
    records = play(at(NOW, *lines, stricter, act("e-2", THEN, amount=60), act("e-3", THEN, amount=70)))
    assert progress(records) == ["60", "130"]


@pytest.mark.rule("S49")
def test_a_customer_may_be_issued_a_badge_any_number_of_times() -> None:
    lines = [issue(f"e-{number}", THEN) for number in range(50)]
    assert told(play(at(NOW, settings(), badge(), *lines))) == ["ISSUED"] * 50
