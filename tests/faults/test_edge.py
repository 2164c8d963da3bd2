"""The client itself fails inside a worker (rows 13, 14): a callback raises, outputs are not delivered, its
queue is full. Whatever it lost is decided once all the same.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consumer.local.stack import LocalStack, StackAddresses
from tests.faults import edge
from tests.faults.commands import ENDS_S, SHORT, consume_to_the_end, consuming, events, whole
from tests.faults.stream import survive
from tests.faults.test_servers import stopped, wait
from tests.live.shop import Shop, open_shop, record_of

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
RECORDS = 3_000
SMALL_QUEUE = 'kafka.producer={"queue.buffering.max.messages": "10"}'


@pytest.fixture
def shop(servers: StackAddresses, database: int, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return open_shop(servers, f"edge-{abs(hash(request.node.name)) % 10**8}", database, tmp_path / "log")


def fill(shop: Shop) -> None:
    with shop.batch() as send:
        for number in range(RECORDS):
            send(*record_of(str(number % 100), f"r-{number}"))


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The file of a fault that happens once."""
    file = tmp_path / "happened"
    monkeypatch.setenv(edge.VARIABLE, json.dumps({request.param: str(file)}))
    return file


@pytest.mark.row(13)
@pytest.mark.parametrize("planted", ["callback"], indirect=True)
def test_a_callback_that_raises_ends_the_worker_and_no_record_is_lost(shop: Shop, planted: Path) -> None:
    fill(shop)
    ran = consume_to_the_end(shop, program=edge.PROGRAM)
    assert ran.code == 1, ran.log[-3000:]
    assert "unexpected" in ran.reason
    assert planted.exists()
    assert consume_to_the_end(shop).code == 0
    assert whole(shop).issued == RECORDS


@pytest.mark.row(13)
@pytest.mark.parametrize("planted", ["callback"], indirect=True)
def test_a_callback_that_raises_under_a_parent_is_got_over_without_anybody(shop: Shop, planted: Path) -> None:
    fill(shop)
    with consuming(shop, "--workers", "2", settings=[SHORT], program=edge.PROGRAM) as process:
        shop.until(lambda: '"worker_restarts"' in shop.log.read_text(), lambda: "")
        shop.until(lambda: len(shop.read("badge-issued")) >= RECORDS, lambda: "")
        assert process.poll() is None
        process.terminate()
        assert process.wait(ENDS_S) == 0
    assert planted.exists()
    assert whole(shop).issued == RECORDS


@pytest.mark.row(14)
@pytest.mark.parametrize("planted", ["delivery"], indirect=True)
def test_outputs_that_are_not_delivered_abort_the_batch_and_it_is_decided_again(
    shop: Shop, planted: Path
) -> None:
    fill(shop)
    ran = consume_to_the_end(shop, program=edge.PROGRAM)
    assert ran.code == 0, ran.log[-3000:]
    assert int(planted.read_text()) > 0
    assert [one["event"] for one in events(ran.log) if one["event"] in ("aborted", "recycled")]
    assert whole(shop).issued == RECORDS


@pytest.mark.row(14)
def test_a_local_queue_far_smaller_than_a_batch_lacks_nothing(shop: Shop) -> None:
    fill(shop)
    assert consume_to_the_end(shop, settings=[SMALL_QUEUE]).code == 0
    assert whole(shop).issued == RECORDS


@pytest.mark.row(14)
@pytest.mark.slow
@pytest.mark.thorough
def test_a_local_queue_that_stays_full_while_the_broker_stands_still_lacks_nothing(
    shop: Shop, fragile_stack: LocalStack
) -> None:
    def fault() -> None:
        with stopped(fragile_stack.kafka_pid()):
            wait(14)

    survive(shop, fault, (SHORT, SMALL_QUEUE))
