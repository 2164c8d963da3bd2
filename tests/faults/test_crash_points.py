"""A worker is killed, or stopped for longer than its session, at each named point of the loop (rows 1, 3-6,
52).

`make test` kills at the first passage of each point and lets it sleep at three of them; `make faults` kills
at three passages of each and lets it sleep at all (`--thorough`).
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import psutil
import pytest
import redis

from consumer.crash_points import VARIABLE, Point
from consumer.local.stack import StackAddresses
from tests.demo.shop import Shop, open_shop
from tests.faults.world import PATIENCE_S, check, decided, finish, progress_to, running, some, until

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

POINTS: tuple[Point, ...] = get_args(Point)
BY_REBALANCE = {"revoke"}
BY_REPAIR = {"repair"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "passage" in metafunc.fixturenames:
        thorough = metafunc.config.getoption("--thorough")
        metafunc.parametrize("passage", (1, 2, 3) if thorough else (1,))


def wipe(servers: StackAddresses) -> None:
    address = urlsplit(servers.redis_url)
    with redis.Redis(host=address.hostname or "", port=address.port or 0) as client:
        client.flushall()


def stopped(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


@pytest.mark.slow
@pytest.mark.row(1)
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_a_point_changes_nothing(
    servers: StackAddresses,
    database: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    point: Point,
    passage: int,
) -> None:
    shop = open_shop(servers, f"kill-{point.replace('_', '-')}-{passage}", database, tmp_path / "log")
    acts = some(shop, 40 if passage == 1 else 12)
    shop.publish(acts)
    if point in BY_REPAIR:
        finish(shop)
        wipe(servers)
    monkeypatch.setenv(VARIABLE, f"{point}:{passage}")
    with running(shop, 1) as process:
        monkeypatch.delenv(VARIABLE)
        if point in BY_REBALANCE:
            _rebalance_until_dead(shop, process.pid, passage)
        assert process.wait(PATIENCE_S) == -signal.SIGKILL, shop.log.read_text()[-3000:]
    finish(shop)
    assert decided(shop) >= len(acts)
    assert check(shop, acts) > 1_000


def another(shop: Shop) -> Shop:
    """The same shop for a second worker, with a log of its own."""
    own = (*shop.overrides, "worker.instance=other")
    return Shop(own, shop.broker, shop.shift, shop.log.with_name("other"))


def _rebalance_until_dead(shop: Shop, pid: int, passage: int) -> None:
    """Another member joins and leaves, so that the first one's assignment is revoked again and again."""
    other = another(shop)
    # Who has no assignment yet when the other one comes and leaves never has one revoked.
    until(lambda: _gone(pid) or '"ready"' in shop.log.read_text(), lambda: shop.log.read_text()[-3000:])
    for _ in range(passage + 1):
        with running(other, 1) as joined:
            until(
                lambda: _gone(pid) or '"ready"' in other.log.read_text(),
                lambda: other.log.read_text()[-3000:],
            )
            joined.terminate()
            joined.wait(PATIENCE_S)
        if _gone(pid):
            return


def _gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


SLEEPS: dict[Point, int] = {
    "consume": 3, "decode": 3, "load": 3, "decide": 3, "begin": 3,
    "produce": 5, "flush": 5, "send_offsets": 5, "commit": 5, "redis": 4, "revoke": 6, "repair": 52,
}  # fmt: skip
"""The row of the matrix that a sleep at each point belongs to."""
ALWAYS = {"begin", "commit", "redis"}
"""Those of `make test`."""


def test_a_sleep_is_tried_at_every_point() -> None:
    assert set(SLEEPS) == set(POINTS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    [
        pytest.param(
            point, marks=[pytest.mark.row(row), *(() if point in ALWAYS else (pytest.mark.thorough,))]
        )
        for point, row in SLEEPS.items()
    ],
)
def test_a_worker_that_sleeps_at_a_point_while_another_takes_over_changes_nothing(
    servers: StackAddresses,
    database: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    point: Point,
) -> None:
    shop = open_shop(servers, f"stop-{point.replace('_', '-')}", database, tmp_path / "log")
    acts = some(shop, 30)
    late = len(acts) - 300
    shop.publish(acts[:late])
    if point in BY_REPAIR:
        finish(shop)
        wipe(servers)
    monkeypatch.setenv(VARIABLE, f"{point}:1:stop")
    with running(shop, 1) as sleeper:
        monkeypatch.delenv(VARIABLE)
        until(
            lambda: stopped(sleeper.pid) or (point in BY_REBALANCE and '"ready"' in shop.log.read_text()),
            lambda: shop.log.read_text()[-3000:],
        )
        other = another(shop)
        with running(other, 1) as process:
            until(lambda: stopped(sleeper.pid), lambda: shop.log.read_text()[-3000:])
            progress_to(other, process, late)
            os.kill(sleeper.pid, signal.SIGCONT)
            shop.publish(acts[late:])  # work for both, now that the sleeper is awake
            progress_to(other, process, len(acts))
            until(
                lambda: "lost" in shop.log.read_text() or "assigned" in shop.log.read_text(),
                shop.log.read_text,
            )
    finish(shop)
    assert check(shop, acts) > 1_000
