"""Arbitrary values of everything that travels, within what the rules allow."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from badges.actions import CustomerAction
from badges.calendar import parse_instant
from badges.decisions import Decision, LimitFact, Outcome, Reason
from badges.definitions import BadgeDefinition, BadgeRecord, Expiry
from schemas.decisions import REASONS

FIRST_INSTANT = parse_instant("1900-01-01T00:00:00Z") or 0
LAST_INSTANT = parse_instant("2999-12-31T23:59:59.999Z") or 0

texts = st.text(st.characters(codec="utf-8"), max_size=300)
ids = st.one_of(
    st.text("abcXYZ-019", min_size=1, max_size=12),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=256),
)
instants = st.integers(FIRST_INSTANT, LAST_INSTANT)
orgs = st.one_of(st.integers(0, 200), st.integers(0, 2**63 - 1))
amounts = st.integers(-(10**24) + 1, 10**24 - 1)
attributes = st.dictionaries(ids, texts, max_size=5)
uuids = st.uuids().map(str)
maybe_instant = st.none() | instants
maybe_uuid = st.none() | uuids


@st.composite
def acts(draw: st.DrawFn) -> CustomerAction:
    """Any well-formed action, explicit requests included."""
    action = draw(
        st.sampled_from(["PURCHASE", "REGISTER", "ENROL", "ISSUE", "REVOKE_ENROLMENT", "REVOKE_ISSUE"]) | ids
    )
    fields: dict[str, Any] = {}
    if action in ("ENROL", "ISSUE", "REVOKE_ENROLMENT", "REVOKE_ISSUE"):
        fields["badge_id"] = draw(ids)
    if action == "REVOKE_ISSUE":
        fields["issuance_id"] = draw(ids)
    if action == "REVOKE_ENROLMENT":
        fields["enrolment_id"] = draw(st.none() | ids)
    if action in ("ENROL", "ISSUE") and draw(st.booleans()):
        fields |= {"override_eligibility": True, "requested_by": draw(ids)}
    return CustomerAction(
        draw(orgs),
        draw(ids),
        draw(ids),
        action,
        draw(instants),
        draw(st.none() | amounts),
        draw(attributes),
        **fields,
    )


days = st.integers(date(1900, 1, 1).toordinal(), date(2999, 12, 31).toordinal())
levels = st.sampled_from(["CUSTOMER", "BADGE"])
counts = st.integers(0, 10**9)
facts = st.one_of(
    st.builds(LimitFact, levels, st.just("FIXED_WINDOW"), counts, counts, days, days),
    st.builds(LimitFact, levels, st.just("ROLLING_WINDOW"), counts, counts, instants, instants),
    st.builds(LimitFact, levels, st.just("OVERALL"), counts, counts, st.none(), st.none()),
)
outcomes: st.SearchStrategy[Outcome] = st.sampled_from(
    ("ENROLLED", "ISSUED", "COUNTED", "REFUSED", "DUPLICATE", "REVOKED")
)
limit_reasons: st.SearchStrategy[Reason] = st.sampled_from(
    ("LIMIT_FIXED_WINDOW", "LIMIT_ROLLING", "LIMIT_OVERALL")
)
totals = st.integers(-(10**30), 10**30)
thresholds = st.integers(1, 10**24 - 1)
versions = st.integers(1, 2**40)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """Any decision that S98 and S99 allow."""
    outcome = draw(outcomes)
    badge_id, retro, version = draw(ids), draw(st.booleans()), draw(st.none() | versions)
    decision = Decision(badge_id, outcome, retro=retro, definition_version=version)
    measured: dict[str, Any] = {}
    if draw(st.booleans()) or outcome == "COUNTED":
        measured = {"progress": draw(totals), "reaches": draw(thresholds)}
    match outcome:
        case "ENROLLED":
            return decision._replace(expires_at=draw(maybe_instant), enrolment_id=draw(uuids))
        case "REVOKED":
            issued = draw(st.booleans())
            name = "issuance_id" if issued else "enrolment_id"
            identity: dict[str, Any] = {name: draw(uuids)}
            return decision._replace(**identity)
        case "COUNTED":
            return decision._replace(**measured)
        case "REFUSED":
            if draw(st.booleans()):
                return decision._replace(reason=draw(st.sampled_from(REASONS[1:])))
            return decision._replace(reason=draw(limit_reasons), limit=draw(facts), **measured)
        case "ISSUED":
            return draw(issues(badge_id=badge_id))
    return decision


@st.composite
def issues(draw: st.DrawFn, badge_id: str) -> Decision:
    """An ISSUED decision."""
    measured: dict[str, Any] = {}
    if draw(st.booleans()):
        measured = {"progress": draw(totals), "reaches": draw(thresholds)}
    return Decision(
        badge_id,
        "ISSUED",
        expires_at=draw(maybe_instant),
        issuance_id=draw(uuids),
        enrolment_id=draw(maybe_uuid),
        retro=draw(st.booleans()),
        definition_version=draw(versions),
        limits=tuple(draw(st.lists(facts, max_size=5))),
        warnings=draw(st.sampled_from([(), ("EXPIRED_AT_BIRTH",)])),
        **measured,
    )


@st.composite
def records(draw: st.DrawFn) -> BadgeRecord:
    """A badge as far as issuances name it."""
    definition = BadgeDefinition(
        draw(orgs),
        draw(ids),
        draw(ids),
        "DIRECT",
        0,
        1,
        Expiry("NEVER"),
        benefits=tuple(draw(st.lists(texts, max_size=10))),
    )
    return BadgeRecord(definition, draw(versions), 0)
