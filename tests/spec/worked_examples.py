"""Reads `worked_examples.md`: rows of steps and expectations, and the timeline that a row stands for."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

from tests.builders import (
    Json,
    at,
    badge,
    enrol,
    enrol_badge,
    every,
    issue,
    register,
    relative,
    rolling,
    settings,
    support,
)

PAGE = Path(__file__).with_name("worked_examples.md")
KOLKATA = timezone(timedelta(hours=5, minutes=30))
DATE = r"\d{1,2} [A-Z][a-z]{2}(?: [\d:]+)?"


class Row(NamedTuple):
    id: str
    given: list[str]
    when: list[str]
    expected: list[str]


def rows() -> list[Row]:
    """The rows of all tables of the page, in order."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.match(r"\| X\d", line):
            name, *steps = cells
            found.append(Row(name, *([step.strip() for step in cell.split(";") if step] for cell in steps)))
    return found


def instant(text: str) -> str:
    """`10 Oct` or `10 Oct 09:30` as an instant in Asia/Kolkata."""
    day, month, *clock = text.split()
    hour, minute, second = [*map(int, (clock or ["10:00"])[0].split(":")), 0][:3]
    at_month = datetime.strptime(month, "%b").month  # noqa: DTZ007 -- only the month is taken
    return datetime(2023, at_month, int(day), hour, minute, second, tzinfo=KOLKATA).isoformat()


def printed(text: str) -> str:
    """The same instant as simulate prints it."""
    moment = datetime.fromisoformat(instant(text)).astimezone(timezone.utc)  # noqa: UP017
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Story:
    """Builds the timeline of a row, step by step."""

    def __init__(self) -> None:
        self.org: Json = {"timezone": "Asia/Kolkata", "retro_max_age_days": 30}
        self.fields: Json = {
            "starts_at": instant("1 Oct 00:00"),
            "ends_at": instant("15 Oct 23:59:59"),
            "issue_expiry": relative(2),
            "issue_on": {"action": ["PURCHASE", "REGISTER"]},
        }
        self.direct = False
        self.requests: list[Json] = []

    def badge(self) -> Json:
        return badge(**self.fields) if self.direct else enrol_badge(**self.fields)

    def set_up(self, step: str) -> bool:
        """Whether the step sets up the badge or the organisation."""
        if step == "direct":
            self.direct = True
        elif found := re.fullmatch(r"window of (\d+) per (\d+) days", step):
            self.fields["customer_limits"] = [every(int(found[1]), int(found[2]))]
        elif found := re.fullmatch(r"rolling (\d+) per (\d+) days", step):
            self.fields["customer_limits"] = [rolling(int(found[1]), int(found[2]))]
        elif found := re.fullmatch(r"H = (\d+)", step):
            self.org["retro_delay_since_registration_hours"] = int(found[1])
        elif found := re.fullmatch(rf"badge from ({DATE})", step):
            self.fields["starts_at"] = instant(found[1])
        else:
            return False
        return True

    def request(self, step: str) -> None:
        found = re.fullmatch(rf"({DATE}): (support issue|issue|enrol|register|badge ends) ({DATE})", step)
        assert found, f"not a step: {step}"
        when, kind, date = instant(found[1]), found[2], instant(found[3])
        if kind == "badge ends":
            line = self.badge()
            line["badge"]["ends_at"] = date
        else:
            line = self.action(kind, f"e-{len(self.requests)}", date)
        self.requests += at(when, line)

    def action(self, kind: str, event_id: str, date: str) -> Json:
        if kind == "support issue":
            return issue(event_id, date, **support())
        return {"issue": issue, "enrol": enrol, "register": register}[kind](event_id, date)

    def timeline(self) -> list[Json]:
        begin = at("2023-01-01T00:00:00Z", settings(**self.org), self.badge())
        return begin + at("2023-01-01T00:00:00Z", register("r", "2023-01-01T00:00:00Z")) + self.requests


def story(row: Row) -> tuple[list[Json], list[str]]:
    """The timeline of the row, and the event ids of the steps of *when*."""
    told = Story()
    steps = [step for step in row.given + row.when if not told.set_up(step)]
    for step in steps:
        told.request(step)
    tested = [line["action"]["event_id"] for line in told.requests[len(told.requests) - len(row.when) :]]
    return told.timeline(), tested


def claims(expected: str) -> Iterator[tuple[str, Any]]:
    """What an expectation says of a record, as (name, value)."""
    outcome, *more = [part.strip() for part in expected.split(",")]
    yield "told", outcome
    for part in more:
        if part == "retro":
            yield "retro", True
        elif found := re.fullmatch(rf"(until|processed|event) ({DATE})", part):
            field = {"until": "expires_at", "processed": "processed_at", "event": "event_date"}[found[1]]
            yield field, printed(found[2])
        elif found := re.fullmatch(rf"(\d+) of (\d+)(?: in ({DATE}) to ({DATE}))?", part):
            yield "count", (int(found[1]), int(found[2]))
            if found[3]:
                yield "window", [instant(found[3])[:10], instant(found[4])[:10]]
        elif found := re.fullmatch("enrolment is ([A-Z]+)", part):
            yield "enrolment", found[1]
        else:
            raise AssertionError(f"not an expectation: {part}")
