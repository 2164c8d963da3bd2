"""Committer: what becomes of a transaction whose batch cannot be decided."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.batch import Committer
from consumer.batch_records import Topics
from consumer.ownership import Owned
from consumer.shares import Batch, Share
from consumer.view_checks import ViewMoved
from schemas.changelog import PositionMarker
from state.cache import StateCache
from state.memory_view import MemoryView

NOWHERE = Owned(3, PositionMarker(0, "", "", 0, 0, 0, 0, ""), None)


class Recorded:
    """What is asked of `Transactions`, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.calls.append(name)


def batch() -> Batch:
    return Batch({3: Share(NOWHERE, 0, 0)}, {}, 1, {"decide": 0.0, "encode": 0.0})


def test_a_share_that_cannot_be_decided_ends_the_transaction_and_nothing_is_committed() -> None:
    transactions: Any = Recorded()

    def moved(batch: Batch, partition: int) -> None:
        raise ViewMoved([partition])

    committer = Committer(transactions, moved, Topics(*"abcde"), MemoryView(), StateCache(10), "test")
    with pytest.raises(ViewMoved):
        committer.commit(batch(), (0, 0), None)
    assert transactions.calls == ["begin", "abort"]
