"""The CDNOW purchases as actions, their dates moved by a whole number of days (SOURCE.md).

Event ids are line numbers of the file. The file knows days only; the time of day is made up from the line
number, in shop hours, which no change of the clocks touches.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from typing import Final, NamedTuple

from badges.actions import ENROL, ISSUE, CustomerAction
from badges.calendar import HOUR, SECOND, Zone, parse_instant
from badges.numbers import micros_of_text

ORG: Final = 1997
TIMEZONE: Final = "America/New_York"
PURCHASES: Final = 69_659
FIRST_DAY: Final = date(1997, 1, 1).toordinal()
LAST_DAY: Final = date(1998, 6, 30).toordinal()
REQUESTS: Final = 2
HERO: Final = "00825"
"""The customer whose story the demo tells, and who makes the two requests."""

_OPENING: Final = "1997-01-01T09:00:00-05:00"
_OPEN_SECONDS: Final = 12 * 3600
_SCATTER: Final = 7919  # coprime to the shop's open seconds, so that the times of a day differ


class Purchase(NamedTuple):
    """One row: `day` is an ordinal of the purchases' own time, `second` counts from the opening at nine."""

    day: int
    second: int
    line: int
    customer: str
    cds: str
    dollars: str


def purchases() -> list[Purchase]:
    """All rows of the file, in order of time."""
    packed = files("consumer.demo").joinpath("CDNOW_master.txt.xz").read_bytes()
    rows = lzma.decompress(packed).decode("ascii").splitlines()
    found = []
    for line, row in enumerate(rows[1:], start=2):
        customer, day, cds, dollars = row.split()
        ordinal = date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal()
        found.append(Purchase(ordinal, line * _SCATTER % _OPEN_SECONDS, line, customer, cds, dollars))
    return sorted(found)


def actions(shift: int, zone: Zone) -> Iterator[CustomerAction]:
    """The purchases `shift` days later, in order of time, and after them the two requests."""
    opening = parse_instant(_OPENING)
    assert opening is not None
    opened: dict[int, int] = {}
    for row in purchases():
        start = opened.get(row.day)
        if start is None:
            start = opened[row.day] = zone.add(opening, row.day - FIRST_DAY + shift, "DAYS")
        yield CustomerAction(
            org_id=ORG,
            event_id=str(row.line),
            customer_id=row.customer,
            action="PURCHASE",
            event_date=start + row.second * SECOND,
            amount=micros_of_text(row.dollars),
            attributes={"cds": row.cds},
        )
    yield from requests(zone.add(opening, LAST_DAY - FIRST_DAY + shift, "DAYS") + 13 * HOUR)


def requests(at: int) -> Iterator[CustomerAction]:
    """What the hero asks for on the last evening: to join a club that has not begun, which is refused,
    and a badge whose deadline has passed, which the support desk grants.
    """
    yield CustomerAction(ORG, "request-1", HERO, ENROL, at, badge_id="summer-club")
    yield CustomerAction(
        ORG,
        "request-2",
        HERO,
        ISSUE,
        at,
        badge_id="opening-week",
        override_eligibility=True,
        requested_by="support desk",
    )


def first_shift(today: int) -> int:
    """The number of days that puts the last purchase on the day before `today` (an ordinal)."""
    return today - 1 - LAST_DAY
