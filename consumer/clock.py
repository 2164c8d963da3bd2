"""The clock, injected wherever time matters."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """`now` is epoch milliseconds UTC; `monotonic` seconds, for deadlines and durations only."""

    def now(self) -> int:
        """The wall clock."""

    def monotonic(self) -> float:
        """Never goes back, whatever is done to the wall clock."""


class SystemClock:
    """This machine's."""

    def now(self) -> int:
        """As `Clock.now`."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """As `Clock.monotonic`."""
        return time.monotonic()
