"""Definitions, their edits and fixed-window configurations of the naive model (S69-S92, S101)."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from tests.spec.naive_days import (
    ONE_DAY,
    Json,
    day_of,
    identity,
    instant,
    midnight,
    natural_cycle,
    next_start,
    plus,
    reference_of,
    shape_of,
)

LEVELS = ("CUSTOMER", "BADGE")
KEY = {"CUSTOMER": "customer_limits", "BADGE": "badge_limits"}


class Refused(Exception):
    """A definition or settings line that is refused."""

    def __init__(self, code: int, reference: str) -> None:
        super().__init__(code, reference)
        self.code, self.reference = code, reference


@dataclass
class Configuration:
    number: int
    shape: tuple[str, int | None, str | None]
    max: int
    starts_on: date | None
    """None: the first one, which starts with the badge wherever its start is moved (S69, S87)."""


@dataclass
class Badge:
    """A badge as the last accepted line left it."""

    body: Json
    version: int = 1
    measure: int = 1
    """Counts the changes of measure (S48)."""
    configurations: dict[str, list[Configuration]] = field(
        default_factory=lambda: {"CUSTOMER": [], "BADGE": []}
    )
    created: dict[str, int] = field(default_factory=lambda: {"CUSTOMER": 0, "BADGE": 0})

    @property
    def starts(self) -> int:
        return known(self.body["starts_at"])

    @property
    def ends(self) -> int:
        return known(self.body["ends_at"])

    @property
    def direct(self) -> bool:
        return bool(self.body["type"] == "DIRECT")

    @property
    def active(self) -> bool:
        return self.body.get("active") is not False

    def status(self, at: int) -> str:
        return "UPCOMING" if at < self.starts else "LIVE" if at <= self.ends else "EXPIRED"


def known(text: str) -> int:
    read = instant(text)
    assert read is not None, text
    return read


def expiry(terms: Json, start: int, badge_end: int, zone: ZoneInfo) -> int | None:
    """When something with these terms ends, counted from `start` (S50, S61)."""
    match terms["type"]:
        case "RELATIVE":
            return plus(start, terms["value"], terms["unit"], zone)
        case "FIXED_DATE":
            return known(terms["at"])
        case "WITH_BADGE":
            return badge_end
    return None


def window_end(badge: Badge, zone: ZoneInfo) -> int | None:
    """The end instant of domain.md 4.5; RELATIVE is the last possible enrolment's end."""
    if badge.direct:
        return badge.ends
    return expiry(badge.body["enrolment_expiry"], badge.ends, badge.ends, zone)


def starts_on(badge: Badge, configuration: Configuration, zone: ZoneInfo) -> date:
    return configuration.starts_on or day_of(badge.starts, zone)


def ends_on(badge: Badge, level: str, index: int, zone: ZoneInfo) -> date | None:
    """S74."""
    configurations = badge.configurations[level]
    ends = []
    if index + 1 < len(configurations):
        ends.append(starts_on(badge, configurations[index + 1], zone) - ONE_DAY)
    if (end := window_end(badge, zone)) is not None:
        ends.append(day_of(end, zone))
    return min(ends) if ends else None


def configuration_status(badge: Badge, level: str, index: int, zone: ZoneInfo, at: int) -> str:
    """S75: EXPIRED wins over UPCOMING."""
    configurations = badge.configurations[level]
    end = window_end(badge, zone)
    if end is not None and at > end:
        return "EXPIRED"
    if index + 1 < len(configurations) and at >= midnight(
        starts_on(badge, configurations[index + 1], zone), zone
    ):
        return "EXPIRED"
    first = configurations[index].starts_on
    begins = badge.starts if first is None else midnight(first, zone)
    return "UPCOMING" if at < begins else "ACTIVE"


def cut_cycle(badge: Badge, level: str, day: date, zone: ZoneInfo) -> tuple[int, date, date] | None:
    """Index of the configuration in force on the day and its cycle there, cut as printed (S65, S73, S74)."""
    for index, configuration in enumerate(badge.configurations[level]):
        anchor, last_day = starts_on(badge, configuration, zone), ends_on(badge, level, index, zone)
        if anchor <= day and (last_day is None or day <= last_day):
            first, last = natural_cycle(configuration.shape, anchor, day)
            return index, first, last if last_day is None else min(last, last_day)
    return None


