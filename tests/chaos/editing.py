"""One edit of the rules, in a process of its own: the broker may go away under it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from confluent_kafka import KafkaException

from consumer.broker import Broker
from consumer.definitions_store import publish
from consumer.failure import Failure
from consumer.settings import load_settings
from tests.chaos.workload import documents


def command(overrides: Sequence[str], began: int, edit: int) -> list[str]:
    """The process that makes the edit of this number."""
    given = json.dumps({"overrides": list(overrides), "began": began, "edit": edit})
    return [sys.executable, "-m", "tests.chaos.editing", given]


def edit_once(given: str) -> None:
    """The child's side."""
    asked = json.loads(given)
    with suppress(Failure, KafkaException):
        broker = Broker(load_settings(asked["overrides"]))
        wanted = documents(asked["began"], asked["edit"])
        publish(broker, lambda _found: wanted, "chaos", time.time_ns() // 1_000_000)


if __name__ == "__main__":
    edit_once(sys.argv[1])
