"""Follows the outputs while a consumer writes them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from confluent_kafka import Message, TopicPartition

from consumer.broker import Broker
from consumer.dead_letters import headers_of
from consumer.reading import high_watermarks
from schemas.badge_issued import IssuedBadge, decode_issued
from schemas.catalogue import BADGE_HOPS

DECISIONS: Final = "badge-decisions"
ISSUED: Final = "badge-issued"
_HOPS: Final = BADGE_HOPS.encode()
_BATCH: Final = 2_000
_POLL_S: Final = 0.2
_BETWEEN_SAMPLES_S: Final = 0.3
_LOOKED_AT: Final = 24
_QUIET_POLLS: Final = 3

Starts = Mapping[str, Mapping[int, int]]


class Seen(NamedTuple):
    """What one look found: acts in badge-decisions, and now and then an issuance to show."""

    decided: int
    sample: IssuedBadge | None


def ends_now(broker: Broker) -> Starts:
    """Where both outputs end, to watch from there."""
    return {
        name: high_watermarks(broker, broker.topic(name), range(broker.partitions(name)))
        for name in (DECISIONS, ISSUED)
    }


def watch(broker: Broker, starts: Starts, running: Callable[[], bool]) -> Iterator[Seen]:
    """Committed records after `starts`, until `running` says no and nothing more comes."""
    decisions = broker.topic(DECISIONS)
    sampler = _Sampler()
    reader = broker.reader()
    try:
        reader.assign(
            [
                TopicPartition(broker.topic(name), partition, offset)
                for name, ends in starts.items()
                for partition, offset in ends.items()
            ]
        )
        quiet = 0
        while quiet < _QUIET_POLLS:
            alive = running()
            messages = [message for message in reader.consume(_BATCH, _POLL_S) if message.error() is None]
            quiet = 0 if messages or alive else quiet + 1
            decided = sum(message.topic() == decisions and is_of_act(message) for message in messages)
            yield Seen(decided, sampler.pick([one for one in messages if one.topic() != decisions]))
    finally:
        reader.close()


def is_of_act(message: Message) -> bool:
    """Whether a record of badge-decisions is the one that its act led to; not a later one, which an answer
    about a place under a badge's limit led to.
    """
    origin = dict(headers_of(message)).get("ce_id") or b""
    return not origin.partition(b"/")[0].endswith(_HOPS)


class _Sampler:
    """Picks an issuance now and then, of the badge that was shown least."""

    def __init__(self) -> None:
        self._shown: Counter[str] = Counter()
        self._next = 0.0

    def pick(self, issued: list[Message]) -> IssuedBadge | None:
        now = time.monotonic()
        if not issued or now < self._next:
            return None
        self._next = now + _BETWEEN_SAMPLES_S
        step = max(1, len(issued) // _LOOKED_AT)
        badges = [decode_issued(message.value() or b"") for message in issued[::step]]
        picked = min(badges, key=lambda badge: self._shown[badge.badge_id])
        self._shown[picked.badge_id] += 1
        return picked
