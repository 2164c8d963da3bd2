"""One delivery of an action in the naive model: every check walks over the past (S14-S68, S93-S100)."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.spec.naive_days import HOUR, Json, exact, identity, plus, shown, written
from tests.spec.naive_days import day_of as local_day
from tests.spec.naive_past import Counted, Enrolment, Issuance, applying_limits, matches, period_of
from tests.spec.naive_rules import Badge, expiry, known, measure_of
from tests.spec.naive_world import World

EXPLICIT = ("ENROL", "ISSUE", "REVOKE_ENROLMENT", "REVOKE_ISSUE")


@dataclass
class Act:
    """One delivery, with what every check asks of it."""

    world: World
    body: Json
    at: int

    def __post_init__(self) -> None:
        self.org, self.customer = self.body["org_id"], self.body["customer_id"]
        self.event = known(self.body["event_date"])
        self.zone = self.world.zone(self.org)
        self.past = self.world.past
        self.override = self.body.get("override_eligibility") is True

    def enrolments(self, badge: Badge) -> list[Enrolment]:
        return self.past.enrolments_of(self.org, badge.body["badge_id"], self.customer)

    def end(self, badge: Badge, enrolment: Enrolment) -> int | None:
        return badge.ends if enrolment.with_badge else enrolment.end

    def covering(self, badge: Badge) -> list[Enrolment]:
        return [
            e
            for e in self.enrolments(badge)
            if e.event <= self.event and ((end := self.end(badge, e)) is None or self.event <= end)
        ]

    def running(self, badge: Badge, among: Iterable[Enrolment]) -> list[Enrolment]:
        return [e for e in among if (end := self.end(badge, e)) is None or self.at <= end]

    def in_period(self, badge: Badge) -> bool:
        return badge.starts <= self.event <= badge.ends

    def retro(self, badge: Badge | None, issue: bool) -> bool:
        """S57, S60."""
        if badge is None:
            return False
        before_today = local_day(self.event, self.zone) < local_day(self.at, self.zone)
        if issue and not badge.direct and not before_today and self.running(badge, self.enrolments(badge)):
            return False
        return before_today or badge.status(self.at) == "EXPIRED"

    def record(self, badge_id: str, outcome: str, *, issue: bool = False, **more: Any) -> Json:
        badge = self.world.badges.get((self.org, badge_id))
        line = {
            "at": written(self.at),
            "event_id": self.body["event_id"],
            "org_id": self.org,
            "customer_id": self.customer,
            "badge_id": badge_id,
            "outcome": outcome,
            "reason": None,
            "event_date": written(self.event),
            "processed_at": written(self.at),
            "expires_at": None,
            "issuance_id": None,
            "enrolment_id": None,
            "retro": self.retro(badge, issue),
            "run_id": None,
            "definition_version": badge.version if badge else None,
            "detail": {},
        }
        assert set(more) <= set(line)
        return line | more

    def common_failure(self, badge: Badge, issue: bool) -> str | None:
        """The checks that enrolment and issue share, in their order (S31, S32)."""
        n = self.world.setting(self.org, "retro_max_age_days")
        h = self.world.setting(self.org, "retro_delay_since_registration_hours")
        registered, retro = self.past.registration(self.org, self.customer), self.retro(badge, issue)
        if self.event > self.at + 24 * HOUR:
            return "EVENT_IN_FUTURE"
        if not badge.active:
            return "BADGE_INACTIVE"
        if badge.status(self.at) == "UPCOMING":
            return "BADGE_UPCOMING"
        if self.override:
            return None
        if registered is not None and self.event < plus(registered, -n, "DAYS", self.zone):
            return "EVENT_TOO_OLD_FOR_REGISTRATION"
        if registered is not None and retro and self.at < registered + h * HOUR:
            return "REGISTRATION_BUFFER"
        if retro and badge.status(self.at) == "EXPIRED" and self.at > plus(badge.ends, n, "DAYS", self.zone):
            return "RETRO_WINDOW_CLOSED"
        return None

    def would_end(self, badge: Badge) -> int | None:
        return expiry(badge.body["enrolment_expiry"], self.event, badge.ends, self.zone)

    def enrol(self, badge: Badge) -> Json:
        badge_id = badge.body["badge_id"]
        reason = self.common_failure(badge, issue=False) or self.enrol_failure(badge)
        if reason:
            return self.record(badge_id, "REFUSED", reason=reason)
        end = self.would_end(badge)
        given = identity("enrolment", self.org, badge_id, self.customer, self.body["event_id"], 1)
        with_badge = badge.body["enrolment_expiry"]["type"] == "WITH_BADGE"
        self.past.enrolments.append(
            Enrolment(self.org, badge_id, self.customer, given, self.event, end, with_badge)
        )
        return self.record(badge_id, "ENROLLED", expires_at=written(end), enrolment_id=given)

    def enrol_failure(self, badge: Badge) -> str | None:
        if badge.direct:
            return "NOT_ENROLLABLE"
        end = self.would_end(badge)
        if (not self.override and not self.in_period(badge)) or (end is not None and end < self.event):
            return "EVENT_OUTSIDE_BADGE_PERIOD"
        for other in self.enrolments(badge):
            other_end = self.end(badge, other)
            if (end is None or other.event <= end) and (other_end is None or self.event <= other_end):
                return "ENROLMENT_OVERLAP"
        return None

    def issue_failure(self, badge: Badge) -> str | None:
        """S55, S56 and the period of a DIRECT badge."""
        if self.override:
            return None
        if badge.direct:
            return None if self.in_period(badge) else "EVENT_OUTSIDE_BADGE_PERIOD"
        enrolments, covering = self.enrolments(badge), self.covering(badge)
        if not enrolments:
            return "NOT_ENROLLED"
        if badge.status(self.at) == "EXPIRED":
            return None if covering else "EVENT_OUTSIDE_ENROLMENT"
        if covering:
            return None if self.running(badge, covering) else "ENROLMENT_EXPIRED_REENROL"
        return "EVENT_OUTSIDE_ENROLMENT" if self.running(badge, enrolments) else "ENROLMENT_EXPIRED_REENROL"

    def issue_once(self, badge: Badge, occurrence: int, extra: Json) -> Json:
        """One issue past all checks but the limits (S63-S66)."""
        badge_id = badge.body["badge_id"]
        found = applying_limits(self.past, badge, self.customer, self.event, self.at, self.zone)
        for reason, limit in found:
            if limit["count"] >= limit["max"]:
                return self.record(
                    badge_id, "REFUSED", issue=True, reason=reason, detail=extra | {"limit": limit}
                )
        given = identity("issuance", self.org, badge_id, self.customer, self.body["event_id"], occurrence)
        covering = self.covering(badge) if not badge.direct else []
        enrolment_id = covering[0].id if covering else None
        expires = expiry(badge.body["issue_expiry"], self.at, badge.ends, self.zone)
        detail: Json = extra | {"limits": [limit | {"count": limit["count"] + 1} for _, limit in found]}
        if expires is not None and expires < self.at:
            detail["warnings"] = ["EXPIRED_AT_BIRTH"]
        record = self.record(
            badge_id,
            "ISSUED",
            issue=True,
            expires_at=written(expires),
            issuance_id=given,
            enrolment_id=enrolment_id,
            detail=detail,
        )
        self.past.issuances.append(
            Issuance(self.org, badge_id, self.customer, given, self.event, self.at, expires)
        )
        return record

    def issue(self, badge: Badge, *, by_act: bool) -> list[Json]:
        badge_id = badge.body["badge_id"]
        reason = self.common_failure(badge, issue=True) or self.issue_failure(badge)
        if reason:
            return [self.record(badge_id, "REFUSED", issue=True, reason=reason)]
        if not by_act or measure_of(badge.body) is None:
            return [self.issue_once(badge, 1, {})]
        return self.count(badge)

    def count(self, badge: Badge) -> list[Json]:
        """S41-S46."""
        terms, badge_id = badge.body["issue_on"], badge.body["badge_id"]
        number = exact(self.field(terms["sum"])) if terms.get("sum") else Fraction(1)
        reaches = exact(terms["reaches"])
        assert number is not None
        assert reaches is not None
        covering = self.covering(badge) if not badge.direct else []
        period = period_of(
            badge, covering[0] if covering else None, local_day(self.event, self.zone), self.zone
        )
        counted = Counted(self.org, badge_id, self.customer, badge.measure, period, number)
        self.past.counted.append(counted)
        total, made = self.past.total(counted), self.past.crossings(counted)
        calls = max(total // reaches, 0) if terms.get("repeat") else int(total >= reaches)
        extra = {"progress": shown(total), "reaches": shown(reaches)}
        missing = min(calls - made, 100)
        if missing <= 0:
            return [self.record(badge_id, "COUNTED", issue=True, detail=extra)]
        counted.crossings = missing
        return [self.issue_once(badge, occurrence, extra) for occurrence in range(1, missing + 1)]

    def field(self, name: str) -> Any:
        return self.body.get("amount") if name == "amount" else (self.body.get("attributes") or {}).get(name)

    def ordinary(self, badge: Badge) -> list[Json]:
        """Noise first (S28, S29), enrol_on before issue_on (S27)."""
        records = []
        if matches(badge.body.get("enrol_on"), self.body["action"], self.field) and self.in_period(badge):
            end = self.would_end(badge)
            if not self.covering(badge) and (end is None or end >= self.event):
                records.append(self.enrol(badge))
        if matches(badge.body.get("issue_on"), self.body["action"], self.field):
            eligible = self.in_period(badge) if badge.direct else self.covering(badge)
            records += self.issue(badge, by_act=True) if eligible else []
        return records

    def explicit(self, badge_id: str) -> list[Json]:
        badge = self.world.badges.get((self.org, badge_id))
        action = self.body["action"]
        if badge is None or action.startswith("REVOKE"):
            if self.event > self.at + 24 * HOUR:
                return [self.record(badge_id, "REFUSED", issue=action == "ISSUE", reason="EVENT_IN_FUTURE")]
            if badge is None:
                return [self.record(badge_id, "REFUSED", reason="BADGE_UNKNOWN")]
            return self.revoke(badge_id)
        return [self.enrol(badge)] if action == "ENROL" else self.issue(badge, by_act=False)

    def revoke(self, badge_id: str) -> list[Json]:
        """S93, S95, S96."""
        of = self.org, badge_id, self.customer
        if self.body["action"] == "REVOKE_ENROLMENT":
            name, wanted = "enrolment_id", self.body.get("enrolment_id")
            found: list[Any] = [e for e in self.past.enrolments_of(*of) if wanted in (None, e.id)]
        else:
            name, wanted = "issuance_id", self.body["issuance_id"]
            found = [i for i in self.past.issuances if i.of == of and not i.revoked and i.id == wanted]
        for one in found:
            one.revoked = True
        if not found:
            return [self.record(badge_id, "REFUSED", reason="NOTHING_TO_REVOKE")]
        return [self.record(badge_id, "REVOKED", **{name: one.id}) for one in found]

    def register(self) -> None:
        """S18."""
        if self.body["action"] == "REGISTER":
            self.past.register(self.org, self.customer, self.body["event_id"], self.event, self.at)

    def deliver(self) -> list[Json]:
        """S14-S17, S26."""
        self.register()
        action, event = self.body["action"], (self.org, self.customer, self.body["event_id"])
        seen = {badge_id for delivery, badge_id in self.past.deliveries if delivery == event}
        explicit = action in EXPLICIT
        badges = (
            [self.body["badge_id"]] if explicit else [b.body["badge_id"] for b in self.world.of_org(self.org)]
        )
        records: list[Json] = []
        for badge_id in sorted(seen.union(badges)):
            if badge_id in seen:
                records.append(self.record(badge_id, "DUPLICATE"))
            elif explicit:
                records += self.explicit(badge_id)
            else:
                records += self.ordinary(self.world.badges[self.org, badge_id])
        self.past.deliveries += [(event, record["badge_id"]) for record in records]
        return records
