"""Issue: by an explicit ISSUE, or by an act that matches `issue_on` (S28, S32, S40 to S47, S54 to S64)."""

from __future__ import annotations

from badges.criteria import WHOLE_BADGE, added_by, crossings_due, matches
from badges.customer import BadgeState, Enrolment
from badges.decisions import EXPIRED_AT_BIRTH, Decision, LimitFact, Reason, decision_of, fact_of
from badges.definitions import Criterion
from badges.eligibility import (
    covering,
    covers,
    in_period,
    is_retro_issue,
    refusal_by_badge,
    refusal_by_enrolment,
    refusal_by_time,
)
from badges.identity import issuance_id, uuid_bytes, uuid_text
from badges.limits import EMPTY, REASONS, CustomerLedger, Ledger, counted
from badges.occasion import Occasion
from badges.rulebook import CompiledBadge

_NONE: list[Enrolment] = []
_EXPIRED = (EXPIRED_AT_BIRTH,)


def decide_issue(occasion: Occasion, badge: CompiledBadge, state: BadgeState | None) -> Decision:
    """The record of an explicit ISSUE: no criterion, no progress (S47), occurrence 1 (S21)."""
    enrolments = state.enrolments if state else _NONE
    retro = is_retro_issue(badge, enrolments, occasion.event_day, occasion.today, occasion.at)
    reason = _refusal(occasion, badge, retro)
    if reason is None:
        event_date = occasion.action.event_date
        if not occasion.action.override_eligibility:
            reason = _ineligible(badge, enrolments, event_date, occasion.at)
    if reason is not None:
        return Decision(badge.badge_id, "REFUSED", reason, retro=retro, definition_version=badge.version)
    index = covering(state, badge, occasion.action.event_date)
    identity = None if index is None else uuid_text(enrolments[index].enrolment_id)
    return _Issue(occasion, badge, state, identity, retro).next(1)


def decide_issue_on(
    occasion: Occasion,
    badge: CompiledBadge,
    state: BadgeState | None,
    enrolled: Decision | None,
    decisions: list[Decision],
) -> None:
    """Adds the records of `issue_on` for an act that it names, none where it is noise (S28).

    `enrolled` is what `enrol_on` yielded for the same act: an act can count in the enrolment that it made
    (S27).
    """
    criterion = badge.issue_on
    event_date = occasion.action.event_date
    if (criterion.where or criterion.measure is not None) and not matches(criterion, occasion.action):
        return
    enrolments = state.enrolments if state is not None else _NONE
    index = None
    if badge.direct:
        if not badge.starts_at <= event_date <= badge.ends_at:
            return
    else:
        if enrolled is not None and enrolled.outcome == "ENROLLED":
            enrolments = [*enrolments, _made(enrolled, event_date)]
        index = next((i for i, one in enumerate(enrolments) if covers(one, badge, event_date)), None)
        if index is None:
            return
    at = occasion.at
    retro = occasion.past or (
        at > badge.ends_at and is_retro_issue(badge, enrolments, occasion.event_day, occasion.today, at)
    )
    reason = _refusal(occasion, badge, retro)
    if reason is None and not badge.direct:
        reason = refusal_by_enrolment(badge, enrolments, event_date, at)
    if reason is not None:
        decisions.append(
            Decision(badge.badge_id, "REFUSED", reason, retro=retro, definition_version=badge.version)
        )
        return
    identity = None if index is None else uuid_text(enrolments[index].enrolment_id)
    issue = _Issue(occasion, badge, state, identity, retro)
    if criterion.measure is None:
        decisions.append(issue.next(1))
    else:
        _count(issue, criterion, index, decisions)


def _count(issue: _Issue, criterion: Criterion, index: int | None, decisions: list[Decision]) -> None:
    """S41 to S46: adds the act to its period; the crossings that it makes, or one COUNTED."""
    badge, occasion = issue.badge, issue.occasion
    assert criterion.measure is not None
    if badge.periods is not None:
        period = badge.periods[occasion.event_day]
    else:
        period = WHOLE_BADGE if index is None else index
    total, made = _progress(issue.state, badge, period)
    added = added_by(criterion, occasion.action)
    assert added is not None  # it matched (S39)
    total += added
    due = crossings_due(criterion, total, made)
    number, reaches = badge.record.measure_number, criterion.reaches
    if due:
        decisions += [
            issue.next(crossing, total, reaches, period, made + crossing, number)
            for crossing in range(1, due + 1)
        ]
        return
    decisions.append(
        decision_of(
            badge.badge_id,
            "COUNTED",
            None,
            None,
            None,
            None,
            issue.retro,
            badge.version,
            total,
            reaches,
            None,
            None,
            (),
            period,
            made,
            number,
        )
    )


