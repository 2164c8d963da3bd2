"""The consumer group's side: batches of messages, and the assignment as a value.

The rebalance callbacks only note what happened: a new assignment is taken over paused, at offset 0, and
nothing of it is read before `resume`. So no message is ever consumed from a position that was not decided
here (design.md section 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer.bounded_call import NeverCameBack, bounded
from consumer.crash_points import reached
from consumer.errors import REFUSED, AssignmentLost, Paused, Stopped
from consumer.rights import denied

WAIT_S: Final = 0.1
"""How long a quiet topic is waited for; also how long SIGTERM waits."""
LEAVE_S: Final = 10.0
_PASSING: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TRANSPORT,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.REQUEST_TIMED_OUT,
    }
)

_UNSTABLE: Final = frozenset({KafkaError._TIMED_OUT, KafkaError.UNSTABLE_OFFSET_COMMIT})

NO_HOPS: Final[Mapping[int, int]] = {}


class Hops(NamedTuple):
    """The topic badge-hops, read in the partitions that have the numbers of those assigned."""

    topic: str
    partitions: int


class InputGroup:
    """One member of the group. `assigned` are its partitions, `epoch` grows with each change of them.

    The group gives partitions of the input only; those of badge-hops with the same numbers are added here, so
    that nothing can ever give the two to different workers (docs/badge-limits.md).
    """

    def __init__(self, config: Mapping[str, Any], topic: str, logger: Any, hops: Hops | None = None) -> None:
        self._topic = topic
        self._hops = hops
        self._consumer = Consumer(dict(config), logger=logger)
        self._going: set[tuple[str, int]] = set()
        self.assigned: frozenset[int] = frozenset()
        self.epoch = 0

    def subscribe(self) -> None:
        """Joins the group; call it after `init_transactions`."""
        self._consumer.subscribe(
            [self._topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke
        )

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Not OFFSET_END: its question may be answered after the seek, and records in between are passed over.
        taken = [TopicPartition(one.topic, one.partition, 0) for one in partitions]
        taken += self._of_hops(one.partition for one in partitions)
        consumer.assign(taken)
        consumer.pause(taken)
        self._going.clear()
        self.assigned = frozenset(one.partition for one in partitions)
        self.epoch += 1

    def _revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:  # noqa: ARG002
        reached("revoke")
        self.assigned = frozenset()
        self.epoch += 1
        consumer.unassign()

    def take(self, most: int) -> list[Message]:
        """Up to `most` messages without waiting for more than there are. Empty if the assignment changed
        meanwhile: whoever calls compares `epoch`.
        """
        epoch = self.epoch
        messages = self._consumer.consume(1, WAIT_S)
        if messages and most > 1 and self.epoch == epoch:
            messages += self._consumer.consume(most - 1, 0)
        if self.epoch != epoch:
            _check_polled(messages)
            return []
        if messages:
            reached("consume")
        return [message for message in messages if message.error() is None or self._usable(message)]

    def serve(self) -> None:
        """Keeps the membership alive while all partitions are paused."""
        for message in self._consumer.consume(1, 0):
            if self._usable(message):
                raise Stopped("a message came from a partition that is paused; restart the worker")

    def _usable(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        code = error.code()
        if code == KafkaError._PARTITION_EOF or code in _PASSING:
            return False
        where = f"{message.topic()}/{message.partition()}" if message.topic() else "the group"
        if code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            if (message.topic(), message.partition()) not in self._going:
                return False  # offset 0, looked for before the pause; what is kept is asked before it goes on
            raise Stopped(
                f"{where}: records before the ones kept were never decided (retention or deletion removed "
                "them); restore them, or accept the gap with --accept-reset",
                REFUSED,
            )
        if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise Stopped(f"{where} does not exist any more; run `badges topics create`", REFUSED)
        stop = denied(error, where)
        if stop is not None:
            raise stop
        _check_polled([message])
        raise Stopped(f"{where}: {error.name()}; see the broker's log")

    def metadata(self) -> Any:
        """The group metadata right after `take`; AssignmentLost if this is no member of a generation (K3)."""
        metadata = self._consumer.consumer_group_metadata()
        if not is_member(metadata):
            raise AssignmentLost("not a member of a generation")
        return metadata

    def some_offset(self) -> TopicPartition:
        """An offset of an assigned partition, of no meaning: for `Transactions.prove`."""
        if not self.assigned:
            raise AssignmentLost("nothing is assigned")
        return TopicPartition(self._topic, min(self.assigned), 0)

    def committed(self, partitions: Iterable[int]) -> dict[int, int | None]:
        """The group's committed offsets, None where there is none; waits for pending transactions."""
        return self._committed([TopicPartition(self._topic, partition) for partition in partitions])

    def committed_hops(self, partitions: Iterable[int]) -> dict[int, int | None]:
        """As `committed`, of badge-hops: for whoever asks about lag. Where to go on, the marker says."""
        return self._committed(self._of_hops(partitions))

    def _committed(self, asked: list[TopicPartition]) -> dict[int, int | None]:
        try:
            found = self._consumer.committed(asked, 10.0)
        except KafkaException as error:
            raise denied(error.args[0], self._topic) or Paused(_pending(error.args[0])) from None
        return {one.partition: one.offset if one.offset >= 0 else None for one in found}

    def resume(self, positions: Mapping[int, int], hops: Mapping[int, int] = NO_HOPS) -> None:
        """Goes on at these offsets of the input, and of badge-hops. Raises AssignmentLost where the client
        gave a partition up, as when it looked for offset 0 and found that it is not kept.
        """
        going = [TopicPartition(self._topic, partition, offset) for partition, offset in positions.items()]
        going += [
            TopicPartition(one.topic, one.partition, hops[one.partition]) for one in self._of_hops(hops)
        ]
        try:
            for one in going:
                self._consumer.seek(one)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:
                raise
            raise AssignmentLost("the client reads a partition no more") from None
        self._consumer.resume(going)
        self._going.update((one.topic, one.partition) for one in going)

    def pause(self, partitions: Iterable[int]) -> None:
        """Stops reading these partitions."""
        paused = list(partitions)
        self.defer(paused)
        self._stop(self._of_hops(paused))

    def defer(self, partitions: Iterable[int]) -> None:
        """Stops reading the input of these; badge-hops goes on."""
        self._stop([TopicPartition(self._topic, partition) for partition in partitions])

    def _stop(self, paused: list[TopicPartition]) -> None:
        if paused:
            self._consumer.pause(paused)
        self._going.difference_update((one.topic, one.partition) for one in paused)

    def _of_hops(self, partitions: Iterable[int]) -> list[TopicPartition]:
        """Partitions of badge-hops, as far as there are some of these numbers, at offset 0."""
        if self._hops is None:
            return []
        topic, count = self._hops
        return [TopicPartition(topic, partition, 0) for partition in partitions if partition < count]

    def drop(self) -> None:
        """Leaves the assignment behind and joins anew."""
        self._consumer.unsubscribe()
        self.assigned = frozenset()
        self.epoch += 1
        self.subscribe()

    def watermarks(self, partition: int) -> tuple[int, int]:
        """First offset kept, and the last stable offset."""
        try:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), 10.0)
        except KafkaException as error:
            raise denied(error.args[0], self._topic) or Paused(error.args[0].name()) from None
        return low, high

    def lag(self, partition: int, position: int) -> int | None:
        """Records from `position` to the end seen last, None before any was seen. Asks nobody."""
        asked = TopicPartition(self._topic, partition)
        _, high = self._consumer.get_watermark_offsets(asked, cached=True)
        return max(0, high - position) if high >= 0 else None

    def close(self) -> None:
        """Leaves the group."""
        self._consumer.close()

    def leave(self) -> None:
        """As `close`, but waits for at most LEAVE_S: once a callback of it has raised, the client may never
        come back from closing, and whoever waited with it would never be started again.
        """
        with suppress(NeverCameBack):
            bounded(self.close, LEAVE_S)


def is_member(metadata: Any) -> bool:
    """Whether group metadata names a generation and a member: `CGMDv2:`, generation, group, NUL, member,
    NUL.
    """
    raw = bytes(metadata) if not isinstance(metadata, bytes) else metadata
    generation = int.from_bytes(raw[7:11], "little", signed=True)
    names = raw[11:].split(b"\0")
    return raw.startswith(b"CGMDv2:") and generation >= 0 and len(names) > 1 and bool(names[1])


def _check_polled(messages: Iterable[Message]) -> None:
    """The client tells once that it left the group because nobody polled; often the assignment is taken away
    in the same call.
    """
    for message in messages:
        error = message.error()
        if error is not None and error.code() == KafkaError._MAX_POLL_EXCEEDED:
            raise AssignmentLost("max.poll.interval.ms was exceeded")


def _pending(error: KafkaError) -> str:
    """Why the group's offsets are not known: the client asks for them again while a transaction that changes
    them is open, until its time is over.
    """
    if error.code() in _UNSTABLE:
        return f"the group's offsets stay pending ({error.name()}); a transaction may be hanging"
    return str(error.name())
