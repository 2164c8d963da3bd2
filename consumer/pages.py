"""Deciding over pages of a state that are not loaded yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from badges.customer import CustomerState, PageKey, PageMissing
from consumer.ownership import Owned
from consumer.view_checks import checked
from state.loader import WantedPages, load_pages
from state.view import View

_Found = TypeVar("_Found")


def with_pages(
    view: View, own: Owned, state: CustomerState, keys: Sequence[PageKey], ask: Callable[[], _Found]
) -> _Found:
    """What `ask` answers once these pages, and all others that it turns out to miss, are in the state. Every
    round loads pages that exist, so it ends. Raises Paused or ViewMoved.

    Only the keys are kept of an error: the error itself would keep the whole batch, by the frames in its
    traceback, until garbage is collected.
    """
    while True:
        load_missed(view, own, state, keys)
        try:
            return ask()
        except PageMissing as missing:
            keys = missing.keys


def load_missed(view: View, own: Owned, state: CustomerState, keys: Sequence[PageKey]) -> None:
    """One round trip. Raises Paused or ViewMoved."""
    wanted = [WantedPages(own.partition, own.view_marker, [(state, keys)])]
    checked(lambda: load_pages(view, wanted))
