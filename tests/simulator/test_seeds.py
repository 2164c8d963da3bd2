"""Some hundred schedules of crashes, rebalances, aborts, lost replies, stale writers and a Redis that is
wiped or goes back: after each of them the logs say what a sequential run says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import get_args

import pytest

from badges.decisions import Outcome as Outcomes
from consumer.crash_points import Point
from tests.simulator.cores import one_core
from tests.simulator.run import TWINS, Outcome, simulate

SEEDS = range(400)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    with one_core():
        return [simulate(seed) for seed in SEEDS]


@pytest.mark.row(1, 6, 16, 17, 30, 50, 52)
def test_no_schedule_breaks_an_invariant(outcomes: list[Outcome]) -> None:
    failed = {outcome.seed: outcome.failure for outcome in outcomes if outcome.failure}

    assert not failed, f"replay one with: python -m tests.simulator --seed {min(failed)}\n{failed}"


def test_the_schedules_pass_and_die_at_every_crash_point() -> None:
    passed: set[str] = set()
    died: Counter[str] = Counter()
    with one_core():
        for seed in range(200):
            outcome = simulate(seed, ("crash point",), traced=True)
            passed |= outcome.points
            died.update(
                line.rsplit(" ", 1)[1] for line in outcome.trace if "*** kill" in line and " at " in line
            )
            if set(died) == set(get_args(Point)):
                break

    assert passed == set(get_args(Point))
    assert set(died) == set(get_args(Point))


def test_a_partition_that_the_client_gives_up_while_a_batch_is_taken_back_ends_no_worker() -> None:
    with one_core():
        outcomes = [simulate(seed, ("seek",)) for seed in range(100)]
    assert {outcome.seed: outcome.failure for outcome in outcomes if outcome.failure} == {}


def test_the_schedules_are_worth_running(outcomes: list[Outcome]) -> None:
    assert sum(outcome.verdicts.issued for outcome in outcomes) > 10 * len(SEEDS)
    met = {name for outcome in outcomes for name in outcome.verdicts.outcomes}
    assert set(get_args(Outcomes)) - {"RESERVED"} == met  # places have schedules of their own
    assert sum(outcome.faults for outcome in outcomes) > 5 * len(SEEDS)
    assert sum(outcome.exits["killed"] for outcome in outcomes) > len(SEEDS) / 2
    assert sum(outcome.verdicts.rerouted for outcome in outcomes) > len(SEEDS) / 4


@pytest.mark.row(11)
def test_of_two_processes_with_one_identity_one_gives_up_and_nothing_is_lost() -> None:
    with one_core():
        found = [simulate(seed, (TWINS,)) for seed in range(60)]

    assert not [outcome.failure for outcome in found if outcome.failure]
    gave_up = Counter(outcome.exits["gave up"] for outcome in found)
    assert set(gave_up) <= {0, 1}  # 0: there was little to decide, and they did not meet often
    assert gave_up[1] > 10


def test_a_seed_gives_the_same_trace_in_every_process() -> None:
    code = "from tests.simulator.run import simulate; print(*simulate(12, traced=True).trace, sep='\\n')"
    traces = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }

    assert len(traces) == 1
    assert len(traces.pop().splitlines()) > 200
