"""The judge: what a schedule left in the logs, compared with a sequential run over the same input.

The position markers of the changelog say in which batches, at which instants and under which rules each
record was decided; all else is worked out anew, one record after the other, and compared byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from confluent_kafka import murmur2

from badges.actions import CustomerAction
from badges.customer import CustomerState
from badges.decide import decide
from badges.definitions import BadgeRecord, OrgSettings
from badges.evolve import evolve
from badges.rulebook import OrgRules, compile_org
from consumer.repair import redis_marker
from schemas.badge_issued import encode_issued
from schemas.catalogue import (
    BADGE_DECISIONS,
    BADGE_DEFINITIONS,
    BADGE_ISSUED,
    CUSTOMER_ACTIONS,
    CUSTOMER_STATE,
    DEAD_LETTERS,
    ORG_SETTINGS,
)
from schemas.changelog import (
    MARKER_KEY,
    PositionMarker,
    decode_cut_over,
    decode_marker,
    is_cut_over,
)
from schemas.customer_action import customer_key, decode_action
from schemas.decisions import encode_decisions
from schemas.errors import Malformed
from schemas.framing import Rejected
from schemas.rules_feed import decode_record, decode_settings
from state.loader import changed_documents
from tests.simulator.hops import HopReference, problems
from tests.simulator.log import Broker, Entry
from tests.simulator.view import RedisServer
from tests.simulator.worker import GROUP
from tests.simulator.world import ORG, REROUTED


class Violation(AssertionError):
    """An invariant does not hold."""


class Committed(NamedTuple):
    """A partition's changelog: its positions in order, and the newest documents by key with their offsets."""

    positions: list[tuple[int, PositionMarker]]
    cut_overs: dict[bytes, int]
    documents: dict[bytes, tuple[int, bytes]]


class Verdicts(NamedTuple):
    """How much a schedule has decided: that it was worth running."""

    records: int
    issued: int
    dead: int
    rerouted: int
    outcomes: Counter[str]


def judge(broker: Broker, server: RedisServer) -> Verdicts:
    """Raises Violation where anything of I1 to I5 does not hold."""
    totals, outcomes = Counter[str](), Counter[str]()
    issued_ids: list[bytes | None] = []
    rerouted: Counter[bytes] = Counter()
    rules = Rules(broker)
    references: list[Reference] = []
    for partition in range(broker.topics[CUSTOMER_STATE]):
        changelog = fold(broker, partition)
        reference = Reference(broker, partition, rules)
        reference.follow(changelog)
        _check_outputs(broker, partition, reference)
        _check_state(broker, server, partition, changelog, reference)
        rerouted.update(reference.rerouted)
        references.append(reference)
        totals.update(records=reference.records, issued=len(reference.issued), dead=len(reference.dead))
        outcomes.update(reference.outcomes)
        issued_ids += [
            dict(entry.headers).get("issuance-id") for _, entry in _read(broker, BADGE_ISSUED, partition)
        ]
    final = rules.at(_ends(broker))
    of_hops = [reference.hops for reference in references]
    for problem in problems(broker, of_hops, [reference.states for reference in references], final):
        raise Violation(problem)
    twice = [identity for identity, count in Counter(issued_ids).items() if count > 1]
    if twice:
        raise Violation(f"I3: issued twice: {twice}")
    copies = Counter(
        value
        for partition in range(broker.topics[CUSTOMER_ACTIONS])
        for _, entry in _read(broker, CUSTOMER_ACTIONS, partition)
        for name, value in entry.headers
        if name == REROUTED and value is not None and not value.startswith(b"elsewhere")
    )
    if copies != rerouted:
        raise Violation(f"I1: re-published {copies}, expected {rerouted}")
    return Verdicts(totals["records"], totals["issued"], totals["dead"], sum(rerouted.values()), outcomes)


def _read(broker: Broker, topic: str, partition: int) -> list[tuple[int, Entry]]:
    return broker.logs[topic, partition].committed()


def fold(broker: Broker, partition: int) -> Committed:
    """The changelog of a partition as a reader of committed records sees it."""
    found = Committed([], {}, {})
    for offset, entry in _read(broker, CUSTOMER_STATE, partition):
        key, value = entry.key or b"", entry.value or b""
        if key == MARKER_KEY:
            found.positions.append((offset, decode_marker(value)))
        elif is_cut_over(key):
            found.cut_overs.setdefault(key, decode_cut_over(key, value).input_offset)
        else:
            found.documents[key] = (offset, value)
    return found


