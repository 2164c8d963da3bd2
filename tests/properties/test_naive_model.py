"""simulate and the naive model say the same, line by line, whatever the timeline."""

import json

from hypothesis import given

from tests.builders import Json, as_bytes, play
from tests.properties.timelines import timelines
from tests.spec.naive import run


def without_messages(lines: list[Json]) -> list[Json]:
    """Messages are free text (S109)."""
    for line in lines:
        line.get("error", {}).pop("message", None)
    return lines


@given(timeline=timelines())
def test_simulate_prints_what_the_naive_model_says(timeline: list[Json]) -> None:
    expected = list(run(timeline))
    printed = without_messages(play(timeline))
    for number, (got, wanted) in enumerate(zip(printed, expected, strict=False)):
        assert got == wanted, explained(timeline, number)
    assert len(printed) == len(expected), explained(timeline, min(len(printed), len(expected)))


def explained(timeline: list[Json], number: int) -> str:
    text = "\n".join(line.decode() for line in as_bytes(timeline))
    return f"output line {number} of this timeline:\n{text}\n" + json.dumps(number)
