"""Random timelines: small worlds in which instants collide, near the days on which clocks change."""

import copy
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.spec.naive_days import Json, day_of, identity, instant, read_locally, written

PLACES = [
    ("UTC", date(2023, 10, 1)),
    ("UTC", date(2024, 1, 20)),
    ("Asia/Kolkata", date(2023, 10, 1)),
    ("America/New_York", date(2023, 10, 25)),
    ("America/New_York", date(2024, 3, 1)),
    ("America/Sao_Paulo", date(2018, 10, 25)),
    ("America/Sao_Paulo", date(2018, 2, 10)),
    ("America/Havana", date(2023, 10, 28)),
    ("America/St_Johns", date(2010, 10, 30)),
    ("Australia/Lord_Howe", date(2023, 9, 25)),
    ("Europe/London", date(2024, 2, 20)),
    ("Pacific/Apia", date(2011, 12, 22)),
    ("Pacific/Kwajalein", date(1993, 8, 10)),
    ("Africa/Monrovia", date(1971, 12, 25)),
    ("Antarctica/Troll", date(2023, 10, 20)),
    ("UTC", date(1900, 1, 20)),
    ("America/New_York", date(2999, 11, 20)),
]
TIMES = [time(0), time(0), time(0, 30), time(1, 30), time(2, 30), time(10), time(23, 30), time(23, 59, 59)]
ORG = 1
CUSTOMERS = ["ann", "ann", "ann", 'bo"b \\\u2028\x7f\U0001f600']
BADGES = ["b", "a", "é"]
KINDS = [*["BUY"] * 8, "VISIT", "VISIT", "REGISTER", *["ENROL"] * 3, *["ISSUE"] * 3]
KINDS += ["REVOKE_ENROLMENT", "REVOKE_ISSUE"]


class Place(NamedTuple):
    """An org's zone, and the instants that a timeline there plays with."""

    zone: ZoneInfo
    marks: list[int]

    def some_instant(self, near: int | None = None) -> st.SearchStrategy[int]:
        marks = st.sampled_from(self.marks)
        if near is not None:
            hours = st.sampled_from([0, 0, 0, -1, -12, -24, -48, -72, -240, 1, 24])
            close = hours.map(lambda shift: near + shift * 3_600_000)
            past = st.sampled_from([mark for mark in self.marks if mark <= near + 90_000_000] or [near])
            marks = st.one_of(close, close, past, past, past, marks)
        return st.builds(lambda mark, jitter: mark + jitter, marks, st.sampled_from([0, 0, 0, -1, 1]))


@st.composite
def places(draw: st.DrawFn) -> Place:
    name, base = draw(st.sampled_from(PLACES))
    zone = ZoneInfo(name)
    days = st.integers(-2, 30).map(lambda days: base + timedelta(days=days))
    walls = st.builds(datetime.combine, days, st.sampled_from(TIMES))
    marks = draw(st.lists(walls.map(lambda wall: read_locally(wall, zone)), min_size=6, max_size=12))
    return Place(zone, sorted(marks))


small = st.integers(1, 3)
units = st.sampled_from(["DAYS", "DAYS", "WEEKS", "MONTHS"])
weekdays = st.sampled_from([None, "MONDAY", "TUESDAY", "SUNDAY"])


@st.composite
def shapes(draw: st.DrawFn) -> Json:
    match draw(st.sampled_from(["DAYS", "DAYS", "WEEKS", "MONTHS"])):
        case "DAYS":
            return {"duration": "DAYS", "refresh_rate": draw(st.sampled_from([1, 2, 3, 5, 7]))}
        case "WEEKS":
            start_day = draw(weekdays)
            return {"duration": "WEEKS", **({"start_day": start_day} if start_day else {})}
    return {"duration": "MONTHS"}


fixed_windows = st.builds(lambda shape, top: {"type": "FIXED_WINDOW", "max": top, **shape}, shapes(), small)
rolling_windows = st.builds(
    lambda top, value, unit: {"type": "ROLLING_WINDOW", "max": top, "value": value, "unit": unit},
    small,
    small,
    units,
)
overalls = small.map(lambda top: {"type": "OVERALL", "max": top})
moving = st.lists(
    st.one_of(rolling_windows, overalls),
    max_size=3,
    unique_by=lambda limit: (limit["type"], limit.get("unit")),
)
mixed = st.builds(lambda one, other: [one, other], fixed_windows, overalls)
one_fixed_window = fixed_windows.map(lambda limit: [limit])
limits = st.one_of(st.just([]), one_fixed_window, moving)
edited_limits = st.one_of(st.just([]), *[one_fixed_window] * 5, moving, moving, mixed)


