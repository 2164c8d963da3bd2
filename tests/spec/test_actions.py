"""S10 to S19: well-formed actions, registration, duplicates."""

import json
from typing import Any

import pytest

from schemas.timeline import simulate
from tests.builders import (
    ORG,
    Json,
    act,
    at,
    badge,
    customer,
    enrol,
    enrol_badge,
    every,
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

NOW = "2023-10-20T10:00:00Z"
THEN = "2023-10-20T09:00:00Z"
BUYING = {"action": "PURCHASE"}
LONG, TOO_LONG = "x" * 256, "x" * 257


def refused_field(action: Json) -> str | None:
    """The field at fault of a malformed action; None if the action is well-formed."""
    record = play(at(NOW, badge(issue_on=BUYING), {"action": action}))[:1]
    if not record or "error" not in record[0]:
        return None
    assert record[0]["error"]["code"] == 400
    reference: str = record[0]["error"]["reference"]
    return reference


def changed(line: Json, **fields: Any) -> Json:
    """The body of the line with fields replaced; those given as `...` are left out."""
    body = {**line["action"], **fields}
    return {name: value for name, value in body.items() if value is not ...}


@pytest.mark.rule("S10", "S12", "S104", "S109")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("org_id", ...),
        ("org_id", None),
        ("org_id", "7"),
        ("org_id", 7.0),
        ("org_id", 7.5),
        ("org_id", True),
        ("org_id", -1),
        ("org_id", 2**63),
        ("event_id", ...),
        ("event_id", None),
        ("event_id", ""),
        ("event_id", TOO_LONG),
        ("event_id", 5),
        ("event_id", ["e"]),
        ("customer_id", ...),
        ("customer_id", ""),
        ("customer_id", TOO_LONG),
        ("customer_id", 42),
        ("action", ...),
        ("action", ""),
        ("action", TOO_LONG),
        ("action", False),
        ("event_date", ...),
        ("event_date", None),
        ("event_date", "yesterday"),
        ("event_date", 1_697_796_000),
        ("amount", "a lot"),
        ("amount", True),
        ("amount", {}),
        ("attributes", []),
        ("attributes", "channel=web"),
    ],
)
def test_an_action_is_malformed_without_a_proper(field: str, value: Any) -> None:
    assert refused_field(changed(act("e", THEN), **{field: value})) == field


@pytest.mark.rule("S10")
@pytest.mark.parametrize("value", [[1], {"nested": 1}, 0.0000001, 10**18])
def test_an_attribute_is_a_string_a_boolean_or_a_decimal(value: Any) -> None:
    field = refused_field(changed(act("e", THEN), attributes={"channel": value}))
    assert field is not None
    assert field.startswith("attributes")


@pytest.mark.rule("S10")
@pytest.mark.parametrize(
    "line",
    [
        act("e", THEN, org_id=0),
        act("e", THEN, org_id=2**63 - 1),
        act(LONG, THEN, LONG, customer_id=LONG),
        act("é" * 256, THEN, customer_id="🏅" * 256),
        act("e", THEN, amount=None, attributes=None),
        act("e", THEN, attributes={"a": "", "b": True, "c": 1.5, "d": -3, "e": "x" * 1000}),
        revoke_enrolment("e", THEN, enrolment_id=None),
        issue("e", THEN, override_eligibility=False),
        issue("e", THEN, override_eligibility=None, requested_by=None),
        enrol("e", THEN, **support()),
    ],
)
def test_an_action_at_the_edge_is_well_formed(line: Json) -> None:
    assert refused_field(line["action"]) is None


@pytest.mark.rule("S10")
@pytest.mark.parametrize("make", [enrol, issue, revoke_enrolment])
@pytest.mark.parametrize("value", [..., None, "", TOO_LONG, 3])
def test_a_request_names_its_badge(make: Any, value: Any) -> None:
    assert refused_field(changed(make("e", THEN), badge_id=value)) == "badge_id"


