"""Reading topics without a group: to their end, or from now on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec

from consumer.broker import PROBE_S, Broker
from consumer.draining import drain
from consumer.failure import UNREACHABLE, Failure
from consumer.rights import denied
from schemas.errors import UnreadableRecord
from schemas.framing import Rejected, SchemaSource

POLL_S: Final = 0.5
SETTLING_POLLS: Final = 50
_SETTLING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,  # the client has heard of the new leader before the broker has
    }
)
MARKER_POLL_S: Final = 0.05
MARKER_POLLS: Final = 40
"""Two seconds: many times what a broker needs for the markers of a transaction that it has confirmed."""
SILENT_POLLS: Final = 60
"""So many polls without any answer while records are due: the broker is gone."""
BATCH: Final = 1000
_LATEST: Final[OffsetSpec] = OffsetSpec.latest()
_EARLIEST: Final[OffsetSpec] = OffsetSpec.earliest()

Decoded = TypeVar("Decoded")


def high_watermarks(broker: Broker, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """The ends of partitions, open transactions included."""
    return _ends(broker, topic, partitions, IsolationLevel.READ_UNCOMMITTED)


def stable_ends(broker: Broker, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """The ends of partitions before the first open transaction."""
    return _ends(broker, topic, partitions, IsolationLevel.READ_COMMITTED)


def log_starts(broker: Broker, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """The first offsets that partitions may still have: above 0 where retention removed records."""
    return _ends(broker, topic, partitions, IsolationLevel.READ_UNCOMMITTED, _EARLIEST)


def _ends(
    broker: Broker,
    topic: str,
    partitions: Iterable[int],
    isolation: IsolationLevel,
    which: OffsetSpec = _LATEST,
) -> dict[int, int]:
    """Asked again while a topic that was just created has no leader."""
    asked = {TopicPartition(topic, partition): which for partition in partitions}
    for _ in range(SETTLING_POLLS):
        try:
            return _asked(broker, asked, isolation)
        except KafkaException as error:
            if error.args[0].code() not in _SETTLING:
                raise
            broker.admin.poll(POLL_S)
            broker.admin.list_topics(topic, timeout=PROBE_S)  # the leader is asked for only once otherwise
    return _asked(broker, asked, isolation)


def _asked(
    broker: Broker, asked: dict[TopicPartition, OffsetSpec], isolation: IsolationLevel
) -> dict[int, int]:
    answers = broker.admin.list_offsets(asked, isolation_level=isolation, request_timeout=PROBE_S)
    return {place.partition: answer.result().offset for place, answer in answers.items()}


def read_to_end(broker: Broker, name: str) -> Iterator[Message]:
    """All committed records that a topic holds now, open transactions left out."""
    return read_partitions(broker, name, range(broker.partitions(name)))


def read_partitions(broker: Broker, name: str, partitions: Sequence[int]) -> Iterator[Message]:
    """All committed records that partitions of a topic hold now, open transactions left out.

    A transaction that was just committed looks open until its markers are written (KIP-98): for that, and for
    no longer, what looks open is waited for.
    """
    topic = broker.topic(name)
    reader = broker.reader()
    try:
        ends = _settled_ends(broker, topic, partitions)
        yield from read_until(reader, topic, dict.fromkeys(partitions, OFFSET_BEGINNING), ends)
    finally:
        reader.close()


def _settled_ends(broker: Broker, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    wanted = high_watermarks(broker, topic, partitions)
    for _ in range(MARKER_POLLS):
        ends = stable_ends(broker, topic, partitions)
        if all(ends[partition] >= end for partition, end in wanted.items()):
            return ends
        broker.admin.poll(MARKER_POLL_S)
    return stable_ends(broker, topic, partitions)


def read_everything(broker: Broker, name: str) -> Iterator[Message]:
    """All committed records up to the end that a topic has now; waits until open transactions have ended."""
    topic, partitions = broker.topic(name), range(broker.partitions(name))
    reader = broker.reader()
    try:
        ends = high_watermarks(broker, topic, partitions)
        yield from read_until(reader, topic, dict.fromkeys(partitions, OFFSET_BEGINNING), ends)
    finally:
        reader.close()


def read_until(
    reader: Consumer, topic: str, starts: Mapping[int, int], ends: Mapping[int, int]
) -> Iterator[Message]:
    """The committed records of partitions from `starts` to before `ends`, over any control records."""
    open_ends = {partition: end for partition, end in ends.items() if end > 0}
    reader.list_topics(
        topic, timeout=PROBE_S
    )  # a client that knows no leader yet begins to fetch 500 ms later
    reader.assign([TopicPartition(topic, partition, starts[partition]) for partition in open_ends])
    silent = 0
    while open_ends:
        messages = drain(reader, BATCH, POLL_S)
        silent = 0 if messages else silent + 1
        if silent > SILENT_POLLS:
            raise Failure(
                UNREACHABLE,
                f"Kafka gave nothing more of {topic} for {SILENT_POLLS * POLL_S:.0f} s; run the command "
                "again, and if it stays so, look for a hanging transaction (docs/operations.md)",
            )
        for message in messages:
            partition, offset = message.partition(), message.offset()
            error = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                _raise_unless_passing(error, message.topic() or "")
                continue
            end = open_ends.get(partition) if partition is not None else None
            if partition is None or offset is None or end is None:
                continue
            if error is None and offset < end:
                yield message
            if offset >= end or (error is None and offset == end - 1):
                del open_ends[partition]


def follow(broker: Broker, name: str, *, from_beginning: bool) -> Iterator[Message | None]:
    """Committed records for ever, from now or from the beginning; None whenever nothing came for a while."""
    topic, partitions = broker.topic(name), range(broker.partitions(name))
    reader = broker.reader()
    try:
        if from_beginning:
            starts = dict.fromkeys(partitions, OFFSET_BEGINNING)
        else:
            starts = high_watermarks(broker, topic, partitions)
        reader.assign([TopicPartition(topic, partition, start) for partition, start in starts.items()])
        while True:
            messages = drain(reader, BATCH, POLL_S)
            for message in messages:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() != KafkaError._PARTITION_EOF:
                    _raise_unless_passing(error, message.topic() or "")
            if not messages:
                yield None
    finally:
        reader.close()


def _raise_unless_passing(error: KafkaError, topic: str) -> None:
    """librdkafka reconnects by itself; only what it cannot mend ends a reading."""
    if error.fatal() or not (error.retriable() or error.code() in _PASSING):
        raise denied(error, topic) or KafkaException(error)


_PASSING: Final = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE})


def decoded(
    message: Message, decode: Callable[[bytes, SchemaSource | None], Decoded], schemas: SchemaSource | None
) -> Decoded:
    """What a record of an output topic says. Raises `UnreadableRecord`, which names its place."""
    try:
        return decode(message.value() or b"", schemas)
    except Rejected as error:
        place = f"{message.topic()}/{message.partition()}/{message.offset()}"
        raise UnreadableRecord(f"{place} cannot be read: {error.message}") from None
