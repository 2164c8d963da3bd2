"""Every row of worked_examples.md holds."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders import Json, at, customer, play, told
from tests.spec.worked_examples import Row, claims, rows, story


def parameters() -> Iterator[Any]:
    for number, row in enumerate(rows()):
        yield pytest.param(row, id=f"{row.id}-row-{number}", marks=pytest.mark.rule(row.id))


@pytest.mark.parametrize("row", list(parameters()))
def test_worked_example(row: Row) -> None:
    timeline, tested = story(row)
    records = play(timeline)
    for event_id, expected in zip(tested, row.expected, strict=True):
        found = [record for record in records if record["event_id"] == event_id]
        if expected == "no record":
            assert found == []
            continue
        assert len(found) == 1
        for name, value in claims(expected):
            assert observed(found[0], name, timeline) == value, (name, found[0])


def observed(record: Json, name: str, timeline: list[Json]) -> Any:
    """What the record, or a question asked after the timeline, says of the name."""
    detail = record["detail"]
    limits = [detail["limit"]] if "limit" in detail else detail.get("limits", [])
    match name:
        case "told":
            return told([record])[0]
        case "count":
            return (limits[0]["count"], limits[0]["max"])
        case "window":
            return limits[0]["window"]
        case "enrolment":
            answer = play(timeline, at(timeline[-1]["at"], customer()))[-1]
            return answer["customer"]["enrolments"][-1]["status"]
    return record[name]