class Rules:
    """The rules in force after so many offsets of the two feeds."""

    def __init__(self, broker: Broker) -> None:
        self._definitions = _read(broker, BADGE_DEFINITIONS, 0)
        self._settings = _read(broker, ORG_SETTINGS, 0)
        self._known: dict[tuple[int, int], OrgRules] = {}

    def at(self, feeds: tuple[int, int]) -> OrgRules:
        if feeds not in self._known:
            records: dict[str, BadgeRecord] = {}
            settings = OrgSettings(ORG)
            for offset, entry in self._definitions:
                if offset < feeds[0]:
                    record = decode_record(entry.value or b"").record
                    records[record.definition.badge_id] = record
            for offset, entry in self._settings:
                if offset < feeds[1]:
                    settings = decode_settings(entry.value or b"").settings
            self._known[feeds] = compile_org(settings, records)
        return self._known[feeds]


class Reference:
    """One partition, decided one record after the other."""

    def __init__(self, broker: Broker, partition: int, rules: Rules) -> None:
        self._input = _read(broker, CUSTOMER_ACTIONS, partition)
        self._partitions = broker.topics[CUSTOMER_STATE]
        self._partition = partition
        self._rules = rules
        self.states: dict[bytes, CustomerState] = {}
        self.records = 0
        self.outcomes: Counter[str] = Counter()
        self.issued: list[tuple[bytes, bytes]] = []
        self.decisions: list[tuple[bytes, bytes, bytes]] = []
        self.dead: list[tuple[bytes, bytes | None, bytes | None]] = []
        self.rerouted: list[bytes] = []
        self.documents: dict[bytes, bytes] = {}
        self.hops = HopReference(broker, partition, self.states, self.documents)
        self._largest = broker.largest.get(BADGE_ISSUED)

    def follow(self, changelog: Committed) -> None:
        """Decides as the positions say. Raises Violation where they cannot be right."""
        before: PositionMarker | None = None
        for _, position in changelog.positions:
            self._check(before, position, changelog)
            start = before.next_offset if before else 0
            batch = [one for one in self._input if start <= one[0] < position.next_offset]
            if batch and before is not None and _feeds(before) != _feeds(position):
                raise Violation(f"partition {self._partition}: rules changed inside a batch at {start}")
            rules = self._rules.at(_feeds(position))
            if _feeds(position) != (_feeds(before) if before else (0, 0)):
                self.hops.cut_over(rules, before.at if before else 0)
            issued, answered = self.hops.take(
                before.hops_offset if before else 0, position.hops_offset, rules
            )
            self.issued += issued
            for offset, entry in batch:
                self._decide(offset, entry, position)
            self.decisions += answered
            before = position
        end = before.next_offset if before else 0
        left = [offset for offset, _ in self._input if offset >= end]
        if left:
            raise Violation(f"I1: partition {self._partition}: never decided: {left}")

    def _check(self, before: PositionMarker | None, position: PositionMarker, changelog: Committed) -> None:
        where = f"partition {self._partition}, position {position.sequence}"
        if position.sequence != (before.sequence if before else 0) + 1:
            raise Violation(f"I5: {where}: follows {before.sequence if before else None}")
        if before is not None:
            grows = ("next_offset", "at", "rules_offset", "settings_offset", "hops_offset")
            back = [name for name in grows if getattr(position, name) < getattr(before, name)]
            if back:
                raise Violation(f"I5: {where}: {back} went back")
        feeds = _feeds(position)
        if feeds != (_feeds(before) if before else (0, 0)):
            key = b"!rules:%d:%d" % feeds
            if changelog.cut_overs.get(key) != (before.next_offset if before else 0):
                raise Violation(f"I2: {where}: no cut-over to {feeds} from its first record on")

    def _decide(self, offset: int, entry: Entry, position: PositionMarker) -> None:
        self.records += 1
        origin = f"{CUSTOMER_ACTIONS}/{self._partition}/{offset}".encode()
        try:
            action = decode_action(entry.value, entry.headers)
        except (Rejected, Malformed):
            self.dead.append((str(offset).encode(), entry.key, entry.value))
            return
        key = customer_key(action.org_id, action.customer_id)
        wrong = key == entry.key and murmur2(key, self._partitions) != self._partition
        if key != entry.key or (wrong and REROUTED in dict(entry.headers)):
            self.dead.append((str(offset).encode(), entry.key, entry.value))
        elif wrong:
            self.rerouted.append(origin)
        else:
            self._judge(action, key, origin, position, entry)

    def _judge(
        self, action: CustomerAction, key: bytes, origin: bytes, position: PositionMarker, entry: Entry
    ) -> None:
        state = self.states.setdefault(key, CustomerState(action.org_id, action.customer_id))
        rules, at = self._rules.at(_feeds(position)), position.at
        verdict = decide(action, state, rules, at)
        issued = [
            (key, encode_issued(action, decision, rules.records[decision.badge_id], at))
            for decision in verdict.decisions
            if decision.outcome == "ISSUED"
        ]
        if self._largest is not None and any(len(value) > self._largest for _, value in issued):
            self.dead.append((origin.rsplit(b"/", 1)[1], entry.key, entry.value))
            return
        self.issued += issued
        if verdict.decisions or verdict.registers:
            evolve(state, action, verdict, rules, at)
        kept = self.hops.hold(action, verdict, state, rules)
        if kept:
            self.decisions.append((origin, key, encode_decisions(action, kept, at)))
        self.outcomes.update(decision.outcome for decision in verdict.decisions)
        if verdict.registers or verdict.changes:
            self.documents.update(changed_documents(state))


