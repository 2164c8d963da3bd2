"""The one oracle for all faults: what a group left behind against a sequential reference over the same input.

Read are the full topics, as a `read_committed` reader sees them. The reference plays the input of each
partition in its order, one record at a time, each at the instant at which it was decided, under the rules
that the partition's cut-overs name; messages of badge-hops where its position markers say that they were
taken. From the design's invariants:

I1 each record has one record of decisions, or one dead letter, or one copy elsewhere · I2 the decisions and
the issuances are the reference's · I3 no issuance id comes twice · I4 Redis is the fold of the changelog ·
I5 the group's offsets are those of the markers, and behind the last record · I8 no place is given beyond a
limit over all customers, and every request has its answer (tests/simulator/hops.py)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import Message

from consumer.broker import Broker
from consumer.cli.app import main
from consumer.dead_letters import headers_of
from consumer.group import committed_offsets
from consumer.reading import read_everything
from consumer.sorting import REROUTED
from schemas.badge_issued import decode_issued
from schemas.catalogue import BADGE_HOPS, CUSTOMER_STATE
from schemas.changelog import MARKER_KEY, CutOver, PositionMarker, decode_cut_over, decode_marker, is_cut_over
from schemas.decisions import DecidedAction, decode_decisions
from schemas.errors import Malformed
from schemas.framing import Rejected
from schemas.rules_feed import decode_record, decode_settings
from tests.faults.hop_logs import HopLogs
from tests.faults.reference import Changelog, Reference, Rules, Step, lines_of, steps_of
from tests.simulator.hops import problems

TOLD = 5
"""Examples of each kind of problem."""

Place = tuple[int, int]
"""Partition and offset in the input."""


@dataclass
class Audit:
    """What was found. `lost` and `doubled` count issuances, `places` those under a limit over all customers;
    `problems` holds whatever is not as it has to be,
    by kind, with the places (never a customer).
    """

    records: int = 0
    decided: int = 0
    dead: int = 0
    rerouted: int = 0
    issued: int = 0
    lost: int = 0
    doubled: int = 0
    places: int = 0
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
    answered: dict[str, DecidedAction]
    letters: dict[Place, str]
    copies: Counter[Place]
    issued: list[tuple[str, str, str]]


def audit(broker: Broker, overrides: Sequence[str]) -> Audit:
    """Judges all that a group decided; the group has to be idle, its lag zero."""
    found = Audit()
    inputs = _inputs(broker)
    outputs = _outputs(broker, inputs, found)
    changelog, rules = _changelog(broker), _rules(broker)
    expected: list[tuple[str, str, str]] = []
    partitions = broker.partitions("customer-state")
    hops = HopLogs(broker, partitions)
    references: list[Reference] = []
    for partition in sorted({*inputs, *range(partitions)}):
        messages = inputs[partition]
        found.records += len(messages)
        steps = steps_of(changelog, partition)
        if steps is None:
            found.note("markers were compacted away", [partition] if hops.any else [])
            steps = [Step(one.input_offset, one) for one in changelog.cut_overs[partition]]
        reference = Reference(partition, partitions, rules, steps, hops)
        references.append(reference)
        for message in messages:
            expected += _judge(reference, message, outputs, found)
        reference.follow(None)
        expected += reference.granted
    _answers(references, outputs, hops, found)
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
    answered: dict[str, DecidedAction] = {}
    of_answers = f"{broker.topic(BADGE_HOPS)}/"
    for message in read_everything(broker, "badge-decisions"):
        origin = (dict(headers_of(message))["ce_id"] or b"").decode()
        record = decode_decisions(message.value() or b"")
        if origin.startswith(of_answers):
            found.note("an answer decided twice", [origin] if origin in answered else [])
            answered[origin.removeprefix(of_answers)] = record
            continue
        place = _place(origin.encode())
        if place in decided:
            found.note("decided twice", [place])
        decided[place] = record
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
    told = [(one.issuance_id, one.customer_id, one.badge_id) for one in issued]
    return _Outputs(decided, answered, letters, copies, told)


def _place(origin: bytes | None) -> Place:
    """Of `topic/partition/offset`."""
    _, partition, offset = (origin or b"").rsplit(b"/", 2)
    return int(partition), int(offset)


def _changelog(broker: Broker) -> Changelog:
    markers: dict[int, list[PositionMarker]] = defaultdict(list)
    cut_overs: dict[int, list[CutOver]] = defaultdict(list)
    for message in read_everything(broker, "customer-state"):
        partition, key, value = message.partition() or 0, message.key() or b"", message.value() or b""
        if key == MARKER_KEY:
            markers[partition].append(decode_marker(value))
        elif is_cut_over(key):
            cut_overs[partition].append(decode_cut_over(key, value))
    return Changelog(markers, cut_overs)


def _rules(broker: Broker) -> Rules:
    badges = []
    for message in read_everything(broker, "badge-definitions"):
        record = decode_record(message.value() or b"").record
        badges.append((message.offset() or 0, record.definition, record.accepted_at))
    settings = [
        (message.offset() or 0, decode_settings(message.value() or b"").settings)
        for message in read_everything(broker, "org-settings")
    ]
    return Rules(badges, settings)


def _judge(
    reference: Reference, message: Message, outputs: _Outputs, found: Audit
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
    reference.follow(place[1])
    record = outputs.decided.get(place)
    if record is not None:
        found.decided += 1
        found.note("an instant went back", [place] if record.processed_at < reference.at else [])
        reference.at = max(reference.at, record.processed_at)
    wanted, issued = reference.decide(action)
    told = [] if record is None else list(lines_of(record))
    found.note("no decision" if record is None else "decided otherwise", [] if told == wanted else [place])
    return issued


def _answers(references: Sequence[Reference], outputs: _Outputs, hops: HopLogs, found: Audit) -> None:
    """What answers led to, and the badges' owners."""
    wanted = {origin: lines for one in references for origin, lines in one.answered.items()}
    told = {origin: list(lines_of(record)) for origin, record in outputs.answered.items()}
    wrong = {*wanted, *told}
    found.note("answers decided otherwise", (one for one in wrong if wanted.get(one) != told.get(one)))
    found.places = sum(len(one.granted) for one in references)
    owners = [one for one in references if one.partition < hops.topics[CUSTOMER_STATE]]
    found.note(
        "limits over all customers",
        problems(hops, [one.hops for one in owners], [one.states() for one in owners], owners[0].rules()),
    )


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
    changelog: Changelog,
    committed: dict[int, int],
    partitions: int,
    found: Audit,
) -> None:
    for partition, messages in inputs.items():
        end = (messages[-1].offset() or 0) + 1 if messages else 0
        markers = changelog.markers.get(partition)
        decided = markers[-1].next_offset if markers else 0
        if partition >= partitions:  # added later: no changelog, only passed on
            decided = committed.get(partition, 0)
        if committed.get(partition, 0) != decided:
            found.note("offset and marker differ", [(partition, committed.get(partition), decided)])
        if decided < end:
            found.note("not decided to the end", [(partition, decided, end)])
