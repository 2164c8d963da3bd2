"""The simulator finds defects: each of these, put into the real code, is found within a few seeds."""

from __future__ import annotations

import pytest

from tests.simulator.cores import one_core
from tests.simulator.mutations import MUTATIONS, Mutation
from tests.simulator.run import simulate

MOST_SEEDS = 400


@pytest.mark.parametrize("mutation", [pytest.param(one, id=one.__name__) for one in MUTATIONS])
def test_the_simulator_finds(mutation: Mutation) -> None:
    with mutation(), one_core():
        found = next(
            (seed for seed in range(MOST_SEEDS) if simulate(seed, MUTATIONS[mutation]).failure), None
        )

    assert found is not None