def expiries(place: Place) -> st.SearchStrategy[Json]:
    counted = st.builds(lambda value, unit: {"type": "RELATIVE", "value": value, "unit": unit}, small, units)
    dated = place.some_instant().map(lambda mark: {"type": "FIXED_DATE", "at": written(mark)})
    plain = st.sampled_from([{"type": "WITH_BADGE"}, {"type": "NEVER"}])
    return st.one_of(counted, counted, dated, plain)


wheres = st.sampled_from(
    [
        None,
        None,
        {"channel": "web"},
        {"channel": ["web", "app"]},
        {"amount": {"min": 0}},
        {"points": {"min": "1.5", "max": 20}},
        {"member": True},
        {"points": [2, "3"]},
    ]
)
actions_named = st.sampled_from(["BUY", ["BUY", "VISIT"], "VISIT", "REGISTER", ["REGISTER", "BUY"]])


@st.composite
def issue_criteria(draw: st.DrawFn) -> Json:
    terms: Json = {"action": draw(actions_named)}
    if where := draw(wheres):
        terms["where"] = where
    if draw(st.booleans()):
        return terms
    terms |= draw(
        st.sampled_from(
            [
                {"sum": "amount", "reaches": 100},
                {"sum": "amount", "reaches": "50.5"},
                {"sum": "points", "reaches": 3},
                {"sum": "amount", "reaches": 2},
                {"count": True, "reaches": 2},
                {"count": True, "reaches": "1.5"},
                {"count": True, "reaches": 1},
            ]
        )
    )
    terms["repeat"] = draw(st.booleans())
    if within := draw(st.one_of(st.none(), st.just({"duration": "BADGE"}), shapes())):
        terms["within"] = within
    return terms


