"""The shipped purchases and badges."""

from __future__ import annotations

import hashlib
import lzma
from collections import Counter
from importlib.resources import files

import pytest

from badges.calendar import parse_instant, zone
from badges.definitions import BadgeRecord, OrgSettings
from badges.edits import accept
from consumer.demo import book
from consumer.demo.purchases import (
    FIRST_DAY,
    HERO,
    LAST_DAY,
    PURCHASES,
    REQUESTS,
    TIMEZONE,
    actions,
    first_shift,
    purchases,
)

NEW_YORK = zone(TIMEZONE)
TODAY = LAST_DAY + 10_000


def test_the_shipped_file_is_the_source_unchanged() -> None:
    folder = files("consumer.demo")
    text = lzma.decompress(folder.joinpath("CDNOW_master.txt.xz").read_bytes())
    assert hashlib.sha256(text).hexdigest() in folder.joinpath("SOURCE.md").read_text(encoding="utf-8")


def test_purchases_that_are_equal_in_every_column_stay_apart_and_free_ones_stay() -> None:
    rows = purchases()
    columns = Counter((row.customer, row.day, row.cds, row.dollars) for row in rows)
    assert len(rows) == len({row.line for row in rows}) == PURCHASES
    assert PURCHASES - len(columns) == 255
    assert sum(float(row.dollars) == 0 for row in rows) == 80


def test_actions_come_in_order_of_time_and_the_last_day_is_yesterday() -> None:
    acts = list(actions(first_shift(TODAY), NEW_YORK))
    dates = [act.event_date for act in acts]
    assert dates == sorted(dates)
    assert NEW_YORK.day(dates[-1]) == TODAY - 1
    assert NEW_YORK.day(dates[0]) == TODAY - 1 - (LAST_DAY - FIRST_DAY)
    assert len({act.event_id for act in acts}) == len(acts) == PURCHASES + REQUESTS


def test_every_purchase_keeps_its_calendar_day_apart_from_the_shift() -> None:
    shift = first_shift(TODAY)
    days = {str(row.line): row.day for row in purchases()}
    moved = [act for act in actions(shift, NEW_YORK) if act.event_id in days]
    assert all(NEW_YORK.day(act.event_date) - shift == days[act.event_id] for act in moved)


@pytest.mark.parametrize("shift", [0, 1, 100, 199, 10_550])
def test_badges_move_by_whole_local_days_and_tell_the_shift_again(shift: int) -> None:
    badges = {badge.badge_id: badge for badge in book.definitions(shift, NEW_YORK)}
    for badge in badges.values():
        starts = NEW_YORK.day(badge.starts_at)
        assert NEW_YORK.day(badge.starts_at - 1) == starts - 1  # midnight, whatever the clocks did
    records = {"big-month": BadgeRecord(badges["big-month"], 1, 0)}
    assert book.published_shift(records, NEW_YORK) == shift
    assert book.published_shift({}, NEW_YORK) is None


def test_the_badges_show_each_kind_on_the_first_day() -> None:
    at = parse_instant("2026-11-26T08:00:00-05:00")
    assert at is not None
    shift = first_shift(NEW_YORK.day(at))
    read = [document.read() for document in book.documents(shift, NEW_YORK)]
    settings = next(one for one in read if isinstance(one, OrgSettings))
    records: dict[str, BadgeRecord] = {}
    for badge in book.definitions(shift, NEW_YORK):
        records[badge.badge_id] = accept(badge, None, records, settings, at)
    types = {badge.definition.type for badge in records.values()}
    over = [badge_id for badge_id, badge in records.items() if badge.definition.ends_at < at]
    upcoming = [badge_id for badge_id, badge in records.items() if badge.definition.starts_at > at]
    assert types == {"DIRECT", "ENROL_AND_ISSUE"}
    assert over == ["founding-quarter", "opening-week"]
    assert upcoming == ["summer-club"]
    assert [one.shape.refresh_rate for one in records["regular"].of_level("CUSTOMER")] == [3]


def test_the_hero_makes_the_requests() -> None:
    asked = [act for act in actions(0, NEW_YORK) if act.event_id.startswith("request")]
    assert [act.customer_id for act in asked] == [HERO] * REQUESTS
