"""What becomes of a reservation when the badge's owner answers: its issuance or refusal, and the revocations
that waited with it (docs/badge-limits.md). Pure.
"""

from __future__ import annotations

from typing import NamedTuple

from badges.actions import CustomerAction
from badges.customer import BadgeState, CustomerState, Issuance, PageKey, PageMissing, Reservation
from badges.decisions import EXPIRED_AT_BIRTH, Decision, LimitFact
from badges.evolve import add_on_day, block_missing, revoke_issuance, seal
from badges.identity import uuid_bytes, uuid_text
from badges.occasion import Occasion
from badges.places import Answer, Release, Request
from badges.revoke import decide_revoke
from badges.rulebook import CompiledBadge, OrgRules


class Settled(NamedTuple):
    """The records that an answer yields: each act with the decision about it, all made at `at`; and the
    releases of issuances revoked at once.
    """

    at: int
    decided: tuple[tuple[CustomerAction, Decision], ...]
    releases: tuple[Release, ...]


def request_of(state: CustomerState, badge_id: str, reservation: Reservation, version: int) -> Request:
    """What the badge's owner is asked."""
    return Request(
        state.org_id,
        badge_id,
        state.customer_id,
        reservation.issuance_id,
        reservation.event_day,
        reservation.at,
        version,
        reservation.limit_number,
    )


def release_of(state: CustomerState, badge: CompiledBadge, issuance_id: str) -> Release | None:
    """What the badge's owner is told of an issuance that was just revoked; None where nobody counts it. Its
    page is loaded.
    """
    if not badge.has_badge_limits:
        return None
    wanted = uuid_bytes(issuance_id)
    for page in state.issuance_pages(state.badges[badge.badge_id]):
        for one in page:
            if one.issuance_id == wanted:
                day = badge.zone.day(one.event_date)
                number = badge.record.limit_number
                return Release(state.org_id, badge.badge_id, number, day, one.issued_at)
    return None


def settle(state: CustomerState, answer: Answer, rules: OrgRules) -> Settled | None:
    """Applies an answer to the customer's state; None where no reservation waits for it. Raises `PageMissing`
    before any change.
    """
    own = state.badges.get(answer.badge_id)
    index = _waiting_for(own, answer)
    if own is None or index is None:
        return None
    badge = rules.badges[answer.badge_id]
    reservation = own.reserved[index]
    _touch(state, own, reservation)
    own.packed = None
    del own.reserved[index]
    if answer.reason is None:
        decision = _issue(state, own, badge, reservation, answer)
    else:
        own.issued -= 1
        add_on_day(state, own, reservation.event_day, -1)
        decision = _refused(badge, reservation, answer)
    decided = [(reservation.action, decision)]
    releases: list[Release] = []
    for action in reservation.revocations:
        [decision] = decide_revoke(Occasion(action, state, rules, answer.at, None), badge, own)
        decided.append((action, decision))
        if decision.outcome == "REVOKED":
            revoke_issuance(state, own, reservation.issuance_id, rules)
            release = release_of(state, badge, uuid_text(reservation.issuance_id))
            releases += [release] if release is not None else []
    return Settled(answer.at, tuple(decided), tuple(releases))


def _waiting_for(own: BadgeState | None, answer: Answer) -> int | None:
    """Which reservation an answer is for. One that was asked for again waits for the later answer."""
    for index, one in enumerate(own.reserved if own is not None else ()):
        if one.issuance_id == answer.issuance_id and one.limit_number == answer.limit_number:
            return index
    return None


def _touch(state: CustomerState, own: BadgeState, reservation: Reservation) -> None:
    if reservation.revocations:
        state.issuance_pages(own)
    missing: list[PageKey] = block_missing(state, own, reservation.event_day)
    if missing:
        raise PageMissing(*missing)


def _issue(
    state: CustomerState, own: BadgeState, badge: CompiledBadge, reservation: Reservation, answer: Answer
) -> Decision:
    """The place was counted when it was reserved; the issuance is made now."""
    at, action = answer.at, reservation.action
    expires_at = badge.issuance_end(at)
    state.sequence += 1
    identity = reservation.issuance_id
    # Issuances stay in order of processing, also where limits came and went meanwhile.
    issued_at = max(at, own.recent[-1].issued_at) if own.recent else at
    own.recent.append(Issuance(identity, action.event_date, issued_at, expires_at, False, state.sequence))
    seal(state, own)
    return Decision(
        badge.badge_id,
        "ISSUED",
        None,
        expires_at,
        uuid_text(identity),
        reservation.enrolment_id,
        reservation.retro,
        badge.version,
        reservation.progress,
        reservation.reaches,
        None,
        (*(LimitFact(*fact) for fact in reservation.limits), *answer.facts),
        (EXPIRED_AT_BIRTH,) if expires_at is not None and expires_at < at else (),
    )


def _refused(badge: CompiledBadge, reservation: Reservation, answer: Answer) -> Decision:
    [limit] = answer.facts
    return Decision(
        badge.badge_id,
        "REFUSED",
        answer.reason,
        retro=reservation.retro,
        definition_version=badge.version,
        progress=reservation.progress,
        reaches=reservation.reaches,
        limit=limit,
    )
