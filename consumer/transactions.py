"""The transactional producer, and what its errors mean (reliability.md K2, K5).

| when | what the client says | what it means here |
| --- | --- | --- |
| any call | a right is missing | Stopped |
| any call | fatal | ProducerLost |
| any call | fenced, for the third time in a minute | Fenced: another process has this identity |
| before the commit | requires abort, a membership code | aborted, AssignmentLost |
| before the commit | requires abort, about a record | aborted, BatchRefused |
| produce | the record is larger than the client sends | aborted, BatchRefused |
| before the commit | requires abort, anything else | aborted, BatchAborted |
| before the commit | retriable | the same call again until the deadline, then ProducerLost |
| send_offsets | it never comes back, as when the broker died in the middle of it | ProducerLost |
| commit | anything but success in time | ProducerLost: the outcome is read again, never guessed |
| commit | success, but the connection to the coordinator broke meanwhile | ProducerLost, as above |
| abort | anything but success in time | ProducerLost |

A producer that is lost is never used again, not even to abort: after a fatal error `abort_transaction` may
answer "retriable" for ever, and a delayed EndTxn could end a later transaction (KAFKA-17754). The next one
with the same id ends what it left open. The client repeats a commit by itself when a connection breaks, and
the first copy may still be on its way: it is the same hole, and the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from consumer.bounded_call import NeverCameBack, bounded
from consumer.clock import Clock
from consumer.crash_points import reached
from consumer.errors import (
    REFUSED,
    AssignmentLost,
    BatchAborted,
    BatchRefused,
    Fenced,
    ProducerLost,
)
from consumer.rights import denied

Headers = list[tuple[str, str | bytes | None]]
CALL_S: Final = 10.0
"""One transactional call, repetitions included; three of them stay below transaction.timeout.ms."""
BACK_S: Final = 5.0
"""How much later than its timeout a call may come back."""
SLOW_COMMIT_S: Final = 5.0
"""A commit or abort that took longer may have been sent more than once: the producer is not used again."""
INIT_S: Final = 30.0
BROKEN: Final = ("FAIL", "TxnCoordinator", "in state UP")
"""What stands in librdkafka's log when an open connection to the coordinator broke."""
FENCINGS: Final = 3
FENCED_S: Final = 60.0

_FENCED: Final = frozenset(
    {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
)
_MEMBERSHIP: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)
_REFUSED: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_MSG,
        KafkaError._INVALID_ARG,
    }
)


class ClientLog:
    """A client's `logger`: passes on what it logs, and notices that the connection to the coordinator of its
    transactions broke, which the client tells nowhere else. Brokers that cannot be reached are no matter.
    """

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self.broken = False

    def log(self, level: int, text: str, *facts: str) -> None:
        """As `logging.Logger.log`; librdkafka gives its facility, the client's name and what happened."""
        self._logger.log(level, text, *facts)
        self.broken = self.broken or all(word in " ".join(facts) for word in BROKEN)


