"""The topic badge-hops of a real broker, in the form in which the simulator's reference reads its own."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from consumer.broker import Broker
from consumer.reading import read_everything
from schemas.catalogue import BADGE_HOPS, CUSTOMER_STATE


class Entry(NamedTuple):
    """A record."""

    key: bytes | None
    value: bytes | None


class HopLog:
    """One partition."""

    def __init__(self) -> None:
        self.records: list[tuple[int, Entry]] = []

    def committed(self) -> list[tuple[int, Entry]]:
        """As a reader of committed records sees it."""
        return self.records


class HopLogs:
    """All partitions, and how many there are of customer-state."""

    def __init__(self, broker: Broker, partitions: int) -> None:
        self.topics = {CUSTOMER_STATE: partitions}
        self.logs: dict[tuple[str, int], HopLog] = defaultdict(HopLog)
        for message in read_everything(broker, BADGE_HOPS):
            log = self.logs[BADGE_HOPS, message.partition() or 0]
            log.records.append((message.offset() or 0, Entry(message.key(), message.value())))
        self.any = bool(self.logs)
