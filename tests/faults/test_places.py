"""A limit over all customers while workers are killed: never exceeded, and every place is given."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from consumer.local.stack import StackAddresses
from tests.faults.oracle import audit
from tests.faults.world import kill, workers_of
from tests.live.places import buy, check, decided, define, finish, outcomes, running
from tests.live.shop import open_shop

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
PLACES = 100
CANDIDATES = 1_000
KILLS = 8


@pytest.mark.row(49)
@pytest.mark.parametrize("workers", [3, pytest.param(4, marks=pytest.mark.thorough)])
def test_a_hundred_places_for_a_thousand_customers_are_all_given_and_none_twice(
    servers: StackAddresses, database: int, tmp_path: Path, workers: int
) -> None:
    shop = open_shop(servers, f"places-{workers}", database, tmp_path / "log")
    define(shop, f"{{type: OVERALL, max: {PLACES}}}")
    people = [str(number) for number in range(CANDIDATES)]
    part = CANDIDATES // KILLS
    with running(shop, workers) as process:
        for start in range(0, CANDIDATES, part):
            before = decided(shop)
            buy(shop, people[start : start + part])
            shop.until(lambda: len(workers_of(process)) == workers, shop.log.read_text)
            shop.until(lambda seen=before: decided(shop) > seen, shop.log.read_text)  # type: ignore[misc]
            kill(random.choice(workers_of(process)).pid)
            assert outcomes(shop)["ISSUED"] <= PLACES
    finish(shop, 2)
    assert check(shop, CANDIDATES) == {"ISSUED": PLACES, "LIMIT_OVERALL": CANDIDATES - PLACES}
    found = audit(shop.broker, shop.overrides)
    assert not found.problems, found.told()
    assert found.places == PLACES
