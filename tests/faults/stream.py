"""Two workers under their parent decide a stream of purchases, while something is done to their servers."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import KafkaError, Message

from tests.chaos.progress import Progress
from tests.faults.commands import ENDS_S, SHORT, consuming, events, view_is_whole, whole
from tests.live.shop import PARTITIONS, Shop, record_of

CUSTOMERS = 150
PER_SECOND = 100
PATIENCE_S = 300.0


class Stream:
    """Purchases without end, in a thread of its own; `sent` counts those that Kafka confirmed."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
        self.sent = 0
        self.refused = 0

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        self.sent += error is None
        self.refused += error is not None

    def _run(self) -> None:
        producer, topic = self._shop.broker.producer(), self._shop.broker.topic("customer-actions")
        for number in itertools.count():
            if self._ending.wait(1 / PER_SECOND):
                break
            partition, key, value = record_of(str(number % CUSTOMERS), f"s-{number}")
            producer.produce(topic, value, key, partition, on_delivery=self._delivered)
            producer.poll(0)
        producer.flush(60)

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Returns when all that was sent is confirmed."""
        self._ending.set()
        self._thread.join(90)


@contextmanager
def watched(shop: Shop) -> Iterator[Progress]:
    settings = shop.broker.settings
    topic = shop.broker.topic("customer-actions")
    progress = Progress(shop.broker.address, settings.consumer.group, topic, range(PARTITIONS))
    progress.start()
    try:
        yield progress
    finally:
        progress.end()


def until(true: Callable[[], bool], shop: Shop) -> None:
    """Waits for a condition, or fails with the end of the consumer's log."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, shop.log.read_text()[-3000:]
        pause.wait(0.1)


def survive(shop: Shop, fault: Callable[[], None], settings: Sequence[str] = (SHORT,)) -> str:
    """The fault comes while purchases are decided. When it is over the lag reaches zero by itself, the view
    becomes whole, and the oracle has nothing to object to. The consumer's log.
    """
    with watched(shop) as progress, consuming(shop, "--workers", "2", settings=settings) as process:
        with Stream(shop) as stream:
            until(lambda: progress.decided > 300, shop)
            fault()
            then = stream.sent
            until(lambda: progress.decided > then + 100, shop)
            stream.end()
        until(lambda: progress.decided >= stream.sent, shop)
        # A worker that ends in the middle of a repair leaves the rest of it to the next one.
        until(lambda: view_is_whole(shop), shop)
        assert process.poll() is None, shop.log.read_text()[-3000:]
        process.terminate()
        assert process.wait(ENDS_S) == 0, shop.log.read_text()[-3000:]
    assert stream.refused == 0
    assert whole(shop).issued == stream.sent
    return shop.log.read_text()


def told(log: str, event: str) -> list[str]:
    """The reasons of all log events of a kind."""
    return [str(one.get("reason")) for one in events(log) if one["event"] == event]