def windows_answer(
    badge: Badge, level: str, first: str | None, last: str | None, zone: ZoneInfo, at: int
) -> Json:
    """S101, one day after the other."""
    number = badge.body["org_id"], badge.body["badge_id"], level
    ids = [identity("configuration", *number, c.number) for c in badge.configurations[level]]
    listed = [
        {
            "configuration_id": ids[i],
            "reference_id": reference_of(level, c.shape),
            "status": configuration_status(badge, level, i, zone, at),
            "duration": c.shape[0],
            "refresh_rate": c.shape[1],
            "start_day": c.shape[2],
            "max": c.max,
            "starts_on": str(starts_on(badge, c, zone)),
            "ends_on": None if (end := ends_on(badge, level, i, zone)) is None else str(end),
        }
        for i, c in enumerate(badge.configurations[level])
    ]
    cycles: list[tuple[int, date, date]] = []
    day = date.fromisoformat(first) if first else day_of(badge.starts, zone)
    until = date.fromisoformat(last) if last else day_of(badge.ends, zone)
    while day <= until:
        cycle = cut_cycle(badge, level, day, zone)
        if cycle is not None and cycle not in cycles:
            cycles.append(cycle)
        day += ONE_DAY
    named = [{"configuration_id": ids[i], "starts_on": str(a), "ends_on": str(b)} for i, a, b in cycles]
    return {"badge_id": badge.body["badge_id"], "level": level, "configurations": listed, "cycles": named}


def fixed_window(body: Json, level: str) -> Json | None:
    limits = body.get(KEY[level]) or []
    return next((limit for limit in limits if limit["type"] == "FIXED_WINDOW"), None)


def family(body: Json, level: str) -> str | None:
    limits = body.get(KEY[level]) or []
    return None if not limits else "FIXED" if fixed_window(body, level) else "MOVING"


def mixed(body: Json, level: str) -> bool:
    return len({limit["type"] == "FIXED_WINDOW" for limit in body.get(KEY[level]) or []}) > 1


def current_and_next(
    badge: Badge, level: str, zone: ZoneInfo, at: int
) -> tuple[Configuration, Configuration | None]:
    """S73: the last that does not start after today, and the one after it."""
    configurations = badge.configurations[level]
    started = [c for c in configurations if starts_on(badge, c, zone) <= day_of(at, zone)]
    later = configurations[len(started) :]
    return started[-1], later[0] if later else None


def edit_configurations(old: Badge, new: Badge, level: str, zone: ZoneInfo, at: int) -> None:
    """S69, S71, S72: puts the level's configurations of `new` in the state that the definition asks for."""
    limit = fixed_window(new.body, level)
    if limit is None:
        new.configurations[level] = []
        return
    shape, configurations = shape_of(limit), new.configurations[level]
    if not configurations or old.status(at) == "UPCOMING":
        if configurations and configurations[0].shape == shape:
            configurations[0].max = limit["max"]
            return
        new.created[level] += 1
        new.configurations[level] = [Configuration(new.created[level], shape, limit["max"], None)]
        return
    current, upcoming = current_and_next(new, level, zone, at)
    if upcoming is not None and upcoming.shape == shape:
        upcoming.max = limit["max"]
        return
    if upcoming is not None:
        configurations.remove(upcoming)
    if current.shape == shape:
        current.max = limit["max"]
        return
    _, last = natural_cycle(current.shape, starts_on(new, current, zone), day_of(at, zone))
    new.created[level] += 1
    begins = next_start(shape, last + ONE_DAY)
    configurations.append(Configuration(new.created[level], shape, limit["max"], begins))


def check(body: Json, old: Badge | None, others: list[Badge], zone: ZoneInfo, at: int) -> None:
    """S83: refusals of a well-formed definition, in their order."""
    starts, ends = known(body["starts_at"]), known(body["ends_at"])
    if starts >= ends:
        raise Refused(720, "starts_at")
    if any(other.body["name"] == body["name"] for other in others):
        raise Refused(725, "name")
    for level in LEVELS:
        if mixed(body, level):
            raise Refused(826, KEY[level])
    if old is None:
        if starts < plus(at, -1200, "MONTHS", zone):
            raise Refused(722, "starts_at")
        return
    if body["type"] != old.body["type"]:
        raise Refused(1020, "type")
    if old.status(at) != "UPCOMING" and starts != old.starts:
        raise Refused(723, "starts_at")
    if ends != old.ends and ends < at:
        raise Refused(724, "ends_at")
    for level in LEVELS:
        before, after = family(old.body, level), family(body, level)
        changed = before is not None and after is not None and before != after
        if changed or (before == "FIXED" and after is None and old.status(at) != "UPCOMING"):
            raise Refused(826, KEY[level])
    if old.direct and old.status(at) == "EXPIRED":
        check_ended_direct(body, old, zone, at)


def check_ended_direct(body: Json, old: Badge, zone: ZoneInfo, at: int) -> None:
    """S78."""
    for level in LEVELS:
        limit = fixed_window(body, level)
        if limit is None:
            continue
        known_shapes = []
        if old.configurations[level]:
            known_shapes = [c.shape for c in current_and_next(old, level, zone, at) if c is not None]
        if shape_of(limit) not in known_shapes:
            raise Refused(815, KEY[level])


def measure_of(body: Json) -> tuple[Any, ...] | None:
    """S48: what a change of starts all totals at zero. None where every matching act issues, or none does."""
    terms = body.get("issue_on") or {}
    if not terms.get("count") and not terms.get("sum"):
        return None
    within = terms.get("within") or {"duration": "BADGE"}
    return terms.get("sum"), None if within["duration"] == "BADGE" else shape_of(within)
