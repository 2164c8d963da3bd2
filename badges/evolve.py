"""evolve: takes a verdict over into the customer's state.

The state is changed in place: its owner copies nothing per event, and throws away every state touched by a
batch that was not committed. All pages that will be written are touched first, so `PageMissing` is raised
before any change.
"""

from __future__ import annotations

from collections.abc import Sequence

from badges.actions import REVOKE_ISSUE, CustomerAction
from badges.customer import (
    DAYS_A_BLOCK,
    DAYS_INLINE,
    ISSUANCES_A_PAGE,
    REGISTERED,
    SEEN_INLINE,
    SEEN_LOAD,
    BadgeState,
    CustomerState,
    Enrolment,
    Issuance,
    PageKey,
    PageMissing,
    Reservation,
    bucket_of,
    split_of,
)
from badges.decisions import Decision, Verdict
from badges.identity import uuid_bytes
from badges.rulebook import OrgRules


def evolve(state: CustomerState, action: CustomerAction, verdict: Verdict, rules: OrgRules, at: int) -> None:
    """Applies what `decide` found for this action on this state at the same `at`. Raises `PageMissing` or
    succeeds.
    """
    fresh: Sequence[Decision] = verdict.decisions
    if state.seen_count:  # else nothing can be a duplicate
        fresh = [decision for decision in fresh if decision.outcome != "DUPLICATE"]
    if not fresh and not verdict.registers:
        return
    _touch(state, verdict, fresh, rules)
    if verdict.registered_at is not None:
        state.registered_at = verdict.registered_at
        for own in state.badges.values():
            own.packed = None  # its dates are kept as distances from the registration
    numbers: list[int] = [REGISTERED] if verdict.registers else []
    badges = state.badges
    for decision in fresh:
        badge = badges.get(decision.badge_id)
        if badge is None:
            badge = badges[decision.badge_id] = BadgeState(len(state.names))
            state.names.append(decision.badge_id)
        badge.packed = None
        if badge.number not in numbers:
            numbers.append(badge.number)
        if decision.period is not None:
            _move(state, badge, decision)
        if decision.outcome == "ISSUED":
            _issue(state, badge, action, decision, verdict.event_day, at)
        elif decision.outcome == "ENROLLED":
            _enrol(state, badge, action, decision)
        elif decision.outcome == "REVOKED":
            _revoke(state, badge, decision, rules)
        elif decision.outcome == "RESERVED":
            _reserve(state, badge, action, decision, verdict.event_day, rules, at)
    _remember(state, verdict.digest, numbers)


def _issue(
    state: CustomerState, badge: BadgeState, action: CustomerAction, decision: Decision, day: int, at: int
) -> None:
    assert decision.issuance_id is not None
    identity = uuid_bytes(decision.issuance_id)
    state.sequence = sequence = state.sequence + 1
    badge.recent.append(Issuance(identity, action.event_date, at, decision.expires_at, False, sequence))
    badge.issued += 1
    if badge.blocks or len(badge.days) >= DAYS_INLINE:
        add_on_day(state, badge, day, 1)
    else:
        badge.days[day] = badge.days.get(day, 0) + 1
    seal(state, badge)


def _reserve(
    state: CustomerState,
    badge: BadgeState,
    action: CustomerAction,
    decision: Decision,
    day: int,
    rules: OrgRules,
    at: int,
) -> None:
    """The place is taken, or a revocation waits for what becomes of it."""
    assert decision.issuance_id is not None
    identity = uuid_bytes(decision.issuance_id)
    if action.action == REVOKE_ISSUE:
        index = next(i for i, one in enumerate(badge.reserved) if one.issuance_id == identity)
        waiting = badge.reserved[index]
        badge.reserved[index] = waiting._replace(revocations=(*waiting.revocations, action))
        return
    badge.reserved.append(
        Reservation(
            identity,
            action,
            day,
            at,
            decision.retro,
            decision.enrolment_id,
            decision.progress,
            decision.reaches,
            decision.limits or (),
            rules.records[decision.badge_id].limit_number,
        )
    )
    badge.issued += 1
    add_on_day(state, badge, day, 1)


def _enrol(state: CustomerState, badge: BadgeState, action: CustomerAction, decision: Decision) -> None:
    assert decision.enrolment_id is not None
    identity = uuid_bytes(decision.enrolment_id)
    ends_at = None if decision.follows_badge else decision.expires_at
    enrolment = Enrolment(identity, action.event_date, ends_at, decision.follows_badge, False, _next(state))
    badge.enrolments.append(enrolment)


def _revoke(state: CustomerState, badge: BadgeState, decision: Decision, rules: OrgRules) -> None:
    if decision.issuance_id is not None:
        revoke_issuance(state, badge, uuid_bytes(decision.issuance_id), rules)
    else:
        assert decision.enrolment_id is not None
        _revoke_enrolment(badge, uuid_bytes(decision.enrolment_id))


def _next(state: CustomerState) -> int:
    state.sequence += 1
    return state.sequence


def _move(state: CustomerState, badge: BadgeState, decision: Decision) -> None:
    """Progress after the act (S41 to S48)."""
    assert decision.period is not None
    assert decision.progress is not None
    if badge.measure_number != decision.measure_number:
        badge.measure_number = decision.measure_number
        badge.periods.clear()
    period = badge.periods.get(decision.period)
    if period is None:
        badge.periods[decision.period] = [decision.progress, decision.crossings, _next(state)]
    else:
        period[0] = decision.progress
        period[1] = decision.crossings


