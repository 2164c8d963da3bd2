"""One batch's commit, in numbered steps; what may be lost between any two of them is in
docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from time import perf_counter
from typing import Any, Final, NamedTuple

from confluent_kafka import TopicPartition

from badges.places import Hop
from consumer.batch_records import RecordWriter, Topics, Written
from consumer.crash_points import reached
from consumer.errors import ProducerLost
from consumer.ownership import Owned
from consumer.repair import redis_marker
from consumer.shares import Batch
from consumer.transactions import Transactions
from schemas.changelog import CutOver, PositionMarker
from state.cache import StateCache
from state.view import Apply, View

TZDATA: Final = version("tzdata")


class Introduced(NamedTuple):
    """What a cut-over that introduces limits over all customers yields in one partition."""

    hops: Sequence[Hop] = ()
    documents: Sequence[tuple[bytes, bytes]] = ()


NOTHING_INTRODUCED: Final[Mapping[int, Introduced]] = {}


class Committer:
    """Commits batches: Kafka first, in one transaction, then the view. `decide` decides and encodes the share
    of one partition; what it yields is under way to the broker while the next one's is worked out.
    """

    def __init__(
        self,
        transactions: Transactions,
        decide: Callable[[Batch, int], None],
        topics: Topics,
        view: View,
        cache: StateCache,
        source: str,
        partitions: int = 0,
    ) -> None:
        self._transactions = transactions
        self._decide = decide
        self._topics = topics
        self._writer = RecordWriter(transactions, topics, source, partitions)
        self._view = view
        self._cache = cache

    def commit(self, batch: Batch, feeds: tuple[int, int], metadata: Any) -> list[int]:
        """Decides and commits everything of a batch; returns the partitions whose view is to be repaired.
        What is raised before the Kafka commit returned means that nothing of it may be used.
        """
        started = perf_counter()
        # 1. One transaction.
        self._transactions.begin()
        # 2. Of each partition, all that it yields, its state, and as its last record the position.
        written: dict[int, Written] = {}
        positions: dict[int, PositionMarker] = {}
        for partition, share in batch.shares.items():
            self._decided(batch, partition)
            self._writer.outputs(partition, share)
            reached("produce")
            next_hop = share.next_hop or share.owned.position.hops_offset
            positions[partition] = _next_position(share.owned, share.next_offset, share.at, feeds, next_hop)
            if not share.owned.passing:
                written[partition] = self._writer.changelog(partition, share.documents, positions[partition])
        phases, produced = batch.phases, perf_counter()
        phases["produce"] = produced - started - phases["decide"] - phases["encode"]
        # 3. The input offsets, and the commit.
        self._transactions.commit(self._offsets(batch), metadata)
        committed = perf_counter()
        # 4. The view. From here on nothing can undo what was decided.
        reached("redis")
        broken = self._apply(batch, positions, written)
        phases["commit"] = committed - produced
        phases["redis"] = perf_counter() - committed
        return broken

    def _decided(self, batch: Batch, partition: int) -> None:
        """Whatever keeps a share from being decided ends the transaction first."""
        try:
            self._decide(batch, partition)
        except Exception:
            self._transactions.abort()
            raise

    def _offsets(self, batch: Batch) -> list[TopicPartition]:
        """What is read next, of the input and of badge-hops."""
        topics, shares = self._topics, batch.shares.items()
        offsets = [
            TopicPartition(topics.actions, partition, share.next_offset) for partition, share in shares
        ]
        return offsets + [
            TopicPartition(topics.hops, partition, share.next_hop)
            for partition, share in shares
            if share.next_hop
        ]

    def cut_over(
        self,
        owned: Sequence[Owned],
        feeds: tuple[int, int],
        at: int,
        metadata: Any,
        introduced: Mapping[int, Introduced] = NOTHING_INTRODUCED,
    ) -> list[int]:
        """The rules up to `feeds` are in force from each partition's next record on (design.md section 6).
        `introduced` is what follows where they introduce limits over all customers, by partition.
        """
        self._transactions.begin()
        positions, written = {}, {}
        for own in owned:
            offset, now = own.position.next_offset, max(at, own.position.at)
            if (own.position.rules_offset, own.position.settings_offset) != feeds:
                self._writer.cut_over(own.partition, CutOver(*feeds, offset, now))
            hops, documents = introduced.get(own.partition, Introduced())
            for hop in hops:
                self._writer.hop(hop)
            positions[own.partition] = _next_position(own, offset, now, feeds, own.position.hops_offset)
            written[own.partition] = self._writer.changelog(
                own.partition, documents, positions[own.partition]
            )
        offsets = [
            TopicPartition(self._topics.actions, own.partition, own.position.next_offset) for own in owned
        ]
        self._transactions.commit(offsets, metadata)
        applies: list[Apply] = []
        broken: list[int] = []
        for own in owned:
            where, pairs = written[own.partition], introduced.get(own.partition, Introduced()).documents
            if where.last is None:
                raise ProducerLost("no delivery report for a marker")
            placed = where.place(pairs)
            if placed is None:
                broken.append(own.partition)
                continue
            marker = redis_marker(positions[own.partition], where.last + 1)
            applies.append(Apply(own.partition, own.view_marker, placed, marker))
        return broken + self._take_over({own.partition: own for own in owned}, applies, positions)

    def _apply(
        self, batch: Batch, positions: dict[int, PositionMarker], written: dict[int, Written]
    ) -> list[int]:
        applies, broken = [], []
        for partition, share in batch.shares.items():
            if share.owned.passing:
                share.owned.position = positions[partition]
                continue
            where = written[partition]
            documents = where.place(share.documents)
            if where.last is None or documents is None:
                broken.append(partition)  # something came between: the changelog itself is asked
                continue
            marker = redis_marker(positions[partition], where.last + 1)
            applies.append(Apply(partition, share.owned.view_marker, documents, marker))
        owned = {partition: share.owned for partition, share in batch.shares.items()}
        broken += self._take_over(owned, applies, positions)
        for partition, share in batch.shares.items():
            if partition not in broken:
                for state in share.states.values():
                    self._cache.put(partition, state)
        return broken

    def _take_over(
        self, owned: dict[int, Owned], applies: list[Apply], positions: dict[int, PositionMarker]
    ) -> list[int]:
        broken = []
        results = self._view.apply_many(applies)
        for apply in applies:
            if results[apply.partition] is not None:
                broken.append(apply.partition)
                continue
            own = owned[apply.partition]
            own.position = positions[apply.partition]
            own.view_marker = apply.next
            own.moved = False
        return broken


def _next_position(
    own: Owned, next_offset: int, at: int, feeds: tuple[int, int], next_hop: int
) -> PositionMarker:
    """The position after one more transaction. Offsets never go back."""
    before = own.position
    if next_offset < before.next_offset or next_hop < before.hops_offset:
        raise AssertionError("an offset went back")
    return PositionMarker(
        before.sequence + 1, before.cluster_id, before.topic_id, next_offset, at, *feeds, TZDATA, next_hop
    )
