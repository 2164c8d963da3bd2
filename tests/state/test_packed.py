"""What the codec remembers of a badge is what it would make of it now."""

from __future__ import annotations

import pytest
from hypothesis import given

from badges.actions import CustomerAction
from badges.customer import CustomerState
from badges.decisions import Verdict
from badges.simulate import Simulation
from state.document import encode_head
from tests.builders import Json, play
from tests.properties.timelines import timelines
from tests.states import copied


def afresh(state: CustomerState) -> bytes:
    """The head with nothing remembered."""
    unpacked: CustomerState = copied(state)
    for badge in unpacked.badges.values():
        badge.packed = None
    return encode_head(unpacked)


@given(timeline=timelines())
def test_a_head_encoded_after_each_act_is_the_head_encoded_afresh(timeline: list[Json]) -> None:
    act = Simulation.act

    def checked(run: Simulation, action: CustomerAction, at: int) -> Verdict:
        verdict = act(run, action, at)
        state = run.customer(action.org_id, action.customer_id)
        assert encode_head(state) == afresh(state)
        return verdict

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Simulation, "act", checked)
        play(timeline)
