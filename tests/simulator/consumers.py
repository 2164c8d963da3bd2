"""A consumer and the one question of an admin client, over log.py and group.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, TopicPartition

from tests.simulator.host import Host
from tests.simulator.log import Broker, Place
from tests.simulator.messages import FakeMessage, plain, retriable
from tests.simulator.producers import write_metadata

NO_OFFSET = -1001
MAX_POLL_S = 300.0

Called = Callable[["FakeConsumer", list[TopicPartition]], None]


@dataclass
class Fetching:
    """Of one assigned partition: the next offset, and where its end was last told."""

    position: int
    paused: bool = False
    told_end: int = -1


class FakeConsumer:
    """The calls of `confluent_kafka.Consumer` that the loop and its readers make.

    Callbacks run inside `consume` only. What the background threads of the real client do (heartbeats,
    joining, answers) happens by itself; when the application's process stands still, so do they.
    """

    def __init__(self, broker: Broker, host: Host, config: Mapping[str, Any], name: str = "consumer") -> None:
        self.name = name
        self.subscription: tuple[str, ...] = ()
        self.last_poll = host.now()
        self._broker = broker
        self._host = host
        self._group_name: str = config["group.id"]
        self._tells_ends = bool(config.get("enable.partition.eof"))
        self._committed_only = config.get("isolation.level", "read_committed") == "read_committed"
        self._callbacks: dict[str, Called] = {}
        self._fetching: dict[Place, Fetching] = {}
        self._generation = -1
        self._member = ""
        self._given: list[Place] | None = None
        self._held: list[Place] | None = None
        self._leaving = False
        self._closed = False

    # Membership

    def subscribe(
        self, topics: Sequence[str], *, on_assign: Called, on_revoke: Called, on_lost: Called
    ) -> None:
        self.subscription = tuple(topics)
        self._callbacks = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost}
        self.last_poll = self._host.now()

    def unsubscribe(self) -> None:
        self.subscription = ()
        self._leaving = bool(self._member)

    def is_beating(self) -> bool:
        """For the coordinator."""
        return not self._closed and self._host.alive()

    def synced(self, generation: int, places: list[Place]) -> None:
        """For the coordinator: the answer to the join."""
        self._generation = generation
        self._given = places

    def consumer_group_metadata(self) -> bytes:
        return write_metadata(self._generation, self._group_name, self._member)

    def close(self) -> None:
        if self._member:
            if self._held is not None:
                self._call("revoke")
            self._broker.group(self._group_name).leave(self._member)
        self._closed = True

    def _serve(self) -> list[FakeMessage]:
        """What is due of the membership; error messages that come with it."""
        group = self._broker.group(self._group_name)
        errors = []
        if self._member and self._member not in group.members:
            if not self._host.likely("heartbeat"):
                return []
            if self._host.now() - self.last_poll > MAX_POLL_S:
                errors.append(self._error(KafkaError._MAX_POLL_EXCEEDED))
            self._member, self._given = "", None
            self._call("lost")
        if self._leaving:
            self._leaving = False
            self._call("revoke")
            group.leave(self._member)
            self._member, self._generation, self._given = "", -1, None
        if not self.subscription or not self._host.reachable("kafka"):
            return errors
        if self._member and group.is_awaited(self._member):
            if not self._host.likely("heartbeat"):
                return errors
            self._given = None
            self._call("revoke")
            self._member = group.join(self, self._member)
        elif not self._member:
            self._member = group.join(self, "")
        if self._given is not None and self._host.likely("sync"):
            self._held, self._given = self._given, None
            self._callbacks["assign"](self, [TopicPartition(*place) for place in self._held])
        return errors

    def _call(self, name: str) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._callbacks[name](self, [TopicPartition(*place) for place in held])

    # Fetching

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        self._fetching = {(one.topic, one.partition): Fetching(one.offset) for one in partitions}

    def unassign(self) -> None:
        self._fetching = {}

    def seek(self, partition: TopicPartition) -> None:
        place = (partition.topic, partition.partition)
        if place in self._fetching and self._host.fault("seek", "given up"):
            del self._fetching[place]
        fetching = self._fetching.get(place)
        if fetching is None:
            raise plain(KafkaError._STATE)
        fetching.position, fetching.told_end = partition.offset, -1

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._pause(partitions, paused=True)

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._pause(partitions, paused=False)

    def _pause(self, partitions: Iterable[TopicPartition], *, paused: bool) -> None:
        for one in partitions:
            fetching = self._fetching.get((one.topic, one.partition))
            if fetching is not None:
                fetching.paused = paused

    def consume(self, num_messages: int, timeout: float) -> list[FakeMessage]:
        self._host.step("consume")
        until = self._host.now() + timeout
        while True:
            messages = self._serve() if self._callbacks else []
            self.last_poll = self._host.now()
            if not self._host.reachable("kafka"):
                if self._host.fault("outage", "told"):
                    messages.append(self._error(KafkaError._ALL_BROKERS_DOWN))
            elif not messages and self._host.likely("fetch"):
                messages = self._fetch(num_messages)
            left = until - self._host.now()
            if messages or left <= 0:
                return messages
            self._host.wait(left)

    def _fetch(self, most: int) -> list[FakeMessage]:
        messages: list[FakeMessage] = []
        places = list(self._fetching)
        first = self._host.portion(len(places)) % len(places) if places else 0
        for place in places[first:] + places[:first]:
            if len(messages) == most:
                break
            if not self._fetching[place].paused:
                messages += self._fetch_one(place, self._host.portion(most - len(messages)))
        return messages

    def _fetch_one(self, place: Place, most: int) -> list[FakeMessage]:
        log, fetching = self._broker.logs[place], self._fetching[place]
        messages: list[FakeMessage] = []
        topic, partition = place
        if not log.low <= fetching.position <= log.high:
            fetching.paused = True
            return [self._error(KafkaError._AUTO_OFFSET_RESET, place)]
        end = log.stable if self._committed_only else log.high
        while fetching.position < end and len(messages) < most:
            offset = fetching.position
            entry = log.entries[offset]
            fetching.position += 1
            if log.is_committed(entry) or not (self._committed_only or entry.control):
                messages.append(FakeMessage(topic, partition, offset, entry.key, entry.value, entry.headers))
        at_end = fetching.position == end and fetching.told_end != end and len(messages) < most
        if at_end and self._tells_ends:
            fetching.told_end = end
            error = KafkaError(KafkaError._PARTITION_EOF)
            messages.append(FakeMessage(topic, partition, end, error=error))
        return messages

    def _error(self, code: int, place: Place = ("", -1)) -> FakeMessage:
        return FakeMessage(place[0], place[1], -1, error=KafkaError(code))

    # Questions

    def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        self._host.step("committed")
        self._reach(timeout)
        group, until = self._broker.group(self._group_name), self._host.now() + timeout
        places = [(one.topic, one.partition) for one in partitions]
        while self._committed_only and any(group.is_unstable(place) for place in places):
            if self._host.now() >= until:
                raise retriable(KafkaError._TIMED_OUT)
            self._host.wait(0.1)
        found = [TopicPartition(*place, group.offsets.get(place, NO_OFFSET)) for place in places]
        self._host.step("committed, done")
        return found

    def get_watermark_offsets(
        self, partition: TopicPartition, timeout: float = 0.0, *, cached: bool = False
    ) -> tuple[int, int]:
        log = self._broker.logs[partition.topic, partition.partition]
        if not cached:
            self._host.step("watermarks")
            self._reach(timeout)
        return log.low, log.stable if self._committed_only else log.high

    def _reach(self, timeout: float) -> None:
        if not self._host.reachable("kafka"):
            self._host.wait(timeout)
            raise retriable(KafkaError._TRANSPORT)


class FakeAdmin:
    """What a worker asks an `AdminClient`: latest offsets, and metadata."""

    def __init__(self, broker: Broker, host: Host) -> None:
        self._broker = broker
        self._host = host

    def list_topics(self, topic: str, timeout: float) -> None:
        """The fake's leaders never change."""

    def list_offsets(
        self, asked: Mapping[TopicPartition, Any], isolation_level: IsolationLevel, request_timeout: float
    ) -> dict[TopicPartition, Future[Any]]:
        self._host.step("list_offsets")
        down = not self._host.reachable("kafka")
        if down:
            self._host.wait(request_timeout)
        answers: dict[TopicPartition, Future[Any]] = {}
        for partition in asked:
            log = self._broker.logs[partition.topic, partition.partition]
            future: Future[Any] = Future()
            if down:
                future.set_exception(retriable(KafkaError._TRANSPORT))
            else:
                committed_only = isolation_level == IsolationLevel.READ_COMMITTED
                future.set_result(Latest(log.stable if committed_only else log.high))
            answers[partition] = future
        self._host.step("list_offsets, done")
        return answers


@dataclass(frozen=True)
class Latest:
    offset: int
