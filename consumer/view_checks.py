"""What the answers of a view mean for a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from consumer.errors import Paused
from state.errors import ViewDamaged, ViewError, ViewRefused, ViewUnavailable


class ViewMoved(Exception):
    """Nothing of these partitions may be decided before they are repaired; `damaged` are those of which the
    view lacks something although its marker is right: they are to be rebuilt.
    """

    def __init__(self, partitions: Sequence[int], damaged: Sequence[int] = ()) -> None:
        super().__init__("partitions are to be repaired")
        self.partitions = tuple(partitions)
        self.damaged = tuple(damaged)


@contextmanager
def view_reached() -> Iterator[None]:
    """Around work on the view: an error of it pauses the worker, a refusal ends it. Raises Paused,
    ViewRefused.
    """
    try:
        yield
    except ViewRefused:
        raise
    except ViewError as error:
        raise Paused(str(error)) from None


_Answer = TypeVar("_Answer")


def checked(load: Callable[[], dict[int, _Answer | ViewError]]) -> dict[int, _Answer]:
    """The answer of a view where no partition has to be repaired. Raises Paused or ViewMoved."""
    try:
        found = load()
    except ViewUnavailable as error:
        raise Paused(str(error)) from None
    moved = [partition for partition, answer in found.items() if isinstance(answer, ViewError)]
    if moved:
        raise ViewMoved(moved, [p for p in moved if isinstance(found[p], ViewDamaged)])
    return {partition: answer for partition, answer in found.items() if not isinstance(answer, ViewError)}