@pytest.mark.rule("S10")
@pytest.mark.parametrize("value", [..., None, "", TOO_LONG, 3])
def test_a_revocation_of_an_issue_names_the_issuance(value: Any) -> None:
    assert refused_field(changed(revoke_issue("e", THEN, "i"), issuance_id=value)) == "issuance_id"


@pytest.mark.rule("S10")
@pytest.mark.parametrize("value", ["", TOO_LONG, 3, {}])
def test_an_enrolment_id_is_an_id_if_it_is_given(value: Any) -> None:
    assert refused_field(changed(revoke_enrolment("e", THEN), enrolment_id=value)) == "enrolment_id"


@pytest.mark.rule("S10")
@pytest.mark.parametrize("value", ["true", 1, {}])
def test_override_is_a_boolean(value: Any) -> None:
    line = issue("e", THEN, override_eligibility=value, requested_by="desk")
    assert refused_field(line["action"]) == "override_eligibility"


@pytest.mark.rule("S11")
@pytest.mark.parametrize(
    "line",
    [
        act("e", THEN, **support()),
        register("e", THEN, **support()),
        revoke_enrolment("e", THEN, **support()),
        revoke_issue("e", THEN, "i", **support()),
        issue("e", THEN, override_eligibility=True),
        issue("e", THEN, override_eligibility=True, requested_by=""),
        enrol("e", THEN, override_eligibility=True, requested_by=None),
    ],
)
def test_override_is_for_enrol_and_issue_and_names_who_asked(line: Json) -> None:
    assert refused_field(line["action"]) in ("override_eligibility", "requested_by")


@pytest.mark.rule("S12")
def test_null_counts_as_absent_and_unknown_fields_are_ignored() -> None:
    spend = badge(issue_on={"action": "PURCHASE", "where": {"channel": "web"}})
    absent = act("e-1", THEN, attributes={"channel": None})
    ignored = act(
        "e-2", THEN, attributes={"channel": "web"}, badge_id=5, issuance_id=[], till="12", at="never"
    )
    assert told(play(at(NOW, spend, absent, ignored))) == ["ISSUED"]


@pytest.mark.rule("S12")
@pytest.mark.parametrize("field", ["event_id", "customer_id", "action"])
def test_no_string_holds_a_lone_surrogate(field: str) -> None:
    line = {"at": NOW, "action": changed(act("e", THEN), **{field: "a\ud800b"})}
    (printed,) = simulate([json.dumps(line).encode()])
    assert json.loads(printed)["error"]["reference"] == field


@pytest.mark.rule("S13", "S14")
def test_a_malformed_action_is_no_delivery() -> None:
    malformed = act("e-1", "whenever")
    lines = [badge(issue_on=BUYING), malformed, act("e-1", THEN), malformed, act("e-1", THEN)]
    assert told(play(at(NOW, *lines))) == ["400", "ISSUED", "400", "DUPLICATE"]


@pytest.mark.rule("S13", "S18")
def test_a_malformed_registration_registers_nobody() -> None:
    record = last(at(NOW, register("e", THEN, amount="much"), customer()))
    assert record["customer"]["registered_at"] is None


@pytest.mark.rule("S14")
def test_an_event_is_known_by_org_customer_and_event_id() -> None:
    lines = [
        badge(issue_on=BUYING),
        badge(org_id=8, issue_on=BUYING),
        act("e-1", THEN),
        act("e-1", THEN, customer_id="43"),
        act("e-1", THEN, org_id=8),
        act("e-2", THEN),
        act("e-1", "2023-10-11T09:00:00Z", "SOMETHING_ELSE", amount=3),
    ]
    assert told(play(at(NOW, *lines))) == ["ISSUED", "ISSUED", "ISSUED", "ISSUED", "DUPLICATE"]


