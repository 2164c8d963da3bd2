"""The end of a transaction on a bad network before a real broker (rows 16, 17): its request or its answer is
late or lost, or the request arrives when the next transaction is under way (KAFKA-17754).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.local.errors import LocalStackError
from consumer.local.ports import HOST
from consumer.local.stack import StackAddresses
from tests.conftest import REQUIRED, say
from tests.faults import edge
from tests.faults.commands import ENDS_S, SHORT, buy, consume_to_the_end, consuming, whole
from tests.faults.kafka_wire import (
    ADD_OFFSETS,
    ADD_PARTITIONS,
    END_TXN,
    Connection,
    Deed,
    Held,
    KafkaWire,
    correlation,
    wired_broker,
)
from tests.faults.stream import told
from tests.live.shop import PATIENCE_S, Shop, open_shop

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.thorough]
CUSTOMERS = [str(n) for n in range(60)]
BROKE = "the connection broke before the commit was done"
REFUSED_EPOCHS = {47, 90}  # INVALID_PRODUCER_EPOCH, PRODUCER_FENCED


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, KafkaWire]]:
    try:
        with wired_broker(tmp_path_factory.mktemp("wired"), say) as found:
            yield found
    except LocalStackError as error:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1, but there is no broker: {error}")
        pytest.skip(f"NO REAL KAFKA, late commits are not tested: {error}")


@pytest.fixture
def wire(wired: tuple[str, KafkaWire]) -> KafkaWire:
    return wired[1]


@pytest.fixture
def shop(
    wired: tuple[str, KafkaWire],
    servers: StackAddresses,
    database: int,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Shop:
    """A shop where purchases of CUSTOMERS were decided."""
    addresses = StackAddresses(wired[0], servers.redis_url)
    name = f"late-{abs(hash(request.node.name)) % 10**8}"
    shop = open_shop(addresses, name, database, tmp_path / "log")
    buy(shop, CUSTOMERS)
    assert consume_to_the_end(shop).code == 0
    shop.log.unlink()
    return shop


def behind(wire: KafkaWire) -> list[str]:
    """The settings of a worker that reaches the broker by the wire only."""
    return [SHORT, f"kafka.bootstrap_servers={HOST}:{wire.port}"]


def answer_late(connection: Connection, frame: bytes) -> None:
    def late(answer: bytes) -> None:
        threading.Event().wait(7)
        connection.answer(answer)

    connection.answers[correlation(frame)] = late
    connection.forward(frame)


def lose_answer(connection: Connection, frame: bytes) -> None:
    connection.answers[correlation(frame)] = lambda _answer: None
    connection.forward(frame)


def cut_before_answer(connection: Connection, frame: bytes) -> None:
    connection.answers[correlation(frame)] = lambda _answer: connection.cut()
    connection.forward(frame)


def lose_request(connection: Connection, frame: bytes) -> None:
    """The broker never hears of it."""


@pytest.mark.row(16)
@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        (answer_late, "the commit was slow"),
        (lose_answer, "_TIMED_OUT"),
        (lose_request, "_TIMED_OUT"),
        (cut_before_answer, BROKE),  # the client sends it again by itself
    ],
)
def test_a_commit_whose_outcome_is_late_or_unknown_is_looked_up_and_never_guessed(
    shop: Shop, wire: KafkaWire, deed: Deed, reason: str
) -> None:
    with consuming(shop, settings=behind(wire)) as process:
        shop.until(lambda: '"ready"' in shop.log.read_text(), lambda: "")
        done = wire.plan(END_TXN, deed)
        buy(shop, CUSTOMERS, "second")
        shop.issued_becomes(2 * CUSTOMERS)
        assert done.wait(PATIENCE_S)
        buy(shop, CUSTOMERS, "third")
        shop.issued_becomes(3 * CUSTOMERS)
        process.terminate()
        assert process.wait(ENDS_S) == 0
    assert told(shop.log.read_text(), "recycled") == [reason]
    assert whole(shop).issued == 3 * len(CUSTOMERS)


@pytest.mark.row(17)
def test_a_commit_that_arrives_after_its_producer_was_thrown_away_is_refused_by_the_broker(
    shop: Shop, wire: KafkaWire
) -> None:
    held, codes = Held(wire), []

    def meet_it(connection: Connection, frame: bytes) -> None:
        connection.forward(frame)
        codes.append(held.deliver())

    with consuming(shop, settings=behind(wire)) as process:
        shop.until(lambda: '"ready"' in shop.log.read_text(), lambda: "")
        kept = wire.plan(END_TXN, held.keep)
        buy(shop, CUSTOMERS, "second")
        shop.until(kept.is_set, lambda: "")
        met = wire.plan(ADD_PARTITIONS, meet_it)
        shop.issued_becomes(2 * CUSTOMERS)
        assert met.wait(PATIENCE_S)
        process.terminate()
        assert process.wait(ENDS_S) == 0
    assert told(shop.log.read_text(), "recycled") == ["_TIMED_OUT"]
    assert set(codes) <= REFUSED_EPOCHS
    assert whole(shop).issued == 2 * len(CUSTOMERS)


@pytest.mark.row(17)
def test_a_commit_that_the_client_sent_again_by_itself_costs_the_producer_and_its_first_copy_is_refused(
    shop: Shop, wire: KafkaWire
) -> None:
    held, codes = Held(wire), []

    def meet_it(connection: Connection, frame: bytes) -> None:
        codes.append(held.deliver())
        connection.forward(frame)

    with consuming(shop, settings=behind(wire)) as process:
        shop.until(lambda: '"ready"' in shop.log.read_text(), lambda: "")
        wire.plan(END_TXN, held.keep_and_cut)
        buy(shop, CUSTOMERS, "second")
        shop.issued_becomes(2 * CUSTOMERS)
        met = wire.plan(ADD_OFFSETS, meet_it)
        buy(shop, CUSTOMERS, "third")
        shop.issued_becomes(3 * CUSTOMERS)
        assert met.wait(PATIENCE_S)
        process.terminate()
        assert process.wait(ENDS_S) == 0
    assert told(shop.log.read_text(), "recycled") == [BROKE]
    assert set(codes) <= REFUSED_EPOCHS
    assert whole(shop).issued == 3 * len(CUSTOMERS)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hole in the protocol, without what the worker does about it: it is not told of the second copy."""
    monkeypatch.setenv(edge.VARIABLE, json.dumps({"deaf": ""}))


