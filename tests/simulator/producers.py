"""A transactional producer over log.py, with the errors of table K5 (reliability.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.simulator.group import OffsetsRefused
from tests.simulator.host import Host
from tests.simulator.log import Broker, Entry, Place, Refused
from tests.simulator.messages import FakeMessage, Headers, abortable, fatal, plain, retriable

BACKOFF_S = 0.02
FENCING = frozenset({KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})

Delivered = Callable[[KafkaError | None, Any], None]


class Queued(NamedTuple):
    place: Place
    entry: Entry
    delivered: Delivered | None


class FakeProducer:
    """The calls of `confluent_kafka.Producer` that a transactional loop makes."""

    def __init__(self, broker: Broker, host: Host, config: Mapping[str, Any]) -> None:
        self._broker = broker
        self._host = host
        self._id: str = config["transactional.id"]
        self._timeout_s = config.get("transaction.timeout.ms", 60_000) / 1000
        self._epoch = -1
        self._began = False
        self._added: set[Place] = set()
        self._sent_offsets = False
        self._queue: list[Queued] = []
        self._fatal: KafkaException | None = None
        self._doomed: KafkaException | None = None
        self._repetition: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    # The transaction

    def init_transactions(self, timeout: float) -> None:
        self._host.step("init_transactions")
        self._reach(timeout)
        self._epoch = self._broker.init(self._id, self._timeout_s)
        fault = self._host.fault("init", "reply lost", "timed out")
        if fault == "reply lost":
            self._epoch = self._broker.init(self._id, self._timeout_s)
        self._host.step("init_transactions, done")
        if fault == "timed out":
            self._host.wait(timeout)
            raise retriable(KafkaError._TIMED_OUT)

    def begin_transaction(self) -> None:
        self._check()
        if self._epoch < 0 or self._began:
            raise plain(KafkaError._STATE)
        self._began = True

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        headers: Headers | None = None,
        on_delivery: Delivered | None = None,
    ) -> None:
        if not self._began:
            raise plain(KafkaError._STATE)
        self._check()
        if self._host.fault("queue", "full"):
            raise BufferError
        self._queue.append(
            Queued((topic, partition), Entry(key, value, list(headers or [])[:], None), on_delivery)
        )
        if not self._host.likely("linger"):
            self._send(self._host.portion(len(self._queue)))
            self._host.step("produce, sending")

    def poll(self, timeout: float) -> int:
        self._host.wait(timeout)
        return self._send(len(self._queue))

    def flush(self, timeout: float) -> int:
        self._host.step("flush")
        if not self._reachable(timeout) or self._host.fault("flush", "late"):
            self._host.wait(timeout)
            return len(self._queue)
        if self._began and self._host.fault("produce", "timed out"):
            self._doomed = abortable(KafkaError._TIMED_OUT)
        while self._queue:
            self._send(self._host.portion(len(self._queue)))
            self._host.step("flush, sending")
            self._repeat()
        self._check()
        return 0

    def send_offsets_to_transaction(
        self, offsets: Sequence[TopicPartition], metadata: bytes, timeout: float
    ) -> None:
        self._host.step("send_offsets")
        self._check()
        if not self._began:
            raise plain(KafkaError._STATE)
        self._raise_doom()
        self._reach(timeout)
        generation, group, member = read_metadata(metadata)
        fault = self._host.fault("send_offsets", "request lost", "reply lost", "rebalancing")
        if fault == "request lost":
            raise retriable(KafkaError._TIMED_OUT)
        if fault == "rebalancing":
            self._doomed = abortable(KafkaError.REBALANCE_IN_PROGRESS)
            self._raise_doom()
        places = {(one.topic, one.partition): one.offset for one in offsets}
        self._call(lambda: self._broker.add_offsets(self._id, self._epoch, group, member, generation, places))
        self._sent_offsets = True
        self._host.step("send_offsets, done")
        if fault == "reply lost":
            raise retriable(KafkaError._TIMED_OUT)

    def commit_transaction(self, timeout: float) -> None:
        self._host.step("commit_transaction")
        self._check()
        if not self._began:
            raise plain(KafkaError._STATE)
        self._send(len(self._queue))
        self._check()
        self._raise_doom()
        self._reach(timeout)
        if self._added or self._sent_offsets:
            self._end(timeout, commit=True)
        self._host.step("commit_transaction, done")
        self._forget()

    def abort_transaction(self, timeout: float) -> None:
        self._host.step("abort_transaction")
        if self._fatal is not None:
            raise retriable(KafkaError._CONFLICT)
        if not self._began:
            raise plain(KafkaError._STATE)
        self.purge()
        self._reach(timeout)
        if self._added or self._sent_offsets:
            self._end(timeout, commit=False)
        self._host.step("abort_transaction, done")
        self._forget()

    def purge(self) -> None:
        queue, self._queue = self._queue, []
        for one in queue:
            self._report(one, KafkaError(KafkaError._PURGE_QUEUE), -1)

    def _end(self, timeout: float, *, commit: bool) -> None:
        """EndTxn. A request or reply that is lost is sent again by the client until the call's time is over;
        a repetition may be on its way for long."""
        broker, name, epoch = self._broker, self._id, self._epoch

        def end() -> None:
            broker.end(name, epoch, commit=commit)

        kind = "commit" if commit else "abort"
        fault = self._host.fault(kind, "request lost", "reply lost", "late", "slow", "unclear")
        if fault in ("request lost", "late"):
            if fault == "late":
                self._host.later(kind, end)
            self._host.wait(timeout)
            raise retriable(KafkaError._TIMED_OUT)
        self._call(end)
        if fault == "reply lost":
            self._host.wait(timeout)
            raise retriable(KafkaError._TIMED_OUT)
        if fault == "unclear":
            raise abortable(KafkaError.UNKNOWN)
        if fault == "slow":
            self._host.wait(0.7 * timeout)
            self._repetition = end

    def _repeat(self) -> None:
        """A repeated EndTxn that was under way arrives, in the middle of whichever transaction there is."""
        if self._repetition is not None and self._host.fault("repetition", "arrives"):
            repetition, self._repetition = self._repetition, None
            with suppress(Refused):
                repetition()

    def _forget(self) -> None:
        self._began = self._sent_offsets = False
        self._added.clear()
        self._doomed = None

    # The wire

    def _send(self, most: int) -> int:
        """Sends up to so many of the queue; records of one partition in one request."""
        sent = 0
        while self._queue and sent < most and self._fatal is None:
            place = self._queue[0].place
            count = 1
            while count < min(most - sent, len(self._queue)) and self._queue[count].place == place:
                count += 1
            records, self._queue = self._queue[:count], self._queue[count:]
            sent += count
            self._append(place, records)
        if self._fatal is not None:
            self.purge()
        return sent

    def _append(self, place: Place, records: Sequence[Queued]) -> None:
        if self._doomed is not None:
            for one in records:
                self._report(one, KafkaError(KafkaError._PURGE_QUEUE), -1)
            return
        try:
            if place not in self._added:
                self._call(lambda: self._broker.add_place(self._id, self._epoch, place))
                self._added.add(place)
            first = 0

            def append() -> None:
                nonlocal first
                first = self._broker.produce(self._id, self._epoch, place, [one.entry for one in records])

            self._call(append)
        except KafkaException as error:
            for one in records:
                self._report(one, error.args[0], -1)
            return
        for n, one in enumerate(records):
            self._report(one, None, first + n)

    def _call(self, request: Callable[[], object]) -> None:
        """A request; repeated while the transaction before is being ended. Remembers what it means."""
        while True:
            try:
                request()
                return
            except OffsetsRefused as error:
                self._doomed = abortable(error.code)
                raise self._doomed from None
            except Refused as error:
                if error.code == KafkaError.CONCURRENT_TRANSACTIONS:
                    self._host.wait(BACKOFF_S)
                    continue
                if error.code == KafkaError.MSG_SIZE_TOO_LARGE:
                    self._doomed = abortable(error.code)
                    raise self._doomed from None
                code = KafkaError._FENCED if error.code in FENCING else error.code
                self._fatal = fatal(code)
                raise self._fatal from None

    def _report(self, one: Queued, error: KafkaError | None, offset: int) -> None:
        if one.delivered is not None:
            topic, partition = one.place
            one.delivered(error, FakeMessage(topic, partition, offset))

    def _check(self) -> None:
        if self._fatal is not None:
            raise self._fatal

    def _raise_doom(self) -> None:
        if self._doomed is not None:
            raise self._doomed

    def _reachable(self, timeout: float) -> bool:
        until = self._host.now() + timeout
        while not self._host.reachable("kafka"):
            if self._host.now() >= until:
                return False
            self._host.wait(max(0.5, timeout / 4))
        return True

    def _reach(self, timeout: float) -> None:
        if not self._reachable(timeout):
            raise retriable(KafkaError._TIMED_OUT)


def read_metadata(metadata: bytes) -> tuple[int, str, str]:
    """(generation, group, member id) out of the opaque bytes of librdkafka."""
    generation = int.from_bytes(metadata[7:11], "little", signed=True)
    group, member, *_ = metadata[11:].split(b"\0")
    return generation, group.decode(), member.decode()


def write_metadata(generation: int, group: str, member: str) -> bytes:
    """The inverse of `read_metadata`."""
    prefix = b"CGMDv2:" + generation.to_bytes(4, "little", signed=True)
    return prefix + group.encode() + b"\0" + member.encode() + b"\0"
