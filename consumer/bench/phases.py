"""Where a worker's time goes, from its own metrics."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.request import urlopen

from consumer.local.ports import free_ports, is_free

_PHASE: Final = re.compile(r'badges_batch_phase_seconds_sum\{phase="(\w+)"\} (\S+)')
_ANSWER_S: Final = 5


def free_range(count: int) -> int:
    """The first of `count` consecutive free ports."""
    while True:
        (first,) = free_ports(1)
        if all(is_free(first + number) for number in range(count)):
            return first


def phase_seconds(ports: Sequence[int]) -> dict[str, float]:
    """Seconds spent so far by phase, over all workers."""
    found: dict[str, float] = defaultdict(float)
    for port in ports:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_ANSWER_S) as answer:
            text = answer.read().decode()
        for name, seconds in _PHASE.findall(text):
            found[name] += float(seconds)
    return dict(found)


def shares(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Each phase's part of what was spent between two looks, the greatest first."""
    seconds = {name: spent - before.get(name, 0.0) for name, spent in after.items()}
    whole = sum(seconds.values())
    ranked = sorted(seconds.items(), key=lambda item: -item[1])
    return {name: spent / whole for name, spent in ranked} if whole else {}
