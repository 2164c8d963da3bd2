"""The purchases through real Kafka and Redis give exactly what simulate gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.demo.feed import missing
from consumer.demo.purchases import HERO, PURCHASES, REQUESTS
from consumer.local.stack import StackAddresses
from tests.demo.shop import PLACES, check_places, open_shop, printed, simulated, without_places

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def test_a_twentieth_of_the_customers_is_decided_as_simulated_and_again_nothing_is_issued(
    servers: StackAddresses, tmp_path: Path
) -> None:
    shop = open_shop(servers, "few", 1, tmp_path / "log")
    acts = [one for one in shop.acts() if one.customer_id == HERO or int(one.customer_id) % 20 == 7]
    shop.publish(acts)
    shop.consume(workers=2)
    issued, decided = shop.issued(), shop.decided()
    assert len(set(issued)) == len(issued) > 1_000
    assert sorted(printed(without_places(decided))) == sorted(simulated(shop, acts, decided))
    assert check_places(shop, acts, decided) > 100

    assert missing(shop.broker, acts) == []
    shop.publish(acts)  # as if nobody had looked what is there
    shop.consume(workers=1)
    assert sorted(shop.issued()) == sorted(issued)  # partitions are read in any order


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_all_purchases_are_decided_as_simulated(
    servers: StackAddresses, tmp_path: Path, workers: int
) -> None:
    shop = open_shop(servers, f"all-{workers}", 1 + workers, tmp_path / "log")
    acts = shop.acts()
    assert len(acts) == PURCHASES + REQUESTS
    shop.publish(acts)
    shop.consume(workers)
    issued, decided = shop.issued(), shop.decided()
    lines = simulated(shop, acts, decided)
    assert sorted(printed(without_places(decided))) == sorted(lines)
    assert check_places(shop, acts, decided) == PLACES
    simulated_issues = sum('"outcome": "ISSUED"' in line for line in lines)
    assert len(set(issued)) == len(issued) == simulated_issues + PLACES
    assert set(issued) == {
        decision.issuance_id
        for record in decided
        for decision in record.decisions
        if decision.outcome == "ISSUED"
    }