@pytest.mark.row(17)
@pytest.mark.usefixtures("deaf")
def test_a_stale_commit_that_cuts_a_transaction_in_two_changes_nothing(shop: Shop, wire: KafkaWire) -> None:
    held, codes = Held(wire), []

    def meet_it(connection: Connection, frame: bytes) -> None:
        codes.append(held.deliver())
        connection.forward(frame)

    with consuming(shop, settings=behind(wire), program=edge.PROGRAM) as process:
        shop.until(lambda: '"ready"' in shop.log.read_text(), lambda: "")
        wire.plan(END_TXN, held.keep_and_cut)
        buy(shop, CUSTOMERS, "second")
        shop.issued_becomes(2 * CUSTOMERS)
        wire.plan(ADD_OFFSETS, meet_it)
        buy(shop, CUSTOMERS, "third")
        shop.issued_becomes(3 * CUSTOMERS)
        process.terminate()
        assert process.wait(ENDS_S) == 0
    assert codes == [0], "the broker took it: this is the hole in the protocol"
    assert whole(shop).issued == 3 * len(CUSTOMERS)


@pytest.mark.row(17)
@pytest.mark.usefixtures("deaf")
def test_a_worker_that_dies_between_the_two_halves_is_noticed_and_nothing_is_doubled(
    shop: Shop, wire: KafkaWire
) -> None:
    held, codes = Held(wire), []

    def meet_it(connection: Connection, frame: bytes) -> None:
        codes.append(held.deliver())

    with consuming(shop, settings=behind(wire), program=edge.PROGRAM) as process:
        shop.until(lambda: '"ready"' in shop.log.read_text(), lambda: "")
        wire.plan(END_TXN, held.keep_and_cut)
        buy(shop, CUSTOMERS, "second")
        shop.issued_becomes(2 * CUSTOMERS)
        met = wire.plan(ADD_OFFSETS, meet_it)
        buy(shop, CUSTOMERS, "third")
        shop.until(met.is_set, lambda: "")
        process.kill()
        process.wait()
    assert codes == [0], "the broker took it: this is the hole in the protocol"
    ran = consume_to_the_end(shop)
    assert ran.code == 6, ran.log[-3000:]
    assert "--accept-reset" in ran.reason
    assert consume_to_the_end(shop, "--accept-reset").code == 0
    assert whole(shop).issued == 3 * len(CUSTOMERS)
