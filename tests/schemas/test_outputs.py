"""`badge-decisions` and `badge-issued`: the encoders written by hand against fastavro."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from badges.actions import CustomerAction
from badges.decisions import Decision, LimitFact
from badges.definitions import BadgeDefinition, BadgeRecord, Expiry
from schemas.avro_schema import typed
from schemas.badge_issued import REWARDS, decode_issued, encode_issued
from schemas.decision_bytes import LEVELS, LIMIT_TYPES, Remembered
from schemas.decisions import OUTCOMES, REASONS, decode_decisions, encode_decisions
from schemas.framing import Rejected, UnknownSchema, confluent_value
from schemas.json_decision import decision_lines
from tests.schemas import oracle, values

ACT = CustomerAction(7, "e-1", "42", "PURCHASE", 1_697_000_000_000, 120_500_000, {"channel": "web"})


@given(values.acts(), st.lists(values.decisions(), max_size=4), values.instants, st.none() | values.ids)
def test_fastavro_writes_the_same_bytes_for_decisions(
    action: CustomerAction, made: list[Decision], at: int, run_id: str | None
) -> None:
    value = encode_decisions(action, made, at, run_id)
    assert value == oracle.encoded(
        "badge-decisions",
        {
            "event_id": action.event_id,
            "org_id": action.org_id,
            "customer_id": action.customer_id,
            "action": action.action,
            "event_date": oracle.instant(action.event_date),
            "processed_at": oracle.instant(at),
            "run_id": run_id,
            "requested_by": action.requested_by,
            "decisions": [oracle.decision(one) for one in made],
        },
    )


@pytest.mark.rule("S98", "S99", "S100")
@given(values.acts(), st.lists(values.decisions(), max_size=4), values.instants, st.none() | values.ids)
def test_decisions_come_back_as_they_were_and_print_the_same_lines(
    action: CustomerAction, made: list[Decision], at: int, run_id: str | None
) -> None:
    read = decode_decisions(encode_decisions(action, made, at, run_id))
    assert list(read.decisions) == made
    assert (read.processed_at, read.run_id, read.action) == (at, run_id, action.action)
    lines = decision_lines(read.as_action(), read.decisions, read.processed_at, read.run_id)
    assert lines == decision_lines(action, made, at, run_id)


@given(
    values.acts(),
    values.issues(badge_id="gold"),
    values.records(),
    values.instants,
    st.none() | values.ids,
    st.sampled_from(REWARDS[1:]),
)
def test_fastavro_writes_the_same_bytes_for_an_issuance(
    action: CustomerAction, made: Decision, record: BadgeRecord, at: int, run_id: str | None, rewards: str
) -> None:
    value = encode_issued(action, made, record, at, run_id, rewards)  # type: ignore[arg-type]
    assert value == oracle.encoded(
        "badge-issued",
        {
            "issuance_id": made.issuance_id,
            "org_id": action.org_id,
            "customer_id": action.customer_id,
            "badge_id": record.definition.badge_id,
            "badge_name": record.definition.name,
            "definition_version": record.version,
            "event_id": action.event_id,
            "event_date": oracle.instant(action.event_date),
            "issued_at": oracle.instant(at),
            "expires_at": oracle.instant(made.expires_at),
            "enrolment_id": made.enrolment_id,
            "retro": made.retro,
            "run_id": run_id,
            "rewards": rewards,
            "benefits": list(record.definition.benefits),
            "limits": [oracle.limit(fact) for fact in made.limits or ()],
            "cause": {"action": action.action, "attributes": action.attributes or None},
        },
    )
    read = decode_issued(value)
    assert read.limits == made.limits
    assert read.attributes == action.attributes
    assert read.issued_at == at


def test_an_edited_badge_is_named_by_its_new_version_at_once() -> None:
    made = Decision("gold", "ISSUED", issuance_id="c626a67b-d336-5a39-b0b0-96908daa238c", limits=())
    definition = BadgeDefinition(7, "gold", "Gold", "DIRECT", 0, 1, Expiry("NEVER"))
    for version, name in ((1, "Gold"), (2, "Gold Shopper")):
        edited = BadgeRecord(BadgeDefinition(7, "gold", name, "DIRECT", 0, 1, Expiry("NEVER")), version, 0)
        read = decode_issued(encode_issued(ACT, made, edited, 5))
        assert (read.badge_name, read.definition_version) == (name, version)
    assert decode_issued(encode_issued(ACT, made, BadgeRecord(definition, 1, 0), 5)).badge_name == "Gold"


def test_two_equal_acts_of_different_customers_are_not_mixed_up() -> None:
    other = ACT._replace(customer_id="43", attributes={"channel": "app"})
    made = Decision("gold", "ISSUED", issuance_id="c626a67b-d336-5a39-b0b0-96908daa238c", limits=())
    record = BadgeRecord(BadgeDefinition(7, "gold", "Gold", "DIRECT", 0, 1, Expiry("NEVER")), 1, 0)
    for action in (ACT, other, ACT):
        assert decode_issued(encode_issued(action, made, record, 5)).customer_id == action.customer_id
        assert decode_issued(encode_issued(action, made, record, 5)).attributes == action.attributes
        assert decode_decisions(encode_decisions(action, [made], 5)).customer_id == action.customer_id


def test_an_instant_that_came_before_as_nothing_is_still_an_instant() -> None:
    made = [Decision("b", "ENROLLED", expires_at=expires) for expires in (None, 0, -1, None)]
    made = [one._replace(enrolment_id="c626a67b-d336-5a39-b0b0-96908daa238c") for one in made]
    assert list(decode_decisions(encode_decisions(ACT, made, 0)).decisions) == made


def test_what_is_remembered_is_bounded() -> None:
    class Squares(Remembered[int]):
        def encode(self, key: int) -> bytes:
            return b"%d" % (key * key)

    squares = Squares()
    for number in range(20_000):
        assert squares[number] == b"%d" % (number * number)
    assert len(squares) <= 8192


@pytest.mark.parametrize(
    ("path", "symbols"),
    [("Outcome", OUTCOMES), ("Reason", REASONS), ("Level", LEVELS), ("LimitType", LIMIT_TYPES)],
)
def test_the_symbols_of_the_encoder_are_those_of_the_schema(path: str, symbols: tuple[str, ...]) -> None:
    assert _enum(typed("badge-decisions"), path) == list(symbols)


def test_the_rewards_of_the_encoder_are_those_of_the_schema() -> None:
    assert _enum(typed("badge-issued"), "Rewards") == list(REWARDS)


def _enum(schema: object, name: str) -> object:
    if isinstance(schema, list):
        return next((found for one in schema if (found := _enum(one, name))), None)
    if isinstance(schema, dict):
        if str(schema.get("name", "")).endswith(f"badges.{name}") and "symbols" in schema:
            return schema["symbols"]
        return next((found for one in schema.values() if (found := _enum(one, name))), None)
    return None


def test_outputs_in_confluent_framing_read_the_same() -> None:
    class Schemas:
        def schema_by_id(self, identity: object) -> str:
            assert identity == 5
            from schemas.avro_schema import schema_text

            return schema_text("badge-decisions")

    made = [Decision("b", "COUNTED", progress=1, reaches=2)]
    value = encode_decisions(ACT, made, 0)
    assert decode_decisions(confluent_value(5, value), Schemas()) == decode_decisions(value)


def test_a_record_of_another_schema_is_no_decision() -> None:
    made = Decision("gold", "ISSUED", issuance_id="c626a67b-d336-5a39-b0b0-96908daa238c", limits=())
    record = BadgeRecord(BadgeDefinition(7, "gold", "Gold", "DIRECT", 0, 1, Expiry("NEVER")), 1, 0)
    with pytest.raises(UnknownSchema):
        decode_decisions(encode_issued(ACT, made, record, 5))


@given(st.binary(max_size=80))
def test_no_bytes_make_the_decoders_of_outputs_fail_in_another_way(data: bytes) -> None:
    for start in (b"", encode_decisions(ACT, [], 0)[:10]):
        with pytest.raises(Rejected):
            decode_decisions(start + data + b"\xff")


def test_a_limit_of_every_kind_keeps_its_window() -> None:
    kinds = (
        LimitFact("CUSTOMER", "FIXED_WINDOW", 2, 1, 738_804, 738_806),
        LimitFact("BADGE", "ROLLING_WINDOW", 2, 1, -5, 5),
        LimitFact("BADGE", "OVERALL", 10_000, 1, None, None),
    )
    made = [Decision("b", "ISSUED", issuance_id="c626a67b-d336-5a39-b0b0-96908daa238c", limits=kinds)]
    assert decode_decisions(encode_decisions(ACT, made, 0)).decisions[0].limits == kinds
