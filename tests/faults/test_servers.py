"""Broker and Redis fail under running workers (rows 12, 18-20, 28, 31, 34, 36, 37, 39-41): they wait, go on
by themselves, and nothing is lost or doubled.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from consumer.local.stack import LocalStack, StackAddresses
from tests.faults.commands import SHORT, link
from tests.faults.stream import survive, told, until
from tests.faults.wire import bad_wire
from tests.live.shop import Shop, open_shop

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.thorough]


@pytest.fixture
def shop(servers: StackAddresses, database: int, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return open_shop(servers, f"servers-{abs(hash(request.node.name)) % 10**8}", database, tmp_path / "log")


def wait(seconds: float) -> None:
    """A fault lasts."""
    threading.Event().wait(seconds)


@contextmanager
def stopped(pid: int | None) -> Iterator[None]:
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def until_paused(shop: Shop, why: str = "") -> None:
    """A fault lasts until a worker met it."""
    until(lambda: any(why in reason for reason in told(shop.log.read_text(), "paused")), shop)


def killed(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@pytest.mark.row(18)
def test_a_broker_that_is_killed_and_comes_back(shop: Shop, fragile_stack: LocalStack) -> None:
    def fault() -> None:
        killed(fragile_stack.kafka_pid())
        wait(3)
        fragile_stack.up()

    survive(shop, fault)


@pytest.mark.row(19)
def test_a_broker_that_is_away_for_longer_than_a_transaction_may_take(
    shop: Shop, fragile_stack: LocalStack
) -> None:
    def fault() -> None:
        killed(fragile_stack.kafka_pid())
        wait(12)
        fragile_stack.up()

    brief = 'kafka.producer={"transaction.timeout.ms": "6000", "socket.timeout.ms": "5000"}'
    survive(shop, fault, (SHORT, brief))


@pytest.mark.row(20)
def test_a_broker_that_stands_still(shop: Shop, fragile_stack: LocalStack) -> None:
    def fault() -> None:
        with stopped(fragile_stack.kafka_pid()):
            wait(15)

    survive(shop, fault)


@pytest.mark.row(28)
def test_a_redis_that_is_killed_and_comes_back(shop: Shop, fragile_stack: LocalStack) -> None:
    def fault() -> None:
        for _ in range(3):
            killed(fragile_stack.redis_pid())
            wait(1)
            until_paused(shop)
            fragile_stack.up(kafka=False)
            wait(1)

    survive(shop, fault)


@pytest.mark.row(37)
def test_a_redis_that_answers_too_late(shop: Shop) -> None:
    def fault() -> None:
        with link(shop) as client:
            client.execute_command("CLIENT", "PAUSE", "7000")  # the reply is waited for 5 s

    survive(shop, fault)


@pytest.mark.row(12)
def test_a_worker_that_polls_too_late(shop: Shop) -> None:
    def fault() -> None:
        with link(shop) as client:
            client.execute_command("CLIENT", "PAUSE", "4000")

    hasty = (
        'kafka.consumer={"session.timeout.ms": "2000", "heartbeat.interval.ms": "300", '
        '"max.poll.interval.ms": "2000"}'
    )
    assert told(survive(shop, fault, (hasty,)), "lost")


@contextmanager
def configured(client: redis.Redis, name: str, value: str) -> Iterator[None]:
    before = client.config_get(name)[name] or ""
    client.config_set(name, value)
    try:
        yield
    finally:
        client.config_set(name, before)


@pytest.mark.row(34)
def test_a_redis_whose_memory_is_full(shop: Shop) -> None:
    def fault() -> None:
        with link(shop) as client, configured(client, "maxmemory", "1"):
            until_paused(shop, "raise maxmemory")

    survive(shop, fault)


@pytest.mark.row(31)
def test_a_redis_that_is_a_replica_for_a_while(shop: Shop) -> None:
    def fault() -> None:
        with link(shop) as client:
            client.replicaof("127.0.0.1", "1")
            until_paused(shop, "read-only replica")
            client.replicaof("NO", "ONE")

    survive(shop, fault)


def over_and_over(seconds: float, what: Callable[[], object]) -> None:
    for _ in range(int(seconds / 0.02)):
        what()
        wait(0.02)


@pytest.mark.row(36)
def test_a_redis_that_forgets_its_scripts_all_the_time(shop: Shop) -> None:
    def fault() -> None:
        with link(shop) as client:
            over_and_over(4, client.script_flush)

    survive(shop, fault)


@pytest.mark.row(39)
def test_a_redis_that_rewrites_its_file_all_the_time(shop: Shop) -> None:
    def rewrite(client: redis.Redis) -> None:
        with suppress(redis.ResponseError):  # one is under way
            client.bgrewriteaof()

    def fault() -> None:
        with link(shop) as client:
            over_and_over(4, lambda: rewrite(client))

    survive(shop, fault)


@pytest.mark.row(41)
def test_a_marker_that_is_of_another_type_is_made_anew(shop: Shop) -> None:
    def fault() -> None:
        with link(shop) as client:
            for key in client.scan_iter("*:m"):
                client.delete(key)
                client.rpush(key, "planted")

    survive(shop, fault)


@pytest.mark.row(40)
def test_a_slow_wire_to_redis_that_breaks_now_and_then(shop: Shop) -> None:
    url = next(one for one in shop.overrides if one.startswith("redis.url=")).removeprefix("redis.url=")
    address = urlsplit(url)
    with bad_wire("127.0.0.1", address.port or 0, 0.02, 40) as port:
        far = f"redis.url=redis://127.0.0.1:{port}{address.path}"
        survive(shop, lambda: wait(8), (SHORT, far))
