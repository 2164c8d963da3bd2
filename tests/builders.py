"""Small builders for timelines: a line reads as the fact it states.

    play(
        at("2023-10-20T10:00:00+05:30", badge(badge_id="gold")),
        at("2023-10-21T10:00:00+05:30", act("e-1", "2023-10-21T09:00:00+05:30")),
    )

Instants are written as text everywhere. `Line` is one line of a timeline, without its `at`.
"""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from schemas.timeline import simulate

Json = dict[str, Any]
Line = dict[str, Any]

ORG = 7
CUSTOMER = "42"
TWO_DAYS = {"type": "RELATIVE", "value": 2, "unit": "DAYS"}
NEVER = {"type": "NEVER"}
WITH_BADGE = {"type": "WITH_BADGE"}
DEFAULT_BADGE: Json = {
    "org_id": ORG,
    "badge_id": "b",
    "type": "DIRECT",
    "starts_at": "2023-10-01T00:00:00Z",
    "ends_at": "2023-10-30T23:59:59Z",
    "issue_expiry": NEVER,
}


def badge(**fields: Any) -> Line:
    """A DIRECT badge of October 2023 without criteria and limits; a field given as None is left out."""
    body = {**DEFAULT_BADGE, "name": fields.get("badge_id", "b"), **fields}
    return {"badge": {name: value for name, value in body.items() if value is not None}}


def enrol_badge(**fields: Any) -> Line:
    """As `badge`, but ENROL_AND_ISSUE with enrolments of two days."""
    return badge(**{"type": "ENROL_AND_ISSUE", "enrolment_expiry": TWO_DAYS, **fields})


def settings(**fields: Any) -> Line:
    return {"settings": {"org_id": ORG, **fields}}


def act(event_id: str, event_date: str, action: str = "PURCHASE", **fields: Any) -> Line:
    """An action; an ordinary PURCHASE of customer 42 unless said otherwise."""
    body = {
        "event_id": event_id,
        "org_id": ORG,
        "customer_id": CUSTOMER,
        "action": action,
        "event_date": event_date,
    }
    return {"action": {**body, **fields}}


def register(event_id: str, event_date: str, **fields: Any) -> Line:
    return act(event_id, event_date, "REGISTER", **fields)


def enrol(event_id: str, event_date: str, badge_id: str = "b", **fields: Any) -> Line:
    return act(event_id, event_date, "ENROL", badge_id=badge_id, **fields)


def issue(event_id: str, event_date: str, badge_id: str = "b", **fields: Any) -> Line:
    return act(event_id, event_date, "ISSUE", badge_id=badge_id, **fields)


def revoke_enrolment(event_id: str, event_date: str, badge_id: str = "b", **fields: Any) -> Line:
    return act(event_id, event_date, "REVOKE_ENROLMENT", badge_id=badge_id, **fields)


def revoke_issue(
    event_id: str, event_date: str, issuance_id: str, badge_id: str = "b", **fields: Any
) -> Line:
    return act(event_id, event_date, "REVOKE_ISSUE", badge_id=badge_id, issuance_id=issuance_id, **fields)


def windows(level: str = "CUSTOMER", badge_id: str = "b", **fields: Any) -> Line:
    """A question; `from_` stands for the field `from`."""
    named = {name.rstrip("_"): value for name, value in fields.items()}
    return {"windows": {"org_id": ORG, "badge_id": badge_id, "level": level, **named}}


def customer(customer_id: str = CUSTOMER, org_id: int = ORG) -> Line:
    return {"customer": {"org_id": org_id, "customer_id": customer_id}}


def support(**fields: Any) -> Json:
    """What makes a request the support desk's (S97)."""
    return {"override_eligibility": True, "requested_by": "support desk", **fields}


def every(max_: int, days: int) -> Json:
    return {"type": "FIXED_WINDOW", "max": max_, "duration": "DAYS", "refresh_rate": days}


def weekly(max_: int, start_day: str | None = None) -> Json:
    first = {} if start_day is None else {"start_day": start_day}
    return {"type": "FIXED_WINDOW", "max": max_, "duration": "WEEKS", **first}


def monthly(max_: int) -> Json:
    return {"type": "FIXED_WINDOW", "max": max_, "duration": "MONTHS"}


def rolling(max_: int, value: int, unit: str = "DAYS") -> Json:
    return {"type": "ROLLING_WINDOW", "max": max_, "value": value, "unit": unit}


def overall(max_: int) -> Json:
    return {"type": "OVERALL", "max": max_}


def relative(value: int, unit: str = "DAYS") -> Json:
    return {"type": "RELATIVE", "value": value, "unit": unit}


def fixed_date(at_: str) -> Json:
    return {"type": "FIXED_DATE", "at": at_}


def at(instant: str, *lines: Line) -> list[Json]:
    """Lines of the timeline that are processed at the instant, in order."""
    return [{"at": instant, **line} for line in lines]


def plain(value: Any) -> Any:
    """For json.dumps: an exact decimal is written as a JSON string, which S7 accepts wherever a number is."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(value)


def as_bytes(lines: Sequence[Json]) -> list[bytes]:
    return [json.dumps(line, ensure_ascii=False, default=plain).encode() for line in lines]


def print_lines(*groups: Sequence[Json], explain: bool = False) -> list[str]:
    """What simulate prints for the timeline."""
    lines = as_bytes([line for group in groups for line in group])
    return list(simulate(iter(lines), explain=explain))


def play(*groups: Sequence[Json], explain: bool = False) -> list[Json]:
    """What simulate prints for the timeline, read back."""
    return [json.loads(line) for line in print_lines(*groups, explain=explain)]


def told(records: Sequence[Json]) -> list[str]:
    """Each record in a word or two: the outcome, the reason of a refusal, the code of an error."""
    return list(_told(records))


def _told(records: Sequence[Json]) -> Iterator[str]:
    for record in records:
        if "outcome" in record:
            yield record["reason"] or record["outcome"]
        elif "error" in record:
            yield str(record["error"]["code"])
        else:
            yield record.get("noise") or next(name for name in record if name != "at")


def last(*groups: Sequence[Json]) -> Json:
    """The last line that simulate prints for the timeline."""
    return play(*groups)[-1]
