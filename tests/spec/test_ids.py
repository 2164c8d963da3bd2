"""S20 to S25: ids and reference ids, printed ones and those of edits."""

import json
import uuid
from typing import Any

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
    last,
    monthly,
    overall,
    play,
    weekly,
    windows,
)

NOW = "2023-10-20T10:00:00Z"
THEN = "2023-10-20T09:00:00Z"


def named(*name: Any) -> str:
    text = json.dumps(list(name), ensure_ascii=False, separators=(",", ":"))
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


@pytest.mark.rule("S20", "S21", "S24")
def test_an_issuance_id_is_the_printed_one() -> None:
    record = last(at(NOW, badge(badge_id="gold-shopper"), issue("e-1", THEN, "gold-shopper")))
    assert record["issuance_id"] == "c626a67b-d336-5a39-b0b0-96908daa238c"


@pytest.mark.rule("S20", "S21", "S24")
def test_an_issuance_id_of_other_letters_and_a_second_crossing_is_the_printed_one() -> None:
    spend = badge(
        badge_id="größe", issue_on={"action": "PURCHASE", "sum": "amount", "reaches": 10, "repeat": True}
    )
    records = play(at(NOW, spend, act("e-1", THEN, customer_id='Zoë "4/2"', amount=20)))
    assert records[1]["issuance_id"] == "1e0478fe-527f-5774-8748-65a2cac7c634"


@pytest.mark.rule("S20")
@pytest.mark.parametrize(
    "text", ["a\\b", "tab\there", "nul\x00", "\x7f", "\u2028", "/", "🏅", "é", "e\u0301"]
)
def test_ids_follow_the_json_of_their_name_to_the_letter(text: str) -> None:
    record = last(at(NOW, badge(badge_id=text, name="n"), issue(text, THEN, text, customer_id=text)))
    assert record["issuance_id"] == named("issuance", 7, text, text, text, 1)


@pytest.mark.rule("S21")
def test_refused_crossings_are_numbered_too() -> None:
    """The limit is spent at the second crossing; a second customer's numbers begin at one again."""
    spend = badge(
        issue_on={"action": "PURCHASE", "sum": "amount", "reaches": 10, "repeat": True},
        customer_limits=[overall(1)],
    )
    lines = [
        spend,
        issue("e-0", THEN),
        act("e-1", THEN, amount=20),
        act("e-2", THEN, amount=20, customer_id="43"),
    ]
    records = play(at(NOW, *lines))
    assert [record["issuance_id"] for record in records] == [
        named("issuance", 7, "b", "42", "e-0", 1),
        None,
        None,
        named("issuance", 7, "b", "43", "e-2", 1),
        None,
    ]


@pytest.mark.rule("S21")
def test_an_occurrence_is_the_number_of_the_crossing_within_the_act() -> None:
    """The second act makes the second and third crossing of the period, and numbers them 1 and 2."""
    spend = badge(issue_on={"action": "PURCHASE", "sum": "amount", "reaches": 10, "repeat": True})
    records = play(at(NOW, spend, act("e-1", THEN, amount=10), act("e-2", THEN, amount=20)))
    assert [record["issuance_id"] for record in records] == [
        named("issuance", 7, "b", "42", "e-1", 1),
        named("issuance", 7, "b", "42", "e-2", 1),
        named("issuance", 7, "b", "42", "e-2", 2),
    ]


@pytest.mark.rule("S22")
def test_an_enrolment_id_is_named_by_the_event() -> None:
    record = last(at(NOW, enrol_badge(), enrol("e-1", THEN)))
    assert record["enrolment_id"] == named("enrolment", 7, "b", "42", "e-1", 1)


@pytest.mark.rule("S22")
def test_an_enrolment_id_is_the_printed_one() -> None:
    """The one of the examples of section 12: badge explorer, event e-2."""
    explorer = "98114822-ca3e-5329-ad07-d4c08e36c52b"
    assert explorer in {named("enrolment", 7, "explorer", "42", f"e-{number}", 1) for number in range(1, 10)}


def configuration_ids(*groups: list[Json], level: str = "CUSTOMER") -> list[str]:
    answer = last(*groups, at("2023-10-25T00:00:00Z", windows(level)))["windows"]
    return [configuration["configuration_id"] for configuration in answer["configurations"]]


def numbered(*numbers: int, level: str = "CUSTOMER") -> list[str]:
    return [named("configuration", 7, "b", level, number) for number in numbers]


