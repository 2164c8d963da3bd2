"""Is every decision ISSUED a record of badge-issued, once, and the other way round?

A transaction writes both, so only a broker that tears transactions makes them differ (docs/reliability.md).
They are compared beside running workers, partition by partition, without a false alarm:

1. `before`: where the decisions that are committed now end;
2. the issuances up to an end that is asked for after that, open transactions waited for: whatever belongs to
   a decision below `before` was written before its commit, so it is among them;
3. the decisions up to an end that is asked for after that, in the same way: whatever belongs to an issuance
   found is among them. Those from `before` on may have issuances that came later, and miss nothing.

Records that retention removed cannot be compared: where a topic's first ones are gone, neither are records of
the other one that were made up to the instant of the first that is left. Within a partition these instants
never go back.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer

from consumer.broker import Broker
from consumer.reading import high_watermarks, log_starts, read_until, stable_ends
from schemas.badge_issued import decode_issued
from schemas.catalogue import BADGE_DECISIONS, BADGE_ISSUED
from schemas.decisions import decode_decisions
from schemas.framing import SchemaSource

_LATEST: Final = 1 << 63


class Place(NamedTuple):
    """An issuance as one of the two topics tells it. `at` is the instant of the batch, `customer` org:id."""

    topic: str
    offset: int
    at: int
    customer: str
    badge_id: str


@dataclass
class IssuedCheck:
    """One partition: how many issuances were `decided` and `issued`, and by id the decisions without a record
    of badge-issued (`missing`), the issuances without a decision (`unknown`), and those told `twice`.
    """

    partition: int
    decided: int = 0
    issued: int = 0
    missing: dict[str, Place] = field(default_factory=dict)
    unknown: dict[str, Place] = field(default_factory=dict)
    twice: dict[str, Place] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether both topics say the same."""
        return not (self.missing or self.unknown or self.twice)


def check_issued(broker: Broker, partition: int, schemas: SchemaSource | None) -> IssuedCheck:
    """Compares one partition of both topics, as far as they go now. Holds its issuances in memory: about 0.5
    KiB each. Raises what reading raises.
    """
    found = IssuedCheck(partition)
    before = stable_ends(broker, broker.topic(BADGE_DECISIONS), [partition])[partition]
    with closing(broker.reader()) as reader:
        issuances, first_issued = _issuances(broker, reader, found, schemas)
        first_decided = _decisions(broker, reader, found, schemas, issuances, before)
    found.missing = {one: place for one, place in found.missing.items() if place.at > first_issued}
    found.unknown = {one: place for one, place in issuances.items() if place.at > first_decided}
    return found


def _issuances(
    broker: Broker, reader: Consumer, found: IssuedCheck, schemas: SchemaSource | None
) -> tuple[dict[str, Place], int]:
    """Those of the partition by id, and the instant up to which there may have been more."""
    topic, partition = broker.topic(BADGE_ISSUED), found.partition
    issuances: dict[str, Place] = {}
    ends = high_watermarks(broker, topic, [partition])
    for message in read_until(reader, topic, {partition: OFFSET_BEGINNING}, ends):
        one = decode_issued(message.value() or b"", schemas)
        customer = f"{one.org_id}:{one.customer_id}"
        place = Place(BADGE_ISSUED, message.offset() or 0, one.issued_at, customer, one.badge_id)
        if issuances.setdefault(one.issuance_id, place) is not place:
            found.twice[one.issuance_id] = place
    found.issued = len(issuances)
    oldest = min((place.at for place in issuances.values()), default=None)
    return issuances, _compared_after(broker, topic, partition, oldest)


def _decisions(
    broker: Broker,
    reader: Consumer,
    found: IssuedCheck,
    schemas: SchemaSource | None,
    issuances: dict[str, Place],
    before: int,
) -> int:
    """Takes those that were decided out of `issuances`. The instant, as above."""
    topic, partition = broker.topic(BADGE_DECISIONS), found.partition
    oldest, decided = None, set[str]()
    ends = high_watermarks(broker, topic, [partition])
    for message in read_until(reader, topic, {partition: OFFSET_BEGINNING}, ends):
        act, offset = decode_decisions(message.value() or b"", schemas), message.offset() or 0
        oldest = act.processed_at if oldest is None else oldest
        for decision in act.decisions:
            identity = decision.issuance_id
            if decision.outcome != "ISSUED" or identity is None:
                continue
            customer = f"{act.org_id}:{act.customer_id}"
            place = Place(BADGE_DECISIONS, offset, act.processed_at, customer, decision.badge_id)
            if identity in decided:
                found.twice[identity] = place
            elif issuances.pop(identity, None) is None and offset < before:
                found.missing[identity] = place
            decided.add(identity)
    found.decided = len(decided)
    return _compared_after(broker, topic, partition, oldest)


def _compared_after(broker: Broker, topic: str, partition: int, oldest: int | None) -> int:
    """What was made up to this instant may have had a record in the topic that retention removed."""
    if log_starts(broker, topic, [partition])[partition] == 0:
        return -1
    return _LATEST if oldest is None else oldest