@st.composite
def definitions(draw: st.DrawFn, place: Place, badge_id: str) -> Json:
    body: Json = {
        "org_id": ORG,
        "badge_id": badge_id,
        "name": badge_id,
        "type": draw(st.sampled_from(["DIRECT", "ENROL_AND_ISSUE"])),
        "starts_at": written(draw(st.sampled_from(place.marks[: len(place.marks) // 3]))),
        "ends_at": written(draw(st.sampled_from(place.marks[len(place.marks) // 2 :]))),
    }
    for name in (
        "issue_expiry",
        "enrolment_expiry",
        "issue_on",
        "enrol_on",
        "customer_limits",
        "badge_limits",
    ):
        body[name] = draw(limits if name.endswith("limits") else part(place, name))
    return body


def part(place: Place, name: str) -> st.SearchStrategy[Any]:
    match name:
        case "issue_expiry" | "enrolment_expiry":
            return expiries(place)
        case "issue_on":
            return st.one_of(st.none(), issue_criteria(), issue_criteria(), issue_criteria())
        case "enrol_on":
            named = st.builds(lambda action, where: {"action": action, "where": where}, actions_named, wheres)
            return st.one_of(st.none(), named)
        case "starts_at" | "ends_at":
            return place.some_instant().map(written)
        case "active":
            return st.sampled_from([True, False, None])
        case "name":
            return st.sampled_from(["a", "b", "other"])
        case "type":
            return st.sampled_from(["DIRECT", "ENROL_AND_ISSUE"])
    return edited_limits


PARTS = [
    "customer_limits",
    "customer_limits",
    "badge_limits",
    "ends_at",
    "ends_at",
    "starts_at",
    "issue_on",
    "issue_on",
    "enrolment_expiry",
    "issue_expiry",
    "enrol_on",
    "active",
    "name",
]


def well_formed(body: Json) -> Json:
    """The body without what S80 refuses: it is about the rules past that point."""
    body = copy.deepcopy(body)
    if body["type"] == "DIRECT":
        body = {name: value for name, value in body.items() if name not in ("enrolment_expiry", "enrol_on")}
    elif body["enrolment_expiry"]["type"] == "FIXED_DATE":
        start = instant(body["starts_at"])
        end = instant(body["enrolment_expiry"]["at"])
        assert start is not None
        assert end is not None
        if end < start:
            body["enrolment_expiry"]["at"] = body["starts_at"]
    return body


settings = st.builds(
    lambda days, hours: {"retro_max_age_days": days, "retro_delay_since_registration_hours": hours},
    st.sampled_from([None, 0, 1, 10, 30]),
    st.sampled_from([None, 0, 1, 24, 50]),
)


offsets = st.sampled_from([0, 0, 0, 330, -570, 1439, -1439])
fractions = st.sampled_from(["", "", "0", "999999"])


def spelled(mark: int, offset: int, fraction: str) -> str:
    """The instant as a clock that is `offset` minutes ahead shows it, with digits that S2 cuts off."""
    text = written(mark + offset * 60_000)
    assert text is not None
    hours, minutes = divmod(abs(offset), 60)
    ending = f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}" if offset else "Z"
    return text.removesuffix("Z") + fraction + ending


@st.composite
def actions(draw: st.DrawFn, place: Place, at: int, known: list[str], used: list[str]) -> Json:
    """`known` are the badges of the org, `used` the event ids so far; this one is added."""
    if draw(st.integers(0, 7)) or not used:
        used.append(draw(st.sampled_from(["e", "e", '\u00e9 "\n'])) + str(len(used)))
        event_id = used[-1]
    else:
        event_id = draw(st.sampled_from(used))
    body: Json = {
        "org_id": ORG,
        "event_id": event_id,
        "customer_id": draw(st.sampled_from(CUSTOMERS)),
        "event_date": spelled(draw(place.some_instant(near=at)), draw(offsets), draw(fractions)),
    }
    body["action"] = draw(st.sampled_from(KINDS))
    if body["action"] in ("BUY", "VISIT", "REGISTER"):
        body["amount"] = draw(st.sampled_from([None, -20, 0, 30, "50.5", 100, 260]))
        body["attributes"] = {
            "channel": draw(st.sampled_from([None, "web", "shop"])),
            "points": draw(st.sampled_from([None, "3.0", "2", 2, 5, "many"])),
            "member": draw(st.sampled_from([True, "true", False])),
        }
        return body
    body["badge_id"] = draw(st.sampled_from(known * 6 + ["nobody's"]))
    if body["action"] in ("ENROL", "ISSUE") and draw(st.integers(0, 3)) == 0:
        body |= {"override_eligibility": True, "requested_by": "desk"}
    name = ORG, body["badge_id"], body["customer_id"], draw(st.sampled_from(used))
    if body["action"] == "REVOKE_ENROLMENT" and draw(st.booleans()):
        body["enrolment_id"] = identity("enrolment", *name, 1)
    if body["action"] == "REVOKE_ISSUE":
        body["issuance_id"] = identity("issuance", *name, draw(st.integers(1, 2)))
    return body


def questions(badge_ids: list[str], customers: list[str]) -> list[Json]:
    asked: list[Json] = [
        {"windows": {"org_id": ORG, "badge_id": badge_id, "level": level}}
        for badge_id in badge_ids
        for level in ("CUSTOMER", "BADGE")
    ]
    return asked + [{"customer": {"org_id": ORG, "customer_id": customer_id}} for customer_id in customers]


@st.composite
def timelines(draw: st.DrawFn, steps: int = 24) -> list[Json]:
    """An org's settings and badges, then acts, requests, edits and questions while time goes by."""
    place = draw(places())
    times = sorted(draw(st.lists(place.some_instant(), min_size=10, max_size=steps)))
    bodies = {
        name: draw(definitions(place, name))
        for name in draw(st.sampled_from([["b"], ["b"], ["b", "a"], BADGES]))
    }
    lines: list[Json] = [{"settings": {"org_id": ORG, "timezone": place.zone.key, **draw(settings)}}]
    introduced = {name: body for name, body in bodies.items() if draw(st.integers(0, 5))}  # others by an edit
    lines += [{"badge": well_formed(body)} for body in introduced.values()]
    lines = [{"at": written(times[0]), **line} for line in lines]
    used: list[str] = []
    for at in times:
        for _ in range(draw(st.integers(1, 3))):
            lines.append({"at": written(at), **draw(step(place, bodies, at, used))})
    return lines + [{"at": written(times[-1]), **line} for line in questions(list(bodies), CUSTOMERS[2:])]


@st.composite
def step(draw: st.DrawFn, place: Place, bodies: dict[str, Json], at: int, used: list[str]) -> Json:
    kind = draw(st.integers(0, 24))
    if kind < 20:
        return {"action": draw(actions(place, at, sorted(bodies), used))}
    if kind < 23:
        body = bodies[draw(st.sampled_from(sorted(bodies)))]
        for name in draw(st.lists(st.sampled_from(PARTS), max_size=2)):
            body[name] = draw(part(place, name))
        if draw(st.integers(0, 15)) == 0:
            body["type"] = draw(part(place, "type"))
        return {"badge": well_formed(body)}
    if kind == 23:
        zone = draw(st.sampled_from([place.zone.key, place.zone.key, "UTC", None]))
        return {"settings": {"org_id": ORG, "timezone": zone, **draw(settings)}}
    asked = draw(st.sampled_from(questions([*bodies, "nobody's"], [*CUSTOMERS[2:], "nobody"])))
    if "windows" in asked:
        days = st.none() | place.some_instant().map(lambda mark: str(day_of(mark, place.zone)))
        asked["windows"] |= {"from": draw(days), "to": draw(days)}
    return asked
