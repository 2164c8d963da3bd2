"""Workers are killed and Redis is wiped while real purchases are decided: nothing lost, nothing doubled."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from badges.actions import CustomerAction
from consumer.local.stack import StackAddresses
from tests.demo.shop import Shop, open_shop
from tests.faults.world import check, decided, finish, kill, progress_to, running, some, until, workers_of

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
KILLS = 3
PARTS = pytest.mark.parametrize("one_in", [4, pytest.param(1, marks=pytest.mark.thorough)])
"""One customer in so many."""


def size(acts: Sequence[CustomerAction]) -> int:
    """Of the parts in which they are published."""
    return len(acts) // (KILLS + 2)


def moments(shop: Shop, acts: Sequence[CustomerAction]) -> Iterator[int]:
    """Publishes the acts by and by. Each time after so many decided records somebody is killed: so many are
    there, and a part more, however fast the workers are. The last part comes after the last kill.
    """
    part = size(acts)
    shop.publish(acts[:part])
    for number in range(KILLS):
        shop.publish(acts[(number + 1) * part : (number + 2) * part])
        yield number * part + random.randrange(part) + 1
    shop.publish(acts[(KILLS + 1) * part :])


@pytest.mark.slow
@pytest.mark.row(2)
@PARTS
def test_killing_the_only_worker_three_times_changes_nothing(
    servers: StackAddresses, database: int, tmp_path: Path, one_in: int
) -> None:
    shop = open_shop(servers, f"kill-one-{one_in}", database, tmp_path / "log")
    acts = shop.acts() if one_in == 1 else some(shop, one_in)
    for moment in moments(shop, acts):
        with running(shop, 1) as process:
            progress_to(shop, process, max(moment, decided(shop) + 1))
            kill(process.pid)
            process.wait()
    finish(shop)
    assert check(shop, acts) > 40_000 // one_in


@pytest.mark.slow
@pytest.mark.row(2)
@PARTS
def test_killing_workers_under_their_parent_changes_nothing(
    servers: StackAddresses, database: int, tmp_path: Path, one_in: int
) -> None:
    shop = open_shop(servers, f"kill-two-{one_in}", database, tmp_path / "log")
    acts = shop.acts() if one_in == 1 else some(shop, one_in)
    with running(shop, 2) as process:
        for moment in moments(shop, acts):
            progress_to(shop, process, moment)
            until(lambda: len(workers_of(process)) == 2, shop.log.read_text)
            kill(random.choice(workers_of(process)).pid)
        progress_to(shop, process, (KILLS + 1) * size(acts) + 1)
    finish(shop, 2)
    assert check(shop, acts) > 40_000 // one_in


@pytest.mark.slow
@pytest.mark.row(32)
@pytest.mark.parametrize("workers", [1, 2])
@PARTS
def test_wiping_redis_in_the_middle_changes_nothing(
    servers: StackAddresses, database: int, tmp_path: Path, workers: int, one_in: int
) -> None:
    shop = open_shop(servers, f"wipe-{workers}-{one_in}", database, tmp_path / "log")
    acts = shop.acts() if one_in == 1 else some(shop, one_in)
    shop.publish(acts)
    with running(shop, workers) as process:
        progress_to(shop, process, len(acts) // 3)
        address = urlsplit(servers.redis_url)
        with redis.Redis(host=address.hostname or "", port=address.port or 0) as client:
            client.flushall()
        progress_to(shop, process, len(acts) // 2)
    finish(shop, workers)
    assert check(shop, acts) > 40_000 // one_in
