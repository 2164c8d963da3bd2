"""What a worker owns, and how a partition becomes its own: assignment and repair (design.md section 3).

1 drop caches · 2 committed offset C · 3 then the changelog's high watermark W · 4 Redis marker R · 5 read
the changelog from R to W · 6 last position marker M against C and R · 7 claim and repair the view · 8 seek
to M, resume

The order matters: W is asked after C, so every transaction that C shows is below W; membership is proven
after the reading, so nobody else has committed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from consumer.changelog import Changelog
from consumer.errors import REFUSED, AssignmentLost, Stopped
from consumer.input import InputGroup
from consumer.repair import Found, Repair, position_of
from schemas.changelog import PositionMarker
from state.cache import StateCache
from state.marker import RedisMarker
from state.view import View


@dataclass(slots=True)
class Owned:
    """A partition that may be decided: its position, and the marker that stands in the view. `moved`: the
    group's offset is another one, by `--accept-reset`, and is to be committed. `passing`: it was added after
    customer-state was made, so it has no changelog and no view; nothing is decided in it, all its records are
    re-published where they belong (or are dead letters), and the group's offset alone is its position.
    """

    partition: int
    position: PositionMarker
    view_marker: RedisMarker | None
    moved: bool = False
    passing: bool = False


class Topic(NamedTuple):
    """The input topic's identity: a topic that was created anew has the same name and another id.
    `partitions` is the logical number, that of customer-state; the topic may have been given more.
    """

    cluster_id: str
    topic_id: str
    tzdata: str
    partitions: int


class _Look(NamedTuple):
    """What there is of one partition: the group's offset, the view's marker, what the view lacks of the log,
    and the position that follows from them.
    """

    committed: int | None
    stands: RedisMarker | None
    found: Found
    position: PositionMarker | None

    def agrees(self) -> bool:
        """Whether the group's offset is that of the position."""
        return self.committed == (None if self.position is None else self.position.next_offset)


