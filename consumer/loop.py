"""The page to read first: one worker, one synchronous loop.

take a batch → decide it → commit it (Kafka, then the view) → again, until stopped

Everything else is what happens when that is not possible: the assignment changed, the rules changed, a
dependency is down, a transaction had no clear end. Each has one answer below; what has none ends the
process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Message

from consumer.batch import Committer
from consumer.batch_size import BatchSize
from consumer.clock import Clock
from consumer.errors import (
    REFUSED,
    AssignmentLost,
    BatchAborted,
    BatchRefused,
    Paused,
    ProducerLost,
    Stopped,
)
from consumer.feeds import Feeds
from consumer.input import InputGroup
from consumer.introductions import Introductions
from consumer.memory import tidy
from consumer.ownership import Ownership
from consumer.processor import Processor
from consumer.rights import ClientErrors
from consumer.rules_in_force import RulesInForce
from consumer.same_topic import SameTopic
from consumer.telemetry import Telemetry
from consumer.transactions import Transactions
from consumer.view_checks import ViewMoved, view_reached
from consumer.view_health import ViewHealth
from state.view import View

RULES_S: Final = 0.5
"""How often the feeds are looked at, and garbage is looked for."""
HEALTH_S: Final = 10.0
"""How often the view's server is asked whether it lost anything by itself."""
RETRY_S: Final = 1.0
DEFER_S: Final = 3.0
"""How often a registry is asked for a schema that it did not give."""


@dataclass(frozen=True)
class Parts:
    """What a loop is made of; bootstrap.py makes them."""

    group: InputGroup
    ownership: Ownership
    processor: Processor
    committer: Committer
    transactions: Transactions
    feeds: Feeds
    view: View
    clock: Clock
    telemetry: Telemetry
    clients: ClientErrors
    same_topic: SameTopic | None = None
    introductions: Introductions | None = None


