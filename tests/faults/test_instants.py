"""Time and rules between two attempts (rows 43, 50, 51): what was decided stays, by the clock and the
rules of the attempt that was committed.
"""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from badges.actions import CustomerAction
from consumer.crash_points import VARIABLE
from consumer.definitions_store import publish, read_definitions
from consumer.local.stack import StackAddresses
from schemas.customer_action import customer_key, encode_action
from schemas.decisions import DecidedAction, decode_decisions
from schemas.documents import load_documents
from tests.faults import edge
from tests.faults.commands import BADGES, ENDS_S, SHORT, buy, consume_to_the_end, consuming, link, whole
from tests.faults.stream import Stream, told, until, watched
from tests.live.shop import DAY_MS, Shop, customers_of, open_shop

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
HOUR_MS = 3_600_000
AGE_DAYS = 2
CUSTOMERS = [str(n) for n in range(60)]
PATIENT = 'kafka.consumer={"session.timeout.ms": "120000", "max.poll.interval.ms": "600000"}'
"""No machine stands still for so long; a clock that jumps by an hour jumps over it all the same."""


@pytest.fixture
def shop(servers: StackAddresses, database: int, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return open_shop(servers, f"instant-{abs(hash(request.node.name)) % 10**8}", database, tmp_path / "log")


def decisions(shop: Shop) -> list[DecidedAction]:
    return [decode_decisions(message.value() or b"") for message in shop.read("badge-decisions")]


def edit(shop: Shop, text: str) -> int:
    """The version that the one document makes."""
    now = time.time_ns() // 1_000_000
    made = publish(shop.broker, lambda _found: load_documents(text, "shop.yaml"), "test", now)
    assert made.published
    [edited] = made.results
    return edited.definition_version or 0


def die_at(shop: Shop, monkeypatch: pytest.MonkeyPatch, point: str, program: Sequence[str]) -> None:
    monkeypatch.setenv(VARIABLE, point)
    with consuming(shop, settings=[SHORT], program=program) as process:
        monkeypatch.delenv(VARIABLE)
        assert process.wait(ENDS_S) == -signal.SIGKILL, shop.log.read_text()[-3000:]


class Act(NamedTuple):
    """An act around a limit of time, and how it comes out by the instant of its decision."""

    action: CustomerAction
    registered: int | None = None

    def outcome(self, at: int) -> str:
        date = self.action.event_date
        if date > at + DAY_MS:
            return "EVENT_IN_FUTURE"
        if self.registered is not None and date < self.registered - AGE_DAYS * DAY_MS:
            return "EVENT_TOO_OLD_FOR_REGISTRATION"
        return "ISSUED"


def around_the_limits(now: int) -> list[Act]:
    """Of one partition: at the limits of age and of the future and a millisecond beyond, and out of order."""
    soon, member, wild = customers_of(0, 3)
    joined = now - DAY_MS
    dates = {
        soon: (now + DAY_MS, now + DAY_MS + 1, now + DAY_MS + 2 * HOUR_MS),
        member: (joined - AGE_DAYS * DAY_MS, joined - AGE_DAYS * DAY_MS - 1, joined),
        wild: (now - DAY_MS, now - 3 * DAY_MS, now - 2 * DAY_MS, now - 8 * DAY_MS),
    }
    return [
        Act(
            CustomerAction(7, f"{customer}-{number}", customer, "PURCHASE", date),
            joined if customer == member else None,
        )
        for customer, of_customer in dates.items()
        for number, date in enumerate(of_customer)
    ]


def send(shop: Shop, acts: Sequence[CustomerAction]) -> None:
    with shop.batch() as sending:
        for act in acts:
            sending(0, customer_key(act.org_id, act.customer_id), encode_action(act))


@pytest.mark.row(43)
@pytest.mark.parametrize(
    ("point", "later"),
    [("commit:2", 0), ("commit:2", 3 * HOUR_MS), ("redis:1", 3 * HOUR_MS)],
    ids=["again at the same instant", "again three hours later", "not again"],
)
def test_acts_at_the_limits_of_time_are_decided_by_the_attempt_that_was_committed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, point: str, later: int
) -> None:
    edit(shop, f"settings: {{org_id: 7, retro_max_age_days: {AGE_DAYS}}}")
    first = time.time_ns() // 1_000_000 + HOUR_MS
    acts = around_the_limits(first)
    members = {act.action.customer_id: act.registered for act in acts if act.registered is not None}
    for customer, joined in members.items():
        send(shop, [CustomerAction(7, f"{customer}-joins", customer, "REGISTER", joined)])
    send(shop, [act.action for act in acts])
    clock = tmp_path / "clock"
    clock.write_text(str(first))
    monkeypatch.setenv(edge.VARIABLE, json.dumps({"frozen": str(clock)}))
    die_at(shop, monkeypatch, point, edge.PROGRAM)
    clock.write_text(str(first + later))
    assert consume_to_the_end(shop, program=edge.PROGRAM).code == 0
    once = {one.event_id: one for one in decisions(shop)}
    assert len(once) == len(acts)
    for act in acts:
        record = once[act.action.event_id]
        [decision] = record.decisions
        assert record.processed_at in (first, first + later)
        assert (decision.reason or decision.outcome) == act.outcome(record.processed_at)
    if point == "redis:1":
        assert first in {one.processed_at for one in once.values()}
    clock.write_text(str(first + 5 * HOUR_MS))
    issued = whole(shop).issued
    send(shop, [act.action for act in acts if act.outcome(first) == "ISSUED"])  # redelivered, later still
    assert consume_to_the_end(shop, program=edge.PROGRAM).code == 0
    assert whole(shop).issued == issued


