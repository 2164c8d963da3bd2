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

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol
from uuid import UUID

from schemas.catalogue import BADGE_DECISIONS, BADGE_ISSUED

_START: Final = -1
_NEVER: Final = 1 << 63
_ISSUED: Final = 1
_DECIDED: Final = 2

Topic = Literal["badge-issued", "badge-decisions"]


class Told(NamedTuple):
    """What a record of one of the topics says: issuances as (16 bytes of id, badge), none where it was
    decided otherwise. `at` is the instant of the batch, `customer` org:id.
    """

    offset: int
    at: int
    customer: str
    issuances: tuple[tuple[bytes, str], ...]


class IssuedLogs(Protocol):
    """One partition of both topics."""

    @property
    def partition(self) -> int:
        """Its number."""

    def committed_end(self, topic: Topic) -> int:
        """Where the records end that are committed now; everything below is committed or aborted."""

    def read(self, topic: Topic) -> Iterable[Told]:
        """The committed records up to the end that the topic has now, transactions open now waited for."""

    def lost(self, topic: Topic) -> bool:
        """Whether retention removed the first records."""


class Place(NamedTuple):
    """An issuance as one of the two topics tells it."""

    topic: str
    offset: int
    at: int
    customer: str
    badge_id: str


@dataclass
class IssuedCheck:
    """One partition: how many issuances were `decided` and `issued`, and by id the decisions without a record
    of badge-issued (`missing`), the issuances without a decision (`unknown`), and those told `twice`. Of what
    was made up to `compared_after` not all was compared; None: retention kept nothing from it.
    """

    partition: int
    decided: int = 0
    issued: int = 0
    missing: dict[str, Place] = field(default_factory=dict)
    unknown: dict[str, Place] = field(default_factory=dict)
    twice: dict[str, Place] = field(default_factory=dict)
    compared_after: int | None = None

    @property
    def equal(self) -> bool:
        """Whether both topics say the same."""
        return not (self.missing or self.unknown or self.twice)


def check_issued(logs: IssuedLogs) -> IssuedCheck:
    """Compares one partition of both topics, as far as they go now. Holds its ids in memory, and reads
    badge-issued once more where it has issuances without a decision. Raises what reading raises.
    """
    return _Comparison(logs).run()


class _Comparison:
    """`_known` says of each id in which topics it was seen. Ten million ids are to fit, so nothing else is
    kept of a record that has its counterpart.
    """

    def __init__(self, logs: IssuedLogs) -> None:
        self._logs = logs
        self._known: dict[bytes, int] = {}
        self._newest = _START
        self._found = IssuedCheck(logs.partition)

    def run(self) -> IssuedCheck:
        found, known = self._found, self._known
        before = self._logs.committed_end(BADGE_DECISIONS)
        issued_after = self._take_issued()
        decided_after = self._take_decided(before, issued_after)
        found.issued = sum(seen & _ISSUED for seen in known.values())
        found.decided = sum(seen >= _DECIDED for seen in known.values())
        alone = {identity for identity, seen in known.items() if seen == _ISSUED}
        if alone and decided_after < _NEVER:
            self._name_unknown(alone, decided_after)
        compared_after = min(max(issued_after, decided_after), self._newest)
        found.compared_after = None if compared_after == _START else compared_after
        return found

    def _take_issued(self) -> int:
        """The instant up to which badge-issued may have had more records."""
        first, known = None, self._known
        for record in self._logs.read(BADGE_ISSUED):
            first = record.at if first is None else first
            self._newest = max(self._newest, record.at)
            for identity, badge_id in record.issuances:
                if identity in known:
                    _note(self._found.twice, identity, BADGE_ISSUED, record, badge_id)
                known[identity] = _ISSUED
        return self._whole_after(BADGE_ISSUED, first)

    def _take_decided(self, before: int, issued_after: int) -> int:
        """The same for badge-decisions."""
        first, known, found = None, self._known, self._found
        for record in self._logs.read(BADGE_DECISIONS):
            first = record.at if first is None else first
            self._newest = max(self._newest, record.at)
            for identity, badge_id in record.issuances:
                seen = known.get(identity, 0)
                if seen & _DECIDED:
                    _note(found.twice, identity, BADGE_DECISIONS, record, badge_id)
                elif not seen and record.offset < before and record.at > issued_after:
                    _note(found.missing, identity, BADGE_DECISIONS, record, badge_id)
                known[identity] = seen | _DECIDED
        return self._whole_after(BADGE_DECISIONS, first)

    def _whole_after(self, topic: Topic, first: int | None) -> int:
        if not self._logs.lost(topic):
            return _START
        return _NEVER if first is None else first

    def _name_unknown(self, alone: set[bytes], decided_after: int) -> None:
        for record in self._logs.read(BADGE_ISSUED):
            for identity, badge_id in record.issuances:
                if identity in alone and record.at > decided_after:
                    _note(self._found.unknown, identity, BADGE_ISSUED, record, badge_id)


def _note(into: dict[str, Place], identity: bytes, topic: Topic, record: Told, badge_id: str) -> None:
    into[str(UUID(bytes=identity))] = Place(topic, record.offset, record.at, record.customer, badge_id)