class Transactions:
    """One producer with a stable transactional id, replaced whenever it cannot be trusted any more."""

    def __init__(self, config: Mapping[str, Any], logger: Any, clock: Clock) -> None:
        self._config = dict(config)
        self._log = ClientLog(logger)
        self._clock = clock
        self._producer: Producer | None = None
        self._fencings: list[float] = []

    @property
    def is_open(self) -> bool:
        """Whether there is a producer that may be used."""
        return self._producer is not None

    def open(self) -> None:
        """A new producer; ends what any earlier one with this id left open. Raises ProducerLost or Fenced."""
        self.discard()
        self._log.broken = False
        producer = Producer(self._config, logger=self._log)
        try:
            producer.init_transactions(INIT_S)
        except KafkaException as error:
            raise self._lost(error) from None
        self._producer = producer

    def discard(self) -> None:
        """Forgets the producer without asking it for anything."""
        if self._producer is not None:
            self._producer.purge()
            self._producer = None

    def begin(self) -> None:
        """Opens a transaction, on a producer whose connection to the coordinator never broke: the client may
        keep a second break to itself.
        """
        reached("begin")
        self._open_producer.poll(0)  # hands over what was logged
        if self._log.broken:
            self.open()
        try:
            self._open_producer.begin_transaction()
        except KafkaException as error:
            raise self._lost(error) from None

    @property
    def _open_producer(self) -> Producer:
        if self._producer is None:
            raise ProducerLost("there is no producer")
        return self._producer

    def produce(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, str | bytes | None]] | None = None,
        delivered: Callable[[KafkaError | None, Message], None] | None = None,
    ) -> None:
        """One record into the open transaction; waits while the local queue is full."""
        producer = self._open_producer
        arguments: dict[str, Any] = {"partition": partition}
        if headers:
            arguments["headers"] = headers
        if delivered is not None:
            arguments["on_delivery"] = delivered
        deadline = None
        while True:
            try:
                producer.produce(topic, value, key, **arguments)
                return
            except BufferError:
                now = self._clock.monotonic()
                deadline = deadline or now + CALL_S
                if now > deadline:
                    self.discard()
                    raise ProducerLost("the local queue stays full") from None
                producer.poll(0.05)
            except KafkaException as error:
                if error.args[0].code() in _REFUSED and not error.args[0].fatal():
                    self.abort()  # refused by the client itself: the transaction lacks it
                    raise BatchRefused(error.args[0].name()) from None
                raise self._aborted(error) from None

    def produce_all(
        self,
        topic: str,
        partition: int,
        records: Iterable[tuple[bytes | None, bytes | None, Headers]],
    ) -> None:
        """As `produce`, of many (key, value, headers)."""
        produce = self._open_producer.produce
        for key, value, headers in records:
            try:
                produce(topic, value, key, partition, headers=headers)
            except (BufferError, KafkaException):
                self.produce(topic, partition, key, value, headers)  # not taken, so it is tried once more

    def commit(self, offsets: Sequence[TopicPartition], metadata: Any) -> None:
        """Flushes, adds the input offsets and commits. Returns only after a clear and timely success."""
        producer = self._open_producer
        reached("flush")
        try:
            left = producer.flush(CALL_S)
        except KafkaException as error:
            raise self._aborted(error) from None
        if left:
            self.discard()
            raise ProducerLost("records were not delivered in time")
        if offsets:
            reached("send_offsets")
            self._repeat(lambda: producer.send_offsets_to_transaction(list(offsets), metadata, CALL_S))
        reached("commit")
        started = self._clock.monotonic()
        try:
            producer.commit_transaction(CALL_S)
        except KafkaException as error:
            if error.args[0].txn_requires_abort() and error.args[0].code() in _MEMBERSHIP | _REFUSED:
                raise self._aborted(error) from None
            raise self._lost(error) from None
        if self._clock.monotonic() - started > SLOW_COMMIT_S:
            self.discard()
            raise ProducerLost("the commit was slow")
        producer.poll(0)  # hands over what was logged
        if self._log.broken:
            self.discard()
            raise ProducerLost("the connection broke before the commit was done")

    def prove(self, offset: TopicPartition, metadata: Any) -> None:
        """Asks the group's coordinator whether `metadata` is of a member of its generation, with an offset
        that is never committed. AssignmentLost if not.
        """
        self.begin()
        producer = self._open_producer
        self._repeat(lambda: producer.send_offsets_to_transaction([offset], metadata, CALL_S))
        self.abort()

    def abort(self) -> None:
        """Ends the open transaction without effect. Raises ProducerLost unless it was clear and timely."""
        started = self._clock.monotonic()
        try:
            self._open_producer.abort_transaction(CALL_S)
        except KafkaException as error:
            raise self._lost(error) from None
        if self._clock.monotonic() - started > SLOW_COMMIT_S:
            self.discard()
            raise ProducerLost("the abort was slow")

    def _repeat(self, call: Callable[[], None]) -> None:
        deadline = self._clock.monotonic() + CALL_S
        while True:
            try:
                bounded(call, CALL_S + BACK_S)
                return
            except NeverCameBack:
                self._producer = None  # not even purged: a thread of this process is inside it
                raise ProducerLost("the offsets were neither sent nor refused") from None
            except KafkaException as error:
                if not error.args[0].retriable() or self._clock.monotonic() > deadline:
                    raise self._aborted(error) from None

    def _aborted(self, error: KafkaException) -> Exception:
        """Aborts where the client asks for it; the error to raise."""
        cause: KafkaError = error.args[0]
        if cause.fatal() or not cause.txn_requires_abort() or denied(cause):
            return self._lost(error)
        self.abort()
        if cause.code() in _MEMBERSHIP:
            return AssignmentLost(cause.name())
        return BatchRefused(cause.name()) if cause.code() in _REFUSED else BatchAborted(cause.name())

    def _lost(self, error: KafkaException) -> Exception:
        cause: KafkaError = error.args[0]
        self.discard()
        if cause.code() in _FENCED:
            return self._fenced()
        return denied(cause) or ProducerLost(cause.name())

    def _fenced(self) -> Exception:
        """A transaction that outlived its time is fenced as if another producer had taken the id: only the
        repetition tells them apart.
        """
        now = self._clock.monotonic()
        self._fencings = [*(one for one in self._fencings if now - one < FENCED_S), now]
        if len(self._fencings) < FENCINGS:
            return ProducerLost("fenced")
        return Fenced(
            "another process uses this worker's identity; stop it, or give each its own --instance", REFUSED
        )
