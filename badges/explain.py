"""Why an ordinary act yielded nothing for a badge whose criterion names it (S110)."""

from __future__ import annotations

from badges.actions import EXPLICIT, CustomerAction
from badges.criteria import matches
from badges.customer import CustomerState
from badges.decisions import Noise
from badges.eligibility import covering, in_period
from badges.rulebook import Candidate, OrgRules


def explain(
    action: CustomerAction, state: CustomerState, rules: OrgRules, concerned: frozenset[str]
) -> list[tuple[str, Noise]]:
    """(badge id, noise) in ascending order of badge id, for the badges not in `concerned`, those with a
    record.

    `state` is the one that the action was decided on, or the one after it: noise changes nothing.
    """
    if action.action in EXPLICIT:
        return []
    return [
        (candidate.badge.badge_id, _noise(candidate, action, state))
        for candidate in rules.candidates(action.action)
        if candidate.badge.badge_id not in concerned
    ]


def _noise(candidate: Candidate, action: CustomerAction, state: CustomerState) -> Noise:
    """Of the criteria that name the action, the one that matched tells more; of two, `issue_on`."""
    badge = candidate.badge
    own = state.badges.get(badge.badge_id)
    issue_on, enrol_on = badge.definition.issue_on, badge.definition.enrol_on
    if candidate.issues and issue_on is not None and matches(issue_on, action):
        return "OUTSIDE_PERIOD" if badge.direct else "OUTSIDE_ENROLMENT"
    if candidate.enrols and enrol_on is not None and matches(enrol_on, action):
        enrolled = covering(own, badge, action.event_date) is not None
        return "ALREADY_ENROLLED" if enrolled and in_period(badge, action.event_date) else "OUTSIDE_PERIOD"
    return "NO_MATCH"