def _ends(broker: Broker) -> tuple[int, int]:
    return broker.logs[BADGE_DEFINITIONS, 0].high, broker.logs[ORG_SETTINGS, 0].high


def _feeds(position: PositionMarker) -> tuple[int, int]:
    return position.rules_offset, position.settings_offset


def _check_outputs(broker: Broker, partition: int, reference: Reference) -> None:
    issued = [(entry.key, entry.value) for _, entry in _read(broker, BADGE_ISSUED, partition)]
    _same(f"I2: badge-issued/{partition}", issued, reference.issued)
    decisions = [
        (dict(entry.headers).get("ce_id"), entry.key, entry.value)
        for _, entry in _read(broker, BADGE_DECISIONS, partition)
    ]
    _same(f"I1: badge-decisions/{partition}", decisions, reference.decisions)
    dead = [
        (dict(entry.headers).get("dlq-offset"), entry.key, entry.value)
        for _, entry in _read(broker, DEAD_LETTERS, partition)
    ]
    _same(f"I1: dead letters/{partition}", dead, reference.dead)


def _same(what: str, found: Sequence[object], expected: Sequence[object]) -> None:
    if found == expected:
        return
    for n, (one, other) in enumerate(_pairs(found, expected)):
        if one != other:
            raise Violation(
                f"{what}: {len(found)} records, expected {len(expected)}; number {n} differs: {one} / {other}"
            )


def _pairs(found: Sequence[object], expected: Sequence[object]) -> Iterator[tuple[object, object]]:
    for n in range(max(len(found), len(expected))):
        yield (found[n] if n < len(found) else None), (expected[n] if n < len(expected) else None)


def _check_state(
    broker: Broker, server: RedisServer, partition: int, changelog: Committed, reference: Reference
) -> None:
    values = {key: value for key, (_, value) in changelog.documents.items()}
    if values != reference.documents:
        wrong = sorted(
            key for key in {*values, *reference.documents} if values.get(key) != reference.documents.get(key)
        )
        raise Violation(f"I2: customer-state/{partition} differs from the reference in {wrong}")
    seen = {document.key: (document.offset, document.value) for document in server.data.scan(partition)}
    if seen != changelog.documents:
        wrong = sorted(
            key for key in {*seen, *changelog.documents} if seen.get(key) != changelog.documents.get(key)
        )
        raise Violation(f"I4: the view of partition {partition} differs from the changelog in {wrong}")
    if not changelog.positions:
        return
    position = changelog.positions[-1][1]
    stands = server.data.marker(partition)
    if stands is None or stands._replace(changelog_offset=0) != redis_marker(position, 0):
        raise Violation(
            f"I4: partition {partition}: the view's marker is {stands}, the last position {position}"
        )
    committed = broker.group(GROUP).offsets.get((CUSTOMER_ACTIONS, partition))
    if committed != position.next_offset:
        raise Violation(f"I5: partition {partition}: committed {committed}, decided {position.next_offset}")
