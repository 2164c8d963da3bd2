"""Workers that are told to stop, join and leave, or are set up wrongly (rows 8 to 10), and what they show of
themselves meanwhile.
"""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import get_args

import pytest

from consumer.crash_points import VARIABLE, Point
from consumer.local.ports import free_ports
from consumer.local.stack import StackAddresses
from consumer.reading import high_watermarks, stable_ends
from tests.faults.commands import ENDS_S, SHORT, buy, consume_to_the_end, consuming, whole
from tests.faults.stream import Stream, until, watched
from tests.faults.test_crash_points import stopped
from tests.live.shop import PARTITIONS, Shop, open_shop

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
CUSTOMERS = [str(n) for n in range(60)]


@pytest.fixture
def shop(servers: StackAddresses, database: int, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return open_shop(servers, f"drain-{abs(hash(request.node.name)) % 10**8}", database, tmp_path / "log")


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.row(8)
@pytest.mark.parametrize("point", [one for one in get_args(Point) if one not in ("revoke", "repair")])
def test_a_worker_that_is_told_to_stop_at_a_point_drains_and_leaves_no_transaction_open(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, point: Point
) -> None:
    buy(shop, CUSTOMERS)
    monkeypatch.setenv(VARIABLE, f"{point}:1:stop")
    with consuming(shop) as process:
        monkeypatch.delenv(VARIABLE)
        until(lambda: stopped(process.pid), shop)
        process.terminate()
        os.kill(process.pid, signal.SIGCONT)
        assert process.wait(ENDS_S) == 0, shop.log.read_text()[-3000:]
    for name in ("badge-issued", "badge-decisions", "customer-state"):
        topic = shop.broker.topic(name)
        partitions = range(PARTITIONS)
        assert stable_ends(shop.broker, topic, partitions) == high_watermarks(shop.broker, topic, partitions)
    assert consume_to_the_end(shop).code == 0
    assert whole(shop).issued == len(CUSTOMERS)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.row(9)
def test_workers_that_join_and_leave_all_the_time_change_nothing(shop: Shop) -> None:
    with watched(shop) as progress, consuming(shop, settings=[SHORT]) as process, Stream(shop) as stream:
        for number in range(6):
            before = progress.decided
            other = (SHORT, f"worker.instance=other-{number}")
            log = shop.log.with_name(f"other-{number}")
            with consuming(shop, settings=other, log=log.name) as joined:
                until(lambda: '"ready"' in log.read_text(), shop)  # noqa: B023 -- called at once
                until(lambda: progress.decided > before + 50, shop)  # noqa: B023 -- called at once
                if number % 2:
                    joined.kill()
                else:
                    joined.terminate()
                    assert joined.wait(ENDS_S) == 0
        stream.end()
        until(lambda: progress.decided >= stream.sent, shop)
        process.terminate()
        assert process.wait(ENDS_S) == 0
    assert whole(shop).issued == stream.sent


@pytest.mark.row(10)
@pytest.mark.parametrize(
    "setting",
    [
        '{"partition.assignment.strategy": "cooperative-sticky"}',
        '{"group.protocol": "consumer"}',
        '{"isolation.level": "read_uncommitted"}',
        '{"enable.auto.commit": "true"}',
    ],
)
def test_settings_that_exactly_once_depends_on_cannot_be_changed(shop: Shop, setting: str) -> None:
    ran = consume_to_the_end(shop, settings=[f"kafka.consumer={setting}"])
    assert ran.code == 3
    assert next(iter(json.loads(setting))) in ran.log


def _page(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""
    except OSError:
        return 0, ""


def test_a_worker_tells_how_it_is_and_what_it_did(shop: Shop) -> None:
    [port] = free_ports(1)
    buy(shop, CUSTOMERS)
    with consuming(shop, settings=[SHORT, f"metrics.port={port}"]) as process:
        for path in ("/ready", "/live"):
            until(lambda: _page(port, path)[0] == 200, shop)  # noqa: B023 -- called at once
        wanted = (
            f'badges_events_total{{outcome="ISSUED"}} {len(CUSTOMERS)}.0',
            "badges_partitions_owned 4.0",
            'badges_batch_phase_seconds_count{phase="commit"}',
        )
        until(lambda: all(one in _page(port, "/metrics")[1] for one in wanted), shop)
        status, page = _page(port, "/metrics")
        assert status == 200
        assert all(customer not in page for customer in ("7:1", "e-1"))
        process.terminate()
        assert process.wait(ENDS_S) == 0
