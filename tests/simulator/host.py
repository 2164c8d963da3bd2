"""What the fakes ask of whoever runs them: time, turns, and whether something goes wrong here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Host(Protocol):
    """One client's surroundings. Instants are virtual seconds."""

    def now(self) -> float:
        """The virtual clock, which never goes back."""

    def step(self, call: str) -> None:
        """Anybody else may run now, and the caller's process may die here."""

    def wait(self, seconds: float) -> None:
        """As `step`, and the caller is not served again before that time went by."""

    def fault(self, place: str, *kinds: str) -> str | None:
        """The kind of fault that happens at a place, or None."""

    def likely(self, what: str) -> bool:
        """Whether something that usually comes in time is there already."""

    def portion(self, most: int) -> int:
        """How many come at once: 1 to `most`."""

    def later(self, what: str, deliver: Callable[[], object]) -> None:
        """A request that is on its way: delivered at some time, to whatever stands there then."""

    def reachable(self, server: str) -> bool:
        """Whether "kafka" or "redis" answers at all."""

    def alive(self) -> bool:
        """Whether the process runs, so that its heartbeats go out."""


class CalmHost:
    """Nothing goes wrong and nobody else is there: for the contract of the fakes."""

    def __init__(self, settle: Callable[[float], object]) -> None:
        self._now = 0.0
        self._settle = settle

    def now(self) -> float:
        return self._now

    def step(self, call: str) -> None:
        self.wait(0.001)

    def wait(self, seconds: float) -> None:
        self._now += seconds
        self._settle(self._now)

    def fault(self, place: str, *kinds: str) -> str | None:
        return None

    def likely(self, what: str) -> bool:
        return True

    def portion(self, most: int) -> int:
        return most

    def later(self, what: str, deliver: Callable[[], object]) -> None:
        deliver()

    def reachable(self, server: str) -> bool:
        return True

    def alive(self) -> bool:
        return True