def add_on_day(state: CustomerState, badge: BadgeState, day: int, change: int) -> None:
    """Counts an event day up or down; its block is loaded (`block_missing`)."""
    block = day // DAYS_A_BLOCK
    if block in badge.blocks:
        key: PageKey = ("t", badge.number, block)
        days = state.page(key)
        state.dirty.add(key)
    else:
        days = badge.days
    count = days.get(day, 0) + change
    if count:
        days[day] = count
    else:
        days.pop(day, None)
    if len(badge.days) > DAYS_INLINE:
        _move_oldest_block(state, badge)


def _move_oldest_block(state: CustomerState, badge: BadgeState) -> None:
    block = min(badge.days) // DAYS_A_BLOCK
    key: PageKey = ("t", badge.number, block)
    state.pages[key] = {day: n for day, n in badge.days.items() if day // DAYS_A_BLOCK == block}
    badge.days = {day: n for day, n in badge.days.items() if day // DAYS_A_BLOCK != block}
    badge.blocks.add(block)
    state.dirty.add(key)


def seal(state: CustomerState, badge: BadgeState) -> None:
    """The recent issuances become a page, once there are enough of them."""
    if len(badge.recent) < ISSUANCES_A_PAGE:
        return
    key: PageKey = ("i", badge.number, badge.sealed)
    state.pages[key] = badge.recent
    state.dirty.add(key)
    badge.recent = []
    badge.sealed += 1


def revoke_issuance(state: CustomerState, badge: BadgeState, identity: bytes, rules: OrgRules) -> None:
    """Its place is free (S96); all pages are loaded."""
    for number, page in enumerate(state.issuance_pages(badge)):
        for issuance in page:
            if issuance.issuance_id == identity and not issuance.revoked:
                issuance.revoked = True
                badge.issued -= 1
                add_on_day(state, badge, rules.zone.day(issuance.event_date), -1)
                if number < badge.sealed:
                    state.dirty.add(("i", badge.number, number))
                return


def _revoke_enrolment(badge: BadgeState, identity: bytes) -> None:
    """Its own progress goes with it (S95); `periods` of cycles have keys beyond any enrolment's index."""
    for index, enrolment in enumerate(badge.enrolments):
        if enrolment.enrolment_id == identity and not enrolment.revoked:
            enrolment.revoked = True
            badge.periods.pop(index, None)
            return


def _remember(state: CustomerState, digest: bytes, numbers: list[int]) -> None:
    """Which badges recorded the event (S15), and that a REGISTER had its id (S18)."""
    if not state.seen_buckets:
        before = state.seen.get(digest)
        if before is None:
            state.seen_count += 1
            state.seen[digest] = numbers
        else:
            state.seen[digest] = before + numbers
        if len(state.seen) > SEEN_INLINE:
            _spread(state)
        return
    key: PageKey = ("s", bucket_of(digest, state.seen_buckets))
    bucket = state.page(key)
    state.seen_count += digest not in bucket
    bucket[digest] = bucket.get(digest, []) + numbers
    state.dirty.add(key)
    if state.seen_count > state.seen_buckets * SEEN_LOAD:
        _split(state)


def _spread(state: CustomerState) -> None:
    """From the head into buckets."""
    state.seen_buckets = len(state.seen) // SEEN_LOAD + 1
    for n in range(state.seen_buckets):
        state.pages["s", n] = {}
        state.dirty.add(("s", n))
    for digest, numbers in state.seen.items():
        state.pages["s", bucket_of(digest, state.seen_buckets)][digest] = numbers
    state.seen = {}


def _split(state: CustomerState) -> None:
    """One more bucket, which takes its part from one old one (linear hashing)."""
    new: PageKey = ("s", state.seen_buckets)
    old: PageKey = ("s", split_of(state.seen_buckets))
    entries = state.page(old)
    state.seen_buckets += 1
    state.pages[old], state.pages[new] = {}, {}
    for digest, numbers in entries.items():
        state.pages["s", bucket_of(digest, state.seen_buckets)][digest] = numbers
    state.dirty.update((old, new))


def _touch(state: CustomerState, verdict: Verdict, fresh: Sequence[Decision], rules: OrgRules) -> None:
    """Demands every page that the changes will write, before anything is changed."""
    missing: list[PageKey] = []
    if state.seen_buckets:
        wanted: list[PageKey] = [("s", bucket_of(verdict.digest, state.seen_buckets))]
        if state.seen_count + 1 > state.seen_buckets * SEEN_LOAD:
            wanted.append(("s", split_of(state.seen_buckets)))
        missing += [key for key in wanted if key not in state.pages]
    for decision in fresh:
        outcome = decision.outcome
        if outcome == "ISSUED" or (outcome == "RESERVED" and decision.limits is not None):
            badge = state.badges.get(decision.badge_id)
            if badge is not None and badge.blocks:
                missing += block_missing(state, badge, verdict.event_day)
        elif outcome == "REVOKED" and decision.issuance_id is not None:
            badge = state.badges[decision.badge_id]
            missing += _revoked_missing(state, badge, uuid_bytes(decision.issuance_id), rules)
    if missing:
        raise PageMissing(*missing)


def block_missing(state: CustomerState, badge: BadgeState, day: int) -> list[PageKey]:
    """The page that a change of a day's count needs and that is not loaded."""
    block = day // DAYS_A_BLOCK
    key: PageKey = ("t", badge.number, block)
    return [key] if block in badge.blocks and key not in state.pages else []


def _revoked_missing(
    state: CustomerState, badge: BadgeState, identity: bytes, rules: OrgRules
) -> list[PageKey]:
    for page in state.issuance_pages(badge):
        for issuance in page:
            if issuance.issuance_id == identity:
                return block_missing(state, badge, rules.zone.day(issuance.event_date))
    return []
