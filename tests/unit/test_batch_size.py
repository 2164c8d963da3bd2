"""A batch takes what is decided in a quarter of a second."""

from __future__ import annotations

import pytest

from consumer.batch_size import BATCH_S, FIRST, MOST, BatchSize


@pytest.mark.parametrize("micros", [20, 40, 75, 300, 5_000, 1_000_000])
def test_full_batches_come_to_take_a_quarter_of_a_second_or_as_many_as_are_allowed(micros: int) -> None:
    size = BatchSize()
    for _ in range(20):
        size.committed(size.most, size.most * micros / 1e6)
    assert size.most == pytest.approx(min(MOST, max(1, BATCH_S / micros * 1e6)), abs=1)


def test_a_batch_that_was_not_full_changes_nothing() -> None:
    size = BatchSize()
    size.committed(FIRST - 1, 60.0)
    size.committed(1, 0.0)
    assert size.most == FIRST


def test_refusals_lead_to_one_record_and_successes_back_by_no_more_than_twice() -> None:
    size = BatchSize()
    for _ in range(30):
        size.refused()
    assert size.most == 1
    sizes = []
    for _ in range(30):
        size.committed(size.most, 1e-9)
        sizes.append(size.most)
    assert sizes[:4] == [2, 4, 8, 16]
    assert sizes[-1] == MOST
