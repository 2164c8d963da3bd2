"""`badges tail issued`: what stands in a record, as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

from badges.actions import CustomerAction
from badges.decisions import Decision, LimitFact
from badges.definitions import BadgeDefinition, BadgeRecord, Expiry
from consumer.cli.record_lines import issued_lines
from schemas.badge_issued import encode_issued

ACT = CustomerAction(7, "e", "42", "PURCHASE", 1_696_999_000_123, attributes={"channel": "w\u00e9b"})
GOLD = BadgeDefinition(7, "gold", "Gold", "DIRECT", 0, 1, Expiry("NEVER"))


def test_an_issuance_is_one_object_with_instants_days_and_the_benefits_as_they_were_defined() -> None:
    benefits = ('{"points":100}', '{"rate":0.12345678901234567890123,"serial":12345678901234567890123}')
    first, last = date(2023, 10, 9).toordinal(), date(2023, 10, 11).toordinal()
    fact = LimitFact("CUSTOMER", "FIXED_WINDOW", 2, 1, first, last)
    made = Decision("gold", "ISSUED", issuance_id="c626a67b-d336-5a39-b0b0-96908daa238c", limits=(fact,))
    record = BadgeRecord(replace(GOLD, benefits=benefits), 3, 0)
    [line] = issued_lines(encode_issued(ACT, made, record, 1_697_000_000_000))
    told = json.loads(line, parse_float=Decimal)
    assert told["benefits"] == [
        {"points": 100},
        {"rate": Decimal("0.12345678901234567890123"), "serial": 12345678901234567890123},
    ]
    assert told["issued_at"] == "2023-10-11T04:53:20.000Z"
    assert told["event_date"] == "2023-10-11T04:36:40.123Z"
    assert (told["definition_version"], told["expires_at"]) == (3, None)
    assert told["attributes"] == {"channel": "w\u00e9b"}
    assert told["limits"][0]["window"] == ["2023-10-09", "2023-10-11"]
