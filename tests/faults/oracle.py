"""The one oracle for all faults: what a group left behind against a sequential reference over the same input.

Read are the full topics, as a `read_committed` reader sees them. The reference plays the input of each
partition in its order, one record at a time, each at the instant at which it was decided, under the rules
that the partition's cut-overs name. From the design's invariants:

I1 each record has one record of decisions, or one dead letter, or one copy elsewhere · I2 the decisions and
the issuances are the reference's · I3 no issuance id comes twice · I4 Redis is the fold of the changelog ·
I5 the group's offsets are those of the markers, and behind the last record
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import Message, murmur2

from badges.actions import CustomerAction
from badges.definitions import BadgeDefinition, OrgSettings
from badges.simulate import Simulation
from consumer.broker import Broker
from consumer.cli.app import main
from consumer.dead_letters import headers_of
from consumer.group import committed_offsets
from consumer.reading import read_everything
from consumer.sorting import REROUTED
from schemas.badge_issued import decode_issued
from schemas.changelog import MARKER_KEY, CutOver, PositionMarker, decode_cut_over, decode_marker, is_cut_over
from schemas.customer_action import customer_key, decode_action
from schemas.decisions import DecidedAction, decode_decisions
from schemas.errors import Malformed
from schemas.framing import Rejected
from schemas.json_decision import decision_lines
from schemas.rules_feed import decode_record, decode_settings

TOLD = 5
"""Examples of each kind of problem."""

Place = tuple[int, int]
"""Partition and offset in the input."""


@dataclass
class Audit:
    """What was found. `lost` and `doubled` count issuances; `problems` holds whatever is not as it has to be,
    by kind, with the places (never a customer).
    """

    records: int = 0
    decided: int = 0
    dead: int = 0
    rerouted: int = 0
    issued: int = 0
    lost: int = 0
    doubled: int = 0
    problems: dict[str, list[object]] = field(default_factory=lambda: defaultdict(list))

    def note(self, kind: str, found: Iterable[object]) -> None:
        """Each of `found` is a problem of this kind."""
        places = list(found)
        if places:
            self.problems[kind] += places

    def told(self) -> str:
        """The problems in words, a few of each kind."""
        return "\n".join(
            f"{kind}: {len(found)}, as {', '.join(map(str, found[:TOLD]))}"
            for kind, found in self.problems.items()
        )


class _Outputs(NamedTuple):
    decided: dict[Place, DecidedAction]
    letters: dict[Place, str]
    copies: Counter[Place]
    issued: list[tuple[str, str, str]]


class _Changelog(NamedTuple):
    markers: dict[int, PositionMarker]
    cut_overs: dict[int, list[CutOver]]


class _Rules(NamedTuple):
    """The feeds, each record with its offset."""

    badges: list[tuple[int, BadgeDefinition, int]]
    settings: list[tuple[int, OrgSettings]]


def audit(broker: Broker, overrides: Sequence[str]) -> Audit:
    """Judges all that a group decided; the group has to be idle, its lag zero."""
    found = Audit()
    inputs = _inputs(broker)
    outputs = _outputs(broker, inputs, found)
    changelog, rules = _changelog(broker), _rules(broker)
    expected: list[tuple[str, str, str]] = []
    partitions = broker.partitions("customer-state")
    for partition, messages in inputs.items():
        found.records += len(messages)
        reference = _Reference(partition, partitions, rules, changelog.cut_overs[partition])
        for message in messages:
            expected += _judge(reference, message, outputs, found)
    _issuances(expected, outputs.issued, found)
    _offsets(inputs, changelog, committed_offsets(broker), partitions, found)
    words = ["verify", *(word for override in overrides for word in ("--set", override))]
    if main(words) != 0:
        found.note("Redis is not the fold of the changelog (`badges verify`)", ["see above"])
    return found


def _inputs(broker: Broker) -> dict[int, list[Message]]:
    inputs: dict[int, list[Message]] = defaultdict(list)
    for message in read_everything(broker, "customer-actions"):
        inputs[message.partition() or 0].append(message)
    return inputs


def _outputs(broker: Broker, inputs: dict[int, list[Message]], found: Audit) -> _Outputs:
    decided: dict[Place, DecidedAction] = {}
    for message in read_everything(broker, "badge-decisions"):
        place = _place(dict(headers_of(message))["ce_id"])
        if place in decided:
            found.note("decided twice", [place])
        decided[place] = decode_decisions(message.value() or b"")
    letters: dict[Place, str] = {}
    for message in read_everything(broker, "customer-actions.dead-letters"):
        headers = dict(headers_of(message))
        place = int(headers["dlq-partition"] or b""), int(headers["dlq-offset"] or b"")
        if place in letters:
            found.note("a dead letter twice", [place])
        letters[place] = (headers["dlq-reason"] or b"").decode()
    copied = (dict(headers_of(one)).get(REROUTED) for messages in inputs.values() for one in messages)
    copies = Counter(_place(origin) for origin in copied if origin)
    issued = [decode_issued(one.value() or b"") for one in read_everything(broker, "badge-issued")]
    return _Outputs(
        decided, letters, copies, [(one.issuance_id, one.customer_id, one.badge_id) for one in issued]
    )


def _place(origin: bytes | None) -> Place:
    """Of `topic/partition/offset`."""
    _, partition, offset = (origin or b"").rsplit(b"/", 2)
    return int(partition), int(offset)


def _changelog(broker: Broker) -> _Changelog:
    markers: dict[int, PositionMarker] = {}
    cut_overs: dict[int, list[CutOver]] = defaultdict(list)
    for message in read_everything(broker, "customer-state"):
        partition, key, value = message.partition() or 0, message.key() or b"", message.value() or b""
        if key == MARKER_KEY:
            markers[partition] = decode_marker(value)
        elif is_cut_over(key):
            cut_overs[partition].append(decode_cut_over(key, value))
    return _Changelog(markers, cut_overs)


def _rules(broker: Broker) -> _Rules:
    badges = []
    for message in read_everything(broker, "badge-definitions"):
        record = decode_record(message.value() or b"").record
        badges.append((message.offset() or 0, record.definition, record.accepted_at))
    settings = [
        (message.offset() or 0, decode_settings(message.value() or b"").settings)
        for message in read_everything(broker, "org-settings")
    ]
    return _Rules(badges, settings)


class _Reference:
    """One partition, played in its order."""

    def __init__(self, partition: int, partitions: int, rules: _Rules, cut_overs: Sequence[CutOver]) -> None:
        self.partition = partition
        self._partitions = partitions
        self._settings = iter([(*one, 0) for one in rules.settings])
        self._badges = iter(rules.badges)
        self._next_setting = next(self._settings, None)
        self._next_badge = next(self._badges, None)
        self._cut_overs = list(cut_overs)
        self._run = Simulation()
        self.at = 0

    def wants(self, message: Message) -> CustomerAction | None:
        """The action to decide here; None for a record that belongs elsewhere. Raises what makes it a dead
        letter.
        """
        action = decode_action(message.value(), message.headers())  # type: ignore[arg-type]  # stubs
        key = customer_key(action.org_id, action.customer_id)
        if key != message.key():
            raise Malformed("key", "key")
        if murmur2(key, self._partitions) == self.partition:
            return action
        if REROUTED in dict(headers_of(message)):
            raise Malformed("astray twice", "key")
        return None

    def decide(self, action: CustomerAction, offset: int) -> tuple[list[str], list[tuple[str, str, str]]]:
        """The decisions as lines, and the issuances, of one record, by the rules in force there."""
        while self._cut_overs and self._cut_overs[0].input_offset <= offset:
            self._take_rules(self._cut_overs.pop(0))
        verdict = self._run.act(action, self.at)
        issued = [
            (decision.issuance_id or "", action.customer_id, decision.badge_id)
            for decision in verdict.decisions
            if decision.outcome == "ISSUED"
        ]
        return decision_lines(action, verdict.decisions, self.at), issued

    def _take_rules(self, cut_over: CutOver) -> None:
        self.at = max(self.at, cut_over.at)
        while self._next_setting is not None and self._next_setting[0] < cut_over.settings_offset:
            self._run.settle(self._next_setting[1])
            self._next_setting = next(self._settings, None)
        while self._next_badge is not None and self._next_badge[0] < cut_over.rules_offset:
            self._run.define(*self._next_badge[1:])
            self._next_badge = next(self._badges, None)


def _judge(
    reference: _Reference, message: Message, outputs: _Outputs, found: Audit
) -> list[tuple[str, str, str]]:
    """Compares what became of one record with what should have; the issuances that should be."""
    place = reference.partition, message.offset() or 0
    ends = (place in outputs.decided) + (place in outputs.letters) + outputs.copies[place]
    if ends > 1:
        found.note("more than one end", [place])
    try:
        action = reference.wants(message)
    except (Rejected, Malformed):
        found.dead += 1
        found.note("no dead letter", [] if place in outputs.letters else [place])
        return []
    if action is None:
        found.rerouted += 1
        found.note("not re-published once", [] if outputs.copies[place] == 1 else [place])
        return []
    if outputs.letters.get(place) == "TOO_LARGE":  # judged by the broker, not by a rule
        found.dead += 1
        return []
    record = outputs.decided.get(place)
    if record is not None:
        found.decided += 1
        found.note("an instant went back", [place] if record.processed_at < reference.at else [])
        reference.at = max(reference.at, record.processed_at)
    wanted, issued = reference.decide(action, place[1])
    told = [] if record is None else list(_lines(record))
    found.note("decided otherwise", [] if told == wanted else [place])
    return issued


def _lines(record: DecidedAction) -> Iterator[str]:
    yield from decision_lines(record.as_action(), record.decisions, record.processed_at)


def _issuances(
    expected: list[tuple[str, str, str]], issued: list[tuple[str, str, str]], found: Audit
) -> None:
    wanted, are, ids = set(expected), set(issued), Counter(one[0] for one in issued)
    found.issued = len(ids)
    found.lost = len(wanted - are)
    found.doubled = sum(ids.values()) - len(ids)
    found.note("issuances lost", (one[0] for one in wanted - are))
    found.note("issuances that should not be", (one[0] for one in are - wanted))
    found.note("issuances doubled", (identity for identity, times in ids.items() if times > 1))
    found.note("issued twice by the reference", [len(expected)] if len(wanted) != len(expected) else [])


def _offsets(
    inputs: dict[int, list[Message]],
    changelog: _Changelog,
    committed: dict[int, int],
    partitions: int,
    found: Audit,
) -> None:
    for partition, messages in inputs.items():
        end = (messages[-1].offset() or 0) + 1
        marker = changelog.markers.get(partition)
        decided = marker.next_offset if marker else 0
        if partition >= partitions:  # added later: no changelog, only passed on
            decided = committed.get(partition, 0)
        if committed.get(partition, 0) != decided:
            found.note("offset and marker differ", [(partition, committed.get(partition), decided)])
        if decided < end:
            found.note("not decided to the end", [(partition, decided, end)])
