"""What a worker drops is free at once: a cycle would keep a whole batch until the collector walks by."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from badges.customer import PageMissing
from state import cache
from tests.simulator.cores import one_core
from tests.simulator.run import simulate


@pytest.fixture
def garbage() -> Iterator[list[object]]:
    """Fills with what only the collector could free."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_pages_that_had_to_be_loaded_one_after_another_leave_no_cycle(
    garbage: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "FEW_PAGES", 0)
    monkeypatch.setattr(cache, "PAGES_KEPT", {"s": 1, "i": 1, "t": 1})
    with one_core():
        for seed in range(60):
            simulate(seed)
    gc.collect()
    assert not [one for one in garbage if isinstance(one, PageMissing)]
