"""Named points at which a test ends or stops this process: BADGES_CRASH_AT=point:n, or point:n:stop.

`n` is the passage that is hit, from 1. Without the variable `reached` is one comparison.
"""

from __future__ import annotations

import os
import signal
from typing import Final, Literal

Point = Literal[
    "consume", "decode", "load", "decide", "begin", "produce", "flush", "send_offsets", "commit", "redis",
    "revoke", "repair",
]  # fmt: skip

VARIABLE: Final = "BADGES_CRASH_AT"
_wanted = os.environ.get(VARIABLE, "")
_passages: dict[str, int] = {}


def reached(point: Point) -> None:
    """Kills (or stops) the process if this is the passage that was asked for."""
    if not _wanted:
        return
    name, number, *how = _wanted.split(":")
    if name != point:
        return
    _passages[point] = _passages.get(point, 0) + 1
    if _passages[point] == int(number):
        os.kill(os.getpid(), signal.SIGSTOP if how == ["stop"] else signal.SIGKILL)