def _progress(state: BadgeState | None, badge: CompiledBadge, period: int) -> tuple[int, int]:
    """(total, crossings made) of a period; zero after a change of measure (S48)."""
    if state is None or state.measure_number != badge.record.measure_number:
        return 0, 0
    found = state.periods.get(period)
    return (found[0], found[1]) if found else (0, 0)


class _Issue:
    """The issues of one act on one badge: each is checked after the one before (S44)."""

    __slots__ = ("badge", "before", "enrolment_id", "facts", "occasion", "retro", "state")

    def __init__(
        self,
        occasion: Occasion,
        badge: CompiledBadge,
        state: BadgeState | None,
        enrolment_id: str | None,
        retro: bool,
    ) -> None:
        self.occasion = occasion
        self.badge = badge
        self.state = state
        self.enrolment_id = enrolment_id
        self.retro = retro
        self.facts: list[LimitFact] | None = None
        """What the next issue finds; None: it is to be found out."""
        self.before: tuple[LimitFact, ...] | None = None
        """What the last issue said, itself counted."""

    def next(
        self,
        occurrence: int,
        progress: int | None = None,
        reaches: int | None = None,
        period: int | None = None,
        crossings: int = 0,
        measure_number: int = 0,
    ) -> Decision:
        """ISSUED, or REFUSED by the first limit without room (S63). Every issue of the act counts in each
        limit. RESERVED where the badge level is judged elsewhere. From `progress` on: the Decision's fields
        of the same names.
        """
        occasion, badge = self.occasion, self.badge
        if self.facts is None:
            self.facts = self._counted() if self.before is None else self._found_after(self.before)
        for fact in self.facts:
            if fact.counted >= fact.max:
                return decision_of(
                    badge.badge_id,
                    "REFUSED",
                    REASONS[fact.type],
                    None,
                    None,
                    None,
                    self.retro,
                    badge.version,
                    progress,
                    reaches,
                    fact,
                    None,
                    (),
                    period,
                    crossings,
                    measure_number,
                )
        action, at = occasion.action, occasion.at
        expires_at = badge.issuance_end(at)
        limits = tuple([fact_of(a, b, c, count + 1, d, e) for a, b, c, count, d, e in self.facts])
        self.before, self.facts = limits, None
        return decision_of(
            badge.badge_id,
            "RESERVED" if badge.has_badge_limits and occasion.shared is None else "ISSUED",
            None,
            expires_at,
            issuance_id(action.org_id, badge.badge_id, action.customer_id, action.event_id, occurrence),
            self.enrolment_id,
            self.retro,
            badge.version,
            progress,
            reaches,
            None,
            limits,
            _EXPIRED if expires_at is not None and expires_at < at else (),
            period,
            crossings,
            measure_number,
        )

    def _found_after(self, before: tuple[LimitFact, ...]) -> list[LimitFact]:
        """An issue counts for the next one of its act, but not in a rolling window of which a day that the
        zone skipped has left nothing, not even `at` (S5, S66).
        """
        at = self.occasion.at
        return [
            fact._replace(counted=fact.counted - 1)
            if fact.type == "ROLLING_WINDOW" and fact.window_from == at
            else fact
            for fact in before
        ]

    def _counted(self) -> list[LimitFact]:
        occasion, badge = self.occasion, self.badge
        ledger: Ledger = EMPTY if self.state is None else CustomerLedger(occasion.state, self.state)
        facts = counted(badge, "CUSTOMER", ledger, occasion.event_day, occasion.at)
        if badge.has_badge_limits and occasion.shared is not None:
            shared = occasion.shared.of(badge)
            facts += counted(badge, "BADGE", shared, occasion.event_day, occasion.at)
        return facts


def _refusal(occasion: Occasion, badge: CompiledBadge, retro: bool) -> Reason | None:
    """The checks of S32 before the badge period or enrolment."""
    if occasion.in_future:
        return "EVENT_IN_FUTURE"
    action, at = occasion.action, occasion.at
    if not badge.active or at < badge.starts_at:
        return refusal_by_badge(badge, at)
    if action.override_eligibility or (occasion.registered_at is None and at <= badge.ends_at):
        return None
    return refusal_by_time(badge, occasion.rules, occasion.registered_at, action.event_date, at, retro)


def _ineligible(badge: CompiledBadge, enrolments: list[Enrolment], event_date: int, at: int) -> Reason | None:
    if badge.direct:
        return None if in_period(badge, event_date) else "EVENT_OUTSIDE_BADGE_PERIOD"
    return refusal_by_enrolment(badge, enrolments, event_date, at)


def _made(enrolled: Decision, event_date: int) -> Enrolment:
    assert enrolled.enrolment_id is not None
    return Enrolment(
        uuid_bytes(enrolled.enrolment_id), event_date, enrolled.expires_at, enrolled.follows_badge, False, 0
    )