class Loop:
    """One member of the group, until `stopping` says so."""

    def __init__(self, parts: Parts) -> None:
        self._group = parts.group
        self._ownership = parts.ownership
        self._processor = parts.processor
        self._committer = parts.committer
        self._transactions = parts.transactions
        self._feeds = parts.feeds
        self._health = ViewHealth(parts.view)
        self._clock = parts.clock
        self._telemetry = parts.telemetry
        self._clients = parts.clients
        self._same_topic = parts.same_topic
        self._rules = RulesInForce(
            parts.group, parts.ownership, parts.feeds, parts.committer, parts.introductions, parts.clock
        )
        self._epoch = 0
        self._next_rules = self._next_health = self._next_try = self._next_deferred = 0.0
        self._deferred: dict[int, str] = {}
        self._size = BatchSize()
        self._rewound = False

    def run(self, stopping: Callable[[], bool], finished: Callable[[], bool] = lambda: False) -> None:
        """Until stopped, or finished with the view whole; the batch in hand is done first. Raises Stopped."""
        self._feeds.read_to_end()
        self._open()
        self._group.subscribe()
        while not stopping() and not (self._settled() and finished()):
            self._clients.check()
            self._telemetry.turn(ready=not self._ownership.pending and bool(self._ownership.owned))
            try:
                self._turn()
            except Paused as error:
                self._pause(error)
            except ViewMoved as moved:
                self._telemetry.repairing(len(moved.partitions))
                self._ownership.distrust_whole(moved.damaged)
                self._ownership.distrust(moved.partitions)
                self._rewind()
            except BatchRefused as error:
                self._telemetry.aborted(str(error))
                self._size.refused()
                self._rewind()
            except BatchAborted as error:
                self._telemetry.aborted(str(error))
                self._next_rules = 0.0  # newer ones may be what is missing
                self._rewind()
            except AssignmentLost as error:
                self._telemetry.lost(str(error))
                self._ownership.distrust_all()
                if self._epoch == self._group.epoch:
                    self._group.drop()
            except ProducerLost as error:
                self._telemetry.recycled(str(error))
                self._ownership.distrust_all()

    def _settled(self) -> bool:
        """The group has given this member its partitions, if any, and the view is whole for them."""
        return self._epoch == self._group.epoch > 0 and not self._ownership.pending

    def _turn(self) -> None:
        if self._rewound:
            self._rewound = False
            self._go_on()
        now = self._clock.monotonic()
        if not self._transactions.is_open and now >= self._next_try:
            self._open()
        if now >= self._next_rules:
            self._next_rules = now + RULES_S
            self._feeds.refresh()
            tidy()
        if now >= self._next_health:
            self._next_health = now + HEALTH_S
            if self._health.lost_anything():
                self._telemetry.distrusted()
                self._ownership.distrust_whole(list(self._ownership.owned))
            self._telemetry.lag(
                {p: self._group.lag(p, own.position.next_offset) for p, own in self._ownership.owned.items()}
            )
        if self._deferred and now >= self._next_deferred:
            self._ask_again()
        messages = self._group.take(self._size.most)
        if self._group.epoch != self._epoch:
            self._epoch = self._group.epoch
            self._deferred.clear()
            self._ownership.take_over()
            self._telemetry.assigned(sorted(self._group.assigned))
            return
        if self._ownership.pending and now >= self._next_try:
            self._prepare()
            return
        self._rules.cut_over()  # before the batch: the log tells the rules before a record is decided by them
        if messages:
            self._decide(messages)

    def _open(self) -> None:
        """A producer, before anything is read of what the one before may have committed."""
        try:
            self._transactions.open()
        except ProducerLost as error:
            raise Paused(f"no producer: {error}") from None

    def _decide(self, messages: list[Message]) -> None:
        started, metadata = self._clock.monotonic(), self._group.metadata()
        owned = self._ownership.owned
        if any(message.partition() not in owned for message in messages):
            raise AssignmentLost("a message of a partition that is not ready")
        if self._same_topic is not None:
            self._same_topic.check()
        batch = self._processor.prepare(messages, owned, self._clock.now())
        self._defer(batch.deferred)
        if not batch.shares:
            return
        try:
            broken = self._committer.commit(batch, self._feeds.offsets, metadata)
        except BatchRefused:
            if len(messages) == 1 and not self._processor.refuse(messages[0]):
                raise Paused("the broker refuses even a stub; raise the topics' max.message.bytes") from None
            raise
        self._telemetry.committed(batch)
        self._size.committed(len(messages), self._clock.monotonic() - started)
        if broken:
            raise ViewMoved(broken)

    def _defer(self, deferred: dict[int, str]) -> None:
        """Partitions whose next record waits for its schema stand still; the others go on."""
        if deferred:
            self._group.defer(deferred)
            self._deferred.update(deferred)
            self._next_deferred = self._clock.monotonic() + DEFER_S
            self._telemetry.deferred(len(deferred), next(iter(deferred.values())))

    def _ask_again(self) -> None:
        """Those that waited go on with the record they waited for."""
        owned = self._ownership.owned
        self._group.resume({p: owned[p].position.next_offset for p in self._deferred if p in owned})
        self._deferred.clear()

    def _prepare(self) -> None:
        before = self._ownership.repairs
        self._group.pause(self._ownership.owned)  # a repair serves the group, and wants no messages from it
        try:
            with view_reached():
                self._ownership.prepare(self._group.serve)
        except Stopped as error:
            if error.exit_code == REFUSED:
                # Whoever is no member any more sees others' work, not a contradiction.
                self._transactions.prove(self._group.some_offset(), self._group.metadata())
            raise
        finally:
            self._telemetry.repaired(self._ownership.repairs - before)
        self._rules.check()
        self._rules.cut_over()
        self._deferred.clear()
        self._go_on()
        self._telemetry.ready(sorted(self._ownership.owned))

    def _rewind(self) -> None:
        """Nothing was committed: the states touched are dropped, and the next turn reads the same records
        again, where the loss of a partition is dealt with like any other.
        """
        self._ownership.forget_states()
        self._rewound = True

    def _go_on(self) -> None:
        owned = self._ownership.owned
        self._group.resume(
            {p: own.position.next_offset for p, own in owned.items()},
            {p: own.position.hops_offset for p, own in owned.items()},
        )

    def _pause(self, error: Paused) -> None:
        self._telemetry.paused(str(error))
        self._ownership.distrust_all()
        self._next_try = self._clock.monotonic() + RETRY_S
