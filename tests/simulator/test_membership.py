"""Who sees a contradiction of group, log and view refuses to go on, unless others are at work already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from consumer.errors import Stopped
from tests.simulator.host import CalmHost
from tests.simulator.log import Broker
from tests.simulator.seams import seams
from tests.simulator.view import RedisServer
from tests.simulator.worker import GROUP, Worker
from tests.simulator.world import World, topics

TURNS = 10


class DeafHost(CalmHost):
    """A process that was stopped for too long and is awake again, before any heartbeat was answered."""

    deaf = False

    def likely(self, what: str) -> bool:
        return not (self.deaf and what == "heartbeat")

    def alive(self) -> bool:
        return not self.deaf


@contextmanager
def a_worker_with_an_assignment() -> Iterator[tuple[Worker, Broker, DeafHost, list[str]]]:
    broker = Broker(topics(1))
    host = DeafHost(broker.settle)
    told: list[str] = []
    World(broker, Random(1), 1).begin()
    with seams(broker, lambda: host, lambda _point: None, small=False):
        worker = Worker(broker, RedisServer(), host, "one", 1, lambda: 0, told.append)
        broker.group(GROUP).offsets["customer-actions", 0] = 7  # what no log knows of
        left = iter(range(TURNS))

        def assigned() -> bool:
            return bool(worker.group.assigned) or next(left, None) is None

        worker.run_until(assigned)
        yield worker, broker, host, told


def test_a_member_that_sees_a_contradiction_refuses() -> None:
    with a_worker_with_an_assignment() as (worker, *_), pytest.raises(Stopped, match="decided up to 7"):
        worker.run_until(lambda: False)


def test_who_is_no_member_any_more_sees_the_work_of_others_and_joins_again() -> None:
    with a_worker_with_an_assignment() as (worker, broker, host, told):
        host.deaf = True
        broker.expire(host.now() + 60)
        assert not broker.group(GROUP).members
        left = iter(range(TURNS))

        worker.run_until(lambda: next(left, None) is None)

        assert any("lost" in line for line in told)
