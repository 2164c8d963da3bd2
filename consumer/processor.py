"""A batch of records becomes a batch of outcomes: decode and load it whole, then decide and encode it
partition by partition. No offsets are committed here, and no transaction is known here; whatever happens,
nothing leaves the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import perf_counter

from confluent_kafka import Message

from badges.actions import REVOKE_ISSUE, CustomerAction
from badges.customer import CustomerState, PageKey, PageMissing, bucket_of
from badges.decide import decide
from badges.decisions import Verdict
from badges.evolve import evolve
from badges.identity import event_digest
from badges.places import Answer
from badges.rulebook import OrgRules
from consumer.crash_points import reached
from consumer.feeds import Feeds
from consumer.outputs import OutputFraming
from consumer.ownership import Owned
from consumer.pages import with_pages
from consumer.places import Places
from consumer.shares import Batch, Decided, Share
from consumer.sorting import Deferred, Sorter
from consumer.view_checks import checked
from schemas.customer_action import customer_key
from schemas.hops import decode_hop, hop_key
from state.cache import StateCache
from state.loader import Wanted, WantedPages, changed_documents, load_pages, load_states
from state.view import View


class Processor:
    """Decides batches. States come from the cache or the view and are changed in place: whoever does not
    commit a batch drops the cache of its partitions.
    """

    def __init__(
        self,
        view: View,
        cache: StateCache,
        feeds: Feeds,
        sorter: Sorter,
        framed: OutputFraming,
        places: Places | None = None,
    ) -> None:
        self._view = view
        self._cache = cache
        self._feeds = feeds
        self._sorter = sorter
        self._framed = framed
        self._places = places
        self._hops = "" if places is None else places.topic

    def prepare(self, messages: Sequence[Message], owned: dict[int, Owned], now: int) -> Batch:
        """A batch of messages of owned partitions, with the states it needs. Raises ViewMoved or Paused."""
        started = perf_counter()
        shares, deferred = self._sort(messages, owned, now)
        reached("decode")
        decoded = perf_counter()
        self._load(shares)
        reached("load")
        phases = {"decode": decoded - started, "load": perf_counter() - decoded, "decide": 0.0, "encode": 0.0}
        events = len(messages) - sum(len(share.hops) for share in shares.values())
        return Batch(shares, deferred, events, phases)

    def decide(self, batch: Batch, partition: int) -> None:
        """Decides one partition's share, in the order of its records, and encodes what follows. Raises
        ViewMoved, Paused or BatchAborted.
        """
        started = perf_counter()
        share = batch.shares[partition]
        if share.hops and self._places is not None:
            self._places.run(share)
        self._decide(share)
        reached("decide")
        decided = perf_counter()
        self._encode(share)
        batch.phases["decide"] += decided - started
        batch.phases["encode"] += perf_counter() - decided

    def refuse(self, message: Message) -> bool:
        """As `Sorter.refuse`; what follows from a message of badge-hops cannot become a dead letter."""
        return message.topic() != self._hops and self._sorter.refuse(message)

    def _sort(
        self, messages: Sequence[Message], owned: dict[int, Owned], now: int
    ) -> tuple[dict[int, Share], dict[int, str]]:
        """Shares by partition, and the partitions that wait for a schema. None is without a record."""
        self._sorter.begin_batch(self._feeds.offsets)
        shares: dict[int, Share] = {}
        deferred: dict[int, str] = {}
        accepted_at, sort, hops = self._feeds.accepted_at, self._sorter.sort, self._hops
        for message in messages:
            partition: int = message.partition()  # type: ignore[assignment]  # None only before delivery
            is_hop = hops and message.topic() == hops
            if deferred and partition in deferred and not is_hop:
                continue
            share = shares.get(partition)
            if share is None:
                own = owned[partition]
                at = max(now, own.position.at, accepted_at)
                share = shares[partition] = Share(own, at, own.position.next_offset)
            if is_hop:
                _take_hop(message, share)
                continue
            try:
                sort(message, share)
            except Deferred as wait:
                deferred[partition] = str(wait)
            else:
                share.next_offset = message.offset() + 1  # type: ignore[operator]
        for partition in deferred:
            share = shares[partition]
            if share.next_offset == owned[partition].position.next_offset and not share.next_hop:
                del shares[partition]
        return shares, deferred

    def _load(self, shares: dict[int, Share]) -> None:
        """One round trip for all customers that are not in the cache, one for the pages that will surely be
        asked.
        """
        wanted: list[Wanted] = []
        for partition, share in shares.items():
            missing: dict[bytes, tuple[int, str]] = {}
            for record in share.records:
                if record.key in share.states or record.key in missing:
                    continue
                action = record.action
                state = self._cache.get(partition, action.org_id, action.customer_id)
                if state is None:
                    missing[record.key] = (action.org_id, action.customer_id)
                else:
                    share.states[record.key] = state
            if share.hops:
                self._want_answered(partition, share, missing)
            wanted.append(Wanted(partition, share.owned.view_marker, list(missing.values())))
        found = checked(lambda: load_states(self._view, wanted))
        for want in wanted:
            states = found[want.partition]
            share = shares[want.partition]
            for state in states:
                share.states[customer_key(state.org_id, state.customer_id)] = state
        self._load_pages(shares)

    def _want_answered(self, partition: int, share: Share, missing: dict[bytes, tuple[int, str]]) -> None:
        """The customers that answers are for, as `_load`."""
        for _, hop in share.hops:
            if isinstance(hop, Answer):
                key = hop_key(hop)
                state = self._cache.get(partition, hop.org_id, hop.customer_id)
                if state is not None:
                    share.states[key] = state
                elif key not in share.states:
                    missing[key] = (hop.org_id, hop.customer_id)

    def _load_pages(self, shares: dict[int, Share]) -> None:
        wanted: list[WantedPages] = []
        for partition, share in shares.items():
            pages: list[tuple[CustomerState, Sequence[PageKey]]] = []
            asked: set[tuple[bytes, int]] = set()
            for record in share.records:
                state = share.states[record.key]
                if not state.seen_buckets:
                    continue
                bucket = bucket_of(event_digest(record.action.event_id), state.seen_buckets)
                if ("s", bucket) not in state.pages and (record.key, bucket) not in asked:
                    asked.add((record.key, bucket))
                    pages.append((state, [("s", bucket)]))
            if pages:
                wanted.append(WantedPages(partition, share.owned.view_marker, pages))
        if wanted:
            checked(lambda: load_pages(self._view, wanted))

    def _decide(self, share: Share) -> None:
        at, states, rules_of = share.at, share.states, self._feeds.rules
        org_id, rules = -1, None
        for record in share.records:
            action = record.action
            if action.org_id != org_id or rules is None:
                org_id = action.org_id
                rules = rules_of(org_id)
            state = states[record.key]
            try:
                verdict = _decided(action, state, rules, at)
            except PageMissing as missing:
                verdict = with_pages(
                    self._view, share.owned, state, missing.keys, partial(_decided, action, state, rules, at)
                )
            record.verdict = verdict
            if verdict.decisions and (rules.has_badge_limits or action.action == REVOKE_ISSUE):
                self._hold(share, record, rules)

    def _hold(self, share: Share, record: Decided, rules: OrgRules) -> None:
        """A revocation may wait although the limits are gone: what it revokes may have been asked for."""
        if self._places is not None:
            self._places.hold(share, record, rules)

    def _encode(self, share: Share) -> None:
        changed = share.changed
        at, rules_of, outcomes, framed = share.at, self._feeds.rules, share.outcomes, self._framed
        for record in share.records:
            verdict, action, key = record.verdict, record.action, record.key
            if verdict is None:
                continue  # it waits for a badge's owner
            decisions = verdict.decisions
            if not decisions:
                outcomes["NOISE"] = outcomes.get("NOISE", 0) + 1
                if not verdict.registers:
                    continue
            else:
                value = framed.decided(action, decisions, at)
                share.decisions.append((record.message.offset() or 0, value, key))
                for decision in decisions:
                    outcome = decision.outcome
                    outcomes[outcome] = outcomes.get(outcome, 0) + 1
                    if outcome == "ISSUED":
                        badge = rules_of(action.org_id).records[decision.badge_id]
                        value = framed.issuance(action, decision, badge, at)
                        share.issued.append((decision.issuance_id or "", value, key))
            if verdict.registers or verdict.changes:
                changed[key] = share.states[key]
        for state in changed.values():
            share.documents += changed_documents(state)


def _decided(action: CustomerAction, state: CustomerState, rules: OrgRules, at: int) -> Verdict:
    verdict = decide(action, state, rules, at)
    if verdict.decisions or verdict.registers:
        evolve(state, action, verdict, rules, at)
    return verdict


def _take_hop(message: Message, share: Share) -> None:
    """An answer carries an instant that may be ahead of this worker's clock; the partition's follows it."""
    hop, offset = decode_hop(message.value()), message.offset() or 0
    if isinstance(hop, Answer):
        share.at = max(share.at, hop.at)
    share.hops.append((offset, hop))
    share.next_hop = offset + 1
