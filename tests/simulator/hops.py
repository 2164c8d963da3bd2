"""The reference for limits over all customers: one partition's part in badge-hops, replayed message after
message in the order of the log, and what has to hold of all of them together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from confluent_kafka import murmur2

from badges.actions import REVOKE_ISSUE, CustomerAction
from badges.customer import CustomerState
from badges.decisions import Decision, Verdict
from badges.identity import uuid_bytes
from badges.places import Answer, BadgePlaces, Hop, Report, Request
from badges.reservations import release_of, request_of, settle
from badges.rulebook import CompiledBadge, OrgRules
from schemas.badge_issued import encode_issued
from schemas.catalogue import BADGE_HOPS, CUSTOMER_STATE
from schemas.customer_action import customer_key
from schemas.decisions import encode_decisions
from schemas.hops import decode_hop, hop_key
from state.document import encode_head
from state.loader import changed_documents
from state.places import changed_places, encode_reported, reported_key

Issued = list[tuple[bytes, bytes]]
Decided = list[tuple[bytes, bytes, bytes]]


class Entry(Protocol):
    """A record."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value."""


class Log(Protocol):
    """One partition."""

    def committed(self) -> Sequence[tuple[int, Entry]]:
        """As a reader of committed records sees it, with offsets."""


class Logs(Protocol):
    """The simulated broker, or what was read from a real one."""

    @property
    def logs(self) -> Mapping[tuple[str, int], Log]:
        """By topic and partition."""

    @property
    def topics(self) -> Mapping[str, int]:
        """Numbers of partitions."""


class HopReference:
    """What one partition's owner does about badge-hops. `sent` are the messages that have to be in the log
    because of it; `documents` and `states` are those of the partition's reference.
    """

    def __init__(
        self,
        broker: Logs,
        partition: int,
        states: dict[bytes, CustomerState],
        documents: dict[bytes, bytes],
    ) -> None:
        self._log = broker.logs[BADGE_HOPS, partition].committed()
        self._partition = partition
        self._partitions = broker.topics[CUSTOMER_STATE]
        self._states = states
        self._documents = documents
        self._reported: dict[str, int] = {}
        self._told: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
        self.places: dict[str, BadgePlaces] = {}
        self.sent: list[Hop] = []
        self.over: list[Answer] = []
        """Places given beyond a limit, or before every partition had reported."""

    def cut_over(self, rules: OrgRules, at: int) -> None:
        """The rules change here; `at` is the instant of the batch before."""
        for badge_id, badge in rules.badges.items():
            number = badge.record.limit_number
            if not number:
                continue
            if self._reported.get(badge_id, 0) < number:
                self._introduce(badge, rules.settings.org_id, at)
            if not badge.has_badge_limits and self._is_home(rules.settings.org_id, badge_id):
                self._answer(self._of(rules.settings.org_id, badge_id), badge)

    def _introduce(self, badge: CompiledBadge, org_id: int, at: int) -> None:
        badge_id, number = badge.badge_id, badge.record.limit_number
        self._reported[badge_id] = number
        self._documents[reported_key(org_id, badge_id)] = encode_reported(number)
        days: Counter[int] = Counter()
        instants: Counter[int] = Counter()
        for key, state in self._states.items():
            own = state.badges.get(badge_id)
            if own is None:
                continue
            for one in (one for page in state.issuance_pages(own) for one in page if not one.revoked):
                days[badge.zone.day(one.event_date)] += 1
                instants[one.issued_at] += 1
            for index, waiting in enumerate(own.reserved):
                own.reserved[index] = again = waiting._replace(limit_number=number)
                request = request_of(state, badge_id, again, badge.version)
                self.sent.append(request._replace(at=max(request.at, at)))
            if own.reserved:
                self._documents[key] = encode_head(state)
        self.sent.append(Report(org_id, badge_id, number, self._partition, True, days, instants))

    def take(self, start: int, end: int, rules: OrgRules) -> tuple[Issued, Decided]:
        """The messages from `start` to before `end`; the issuances and decisions that follow from them."""
        issued: Issued = []
        decided: Decided = []
        for offset, entry in self._log:
            if not start <= offset < end:
                continue
            hop = decode_hop(entry.value)
            if isinstance(hop, Answer):
                self._settle(offset, hop, rules, issued, decided)
                continue
            places, badge = self._of(hop.org_id, hop.badge_id), rules.badges[hop.badge_id]
            if isinstance(hop, Request):
                assert hop.version <= badge.version, "judged by older rules than it was decided by"
                self._send(places.request(hop, badge, self._partitions))
            elif isinstance(hop, Report):
                if hop.last:
                    self._told[hop.badge_id, hop.limit_number].add(hop.partition)
                places.report(hop)
                self._answer(places, badge)
            else:
                places.release(hop)
            if places.changed:
                self._documents.update(changed_places(places))
        return issued, decided

    def _settle(self, offset: int, hop: Answer, rules: OrgRules, issued: Issued, decided: Decided) -> None:
        key = customer_key(hop.org_id, hop.customer_id)
        state = self._states.setdefault(key, CustomerState(hop.org_id, hop.customer_id))
        settled = settle(state, hop, rules)
        if settled is None:
            return
        for number, (action, decision) in enumerate(settled.decided):
            origin = f"{BADGE_HOPS}/{self._partition}/{offset}" + (f".{number}" if number else "")
            decided.append((origin.encode(), key, encode_decisions(action, [decision], settled.at)))
            if decision.outcome == "ISSUED":
                badge = rules.records[decision.badge_id]
                issued.append((key, encode_issued(action, decision, badge, settled.at)))
        self.sent += settled.releases
        self._documents.update(changed_documents(state))

    def hold(
        self, action: CustomerAction, verdict: Verdict, state: CustomerState, rules: OrgRules
    ) -> list[Decision]:
        """The decisions that are told at once; sends what follows from the others."""
        kept: list[Decision] = []
        for decision in verdict.decisions:
            identity = decision.issuance_id
            if decision.outcome == "RESERVED":
                assert identity is not None
                if action.action != REVOKE_ISSUE:
                    own = state.badges[decision.badge_id].reserved
                    [waiting] = [one for one in own if one.issuance_id == uuid_bytes(identity)]
                    version = rules.records[decision.badge_id].version
                    self.sent.append(request_of(state, decision.badge_id, waiting, version))
                continue
            kept.append(decision)
            if decision.outcome == "REVOKED" and identity is not None:
                release = release_of(state, rules.badges[decision.badge_id], identity)
                self.sent += [release] if release is not None else []
        return kept

    def _answer(self, places: BadgePlaces, badge: CompiledBadge) -> None:
        while (answer := places.next_waited(badge, self._partitions)) is not None:
            self._send([answer])
        if places.changed:
            self._documents.update(changed_places(places))

    def _send(self, answers: Iterable[Answer]) -> None:
        for answer in answers:
            self.sent.append(answer)
            if answer.reason is not None or not answer.facts:
                continue
            told = self._told[answer.badge_id, answer.limit_number]
            early = answer.limit_number and len(told) < self._partitions
            if early or any(fact.counted > fact.max for fact in answer.facts):
                self.over.append(answer)

    def _of(self, org_id: int, badge_id: str) -> BadgePlaces:
        return self.places.setdefault(badge_id, BadgePlaces(org_id, badge_id))

    def _is_home(self, org_id: int, badge_id: str) -> bool:
        return bool(murmur2(b"%d:%s" % (org_id, badge_id.encode()), self._partitions) == self._partition)