@pytest.mark.rule("S15")
def test_a_further_delivery_is_a_duplicate_whatever_the_first_yielded() -> None:
    lines = [
        badge(active=False, issue_on=BUYING),
        act("e-1", THEN),
        badge(issue_on=BUYING),
        act("e-1", THEN),
        act("e-1", "2024-10-20T09:00:00Z"),
    ]
    assert told(play(at(NOW, *lines))) == ["BADGE_INACTIVE", "DUPLICATE", "DUPLICATE"]


@pytest.mark.rule("S15")
def test_a_further_delivery_is_new_for_a_badge_that_had_no_record() -> None:
    """The first delivery was noise for "b"; the second, with its own payload, issues it."""
    lines = [
        badge(badge_id="a", issue_on=BUYING),
        badge(badge_id="b", issue_on={"action": "PURCHASE", "where": {"amount": {"min": 100}}}),
        act("e-1", THEN, amount=50),
        act("e-1", THEN, amount=150),
    ]
    first, again, new = play(at(NOW, *lines))
    assert (first["badge_id"], first["outcome"]) == ("a", "ISSUED")
    assert (again["badge_id"], again["outcome"]) == ("a", "DUPLICATE")
    assert (new["badge_id"], new["outcome"]) == ("b", "ISSUED")


@pytest.mark.rule("S15", "S26")
def test_a_request_repeats_the_records_of_other_badges_as_duplicates() -> None:
    lines = [
        badge(badge_id="a", issue_on=BUYING),
        badge(badge_id="c", issue_on=BUYING),
        badge(badge_id="b"),
        act("e-1", THEN),
        issue("e-1", THEN, "b"),
    ]
    records = play(at(NOW, *lines))[2:]
    assert [(record["badge_id"], record["outcome"]) for record in records] == [
        ("a", "DUPLICATE"),
        ("b", "ISSUED"),
        ("c", "DUPLICATE"),
    ]


@pytest.mark.rule("S15", "S60", "S90")
def test_a_refusal_for_an_unknown_badge_is_repeated_as_a_duplicate() -> None:
    first, again = play(at(NOW, issue("e-1", "2023-10-11T09:00:00Z", "no-such"), act("e-1", THEN)))
    assert (first["reason"], first["retro"], first["definition_version"]) == ("BADGE_UNKNOWN", False, None)
    assert (again["outcome"], again["badge_id"]) == ("DUPLICATE", "no-such")
    assert (again["retro"], again["definition_version"]) == (False, None)


@pytest.mark.rule("S16")
def test_a_duplicate_names_the_badge_and_no_ids() -> None:
    """Both records of the first delivery, ENROLLED and ISSUED, are one DUPLICATE."""
    lines = [
        enrol_badge(enrol_on=BUYING, issue_on=BUYING),
        act("e-1", "2023-10-20T08:00:00Z"),
        act("e-1", THEN),
    ]
    enrolled, issued, duplicate = play(at(NOW, *lines))
    assert told([enrolled, issued]) == ["ENROLLED", "ISSUED"]
    assert duplicate == {
        "at": "2023-10-20T10:00:00.000Z",
        "event_id": "e-1",
        "org_id": ORG,
        "customer_id": "42",
        "badge_id": "b",
        "outcome": "DUPLICATE",
        "reason": None,
        "event_date": "2023-10-20T09:00:00.000Z",
        "processed_at": "2023-10-20T10:00:00.000Z",
        "expires_at": None,
        "issuance_id": None,
        "enrolment_id": None,
        "retro": False,
        "run_id": None,
        "definition_version": 1,
        "detail": {},
    }


@pytest.mark.rule("S17")
def test_a_request_concerns_its_badge_and_an_act_all_badges_of_the_org() -> None:
    lines = [
        badge(badge_id="a", issue_on=BUYING),
        badge(badge_id="b", issue_on=BUYING),
        badge(badge_id="c", org_id=8, issue_on=BUYING),
        act("e-1", THEN),
        issue("e-2", THEN, "b"),
        act("e-3", THEN, badge_id="b"),
    ]
    assert [record["badge_id"] for record in play(at(NOW, *lines))] == ["a", "b", "b", "a", "b"]


