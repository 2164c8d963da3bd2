"""One batch's commit, in numbered steps; what may be lost between any two of them is in
docs/architecture.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from time import perf_counter
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, Message, TopicPartition, murmur2

from badges.calendar import format_instant
from badges.places import Hop
from consumer.crash_points import reached
from consumer.dead_letters import headers_of
from consumer.errors import ProducerLost
from consumer.ownership import Owned
from consumer.repair import redis_marker
from consumer.shares import Batch, Share
from consumer.sorting import REROUTED
from consumer.transactions import Headers, Transactions
from schemas.changelog import (
    MARKER_KEY,
    CutOver,
    PositionMarker,
    cut_over_key,
    encode_cut_over,
    encode_marker,
)
from schemas.hops import encode_hop, hop_key
from state.cache import StateCache
from state.view import Apply, Document, View

NO_HEADERS: Final[Headers] = []
TZDATA: Final = version("tzdata")
ANY: Final = -1
"""The partition is the key's, as librdkafka says it."""


class Topics(NamedTuple):
    """The names of the topics that a worker writes, and of its input."""

    actions: str
    issued: str
    decisions: str
    dead_letters: str
    state: str
    hops: str = ""


class Introduced(NamedTuple):
    """What a cut-over that introduces limits over all customers yields in one partition."""

    hops: Sequence[Hop] = ()
    documents: Sequence[tuple[bytes, bytes]] = ()


NOTHING_INTRODUCED: Final[Mapping[int, Introduced]] = {}


class _Written:
    """Where the documents of one partition landed in its changelog: of the first and the last, and that
    nothing came between.
    """

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first: int | None = None
        self.last: int | None = None

    def delivered_first(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.first = message.offset()

    def delivered_last(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.last = message.offset()

    def place(self, documents: Sequence[tuple[bytes, bytes]]) -> list[Document] | None:
        """The documents with their offsets, None where these are not known."""
        count = len(documents)
        if self.last is None or (count and (self.first is None or self.last - self.first != count)):
            return None
        first = self.last - count
        return [Document(key, first + i, value) for i, (key, value) in enumerate(documents)]


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
        self._view = view
        self._cache = cache
        self._source = source.encode()
        self._partitions = partitions

    def commit(self, batch: Batch, feeds: tuple[int, int], metadata: Any) -> list[int]:
        """Decides and commits everything of a batch; returns the partitions whose view is to be repaired.
        What is raised before the Kafka commit returned means that nothing of it may be used.
        """
        started = perf_counter()
        # 1. One transaction.
        self._transactions.begin()
        # 2. Of each partition, all that it yields, its state, and as its last record the position.
        written: dict[int, _Written] = {}
        positions: dict[int, PositionMarker] = {}
        for partition, share in batch.shares.items():
            self._decided(batch, partition)
            self._outputs(partition, share)
            reached("produce")
            next_hop = share.next_hop or share.owned.position.hops_offset
            positions[partition] = _next_position(share.owned, share.next_offset, share.at, feeds, next_hop)
            if not share.owned.passing:
                written[partition] = self._changelog(partition, share.documents, positions[partition])
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
                record = CutOver(*feeds, offset, now)
                self._transactions.produce(
                    self._topics.state, own.partition, cut_over_key(record), encode_cut_over(record)
                )
            hops, documents = introduced.get(own.partition, Introduced())
            for hop in hops:
                self._hop(hop)
            positions[own.partition] = _next_position(own, offset, now, feeds, own.position.hops_offset)
            written[own.partition] = self._changelog(own.partition, documents, positions[own.partition])
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

    def _outputs(self, partition: int, share: Share) -> None:
        produce_all, topics = self._transactions.produce_all, self._topics
        time = format_instant(share.at).encode()
        fixed: Headers = [("ce_specversion", b"1.0"), ("ce_source", self._source), ("ce_time", time)]
        issued: Headers = [*fixed, ("ce_type", b"badges.issued.v1")]
        decided: Headers = [*fixed, ("ce_type", b"badges.decisions.v1")]
        records = [
            (key, value, [("issuance-id", identity.encode()), ("ce_id", identity.encode()), *issued])
            for identity, value, key in share.issued
        ]
        produce_all(topics.issued, partition, records)
        for origin, decisions in ((topics.actions, share.decisions), (topics.hops, share.answered)):
            place = f"{origin}/{partition}/"
            records = [
                (key, value, [("ce_id", f"{place}{at}".encode()), *decided]) for at, value, key in decisions
            ]
            produce_all(topics.decisions, partition, records)
        for hop in share.sent:
            self._hop(hop)
        home = ANY if share.owned.passing else partition
        for letter in share.rejected:
            self._transactions.produce(topics.dead_letters, home, letter.key, letter.value, letter.headers)
        for message, right in share.rerouted:
            place = f"{topics.actions}/{partition}/{message.offset()}"
            headers = [*headers_of(message), (REROUTED, place.encode())]
            self._transactions.produce(topics.actions, right, message.key(), message.value(), headers)

    def _hop(self, hop: Hop) -> None:
        key = hop_key(hop)
        partition = murmur2(key, self._partitions)
        self._transactions.produce(self._topics.hops, partition, key, encode_hop(hop))

    def _changelog(
        self, partition: int, documents: Sequence[tuple[bytes, bytes]], position: PositionMarker
    ) -> _Written:
        produce, topic, written = self._transactions.produce, self._topics.state, _Written()
        if documents:
            key, value = documents[0]
            produce(topic, partition, key, value, None, written.delivered_first)
        more = [(key, value, NO_HEADERS) for key, value in documents[1:]]
        self._transactions.produce_all(topic, partition, more)
        produce(topic, partition, MARKER_KEY, encode_marker(position), None, written.delivered_last)
        return written

    def _apply(
        self, batch: Batch, positions: dict[int, PositionMarker], written: dict[int, _Written]
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