@pytest.mark.rule("S23", "S24")
def test_the_first_configuration_has_the_printed_id() -> None:
    gold = badge(badge_id="gold-shopper", customer_limits=[every(2, 3)])
    answer = last(at(NOW, gold, windows(badge_id="gold-shopper")))["windows"]
    assert answer["configurations"][0]["configuration_id"] == "79a84f3f-8898-50d5-bcee-0646524132a8"


@pytest.mark.rule("S23", "FW-1.2")
def test_a_replaced_configuration_keeps_its_number() -> None:
    before = "2023-09-01T00:00:00Z"
    edits = [badge(customer_limits=[limit]) for limit in (every(1, 3), monthly(1), every(1, 3))]
    assert configuration_ids(at(before, *edits)) == numbered(3)


@pytest.mark.rule("S23", "S69")
def test_a_removed_configuration_keeps_its_number() -> None:
    before = "2023-09-01T00:00:00Z"
    edits = [badge(customer_limits=[every(1, 3)]), badge(), badge(customer_limits=[every(1, 3)])]
    assert configuration_ids(at(before, *edits)) == numbered(2)


@pytest.mark.rule("S23", "S71", "FW-2.5")
def test_a_limit_only_edit_creates_no_configuration() -> None:
    edits = [badge(customer_limits=[every(top, 3)]) for top in (1, 2, 3)]
    reshaped = badge(customer_limits=[weekly(1)])
    assert configuration_ids(at(NOW, *edits, reshaped)) == numbered(1, 2)


@pytest.mark.rule("S23")
def test_levels_number_their_configurations_apart() -> None:
    edits = [
        badge(customer_limits=[every(1, 3)]),
        badge(customer_limits=[every(1, 4)], badge_limits=[monthly(1)]),
    ]
    assert configuration_ids(at(NOW, *edits)) == numbered(1, 2)
    assert configuration_ids(at(NOW, *edits), level="BADGE") == numbered(1, level="BADGE")


@pytest.mark.rule("S25", "S70")
@pytest.mark.parametrize(
    ("level", "limit", "reference"),
    [
        ("CUSTOMER", every(1, 3), "e6791ec9-e92f-34af-bdc3-be2607fdf82c"),
        ("CUSTOMER", every(9, 3), "e6791ec9-e92f-34af-bdc3-be2607fdf82c"),
        ("CUSTOMER", {**every(1, 3), "start_day": "FRIDAY"}, "e6791ec9-e92f-34af-bdc3-be2607fdf82c"),
        ("CUSTOMER", every(1, 5), "1c11e757-4f00-3bb2-8aa0-b34e25083bb3"),
        ("BADGE", every(1, 3), "a1350b49-eb8e-3500-9e43-01f5493c91c1"),
        ("CUSTOMER", monthly(1), "9fae3031-3abf-3936-b5df-311839c04910"),
        ("CUSTOMER", {**monthly(1), "refresh_rate": 4}, "9fae3031-3abf-3936-b5df-311839c04910"),
        ("CUSTOMER", weekly(1, "TUESDAY"), "53b1267d-4907-364a-a2ae-5989a9b2123a"),
        ("CUSTOMER", weekly(1), "1211ba36-bf7e-3f80-a801-bde8dd710223"),
        ("CUSTOMER", weekly(1, "MONDAY"), "1211ba36-bf7e-3f80-a801-bde8dd710223"),
    ],
)
def test_a_reference_id_is_a_hash_of_level_and_shape(level: str, limit: Json, reference: str) -> None:
    field = "customer_limits" if level == "CUSTOMER" else "badge_limits"
    answer = last(at(NOW, badge(**{field: [limit]}), windows(level)))["windows"]
    assert [configuration["reference_id"] for configuration in answer["configurations"]] == [reference]


@pytest.mark.rule("S25")
def test_a_shape_that_recurs_has_the_same_reference_and_another_id() -> None:
    five, seven = badge(customer_limits=[every(1, 5)]), badge(customer_limits=[every(1, 7)])
    answer = last(
        at("2023-10-02T00:00:00Z", five, seven),
        at("2023-10-07T00:00:00Z", five),
        at("2023-10-25T00:00:00Z", windows()),
    )["windows"]
    first, _, third = answer["configurations"]
    assert first["reference_id"] == third["reference_id"]
    assert first["configuration_id"] != third["configuration_id"]
