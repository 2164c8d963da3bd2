"""A broker's logs and its transaction coordinator, as far as a transactional consumer can tell them apart.

A transaction is committed or aborted first of all at its coordinator; its markers reach the partitions and
the group's offsets afterwards, one by one and in any order (`unmarked`). Until its marker is there, it
is open for readers of that partition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import KafkaError

from tests.simulator.group import Group

Place = tuple[str, int]
Headers = list[tuple[str, bytes | None]]


class Refused(Exception):
    """The broker's answer is an error code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Entry(NamedTuple):
    """One offset of a partition; `key` None and `control` for a transaction marker."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    transaction: int | None
    control: bool = False


class PartitionLog:
    """One partition. `open` holds the first offset of each transaction without a marker here."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.low = 0
        self.open: dict[int, int] = {}
        self.aborted: set[int] = set()

    @property
    def high(self) -> int:
        return len(self.entries)

    @property
    def stable(self) -> int:
        """The last stable offset."""
        return min(self.open.values(), default=len(self.entries))

    def append(self, entry: Entry) -> int:
        offset = len(self.entries)
        self.entries.append(entry)
        if entry.transaction is not None and not entry.control:
            self.open.setdefault(entry.transaction, offset)
        return offset

    def mark(self, transaction: int, *, commit: bool) -> None:
        self.entries.append(Entry(None, None, [], transaction, control=True))
        if self.open.pop(transaction, None) is not None and not commit:
            self.aborted.add(transaction)

    def is_committed(self, entry: Entry) -> bool:
        number = entry.transaction
        return not entry.control and (
            number is None or (number not in self.open and number not in self.aborted)
        )

    def committed(self) -> list[tuple[int, Entry]]:
        """What a reader of committed records sees of the whole log, with offsets."""
        found = enumerate(self.entries[: self.stable])
        return [(offset, entry) for offset, entry in found if self.is_committed(entry)]


@dataclass(eq=False)
class Transaction:
    """`unmarked` None while it is ongoing; then the targets that have no marker yet."""

    number: int
    started: float
    places: set[Place] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    commit: bool = False
    unmarked: list[Place | str] | None = None


@dataclass
class TransactionalId:
    timeout_s: float
    epoch: int = -1
    transaction: Transaction | None = None
    last_commit: bool | None = None


