"""`badges` with a fault at the edge of its clients or in its clock: what the variable EDGE names, as JSON.

`{"callback": FILE}`  a callback raises inside `consume()`, once the worker has got something
`{"delivery": FILE}`  records that the producer holds are not delivered, in a transaction that has many
`{"deaf": ""}`        the worker is not told that the connection to its coordinator broke
`{"off": FILE}`       the wall clock is so many milliseconds off as stand in the file
`{"frozen": FILE}`    the wall clock stands at the instant in the file

The first two happen once, then FILE exists. Workers that a parent spawns import this module too.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, Message, Producer

from consumer import clock
from consumer import input as input_module
from consumer import transactions as transactions_module
from consumer.cli.app import main

VARIABLE: Final = "EDGE"
MANY: Final = 100
PATIENCE_S: Final = 120.0
PROGRAM: Final = (sys.executable, "-m", "tests.faults.edge")


def once(file: Path) -> bool:
    """Whether this is the first time, of all processes."""
    try:
        file.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class RaisingConsumer(Consumer):
    """Its callback for statistics raises once, inside a call that was to take records."""

    file: Path

    def __init__(self, config: dict[str, Any], **more: Any) -> None:
        self._took = 0
        super().__init__({**config, "statistics.interval.ms": 5, "stats_cb": self._told}, **more)

    def _told(self, _statistics: str) -> None:
        if self._took and once(self.file):
            raise RuntimeError("planted")

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message]:
        messages = super().consume(num_messages, timeout)
        self._took += sum(message.error() is None for message in messages)
        return messages


class LosingProducer(Producer):
    """Drops what is still in its queue before a flush, once. Until a flush everything is, however slow the
    worker is.
    """

    file: Path

    def __init__(self, config: dict[str, Any], **more: Any) -> None:
        super().__init__({**config, "linger.ms": 20_000}, **more)

    def flush(self, timeout: float = -1) -> int:
        if len(self) > MANY and once(self.file):
            dropped = len(self)
            self.purge(in_queue=True, in_flight=False, blocking=True)
            self.file.write_text(str(dropped))
        return super().flush(timeout)


def set_clock(now: Callable[[], int]) -> None:
    """Every clock of this process, from now on."""
    setattr(clock.SystemClock, "now", lambda _self: now())  # noqa: B010 -- mypy takes no other signature


def plant(asked: dict[str, str]) -> None:
    """Puts the faults where the worker finds its clients and its clock."""
    if "callback" in asked:
        RaisingConsumer.file = Path(asked["callback"])
        vars(input_module)["Consumer"] = RaisingConsumer
    if "delivery" in asked:
        LosingProducer.file = Path(asked["delivery"])
        vars(transactions_module)["Producer"] = LosingProducer
    if "deaf" in asked:
        vars(transactions_module)["BROKEN"] = ("never",)
    if "off" in asked:  # by hours: only who takes it for the time that passes notices with so much patience
        vars(transactions_module).update(CALL_S=PATIENCE_S, SLOW_COMMIT_S=PATIENCE_S)
        set_clock(lambda: time.time_ns() // 1_000_000 + int(Path(asked["off"]).read_text()))
    if "frozen" in asked:
        set_clock(lambda: int(Path(asked["frozen"]).read_text()))


plant(json.loads(os.environ.get(VARIABLE, "{}")))

if __name__ == "__main__":
    sys.exit(main())
