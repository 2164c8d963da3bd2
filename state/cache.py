"""The states of an owner's customers, kept between batches while it owns their partitions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from badges.customer import CustomerState
from badges.places import BadgePlaces

Customer = tuple[int, str]
"""(org_id, customer_id)."""

PAGES_KEPT: Final = {"s": 32, "i": 32, "t": 128}
"""By kind, how many loaded pages of a state are kept, those loaded last; the others are loaded again when
needed. A busy customer's acts ask for any of its seen events, and for the same few blocks of days.
"""
FEW_PAGES: Final = 32
_SLICE: Final = 16
"""One part in so many is dropped at once where the cache is full."""


class StateCache:
    """The states used last, at most about `limit` over all partitions.

    A state is changed in place while a batch is decided, so whoever decides holds its states itself until the
    batch is committed and its documents are made, and then puts them; what an aborted batch touched must be
    forgotten.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError("limit is at least 1")
        self._limit = limit
        self._count = 0
        self._partitions: dict[int, OrderedDict[Customer, CustomerState]] = {}
        self._places: dict[int, dict[tuple[int, str], BadgePlaces]] = {}

    def __len__(self) -> int:
        return self._count

    def get(self, partition: int, org_id: int, customer_id: str) -> CustomerState | None:
        """The state, or None if it is to be loaded."""
        states = self._partitions.get(partition)
        if states is None:
            return None
        customer = (org_id, customer_id)
        state = states.get(customer)
        if state is not None:
            states.move_to_end(customer)
        return state

    def put(self, partition: int, state: CustomerState) -> None:
        """Keeps a state that is as the log has it. Its `dirty` must be empty."""
        if len(state.pages) > FEW_PAGES and not state.dirty:
            _keep_newest(state)
        states = self._partitions.get(partition)
        if states is None:
            states = self._partitions[partition] = OrderedDict()
        customer = (state.org_id, state.customer_id)
        self._count += customer not in states
        states[customer] = state
        states.move_to_end(customer)
        if self._count > self._limit:
            self._shrink()

    def places(self, partition: int) -> dict[tuple[int, str], BadgePlaces]:
        """The places of the badges that a partition owns, by (org_id, badge_id), those asked for.
        They are changed in place, so they are dropped with the rest.
        """
        return self._places.setdefault(partition, {})

    def waiting(self) -> bool:
        """Whether requests wait for the reports of partitions, as far as known here."""
        return any(one.waiting for places in self._places.values() for one in places.values())

    def forget(self, partition: int, customers: Iterable[Customer]) -> None:
        """Drops what an abort made untrue; unknown customers are ignored."""
        states = self._partitions.get(partition)
        if states is not None:
            for customer in customers:
                self._count -= states.pop(customer, None) is not None

    def drop(self, partition: int) -> None:
        """Drops all of a partition, when it is no longer owned or is repaired."""
        self._count -= len(self._partitions.pop(partition, ()))
        self._places.pop(partition, None)

    def _shrink(self) -> None:
        """From the fullest partition, so that a busy one does not empty the others."""
        states = max(self._partitions.values(), key=len)
        for _ in range(min(len(states), self._count - self._limit + self._limit // _SLICE)):
            states.popitem(last=False)
            self._count -= 1


def _keep_newest(state: CustomerState) -> None:
    left = dict(PAGES_KEPT)
    for key in reversed(list(state.pages)):
        left[key[0]] -= 1
        if left[key[0]] < 0:
            del state.pages[key]
