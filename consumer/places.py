"""The steps of limits over all customers: what follows from messages of badge-hops, and which messages follow
from decisions (docs/badge-limits.md). No offsets, no transaction: as processor.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from badges.actions import REVOKE_ISSUE
from badges.customer import CustomerState, PageMissing
from badges.decisions import Decision, Verdict
from badges.identity import uuid_bytes
from badges.places import Answer, BadgePlaces, Hop, Report, Request
from badges.reservations import release_of, request_of, settle
from badges.rulebook import CompiledBadge, OrgRules
from consumer.errors import BatchAborted
from consumer.feeds import Feeds
from consumer.outputs import OutputFraming
from consumer.ownership import Owned
from consumer.pages import with_pages
from consumer.shares import Decided, Share
from consumer.view_checks import ViewMoved, checked
from schemas.hops import hop_key
from state.cache import StateCache
from state.document import Damaged
from state.places import changed_places, day_key, decode_day, decode_places, places_key
from state.view import Load, View


class Places:
    """Plays both owners: of customers that wait, and of badges that are asked."""

    def __init__(
        self,
        view: View,
        cache: StateCache,
        feeds: Feeds,
        partitions: int,
        topic: str,
        framed: OutputFraming,
    ) -> None:
        self.topic = topic
        self._view = view
        self._cache = cache
        self._feeds = feeds
        self._partitions = partitions
        self._framed = framed

    def waiting(self) -> bool:
        """Whether requests wait here for the reports of partitions."""
        return self._cache.waiting()

    def hold(self, share: Share, record: Decided, rules: OrgRules) -> None:
        """Takes out of a verdict what is not decided yet; the requests and releases that follow from it."""
        verdict, state = record.verdict, share.states[record.key]
        assert verdict is not None
        kept: list[Decision] = []
        for decision in verdict.decisions:
            if decision.outcome == "RESERVED":
                share.changed[record.key] = state
                share.outcomes["RESERVED"] = share.outcomes.get("RESERVED", 0) + 1
                if record.action.action != REVOKE_ISSUE:
                    share.sent.append(_request(state, decision))
                continue
            kept.append(decision)
            if decision.outcome == "REVOKED" and decision.issuance_id is not None:
                release = release_of(state, rules.badges[decision.badge_id], decision.issuance_id)
                share.sent += [release] if release is not None else []
        if len(kept) < len(verdict.decisions):
            record.verdict = _reduced(verdict, kept)

    def run(self, share: Share) -> None:
        """Everything that follows from the share's messages, in their order."""
        asked: dict[tuple[int, str], BadgePlaces] = {}
        for offset, hop in share.hops:
            if isinstance(hop, Answer):
                self._settle(share, offset, hop)
            else:
                places = self.places(share.owned, hop.org_id, hop.badge_id)
                asked[hop.org_id, hop.badge_id] = places
                share.sent += self._take(share.owned, places, hop)
        for places in asked.values():
            if places.changed:
                share.documents += changed_places(places)

    def places(self, own: Owned, org_id: int, badge_id: str) -> BadgePlaces:
        """The places of a badge that this partition owns, from the cache or the view."""
        known = self._cache.places(own.partition)
        places = known.get((org_id, badge_id))
        if places is None:
            [value] = self._load(own, [places_key(org_id, badge_id)])
            try:
                places = decode_places(org_id, badge_id, value)
            except Damaged:
                raise ViewMoved([own.partition], [own.partition]) from None
            known[org_id, badge_id] = places
        return places

    def waited(self, own: Owned, places: BadgePlaces, badge: CompiledBadge) -> list[Answer]:
        """The answers to requests that need not wait any more."""
        answers: list[Answer] = []
        while True:
            try:
                answer = places.next_waited(badge, self._partitions)
            except PageMissing as missing:
                self._load_days(own, places, missing)
                continue
            if answer is None:
                return answers
            answers.append(answer)

    def _take(self, own: Owned, places: BadgePlaces, hop: Hop) -> Sequence[Answer]:
        rules = self._feeds.rules(hop.org_id)
        badge = rules.badges.get(hop.badge_id)
        if isinstance(hop, Request) and (badge is None or badge.version < hop.version):
            raise BatchAborted("a request was decided by newer rules than were read here")
        while True:
            try:
                if isinstance(hop, Request):
                    assert badge is not None
                    return places.request(hop, badge, self._partitions)
                if isinstance(hop, Report):
                    places.report(hop)
                    break
                assert not isinstance(hop, Answer)
                places.release(hop)
                return ()
            except PageMissing as missing:
                self._load_days(own, places, missing)
        return self.waited(own, places, badge) if badge is not None else ()

    def _load_days(self, own: Owned, places: BadgePlaces, missing: PageMissing) -> None:
        days = [key[1] for key in missing.keys]
        values = self._load(own, [day_key(places.org_id, places.badge_id, day) for day in days])
        try:
            places.pages.update(
                (day, decode_day(day, value or b"")) for day, value in zip(days, values, strict=True)
            )
        except Damaged:
            raise ViewMoved([own.partition], [own.partition]) from None

    def _load(self, own: Owned, keys: Sequence[bytes]) -> list[bytes | None]:
        load = Load(own.partition, own.view_marker, keys)
        return checked(lambda: self._view.load_many([load]))[own.partition]

    def _settle(self, share: Share, offset: int, answer: Answer) -> None:
        key = hop_key(answer)
        state, rules = share.states[key], self._feeds.rules(answer.org_id)
        try:
            settled = settle(state, answer, rules)
        except PageMissing as missing:
            settled = with_pages(
                self._view, share.owned, state, missing.keys, lambda: settle(state, answer, rules)
            )
        if settled is None:
            return
        for number, (action, decision) in enumerate(settled.decided):
            value = self._framed.decided(action, [decision], settled.at)
            share.answered.append((f"{offset}.{number}" if number else str(offset), value, key))
            share.outcomes[decision.outcome] = share.outcomes.get(decision.outcome, 0) + 1
            if decision.outcome == "ISSUED":
                value = self._framed.issuance(action, decision, rules.records[decision.badge_id], settled.at)
                share.issued.append((decision.issuance_id or "", value, key))
        share.sent += settled.releases
        share.changed[key] = state


def _request(state: CustomerState, decision: Decision) -> Request:
    assert decision.issuance_id is not None
    assert decision.definition_version is not None
    wanted = uuid_bytes(decision.issuance_id)
    own = state.badges[decision.badge_id]
    reservation = next(one for one in reversed(own.reserved) if one.issuance_id == wanted)
    return request_of(state, decision.badge_id, reservation, decision.definition_version)


def _reduced(verdict: Verdict, kept: Sequence[Decision]) -> Verdict | None:
    """None where nothing is to be told yet."""
    if kept or verdict.registers:
        return verdict._replace(decisions=tuple(kept))
    return None
