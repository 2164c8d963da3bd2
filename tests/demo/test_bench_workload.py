"""What the benchmark feeds the consumer."""

from __future__ import annotations

from collections import Counter

from badges.calendar import parse_instant
from badges.customer import CustomerState
from badges.decide import decide
from consumer.bench.kernel import measure
from consumer.bench.phases import shares
from consumer.bench.timeline import measure as measure_simulate
from consumer.bench.workload import ORG, actions, rules

AT = parse_instant("2026-11-26T08:00:00Z") or 0


def test_twenty_badges_of_which_three_match_each_act() -> None:
    compiled = rules(AT)
    assert len(compiled.badges) == 20
    for action in actions(200, 20_000, AT):
        verdict = decide(action, CustomerState(ORG, action.customer_id), compiled, AT)
        assert [decision.outcome for decision in verdict.decisions] == ["ISSUED"] * 3


def test_the_busiest_customer_has_four_percent() -> None:
    acts = list(actions(50_000, 20_000, AT))
    _, most = Counter(act.customer_id for act in acts).most_common(1)[0]
    assert 0.036 < most / len(acts) < 0.044
    assert len({act.event_id for act in acts}) == len(acts)


def test_the_same_sizes_give_the_same_acts_and_another_first_gives_others() -> None:
    assert list(actions(100, 500, AT)) == list(actions(100, 500, AT))
    assert [act.event_id for act in actions(2, 500, AT, first=7)] == ["e-7", "e-8"]


def test_the_kernel_names_its_costs() -> None:
    found = measure(events=500, customers=50, most=3)
    assert found.micros > 0
    assert len(found.costs) == 3


def test_simulate_is_measured_on_the_whole_command_with_two_records_a_line() -> None:
    found = measure_simulate(count=50, customers=5)
    assert found.lines == 53
    assert found.printed == 100
    assert found.user_seconds > 0


def test_shares_add_up_to_the_time_between_two_looks() -> None:
    assert shares({"decide": 1.0}, {"decide": 4.0, "encode": 1.0}) == {"decide": 0.75, "encode": 0.25}
    assert shares({}, {}) == {}