class Ownership:
    """The partitions this worker owns. `owned` holds those that are ready; `pending` those that are not."""

    def __init__(
        self,
        group: InputGroup,
        changelog: Changelog,
        view: View,
        cache: StateCache,
        topic: Topic,
        *,
        accept_reset: bool,
    ) -> None:
        self._group = group
        self._changelog = changelog
        self._view = view
        self._repair = Repair(changelog, view)
        self._cache = cache
        self._topic = topic
        self._accept_reset = accept_reset
        self.owned: dict[int, Owned] = {}
        self.pending: set[int] = set()

    @property
    def repairs(self) -> int:
        """Partitions whose view was repaired so far."""
        return self._repair.repairs

    def take_over(self) -> None:
        """After a rebalance: everything of the assignment before is forgotten."""
        for partition in [*self.owned, *self.pending]:
            self._cache.drop(partition)
        self.owned.clear()
        self.pending = set(self._group.assigned)

    def distrust(self, partitions: Iterable[int]) -> None:
        """These are to be repaired before anything more of them is decided; they are paused."""
        lost = [partition for partition in partitions if partition in self.owned]
        for partition in lost:
            del self.owned[partition]
            self._cache.drop(partition)
        self._group.pause(lost)
        self.pending.update(lost)

    def distrust_all(self) -> None:
        """As `distrust`, for all of them."""
        self.distrust(list(self.owned))

    def forget_states(self) -> None:
        """After an abort: what the batch changed in the cache was never committed."""
        for partition in self.owned:
            self._cache.drop(partition)

    def distrust_whole(self, partitions: Iterable[int]) -> None:
        """As `distrust`, and the view is not believed whatever its markers say."""
        lost = set(partitions)
        self._repair.distrust(lost)
        self.distrust(lost)

    def prepare(self, alive: Callable[[], None]) -> None:
        """Makes pending partitions ready. Raises Paused, AssignmentLost or Stopped; those done stay done."""
        epoch = self._group.epoch
        for partition in sorted(self.pending):
            self._prepare(partition, alive)
            if self._group.epoch != epoch:
                raise AssignmentLost("the assignment changed during a repair")

    def _prepare(self, partition: int, alive: Callable[[], None]) -> None:
        epoch = self._group.epoch

        def member() -> None:
            alive()
            if self._group.epoch != epoch:
                raise AssignmentLost("the assignment changed during a repair")
            self._group.metadata()

        self._cache.drop(partition)
        if partition >= self._topic.partitions:
            self._pass_on(partition)
            return
        look = self._look(partition, member)
        low = self._first_kept(partition, look.position)
        marker = self._repair.bring(partition, look.stands, look.found, look.position, member)
        start = look.position or self._first()
        moved = look.position is not None and (not look.agrees() or low > start.next_offset)
        if low > start.next_offset:
            start = replace(start, next_offset=low)
        self.owned[partition] = Owned(partition, start, marker, moved)
        self.pending.discard(partition)

    def _pass_on(self, partition: int) -> None:
        committed = self._group.committed([partition])[partition]
        position = None if committed is None else replace(self._first(), next_offset=committed)
        start = max(committed or 0, self._first_kept(partition, position))
        position = replace(self._first(), next_offset=start)
        self.owned[partition] = Owned(partition, position, None, passing=True)
        self.pending.discard(partition)

    def _look(self, partition: int, member: Callable[[], None]) -> _Look:
        """Raises Stopped where group, log and view contradict each other, once it is sure that nobody else is
        committing.
        """
        for attempt in (1, 2):
            committed = self._group.committed([partition])[partition]
            watermark = self._changelog.high_watermark(partition)
            stands = self._view.marker(partition)
            self._check_cluster(partition, stands)
            found = self._repair.read(partition, stands, watermark, member)
            look = _Look(committed, stands, found, found.position or position_of(stands))
            self._check_topic(partition, look.position)
            member()
            if look.agrees():
                return look
            if attempt == 2 and stands is not None and found.position is None:
                # The view is ahead of the log, or another log's: the log alone counts, the view is rebuilt.
                found = self._repair.read_whole(partition, member)
                self._repair.distrust({partition})
                look = _Look(committed, stands, found, found.position)
        if not look.agrees() and (look.position is None or not self._accept_reset):
            raise self._differs(partition, committed, look.position)
        return look

    def _first(self) -> PositionMarker:
        """Where group, changelog and view know nothing: the first record, whatever it is."""
        return PositionMarker(0, self._topic.cluster_id, self._topic.topic_id, 0, 0, 0, 0, self._topic.tzdata)

    def _check_cluster(self, partition: int, stands: RedisMarker | None) -> None:
        known = ("", *self._topic[:1])
        if stands is not None and stands.cluster_id not in known:
            raise Stopped(
                f"the view's marker of partition {partition} is of another Kafka cluster; "
                "point redis.url at this cluster's Redis, or empty it",
                REFUSED,
            )

    def _check_topic(self, partition: int, position: PositionMarker | None) -> None:
        """Before the group's offset is looked at: Kafka deletes it together with its topic."""
        if position is not None and (position.cluster_id, position.topic_id) != self._topic[:2]:
            raise Stopped(
                f"partition {partition} was decided from another topic than the one of this name now (it was "
                "created anew); give the new one another topics.prefix and consumer.group, or delete "
                "customer-state too and empty the view (`badges rebuild`)",
                REFUSED,
            )

    def _first_kept(self, partition: int, position: PositionMarker | None) -> int:
        """The first offset of the input that is kept. Raises Stopped where records were removed undecided."""
        low, _ = self._group.watermarks(partition)
        if position is None:
            return low
        if position.next_offset < low and not self._accept_reset:
            raise Stopped(
                f"partition {partition}: records {position.next_offset} to {low - 1} were removed before "
                "they were decided; restore them, or accept the gap with --accept-reset",
                REFUSED,
            )
        return low

    def _differs(self, partition: int, committed: int | None, position: PositionMarker | None) -> Stopped:
        if position is None:
            message = (
                f"partition {partition}: the group decided up to {committed}, but customer-state does not "
                "know of it; restore that topic, or decide everything anew with another consumer.group and "
                "topics.prefix"
            )
        else:
            message = (
                f"partition {partition}: the group's offset is {committed}, but records up to "
                f"{position.next_offset} were decided (the group was reset, deleted or expired); start with "
                "--accept-reset to go on where deciding ended"
            )
        return Stopped(message, REFUSED)
