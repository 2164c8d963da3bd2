"""Acts that yielded no record for a badge, and why (S30, S110).

Nothing is kept of them, and nothing has to be: whether an act is noise depends on the act, the badge and the
customer's enrolments, and all of these are in the log. So the customer's acts are decided once more, by the
versions of the badge that were in force for each (the cut-overs of the partition's changelog say which).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import Message, murmur2

from badges.actions import CustomerAction
from badges.calendar import parse_instant
from badges.decisions import Noise
from badges.definitions import BadgeDefinition, OrgSettings
from badges.simulate import Simulation
from consumer.broker import Broker
from consumer.dead_letters import headers_of
from consumer.reading import decoded, read_partitions
from schemas.catalogue import BADGE_DECISIONS, CUSTOMER_ACTIONS, CUSTOMER_STATE
from schemas.changelog import MARKER_KEY, CutOver, decode_cut_over, decode_marker, is_cut_over
from schemas.customer_action import customer_key, decode_action
from schemas.decisions import decode_decisions
from schemas.errors import Malformed
from schemas.framing import Rejected, SchemaSource
from schemas.rules_feed import StoredBadge, StoredSettings

_ACT = "ce_id"
"""The header of a decision that names its act: topic/partition/offset."""


class SilentAct(NamedTuple):
    """`at` is the processing instant of the last act before it that yielded a record, or of the rules that
    were in force (epoch ms): its own is not kept.
    """

    action: CustomerAction
    at: int
    noise: Noise


def silent_acts(
    broker: Broker,
    stored: StoredBadge,
    settings: StoredSettings | None,
    customer_id: str,
    schemas: SchemaSource | None,
) -> Iterator[SilentAct]:
    """The decided acts of a customer that yielded nothing for a badge whose criterion names their action, in
    order.
    """
    org_id = stored.record.definition.org_id
    log = _Log(broker, customer_key(org_id, customer_id), schemas)
    cut_overs, end = log.positions()
    instants = log.instants()
    rules, run, at = _rules(stored, settings), Simulation(), 0
    for offset, action in log.acts(end):
        while cut_overs and cut_overs[0].input_offset <= offset:
            at = max(at, cut_overs.pop(0).at)
            while rules and rules[0][0] <= at:
                _put_in_force(run, *rules.pop(0))
        at = max(at, instants.get(offset, at))
        verdict = run.act(action, at)
        for _, noise in run.noise(action, verdict):
            yield SilentAct(action, at, noise)


def _rules(
    stored: StoredBadge, settings: StoredSettings | None
) -> list[tuple[int, BadgeDefinition | OrgSettings]]:
    """Every version with its instant of acceptance, in that order; settings before badges."""
    found: list[tuple[int, BadgeDefinition | OrgSettings]] = []
    if settings is not None:
        earlier = (parse_instant(version["accepted_at"]) or 0 for version in settings.history)
        found += zip(earlier, settings.earlier_settings(), strict=True)
        found.append((settings.accepted_at, settings.settings))
    found += [(one.accepted_at, one.definition) for one in (*stored.earlier_records(), stored.record)]
    return sorted(found, key=lambda pair: pair[0])


def _put_in_force(run: Simulation, accepted_at: int, rules: BadgeDefinition | OrgSettings) -> None:
    if isinstance(rules, BadgeDefinition):
        run.define(rules, accepted_at)
    else:
        run.settle(rules)


class _Log:
    """What three topics hold of one customer's partition."""

    def __init__(self, broker: Broker, key: bytes, schemas: SchemaSource | None) -> None:
        self._broker = broker
        self._key = key
        self._schemas = schemas
        self._partition = murmur2(key, broker.partitions(CUSTOMER_STATE))

    def positions(self) -> tuple[list[CutOver], int]:
        """The cut-overs in the order of the input, and the first input offset that is not decided."""
        cut_overs, end = [], 0
        for message in self._records(CUSTOMER_STATE):
            key, value = message.key() or b"", message.value() or b""
            if key == MARKER_KEY:
                end = decode_marker(value).next_offset
            elif is_cut_over(key):
                cut_overs.append(decode_cut_over(key, value))
        return sorted(cut_overs, key=lambda one: (one.input_offset, one.at)), end

    def instants(self) -> dict[int, int]:
        """When acts were decided, by input offset, where they yielded a record."""
        found: dict[int, int] = {}
        for message in self._records(BADGE_DECISIONS):
            if message.key() == self._key:
                act = (dict(headers_of(message)).get(_ACT) or b"").rpartition(b"/")[2]
                processed_at = decoded(message, decode_decisions, self._schemas).processed_at
                found.setdefault(int(act or -1), processed_at)
        return found

    def acts(self, end: int) -> Iterator[tuple[int, CustomerAction]]:
        """The customer's acts before an input offset; what is a dead letter is none."""
        for message in self._records(CUSTOMER_ACTIONS):
            offset = message.offset() or 0
            if message.key() != self._key or offset >= end:
                continue
            try:
                yield offset, decode_action(message.value(), headers_of(message), self._schemas)
            except (Rejected, Malformed):
                continue

    def _records(self, name: str) -> Iterator[Message]:
        return read_partitions(self._broker, name, [self._partition])
