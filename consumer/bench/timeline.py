"""`badges simulate`: the whole command in a process of its own, over a simple book of rules."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from badges.calendar import DAY, MINUTE, format_instant

_ORG: Final = 7
_START: Final = 1_700_000_000_000
_COMMAND: Final = "import sys; from consumer.cli.app import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True)
class Simulated:
    """`lines` read and `printed`, and the user CPU seconds of the command, start of Python included."""

    lines: int
    printed: int
    user_seconds: float

    @property
    def a_second(self) -> float:
        """Lines read per second of user CPU time: other processes disturb it less than wall clock."""
        return self.lines / self.user_seconds


def measure(count: int, customers: int) -> Simulated:
    """Runs the command once over `count` acts. Raises CalledProcessError where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        path, printed = Path(folder, "timeline.jsonl"), Path(folder, "printed.jsonl")
        path.write_text("".join(f"{line}\n" for line in timeline(count, customers)))
        before = os.times().children_user
        with printed.open("wb") as output:
            command = [sys.executable, "-c", _COMMAND, "simulate", str(path)]
            subprocess.run(command, stdout=output, check=True)
        user = os.times().children_user - before
        with printed.open("rb") as output:
            return Simulated(count + 3, sum(1 for _ in output), user)


def timeline(count: int, customers: int) -> Iterator[str]:
    """The settings, two badges (twice per three days; spend in a month) and `count` purchases, one a minute.

    Deterministic. Each purchase concerns both badges.
    """
    draw = random.Random(1)  # noqa: S311 -- a reproducible load, no secret
    yield _line(_START, "settings", {"org_id": _ORG, "timezone": "Asia/Kolkata"})
    limit = {"type": "FIXED_WINDOW", "max": 2, "duration": "DAYS", "refresh_rate": 3}
    yield _line(_START, "badge", _badge("fan", {"action": "PURCHASE"}) | {"customer_limits": [limit]})
    spend = {"sum": "amount", "reaches": 500, "within": {"duration": "MONTHS"}, "repeat": True}
    yield _line(_START, "badge", _badge("gold", {"action": "PURCHASE", **spend}))
    for number in range(count):
        at = _START + number * MINUTE
        body = {
            "org_id": _ORG,
            "event_id": f"e-{number}",
            "customer_id": f"c{draw.randrange(customers)}",
            "action": "PURCHASE",
            "event_date": format_instant(at - draw.randrange(3 * DAY)),
            "amount": f"{draw.randrange(100, 20_000) / 100:.2f}",
        }
        yield _line(at, "action", body)


def _badge(badge_id: str, issue_on: dict[str, Any]) -> dict[str, Any]:
    return {
        "org_id": _ORG,
        "badge_id": badge_id,
        "name": badge_id,
        "type": "DIRECT",
        "starts_at": format_instant(_START - 90 * DAY),
        "ends_at": format_instant(_START + 3650 * DAY),
        "issue_expiry": {"type": "RELATIVE", "value": 30, "unit": "DAYS"},
        "issue_on": issue_on,
    }


def _line(at: int, kind: str, body: dict[str, Any]) -> str:
    return json.dumps({"at": format_instant(at), kind: body})
