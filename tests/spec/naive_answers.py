"""The answer to `customer` of the naive model (S102, S103)."""

from typing import Any
from zoneinfo import ZoneInfo

from tests.spec.naive_days import Json, exact, shown, written
from tests.spec.naive_past import Counted, Past
from tests.spec.naive_rules import Badge, measure_of


def status(revoked: bool, end: int | None, at: int) -> str:
    return "REVOKED" if revoked else "ACTIVE" if end is None or at <= end else "EXPIRED"


def customer_answer(
    past: Past, badges: dict[tuple[int, str], Badge], org: int, customer: str, zone: ZoneInfo, at: int
) -> Json:
    enrolments = []
    for e in past.enrolments:
        if (e.org, e.customer) == (org, customer):
            end = badges[org, e.badge_id].ends if e.with_badge else e.end
            enrolments.append(
                {
                    "enrolment_id": e.id,
                    "badge_id": e.badge_id,
                    "event_date": written(e.event),
                    "expires_at": written(end),
                    "status": status(e.revoked, end, at),
                }
            )
    issuances = [
        {
            "issuance_id": i.id,
            "badge_id": i.badge_id,
            "event_date": written(i.event),
            "issued_at": written(i.at),
            "expires_at": written(i.expires),
            "status": status(i.revoked, i.expires, at),
        }
        for i in past.issuances
        if (i.org, i.customer) == (org, customer)
    ]
    return {
        "org_id": org,
        "customer_id": customer,
        "registered_at": written(past.registration(org, customer)),
        "enrolments": enrolments,
        "issuances": issuances,
        "progress": list(progress(past, badges, org, customer)),
    }


def progress(past: Past, badges: dict[tuple[int, str], Badge], org: int, customer: str) -> list[Json]:
    """One entry a period since the last change of measure, by its first counted act."""
    seen: list[Counted] = []
    lines = []
    for counted in past.counted:
        if (counted.org, counted.customer) != (org, customer) or any(map(counted.same_period, seen)):
            continue
        seen.append(counted)
        badge = badges[org, counted.badge_id]
        period = ends_of(past, badge, counted)
        if counted.measure != badge.measure or measure_of(badge.body) is None or period is None:
            continue
        reaches = exact(badge.body["issue_on"]["reaches"])
        assert reaches is not None
        lines.append(
            {
                "badge_id": counted.badge_id,
                "period": period,
                "progress": shown(past.total(counted)),
                "reaches": shown(reaches),
            }
        )
    return lines


def ends_of(past: Past, badge: Badge, counted: Counted) -> list[Any] | None:
    """Both ends of a period as they are printed; None for that of a revoked enrolment."""
    kind, first, last = counted.period
    if kind == "BADGE":
        return [written(badge.starts), written(badge.ends)]
    if kind == "CYCLE":
        return [None if first is None else str(first), str(last)]
    enrolment = next(e for e in past.enrolments if e.id == first)
    if enrolment.revoked:
        return None
    return [written(enrolment.event), written(badge.ends if enrolment.with_badge else enrolment.end)]
