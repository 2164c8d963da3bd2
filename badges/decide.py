"""decide: one action, one customer's state, the org's rules and an instant in; a verdict out. Pure.

The order of everything here is semantics.md sections 2 and 4: repetitions first (S15), then noise for
ordinary acts (S28, S29), then the checks of S31 to S33, the first that fails being the reason, and the
limits last (S63). `evolve` (evolve.py) takes the verdict over into the state.
"""

from __future__ import annotations

from badges.actions import EXPLICIT, REGISTER, CustomerAction
from badges.customer import REGISTERED, BadgeState, CustomerState
from badges.decisions import Decision, Reason, Verdict
from badges.eligibility import is_retro
from badges.enrol import decide_enrol, decide_enrol_on
from badges.identity import event_digest
from badges.issue import decide_issue, decide_issue_on
from badges.limits import SharedCounts
from badges.occasion import Occasion
from badges.revoke import decide_revoke
from badges.rulebook import Candidate, CompiledBadge, OrgRules


def decide(
    action: CustomerAction,
    state: CustomerState,
    rules: OrgRules,
    at: int,
    shared: SharedCounts | None = None,
) -> Verdict:
    """Everything that an action yields at the processing instant `at`.

    `shared` holds the badge-level counts where one process decides for all customers (S67). Changes nothing;
    raises `PageMissing` where a page of the state has to be loaded first, after which the same call is made
    again.
    """
    digest = event_digest(action.event_id)
    numbers = state.seen_by(digest)
    seen = {state.names[number] for number in numbers if number != REGISTERED} if numbers else _NOTHING
    occasion = Occasion(action, state, rules, at, shared)
    if action.action in EXPLICIT:
        return Verdict(_requested(occasion, seen), digest, occasion.event_day)
    registers = registered_at = None
    if action.action == REGISTER and not (numbers and REGISTERED in numbers):
        registers = True
        if not occasion.in_future:
            registered_at = occasion.registered_at = action.event_date
    decisions = _acted(occasion, seen)
    return Verdict(decisions, digest, occasion.event_day, registered_at, bool(registers))


_NOTHING: frozenset[str] = frozenset()


def _acted(occasion: Occasion, seen: set[str] | frozenset[str]) -> tuple[Decision, ...]:
    """An ordinary act concerns all badges of the org (S17); those whose criteria do not name it yield
    nothing.
    """
    candidates = occasion.rules.candidates(occasion.action.action)
    if not seen:
        if not candidates:
            return ()
        decisions: list[Decision] = []
        for candidate in candidates:
            _for_badge(occasion, candidate, decisions)
        return tuple(decisions)
    fresh = {candidate.badge.badge_id: candidate for candidate in candidates}
    decisions = []
    for badge_id in sorted(seen | fresh.keys()):
        if badge_id in seen:
            decisions.append(_duplicate(occasion, badge_id))
        else:
            _for_badge(occasion, fresh[badge_id], decisions)
    return tuple(decisions)


def _for_badge(occasion: Occasion, candidate: Candidate, decisions: list[Decision]) -> None:
    """First `enrol_on`, then `issue_on` on the state that results (S27)."""
    badge = candidate.badge
    state = occasion.state.badges.get(badge.badge_id)
    enrolled = None
    if candidate.enrols:
        enrolled = decide_enrol_on(occasion, badge, state)
        if enrolled is not None:
            decisions.append(enrolled)
    if candidate.issues:
        decide_issue_on(occasion, badge, state, enrolled, decisions)


def _requested(occasion: Occasion, seen: set[str] | frozenset[str]) -> tuple[Decision, ...]:
    """An explicit request concerns the badge it names (S17)."""
    named = occasion.action.badge_id
    assert named is not None  # S10
    decisions: list[Decision] = []
    for badge_id in sorted(seen | {named}):
        if badge_id in seen:
            decisions.append(_duplicate(occasion, badge_id))
        else:
            decisions.extend(_request(occasion, named))
    return tuple(decisions)


def _request(occasion: Occasion, badge_id: str) -> tuple[Decision, ...]:
    badge: CompiledBadge | None = occasion.rules.badges.get(badge_id)
    if badge is None:
        reason: Reason = "EVENT_IN_FUTURE" if occasion.in_future else "BADGE_UNKNOWN"
        return (Decision(badge_id, "REFUSED", reason),)
    state: BadgeState | None = occasion.state.badges.get(badge_id)
    match occasion.action.action:
        case "ENROL":
            return (decide_enrol(occasion, badge, state),)
        case "ISSUE":
            return (decide_issue(occasion, badge, state),)
        case _:
            return decide_revoke(occasion, badge, state)


def _duplicate(occasion: Occasion, badge_id: str) -> Decision:
    """S15, S16."""
    badge = occasion.rules.badges.get(badge_id)
    if badge is None:
        return Decision(badge_id, "DUPLICATE")
    retro = is_retro(badge, occasion.event_day, occasion.today, occasion.at)
    return Decision(badge_id, "DUPLICATE", retro=retro, definition_version=badge.version)
