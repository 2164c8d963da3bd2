"""What a batch writes into the transaction that is open: its records, their headers and partitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from confluent_kafka import KafkaError, Message, murmur2

from badges.calendar import format_instant
from badges.places import Hop
from consumer.dead_letters import headers_of
from consumer.shares import Share
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
from state.view import Document

NO_HEADERS: Final[Headers] = []
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


class Written:
    """Where the documents of one partition landed in its changelog: of the first and the last, and that
    nothing came between.
    """

    __slots__ = ("first", "last")

    def __init__(self) -> None:
        self.first: int | None = None
        self.last: int | None = None

    def delivered_first(self, error: KafkaError | None, message: Message) -> None:
        """Delivery report of the first document."""
        if error is None:
            self.first = message.offset()

    def delivered_last(self, error: KafkaError | None, message: Message) -> None:
        """Delivery report of the position."""
        if error is None:
            self.last = message.offset()

    def place(self, documents: Sequence[tuple[bytes, bytes]]) -> list[Document] | None:
        """The documents with their offsets, None where these are not known."""
        count = len(documents)
        if self.last is None or (count and (self.first is None or self.last - self.first != count)):
            return None
        first = self.last - count
        return [Document(key, first + i, value) for i, (key, value) in enumerate(documents)]


class RecordWriter:
    """Produces; whoever owns the transaction begins and ends it."""

    def __init__(self, transactions: Transactions, topics: Topics, source: str, partitions: int) -> None:
        self._transactions = transactions
        self._topics = topics
        self._source = source.encode()
        self._partitions = partitions

    def outputs(self, partition: int, share: Share) -> None:
        """All that a share yields but its state."""
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
            self.hop(hop)
        home = ANY if share.owned.passing else partition
        for letter in share.rejected:
            self._transactions.produce(topics.dead_letters, home, letter.key, letter.value, letter.headers)
        for message, right in share.rerouted:
            place = f"{topics.actions}/{partition}/{message.offset()}"
            headers = [*headers_of(message), (REROUTED, place.encode())]
            self._transactions.produce(topics.actions, right, message.key(), message.value(), headers)

    def hop(self, hop: Hop) -> None:
        """One message between the owners of customers and of badges."""
        key = hop_key(hop)
        partition = murmur2(key, self._partitions)
        self._transactions.produce(self._topics.hops, partition, key, encode_hop(hop))

    def cut_over(self, partition: int, record: CutOver) -> None:
        """From here on other rules are in force."""
        topic = self._topics.state
        self._transactions.produce(topic, partition, cut_over_key(record), encode_cut_over(record))

    def changelog(
        self, partition: int, documents: Sequence[tuple[bytes, bytes]], position: PositionMarker
    ) -> Written:
        """The documents, and behind them the position."""
        produce, topic, written = self._transactions.produce, self._topics.state, Written()
        if documents:
            key, value = documents[0]
            produce(topic, partition, key, value, None, written.delivered_first)
        more = [(key, value, NO_HEADERS) for key, value in documents[1:]]
        self._transactions.produce_all(topic, partition, more)
        produce(topic, partition, MARKER_KEY, encode_marker(position), None, written.delivered_last)
        return written