class Broker:
    """Topics, transactional ids and groups. Raises Refused. `largest` are the topics' greatest values, in
    bytes.
    """

    def __init__(self, topics: dict[str, int], session_s: float = 10.0, max_poll_s: float = 300.0) -> None:
        self.topics = topics
        self.logs: dict[Place, PartitionLog] = {
            (topic, partition): PartitionLog()
            for topic, count in topics.items()
            for partition in range(count)
        }
        self.ids: dict[str, TransactionalId] = {}
        self.groups: dict[str, Group] = {}
        self.now = 0.0
        self.largest: dict[str, int] = {}
        self._session_s = session_s
        self._max_poll_s = max_poll_s
        self._numbers = 0

    def group(self, name: str) -> Group:
        if name not in self.groups:
            self.groups[name] = Group(self.topics, self._session_s, self._max_poll_s)
        return self.groups[name]

    def append(
        self, place: Place, key: bytes | None, value: bytes | None, headers: Headers | None = None
    ) -> int:
        """A record without a transaction."""
        return self.logs[place].append(Entry(key, value, headers or [], None))

    # The transaction coordinator

    def init(self, name: str, timeout_s: float) -> int:
        """A new epoch, and the end of what the one before left open."""
        known = self.ids.setdefault(name, TransactionalId(timeout_s))
        if known.transaction is not None:
            self._prepare(known.transaction, commit=False)
            while known.transaction is not None:
                self._mark_next(known, 0)
        known.epoch += 1
        known.last_commit = None
        return known.epoch

    def add_place(self, name: str, epoch: int, place: Place) -> None:
        self._ongoing(name, epoch).places.add(place)

    def produce(self, name: str, epoch: int, place: Place, records: Sequence[Entry]) -> int:
        """Appends next to each other; the offset of the first."""
        known = self.ids[name]
        if known.epoch != epoch:
            raise Refused(KafkaError.INVALID_PRODUCER_EPOCH)
        transaction = known.transaction
        if transaction is None or transaction.unmarked is not None or place not in transaction.places:
            raise Refused(KafkaError.INVALID_TXN_STATE)
        largest = self.largest.get(place[0])
        if largest is not None and any(len(record.value or b"") > largest for record in records):
            raise Refused(KafkaError.MSG_SIZE_TOO_LARGE)
        log = self.logs[place]
        first = log.high
        for record in records:
            log.append(record._replace(transaction=transaction.number))
        return first

    def add_offsets(
        self, name: str, epoch: int, group: str, member: str, generation: int, offsets: dict[Place, int]
    ) -> None:
        transaction = self._ongoing(name, epoch)
        transaction.groups.add(group)
        self.group(group).pend(transaction.number, member, generation, offsets)

    def end(self, name: str, epoch: int, *, commit: bool) -> None:
        """Names no transaction: it ends whichever one is ongoing (KAFKA-17754)."""
        known = self._known(name, epoch)
        transaction = known.transaction
        if transaction is None:
            if known.last_commit is not commit:
                raise Refused(KafkaError.INVALID_TXN_STATE)
            return
        if transaction.unmarked is not None:
            if transaction.commit is not commit:
                raise Refused(KafkaError.INVALID_TXN_STATE)
            return
        self._prepare(transaction, commit=commit)
        self._forget_if_marked(known)

    def is_ending(self, name: str) -> bool:
        """Whether the markers of the last transaction are still being written."""
        transaction = self.ids[name].transaction
        return transaction is not None and transaction.unmarked is not None

    def _known(self, name: str, epoch: int) -> TransactionalId:
        known = self.ids[name]
        if known.epoch != epoch:
            raise Refused(KafkaError.PRODUCER_FENCED)
        return known

    def _ongoing(self, name: str, epoch: int) -> Transaction:
        known = self._known(name, epoch)
        if known.transaction is None:
            self._numbers += 1
            known.transaction = Transaction(self._numbers, self.now)
        if known.transaction.unmarked is not None:
            raise Refused(KafkaError.CONCURRENT_TRANSACTIONS)
        return known.transaction

    def _prepare(self, transaction: Transaction, *, commit: bool) -> None:
        if transaction.unmarked is None:
            transaction.commit = commit
            transaction.unmarked = [*sorted(transaction.places), *sorted(transaction.groups)]

    def _mark_next(self, known: TransactionalId, which: int) -> None:
        transaction = known.transaction
        assert transaction is not None
        assert transaction.unmarked is not None
        if transaction.unmarked:
            target = transaction.unmarked.pop(which)
            if isinstance(target, str):
                self.group(target).settle(transaction.number, commit=transaction.commit)
            else:
                self.logs[target].mark(transaction.number, commit=transaction.commit)
        self._forget_if_marked(known)

    def _forget_if_marked(self, known: TransactionalId) -> None:
        if known.transaction is not None and known.transaction.unmarked == []:
            known.last_commit = known.transaction.commit
            known.transaction = None

    # What happens by itself

    def mark_one(self, choose: Callable[[int], int]) -> bool:
        """Writes one marker that is due; `choose(n)` gives a number below n. Whether there was one."""
        ending = [one for one in self.ids.values() if one.transaction and one.transaction.unmarked]
        if not ending:
            return False
        known = ending[choose(len(ending))]
        assert known.transaction is not None
        self._mark_next(known, choose(len(known.transaction.unmarked or ())))
        return True

    def expire(self, now: float) -> None:
        """Transactions and members whose time is over."""
        self.now = now
        for known in self.ids.values():
            transaction = known.transaction
            if transaction and transaction.unmarked is None and now - transaction.started > known.timeout_s:
                known.epoch += 1
                self._prepare(transaction, commit=False)
                self._forget_if_marked(known)
        for group in self.groups.values():
            group.expire(now)

    def settle(self, now: float) -> None:
        """All of it at once."""
        self.expire(now)
        while self.mark_one(lambda _count: 0):
            pass
