"""Records of `badge-definitions` and `org-settings`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from badges.calendar import parse_instant
from badges.definitions import BadgeRecord, OrgSettings
from badges.edits import accept
from schemas.documents import definition_from_json
from schemas.errors import UnreadableRecord
from schemas.rules_feed import (
    StoredBadge,
    StoredSettings,
    decode_record,
    decode_settings,
    encode_record,
    encode_settings,
)

SETTINGS = OrgSettings(7, "Asia/Kolkata")


def _body(**fields: Any) -> dict[str, Any]:
    return {
        "org_id": 7,
        "badge_id": "gold",
        "name": "Gold",
        "type": "DIRECT",
        "starts_at": "2023-10-01T00:00:00+05:30",
        "ends_at": "2023-10-30T23:59:59+05:30",
        "issue_expiry": {"type": "NEVER"},
        **fields,
    }


def _window(maximum: int, **shape: Any) -> list[dict[str, Any]]:
    return [{"type": "FIXED_WINDOW", "max": maximum, **shape}]


WINDOWS = [
    _window(2, duration="DAYS", refresh_rate=3),
    _window(5, duration="WEEKS", start_day="TUESDAY"),
    _window(9, duration="MONTHS"),
]
MEASURES: list[dict[str, Any] | None] = [
    None,
    {"action": "PURCHASE", "sum": "amount", "reaches": Decimal("0.5")},
    {"action": "PURCHASE", "where": {"store": "9", "channel": ["web", "app"], "amount": {"min": 1}}},
    {"action": ["PURCHASE", "VISIT"], "count": True, "reaches": 3, "within": {"duration": "MONTHS"}},
]


def _edited(edits: list[dict[str, Any]]) -> list[StoredBadge]:
    """What a series of accepted edits stores, one a day."""
    stored: list[StoredBadge] = []
    at = parse_instant("2023-10-05T00:00:00Z") or 0
    for number, body in enumerate(edits):
        current = stored[-1] if stored else None
        record = accept(
            definition_from_json(body),
            current.record if current else None,
            {},
            SETTINGS,
            at + number * 86_400_000,
        )
        history = current.followed() if current else ()
        stored.append(StoredBadge(record, body, f"author {number}", history))
    return stored


@given(
    st.lists(
        st.builds(
            lambda customer, badge, measure, benefits: _body(
                customer_limits=customer, badge_limits=badge, issue_on=measure, benefits=benefits
            ),
            st.sampled_from(WINDOWS),
            st.sampled_from(WINDOWS),
            st.sampled_from(MEASURES),
            st.lists(
                st.dictionaries(
                    st.text(st.characters(codec="utf-8")), st.decimals(allow_nan=False, allow_infinity=False)
                ),
                max_size=3,
            ),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_the_result_of_every_edit_comes_back_with_all_earlier_ones(edits: list[dict[str, Any]]) -> None:
    versions = _edited(edits)
    last = versions[-1]
    read = decode_record(encode_record(last.record, last.body, last.author, last.history))
    assert read.record == last.record
    assert read.author == last.author
    assert read.earlier_records() == [version.record for version in versions[:-1]]
    assert [version["author"] for version in read.history] == [version.author for version in versions[:-1]]


def test_configuration_ids_are_stored_and_not_made_again() -> None:
    (stored,) = _edited([_body(customer_limits=WINDOWS[0])])
    value = encode_record(stored.record, stored.body, "anna").replace(
        stored.record.configurations[0][0].configuration_id.encode(), b"another id"
    )
    assert decode_record(value).record.configurations[0][0].configuration_id == "another id"


def test_equal_records_are_equal_bytes_whatever_the_order_of_fields() -> None:
    (stored,) = _edited([_body()])
    turned = dict(reversed(stored.body.items()))
    assert encode_record(stored.record, turned, "a") == encode_record(stored.record, stored.body, "a")


def _settings(version: int, hours: int) -> StoredSettings:
    body = {"org_id": 7, "timezone": "Asia/Kolkata", "retro_delay_since_registration_hours": hours}
    return StoredSettings(OrgSettings(7, "Asia/Kolkata", 30, hours), version, version * 1000, body, "anna")


def test_settings_come_back_with_all_earlier_ones() -> None:
    first, second = _settings(1, 0), _settings(2, 24)
    value = encode_settings(2, 2000, second.body, "anna", first.followed())
    read = decode_settings(value)
    assert (read.settings, read.version, read.accepted_at) == (second.settings, 2, 2000)
    assert read.earlier_settings() == [first.settings]


def test_a_later_format_is_refused_with_what_to_do() -> None:
    value = encode_settings(1, 0, {"org_id": 7}, "anna").replace(b'"format":1', b'"format":2')
    with pytest.raises(UnreadableRecord, match="start the newer release again"):
        decode_settings(value)


@given(st.data())
def test_a_damaged_record_is_unreadable_and_nothing_else(data: st.DataObject) -> None:
    (stored,) = _edited([_body(customer_limits=WINDOWS[1])])
    content = json.loads(encode_record(stored.record, stored.body, "anna"))
    holders = [content, content["document"], content["created"], content["configurations"]["CUSTOMER"][0]]
    holder = data.draw(st.sampled_from(holders))
    name = data.draw(st.sampled_from(sorted(holder)))
    holder[name] = data.draw(st.sampled_from([None, 1, "text", [], {}, [1], {"a": 1}, True]))
    try:
        read = decode_record(json.dumps(content).encode())
    except UnreadableRecord:
        return
    assert isinstance(read.record, BadgeRecord)


@given(st.binary(max_size=50))
def test_bytes_that_are_no_record_are_unreadable_and_nothing_else(data: bytes) -> None:
    for read in (decode_record, decode_settings):
        with pytest.raises(UnreadableRecord):
            read(data)
