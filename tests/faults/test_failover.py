"""The view goes over to a replica that lacks acknowledged writes (row 30), or is a cluster (row 38)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest

from consumer.cli.app import main
from consumer.group import committed_offsets
from consumer.local.ports import HOST
from consumer.local.stack import StackAddresses
from tests.faults.commands import ENDS_S, SHORT, buy, consume_to_the_end, consuming, events, whole
from tests.faults.redis_servers import RedisServer, cluster_of_three, running, until
from tests.faults.wire import Wire, served
from tests.live.shop import Shop, open_shop

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
CUSTOMERS = [str(n) for n in range(60)]


@dataclass(frozen=True)
class Pair:
    """A master and its replica; workers reach whichever `front` leads to."""

    master: RedisServer
    replica: RedisServer
    front: Wire
    between: Wire

    def in_step(self) -> bool:
        return self.master.markers() == self.replica.markers() != {}

    def fail_over(self) -> None:
        """The master dies; what it had not sent on is gone."""
        self.master.kill()
        self.replica.client.replicaof("NO", "ONE")
        self.front.target = (HOST, self.replica.port)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    master = RedisServer(tmp_path / "master", "--repl-diskless-sync-delay", "0")
    with ExitStack() as stack:
        front = stack.enter_context(served(Wire((HOST, master.port), 0, 0)))
        between = stack.enter_context(served(Wire((HOST, master.port), 0, 0)))
        replica = RedisServer(tmp_path / "replica", "--replicaof", f"{HOST} {between.port}")
        stack.enter_context(running([master, replica]))
        until(lambda: replica.client.info("replication")["master_link_status"] == "up", "no replica")
        yield Pair(master, replica, front, between)


def a_shop(kafka: StackAddresses, redis_port: int, request: pytest.FixtureRequest, folder: Path) -> Shop:
    addresses = StackAddresses(kafka.bootstrap_servers, f"redis://{HOST}:{redis_port}/0")
    return open_shop(addresses, f"view-{crc32(request.node.name.encode())}", 0, folder / "log")


def lag_behind(shop: Shop, pair: Pair) -> None:
    """The replica has the first purchases, and not the second ones, which the master acknowledged."""
    buy(shop, CUSTOMERS)
    shop.issued_becomes(CUSTOMERS)
    until(pair.in_step, "the replica does not follow")
    pair.between.frozen.set()
    buy(shop, CUSTOMERS, "second")
    shop.issued_becomes(2 * CUSTOMERS)
    until(lambda: not pair.in_step(), "the master was not written")


@pytest.mark.row(30)
def test_a_failover_under_a_worker_to_a_replica_that_lacks_writes_is_repaired(
    servers: StackAddresses, pair: Pair, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    shop = a_shop(servers, pair.front.port, request, tmp_path)
    with consuming(shop, settings=[SHORT]) as process:
        lag_behind(shop, pair)
        pair.fail_over()
        buy(shop, CUSTOMERS, "third")
        shop.issued_becomes(3 * CUSTOMERS)
        process.terminate()
        assert process.wait(ENDS_S) == 0, shop.log.read_text()[-3000:]
    assert any(one["event"] == "repaired" for one in events(shop.log.read_text()))
    assert whole(shop).issued == 3 * len(CUSTOMERS)


@pytest.mark.row(30)
def test_a_worker_that_starts_on_a_replica_that_lacks_writes_repairs_it_first(
    servers: StackAddresses, pair: Pair, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    shop = a_shop(servers, pair.front.port, request, tmp_path)
    with consuming(shop, settings=[SHORT]) as process:
        lag_behind(shop, pair)
        process.terminate()
        assert process.wait(ENDS_S) == 0, shop.log.read_text()[-3000:]
    pair.fail_over()
    for event_id in ("second", "third"):  # the second ones again: nobody may take them for new
        buy(shop, CUSTOMERS, event_id)
    ran = consume_to_the_end(shop)
    assert ran.code == 0, ran.log[-3000:]
    assert any(one["event"] == "repaired" for one in events(ran.log))
    assert whole(shop).issued == 3 * len(CUSTOMERS)


@pytest.mark.row(38)
def test_a_redis_cluster_is_refused_by_name_before_anything_is_decided(
    servers: StackAddresses,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with cluster_of_three(tmp_path / "cluster") as nodes:
        shop = a_shop(servers, nodes[0].port, request, tmp_path)
        buy(shop, CUSTOMERS)
        for node in nodes:
            ran = consume_to_the_end(shop, settings=[f"redis.url=redis://{HOST}:{node.port}/0"])
            assert ran.code == 6, ran.log[-3000:]
            assert "Redis Cluster" in ran.reason
            assert "point redis.url at a Redis without cluster mode" in ran.reason
            assert committed_offsets(shop.broker) == {}
            assert node.client.dbsize() == 0
        given = [word for one in shop.overrides for word in ("--set", one)]
        for command in (["verify"], ["rebuild"]):
            capsys.readouterr()
            assert main([*command, *given]) == 6
            assert "Redis Cluster" in capsys.readouterr().err
        # A customer is one slot: the node that holds it truly knows of nobody; the others do not guess.
        urls = [f"redis.url=redis://{HOST}:{node.port}/0" for node in nodes]
        assert sorted(main(["customer", "1", *given, "--set", url]) for url in urls) == [0, 6, 6]
        assert capsys.readouterr().err.count("Redis Cluster") == 2
