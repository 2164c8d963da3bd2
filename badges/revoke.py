"""Revocation of enrolments and issuances (S33, S93 to S96)."""

from __future__ import annotations

from badges.actions import REVOKE_ENROLMENT
from badges.customer import BadgeState
from badges.decisions import Decision, Reason
from badges.eligibility import is_retro
from badges.identity import uuid_text
from badges.occasion import Occasion
from badges.rulebook import CompiledBadge


def decide_revoke(occasion: Occasion, badge: CompiledBadge, state: BadgeState | None) -> tuple[Decision, ...]:
    """One REVOKED for each enrolment or issuance that is revoked, or one REFUSED. Possible whatever the
    badge's status.
    """
    retro = is_retro(badge, occasion.event_day, occasion.today, occasion.at)
    if occasion.in_future:
        return (_refused(badge, "EVENT_IN_FUTURE", retro),)
    revoked: list[Decision] = []
    if state is not None:
        if occasion.action.action == REVOKE_ENROLMENT:
            revoked = [
                _revoked(badge, retro, enrolment_id=identity) for identity in _enrolments(occasion, state)
            ]
        elif _is_reserved(occasion, state):
            # Decided once it is known whether there is an issuance.
            return (Decision(badge.badge_id, "RESERVED", issuance_id=occasion.action.issuance_id),)
        elif _has_issuance(occasion, state):
            revoked = [_revoked(badge, retro, issuance_id=occasion.action.issuance_id)]
    return tuple(revoked) or (_refused(badge, "NOTHING_TO_REVOKE", retro),)


def _enrolments(occasion: Occasion, state: BadgeState) -> list[str]:
    """The enrolment named, or all that are not revoked, in order of enrolment (S93)."""
    wanted = occasion.action.enrolment_id
    own = [uuid_text(one.enrolment_id) for one in state.enrolments if not one.revoked]
    return own if wanted is None else [identity for identity in own if identity == wanted]


def _has_issuance(occasion: Occasion, state: BadgeState) -> bool:
    wanted = occasion.action.issuance_id
    return any(
        uuid_text(issuance.issuance_id) == wanted and not issuance.revoked
        for page in occasion.state.issuance_pages(state)
        for issuance in page
    )


def _is_reserved(occasion: Occasion, state: BadgeState) -> bool:
    wanted = occasion.action.issuance_id
    return any(uuid_text(one.issuance_id) == wanted for one in state.reserved)


def _revoked(
    badge: CompiledBadge, retro: bool, *, issuance_id: str | None = None, enrolment_id: str | None = None
) -> Decision:
    return Decision(
        badge.badge_id,
        "REVOKED",
        issuance_id=issuance_id,
        enrolment_id=enrolment_id,
        retro=retro,
        definition_version=badge.version,
    )


def _refused(badge: CompiledBadge, reason: Reason, retro: bool) -> Decision:
    return Decision(badge.badge_id, "REFUSED", reason, retro=retro, definition_version=badge.version)
