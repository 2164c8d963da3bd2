"""What happened so far in the naive model, as plain lists, and what is counted over them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.spec.naive_days import (
    HOUR,
    ONE_DAY,
    Json,
    day_of,
    exact,
    natural_cycle,
    plus,
    shape_of,
    shown,
    written,
)
from tests.spec.naive_rules import KEY, LEVELS, Badge, cut_cycle, fixed_window

Event = tuple[int, str, str]
Period = tuple[str, Any, Any]


@dataclass
class Enrolment:
    org: int
    badge_id: str
    customer: str
    id: str
    event: int
    end: int | None
    with_badge: bool
    revoked: bool = False


@dataclass
class Issuance:
    org: int
    badge_id: str
    customer: str
    id: str
    event: int
    at: int
    expires: int | None
    revoked: bool = False

    @property
    def of(self) -> tuple[int, str, str]:
        return self.org, self.badge_id, self.customer


@dataclass
class Counted:
    """An act that was added to a period, and how many crossings it made."""

    org: int
    badge_id: str
    customer: str
    measure: int
    period: Period
    number: Fraction
    crossings: int = 0

    def same_period(self, other: "Counted") -> bool:
        mine = self.org, self.badge_id, self.customer, self.measure, self.period
        return mine == (other.org, other.badge_id, other.customer, other.measure, other.period)


@dataclass
class Past:
    enrolments: list[Enrolment] = field(default_factory=list)
    issuances: list[Issuance] = field(default_factory=list)
    counted: list[Counted] = field(default_factory=list)
    registrations: list[tuple[Event, int | None]] = field(default_factory=list)
    deliveries: list[tuple[Event, str]] = field(default_factory=list)

    def enrolments_of(self, org: int, badge_id: str, customer: str) -> list[Enrolment]:
        """In the order in which they were made, without the revoked ones (S95)."""
        wanted = org, badge_id, customer
        return [e for e in self.enrolments if (e.org, e.badge_id, e.customer) == wanted and not e.revoked]

    def registration(self, org: int, customer: str) -> int | None:
        dates = [when for (o, c, _), when in self.registrations if (o, c) == (org, customer)]
        return next((when for when in reversed(dates) if when is not None), None)

    def register(self, org: int, customer: str, event_id: str, event: int, at: int) -> None:
        """S18: None stands for a registration that set nothing."""
        key = org, customer, event_id
        repeated = any(known == key for known, _ in self.registrations)
        self.registrations.append((key, None if repeated or event > at + 24 * HOUR else event))

    def total(self, like: Counted) -> Fraction:
        return sum((c.number for c in self.counted if c.same_period(like)), Fraction(0))

    def crossings(self, like: Counted) -> int:
        return sum(c.crossings for c in self.counted if c.same_period(like))


def period_of(badge: Badge, enrolment: Enrolment | None, day: date, zone: ZoneInfo) -> Period:
    """S41, S42: the period in which an act of the day counts."""
    within = (badge.body["issue_on"].get("within")) or {"duration": "BADGE"}
    if within["duration"] == "BADGE":
        return ("BADGE", None, None) if enrolment is None else ("ENROLMENT", enrolment.id, None)
    start = day_of(badge.starts, zone)
    if day < start:
        return "CYCLE", None, start - ONE_DAY
    return "CYCLE", *natural_cycle(shape_of(within), start, day)


def applying_limits(
    past: Past, badge: Badge, customer: str, event: int, at: int, zone: ZoneInfo
) -> list[tuple[str, Json]]:
    """Every limit that applies to an issue, in check order, with the count found (S63-S66, S100)."""
    found = []
    for level in LEVELS:
        of_badge = badge.body["org_id"], badge.body["badge_id"]
        counting = [i for i in past.issuances if (i.org, i.badge_id) == of_badge and not i.revoked]
        if level == "CUSTOMER":
            counting = [i for i in counting if i.customer == customer]
        cycle = cut_cycle(badge, level, day_of(event, zone), zone)
        if fixed_window(badge.body, level) and cycle is not None:
            index, first, last = cycle
            count = sum(first <= day_of(i.event, zone) <= last for i in counting)
            top = badge.configurations[level][index].max
            found.append(limit("FIXED_WINDOW", level, top, count, [str(first), str(last)]))
        moving = badge.body.get(KEY[level]) or []
        for unit in ("DAYS", "WEEKS", "MONTHS"):
            for one in moving:
                if one["type"] == "ROLLING_WINDOW" and one["unit"] == unit:
                    since = plus(at, -one["value"], unit, zone)
                    count = sum(since < i.at <= at for i in counting)
                    window = [written(since), written(at)]
                    found.append(limit("ROLLING", level, one["max"], count, window))
        overall = [one["max"] for one in moving if one["type"] == "OVERALL"]
        found += [limit("OVERALL", level, top, len(counting), None) for top in overall]
    return found


def limit(reason: str, level: str, top: int, count: int, window: Any) -> tuple[str, Json]:
    kind = "ROLLING_WINDOW" if reason == "ROLLING" else reason
    return "LIMIT_" + reason, {"level": level, "type": kind, "max": top, "count": count, "window": window}


def matches(criterion: Json | None, action: str, field_of: Callable[[str], Any]) -> bool:
    """S37-S39."""
    if not criterion:
        return False
    named = criterion["action"]
    if action not in ([named] if isinstance(named, str) else named):
        return False
    if criterion.get("sum") and exact(field_of(criterion["sum"])) is None:
        return False
    return all(holds(name, wanted, field_of(name)) for name, wanted in (criterion.get("where") or {}).items())


def holds(name: str, wanted: Any, value: Any) -> bool:
    if value is None:
        return False
    if isinstance(wanted, dict):
        number = exact(value)
        low, high = exact(wanted.get("min")), exact(wanted.get("max"))
        return number is not None and (low is None or low <= number) and (high is None or number <= high)
    choices = wanted if isinstance(wanted, list) else [wanted]
    if name == "amount":
        return exact(value) in [exact(choice) for choice in choices]
    return as_text(value) in [as_text(choice) for choice in choices]


def as_text(value: Any) -> str:
    """S38: a string as it is, a number as in S8, a boolean as true or false."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    number = exact(value)
    assert number is not None
    return shown(number)