def turn(clock: Path, off_ms: int) -> None:
    """The worker may read at any moment."""
    new = clock.with_suffix(".new")
    new.write_text(str(off_ms))
    new.replace(clock)


@pytest.mark.row(50)
@pytest.mark.slow
def test_a_wall_clock_that_jumps_moves_no_deadline_and_never_takes_an_instant_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    turn(clock, 0)
    monkeypatch.setenv(edge.VARIABLE, json.dumps({"off": str(clock)}))
    with watched(shop) as progress, consuming(shop, settings=[PATIENT], program=edge.PROGRAM) as process:
        with Stream(shop) as stream:
            for off in (0, HOUR_MS, -HOUR_MS, 0, -30 * DAY_MS):
                turn(clock, off)
                before = stream.sent
                until(lambda: progress.decided > before + 100, shop)  # noqa: B023 -- called at once
            stream.end()
        until(lambda: progress.decided >= stream.sent, shop)
        process.terminate()
        assert process.wait(ENDS_S) == 0
    log = shop.log.read_text()
    assert not [*told(log, "lost"), *told(log, "recycled"), *told(log, "paused"), *told(log, "aborted")]
    assert max(one.processed_at for one in decisions(shop)) > time.time_ns() // 1_000_000 + HOUR_MS // 2
    assert whole(shop).issued == stream.sent
    with link(shop) as client:
        assert {client.ttl(key) for key in client.scan_iter()} == {-1}  # no key of the view ever runs out


def deactivate(shop: Shop) -> int:
    """The version of the badge from then on."""
    [stored] = read_definitions(shop.broker).badges.values()
    return edit(shop, json.dumps({"badge": {**stored.body, "active": False}}))


@pytest.mark.row(51)
@pytest.mark.parametrize("point", ["decide:1", "commit:2", "redis:1"])
def test_rules_changed_between_a_crash_and_the_redelivery_count_for_what_was_not_committed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    buy(shop, CUSTOMERS)
    die_at(shop, monkeypatch, point, BADGES)
    version = deactivate(shop)
    assert consume_to_the_end(shop).code == 0
    found = Counter(
        (decision.outcome, decision.definition_version)
        for one in decisions(shop)
        for decision in one.decisions
    )
    committed = found["ISSUED", version - 1]
    assert (committed > 0) == (point == "redis:1")
    assert found["REFUSED", version] == len(CUSTOMERS) - committed
    assert whole(shop).issued == committed