def registered_at(*groups: list[Json]) -> str | None:
    answer = last(*groups, at("2023-12-01T00:00:00Z", customer()))["customer"]
    registration: str | None = answer["registered_at"]
    return registration


@pytest.mark.rule("S18")
def test_register_sets_the_registration_and_the_last_one_processed_counts() -> None:
    first, second = register("r-1", "2023-10-10T00:00:00Z"), register("r-2", "2023-10-05T00:00:00Z")
    assert registered_at(at(NOW, first)) == "2023-10-10T00:00:00.000Z"
    assert registered_at(at(NOW, first, second)) == "2023-10-05T00:00:00.000Z"


@pytest.mark.rule("S18")
def test_a_registration_more_than_a_day_ahead_sets_nothing() -> None:
    kept = register("r-1", "2023-10-10T00:00:00Z")
    assert registered_at(at(NOW, kept, register("r-2", "2023-10-21T10:00:00.001Z"))) == (
        "2023-10-10T00:00:00.000Z"
    )
    assert registered_at(at(NOW, kept, register("r-2", "2023-10-21T10:00:00Z"))) == (
        "2023-10-21T10:00:00.000Z"
    )


@pytest.mark.rule("S18")
def test_a_repeated_registration_sets_nothing_even_if_the_first_set_nothing() -> None:
    ahead = register("r-1", "2024-10-10T00:00:00Z")
    assert registered_at(at(NOW, ahead, register("r-1", "2023-10-10T00:00:00Z"))) is None
    again = [
        register("r-1", "2023-10-10T00:00:00Z"),
        register("r-2", "2023-10-05T00:00:00Z"),
        register("r-1", "2023-10-01T00:00:00Z"),
    ]
    assert registered_at(at(NOW, *again)) == "2023-10-05T00:00:00.000Z"


@pytest.mark.rule("S18")
def test_an_event_id_of_another_action_is_not_a_repeated_registration() -> None:
    assert registered_at(at(NOW, act("r-1", THEN), register("r-1", THEN))) == "2023-10-20T09:00:00.000Z"


@pytest.mark.rule("S18", "S15")
def test_a_registration_whose_event_had_a_record_registers_all_the_same() -> None:
    lines = [badge(issue_on={"action": ["PURCHASE", "REGISTER"]}), act("x", THEN), register("x", THEN)]
    assert told(play(at(NOW, *lines))) == ["ISSUED", "DUPLICATE"]
    assert registered_at(at(NOW, *lines)) == "2023-10-20T09:00:00.000Z"


@pytest.mark.rule("S18")
def test_register_yields_records_only_as_an_ordinary_act_matched_after_it_registered() -> None:
    """The buffer of the registration that the act itself made refuses its retro issue."""
    lines = [
        settings(retro_delay_since_registration_hours=48),
        badge(badge_id="a", issue_on={"action": "REGISTER"}),
        badge(badge_id="b", issue_on=BUYING),
        register("r", "2023-10-19T09:00:00Z"),
    ]
    (record,) = play(at(NOW, *lines))
    assert (record["badge_id"], record["reason"]) == ("a", "REGISTRATION_BUFFER")


@pytest.mark.rule("S19")
def test_an_unknown_registration_waives_age_and_buffer() -> None:
    lines = [
        settings(retro_max_age_days=1, retro_delay_since_registration_hours=1000),
        badge(customer_limits=[every(9, 1)]),
        issue("e-1", "2023-10-02T09:00:00Z"),
        register("r", "2023-10-19T09:00:00Z"),
        issue("e-2", "2023-10-02T09:00:00Z"),
        issue("e-3", "2023-10-19T09:00:00Z"),
        issue("e-4", "2023-10-02T09:00:00Z", customer_id="43"),
    ]
    assert told(play(at(NOW, *lines))) == [
        "ISSUED",
        "EVENT_TOO_OLD_FOR_REGISTRATION",
        "REGISTRATION_BUFFER",
        "ISSUED",
    ]
