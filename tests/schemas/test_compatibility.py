"""Old and new versions of a schema read each other; the check itself finds what does not fit."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from schemas.avro_schema import schema_text
from schemas.compatibility import between, incompatibilities, main, problems, samples


def test_every_version_of_every_schema_reads_every_other() -> None:
    assert incompatibilities() == []
    assert main() == 0


ACTION: dict[str, Any] = json.loads(schema_text("customer-action"))
DECISIONS: dict[str, Any] = json.loads(schema_text("badge-decisions"))


def _field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(field for field in schema["fields"] if field["name"] == name)


def _changed(name: str, **changes: Any) -> dict[str, Any]:
    schema = copy.deepcopy(ACTION)
    _field(schema, name).update(changes)
    return schema


def _added(**field: Any) -> dict[str, Any]:
    return {**ACTION, "fields": [*ACTION["fields"], field]}


def test_a_new_field_with_a_default_fits_both_ways() -> None:
    grown = _added(name="channel", type=["null", "string"], default=None)
    assert problems(ACTION, grown) == problems(grown, ACTION) == []


def test_a_new_field_without_a_default_cannot_read_the_past() -> None:
    grown = _added(name="channel", type="string")
    assert problems(ACTION, grown)
    assert problems(grown, ACTION) == []


def test_a_removed_field_without_a_default_cannot_be_read_by_old_readers() -> None:
    shrunk = {**ACTION, "fields": ACTION["fields"][1:]}
    assert problems(ACTION, shrunk) == []
    assert problems(shrunk, ACTION)


@pytest.mark.parametrize(
    "changed",
    [
        _changed("event_date", type={"type": "long", "logicalType": "timestamp-micros"}),
        _changed("event_date", type="long"),
        _changed("event_date", type="string"),
        _changed("org_id", type="string"),
        _changed(
            "amount", type=["null", {"type": "bytes", "logicalType": "decimal", "precision": 24, "scale": 2}]
        ),
    ],
)
def test_a_changed_type_or_unit_is_found(changed: dict[str, Any]) -> None:
    assert problems(ACTION, changed)
    assert problems(changed, ACTION)


def test_a_new_outcome_is_unknown_to_old_readers_and_no_failure() -> None:
    grown = copy.deepcopy(DECISIONS)
    items = _field(grown, "decisions")["type"]["items"]
    _field(items, "outcome")["type"]["symbols"].append("POSTPONED")
    assert problems(DECISIONS, grown) == problems(grown, DECISIONS) == []


def test_between_versions_every_pair_is_checked() -> None:
    middle, last = _added(name="a", type="string"), _added(name="a", type="string", default="")
    found = between("x", tuple(json.dumps(schema) for schema in (ACTION, middle, last)))
    assert [text.partition(":")[2].partition(":")[0] for text in found] == [
        " version 2 cannot read version 1"
    ]


def test_samples_use_every_branch_and_symbol() -> None:
    text = json.dumps(samples(DECISIONS), default=str)
    for symbol in ("REVOKED", "NOTHING_TO_REVOKE", "ROLLING_WINDOW", "BADGE"):
        assert f'"{symbol}"' in text
    assert {type(one["amount"]) for one in samples(ACTION)} == {
        type(None),
        type(samples(ACTION)[1]["amount"]),
    }
