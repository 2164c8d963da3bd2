"""Customers and their pages out of a view, several partitions in one round trip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from badges.customer import CustomerState, PageKey
from state.cache import Customer
from state.document import Damaged, decode_head, decode_page, encode_head, encode_page
from state.errors import ViewDamaged, ViewError
from state.keys import head_key, page_key
from state.marker import RedisMarker
from state.view import Load, View


class Wanted(NamedTuple):
    """Customers of one partition, and the marker that must stand there."""

    partition: int
    expected: RedisMarker | None
    customers: Sequence[Customer]


class WantedPages(NamedTuple):
    """Pages (`PageMissing.keys`) of customers of one partition whose heads were loaded."""

    partition: int
    expected: RedisMarker | None
    pages: Sequence[tuple[CustomerState, Sequence[PageKey]]]


def load_states(view: View, wanted: Sequence[Wanted]) -> dict[int, list[CustomerState] | ViewError]:
    """The states in the order of the customers; an empty one for a customer that was never heard of.

    Per partition MarkerMoved or ViewDamaged. Raises ViewUnavailable, ViewRefused, UnknownFormat.
    """
    loads = [Load(w.partition, w.expected, [head_key(*customer) for customer in w.customers]) for w in wanted]
    found = view.load_many(loads)
    results: dict[int, list[CustomerState] | ViewError] = {}
    for w in wanted:
        values = found[w.partition]
        if not isinstance(values, ViewError):
            try:
                results[w.partition] = [
                    CustomerState(org_id, customer_id)
                    if value is None
                    else decode_head(org_id, customer_id, value)
                    for (org_id, customer_id), value in zip(w.customers, values, strict=True)
                ]
                continue
            except Damaged:
                values = ViewDamaged("the view holds a state that cannot be read")
        results[w.partition] = values
    return results


def load_pages(view: View, wanted: Sequence[WantedPages]) -> dict[int, ViewError | None]:
    """Puts the pages into their states. A page that a head knows and the view lacks is ViewDamaged: nothing
    may be decided on a hole. Otherwise as `load_states`; a partition with an error got none or some of its
    pages."""
    loads = [
        Load(
            w.partition,
            w.expected,
            [page_key(state.org_id, state.customer_id, key) for state, keys in w.pages for key in keys],
        )
        for w in wanted
    ]
    found = view.load_many(loads)
    results: dict[int, ViewError | None] = {}
    for w in wanted:
        values = found[w.partition]
        if isinstance(values, ViewError):
            results[w.partition] = values
        else:
            results[w.partition] = _fill(w, values)
    return results


def _fill(wanted: WantedPages, values: Sequence[bytes | None]) -> ViewError | None:
    remaining = iter(values)
    for state, keys in wanted.pages:
        for key in keys:
            value = next(remaining)
            if value is None:
                return ViewDamaged("the view lacks a page of a state")
            try:
                state.pages[key] = decode_page(key, value)
            except Damaged:
                return ViewDamaged("the view holds a page that cannot be read")
    return None


def changed_documents(state: CustomerState) -> list[tuple[bytes, bytes]]:
    """(key, value) of the head and of each dirty page: what the changelog gets after a change. Clears
    `dirty`."""
    org_id, customer_id = state.org_id, state.customer_id
    documents = [(head_key(org_id, customer_id), encode_head(state))]
    if state.dirty:
        documents += [
            (page_key(org_id, customer_id, key), encode_page(key, state.pages[key]))
            for key in sorted(state.dirty)
        ]
        state.dirty.clear()
    return documents


def state_of_documents(
    org_id: int, customer_id: str, head: bytes, pages: Iterable[tuple[PageKey, bytes]]
) -> CustomerState:
    """A state with the given pages, for whoever has all documents at hand. Raises UnknownFormat or
    Damaged."""
    state = decode_head(org_id, customer_id, head)
    for key, data in pages:
        state.pages[key] = decode_page(key, data)
    return state
