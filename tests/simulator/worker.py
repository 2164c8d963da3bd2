"""One worker process: the real loop and all that it is made of, over fake clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from consumer.batch import TZDATA, Committer
from consumer.batch_records import Topics
from consumer.changelog import Changelog
from consumer.feeds import Feeds
from consumer.input import Hops, InputGroup
from consumer.introductions import Introductions
from consumer.loop import Loop, Parts
from consumer.outputs import OutputFraming
from consumer.ownership import Ownership, Topic
from consumer.places import Places
from consumer.processor import Processor
from consumer.rights import ClientErrors
from consumer.sorting import Sorter
from consumer.transactions import Transactions
from schemas.catalogue import BADGE_HOPS, CUSTOMER_ACTIONS, CUSTOMER_STATE
from state.cache import StateCache
from tests.simulator.consumers import FakeAdmin
from tests.simulator.host import Host
from tests.simulator.log import Broker
from tests.simulator.seams import LOGGER
from tests.simulator.view import RedisServer, WorkerView
from tests.simulator.world import PARTITIONED, START

GROUP = "badges"
CACHED = 5
"""States in a worker's cache: less than there are customers."""
SOURCE = f"/badges/{GROUP}"

_READER = {"group.id": f"{GROUP}-reader", "isolation.level": "read_committed", "enable.partition.eof": True}
_MEMBER = {"group.id": GROUP, "isolation.level": "read_committed"}
_PRODUCER = {"transaction.timeout.ms": 30_000}


class WorkerClock:
    """A wall clock that is some milliseconds off, and a monotonic one."""

    def __init__(self, host: Host, skew: Callable[[], int]) -> None:
        self._host = host
        self._skew = skew

    def now(self) -> int:
        return START + int(self._host.now() * 1000) + self._skew()

    def monotonic(self) -> float:
        return self._host.now()


class Told:
    """Takes the place of telemetry: everything goes into the trace."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def turn(self, *, ready: bool) -> None:
        """Too often to be told."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        def told(*facts: Any, **named: Any) -> None:
            shown = [fact for fact in facts if isinstance(fact, (str, int, list))]
            self._tell(f"-> {name} {shown or ''} {named or ''}".rstrip())

        return told


class Worker:
    """What `consumer.bootstrap` makes of settings, for one life of a process."""

    def __init__(
        self,
        broker: Broker,
        server: RedisServer,
        host: Host,
        name: str,
        life: int,
        skew: Callable[[], int],
        tell: Callable[[str], None],
        *,
        identity: str | None = None,
        accept_reset: bool = False,
    ) -> None:
        clock = WorkerClock(host, skew)
        view = WorkerView(server, host, f"{name}.{life}")
        cache = StateCache(CACHED)
        partitions = broker.topics[CUSTOMER_STATE]
        admin: Any = FakeAdmin(broker, host)
        self.feeds = Feeds(_READER, "", LOGGER, clock)
        self.group = InputGroup(_MEMBER, CUSTOMER_ACTIONS, LOGGER, Hops(BADGE_HOPS, partitions))
        self.group._consumer.name = name  # type: ignore[attr-defined]  # the fake's
        self.transactions = Transactions({**_PRODUCER, "transactional.id": identity or name}, LOGGER, clock)
        changelog = Changelog(_READER, CUSTOMER_STATE, admin, LOGGER, clock)
        topic = Topic("cluster", "topic", TZDATA, partitions)
        self.ownership = Ownership(self.group, changelog, view, cache, topic, accept_reset=accept_reset)
        names = Topics(*PARTITIONED)
        sorter = Sorter(cache, partitions, None, clock.monotonic)
        places = Places(view, cache, self.feeds, partitions, BADGE_HOPS, OutputFraming())
        processor = Processor(view, cache, self.feeds, sorter, OutputFraming(), places)
        decide = processor.decide
        committer = Committer(self.transactions, decide, names, view, cache, SOURCE, partitions)
        telemetry: Any = Told(lambda text: tell(f"worker {name}.{life}: {text}"))
        self.loop = Loop(
            Parts(
                self.group,
                self.ownership,
                processor,
                committer,
                self.transactions,
                self.feeds,
                view,
                clock,
                telemetry,
                ClientErrors(),
                introductions=Introductions(view, cache, self.feeds, places, partitions),
            )
        )

    def run_until(self, stopping: Callable[[], bool]) -> None:
        """The loop alone."""
        self.loop.run(stopping)

    def run(self, stopping: Callable[[], bool]) -> None:
        """Until it is told to stop; leaves the group as bootstrap does."""
        self.run_until(stopping)
        self.transactions.discard()
        self.group.close()