def problems(
    broker: Logs, hops: list[HopReference], states: list[dict[bytes, CustomerState]], rules: OrgRules
) -> list[str]:
    """What does not hold of all partitions together (I1 and I8)."""
    found = [f"I8: a place beyond the limit: {one}" for reference in hops for one in reference.over]
    expected = Counter(_normal(hop) for reference in hops for hop in reference.sent)
    partitions = broker.topics[CUSTOMER_STATE]
    logged: Counter[str] = Counter()
    for partition in range(partitions):
        for _, entry in broker.logs[BADGE_HOPS, partition].committed():
            hop = decode_hop(entry.value)
            logged[_normal(hop)] += 1
            if murmur2(hop_key(hop), partitions) != partition or entry.key != hop_key(hop):
                found.append(f"I1: badge-hops/{partition}: a message for another owner")
    if logged != expected:
        found.append(f"I1: badge-hops: too many {logged - expected}, missing {expected - logged}")
    customers = [state for of_partition in states for state in of_partition.values()]
    if any(own.reserved for state in customers for own in state.badges.values()):
        found.append("I1: a place that was asked for has no answer")
    for reference in hops:
        for badge_id, places in reference.places.items():
            badge = rules.badges[badge_id]
            if places.waiting:
                found.append(f"I1: {badge_id}: a request still waits")
            if badge.has_badge_limits and places.limit_number == badge.record.limit_number:
                issued = _unrevoked(customers, badge_id)
                counted: Counter[int] = Counter()
                for page in places.pages.values():
                    counted.update(page)
                if places.total != issued.total() or counted != issued:
                    found.append(f"I8: {badge_id}: places counted {counted}, issuances {issued}")
    return found


def _unrevoked(customers: Iterable[CustomerState], badge_id: str) -> Counter[int]:
    """Issuances by instant."""
    found: Counter[int] = Counter()
    for state in customers:
        own = state.badges.get(badge_id)
        pages = state.issuance_pages(own) if own is not None else []
        found.update(one.issued_at for page in pages for one in page if not one.revoked)
    return found


def _normal(hop: Hop) -> str:
    """Equal for equal messages, whatever the order in maps."""
    if isinstance(hop, Report):
        return f"{hop[:5]} {sorted(hop.days.items())} {sorted(hop.instants.items())}"
    return repr(hop)
