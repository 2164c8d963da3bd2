"""The sequential reference of the oracle: one partition, played in its order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from confluent_kafka import Message, murmur2

from badges.actions import CustomerAction
from badges.customer import CustomerState
from badges.decide import decide
from badges.decisions import Decision
from badges.definitions import BadgeDefinition, OrgSettings
from badges.evolve import evolve
from badges.rulebook import OrgRules
from badges.simulate import Simulation
from consumer.dead_letters import headers_of
from consumer.sorting import REROUTED
from schemas.catalogue import BADGE_HOPS
from schemas.changelog import CutOver, PositionMarker
from schemas.customer_action import customer_key, decode_action
from schemas.decisions import DecidedAction, decode_decisions
from schemas.errors import Malformed
from schemas.json_decision import decision_lines
from tests.faults.hop_logs import HopLogs
from tests.simulator.hops import HopReference


class Changelog(NamedTuple):
    markers: dict[int, list[PositionMarker]]
    cut_overs: dict[int, list[CutOver]]


class Rules(NamedTuple):
    """The feeds, each record with its offset."""

    badges: list[tuple[int, BadgeDefinition, int]]
    settings: list[tuple[int, OrgSettings]]


class Step(NamedTuple):
    """Before the record at `input_offset` is decided, these rules come into force, if any, and the messages
    of badge-hops before `hops` are taken; it is decided at `at` or later.
    """

    input_offset: int
    cut_over: CutOver | None
    hops: int = 0
    at: int = 0


def steps_of(changelog: Changelog, partition: int) -> list[Step] | None:
    """What the position markers say, in order; None where some are not there any more."""
    rules = {(one.rules_offset, one.settings_offset): one for one in changelog.cut_overs[partition]}
    steps: list[Step] = []
    start, feeds = 0, (0, 0)
    for number, marker in enumerate(changelog.markers[partition], 1):
        if marker.sequence != number:
            return None
        changed = (marker.rules_offset, marker.settings_offset) != feeds
        feeds = marker.rules_offset, marker.settings_offset
        steps.append(Step(start, rules.get(feeds) if changed else None, marker.hops_offset, marker.at))
        start = marker.next_offset
    return steps


class _Run(Simulation):
    """Decides what a customer's owner can; the limits of all customers are asked of `hops`."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[bytes, CustomerState] = {}

    def decide(self, action: CustomerAction, at: int, hops: HopReference) -> list[Decision]:
        """What is told at once."""
        key = customer_key(action.org_id, action.customer_id)
        state = self.states.setdefault(key, CustomerState(action.org_id, action.customer_id))
        rules = self.rules(action.org_id)
        verdict = decide(action, state, rules, at)
        if verdict.decisions or verdict.registers:
            evolve(state, action, verdict, rules, at)
        return hops.hold(action, verdict, state, rules)


class Reference:
    """One partition, played in its order. `granted` are the issuances that answers led to, `answered` their
    decisions.
    """

    def __init__(
        self, partition: int, partitions: int, rules: Rules, steps: Sequence[Step], hops: HopLogs
    ) -> None:
        self.partition = partition
        self._partitions = partitions
        self._settings = iter([(*one, 0) for one in rules.settings])
        self._badges = iter(rules.badges)
        self._next_setting = next(self._settings, None)
        self._next_badge = next(self._badges, None)
        self._steps = deque(steps)
        self._org = rules.badges[0][1].org_id if rules.badges else 0
        self._run = _Run()
        self._taken = 0
        self.hops = HopReference(hops, partition, self._run.states, {})
        self.granted: list[tuple[str, str, str]] = []
        self.answered: dict[str, list[str]] = {}
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

    def decide(self, action: CustomerAction) -> tuple[list[str], list[tuple[str, str, str]]]:
        """The decisions as lines, and the issuances, of one record, by the rules in force there."""
        told = self._run.decide(action, self.at, self.hops)
        issued = [
            (decision.issuance_id or "", action.customer_id, decision.badge_id)
            for decision in told
            if decision.outcome == "ISSUED"
        ]
        return decision_lines(action, told, self.at), issued

    def follow(self, offset: int | None) -> None:
        """All that came before the record at an offset; None: to the end."""
        while self._steps and (offset is None or self._steps[0].input_offset <= offset):
            step = self._steps.popleft()
            if step.cut_over is not None:
                before = self.at
                self._take_rules(step.cut_over)
                self.hops.cut_over(self.rules(), before)
            if step.hops > self._taken:
                self._take_hops(step.hops)
            self.at = max(self.at, step.at)

    def rules(self) -> OrgRules:
        """Those in force now."""
        return self._run.rules(self._org)

    def states(self) -> dict[bytes, CustomerState]:
        """The customers by key."""
        return self._run.states

    def _take_hops(self, end: int) -> None:
        _, decided = self.hops.take(self._taken, end, self.rules())
        self._taken = end
        for origin, _, value in decided:
            record = decode_decisions(value)
            self.at = max(self.at, record.processed_at)
            self.answered[origin.decode().removeprefix(f"{BADGE_HOPS}/")] = list(lines_of(record))
            self.granted += [
                (decision.issuance_id or "", record.customer_id, decision.badge_id)
                for decision in record.decisions
                if decision.outcome == "ISSUED"
            ]

    def _take_rules(self, cut_over: CutOver) -> None:
        self.at = max(self.at, cut_over.at)
        while self._next_setting is not None and self._next_setting[0] < cut_over.settings_offset:
            self._run.settle(self._next_setting[1])
            self._next_setting = next(self._settings, None)
        while self._next_badge is not None and self._next_badge[0] < cut_over.rules_offset:
            self._run.define(*self._next_badge[1:])
            self._next_badge = next(self._badges, None)


def lines_of(record: DecidedAction) -> Iterator[str]:
    yield from decision_lines(record.as_action(), record.decisions, record.processed_at)
