"""Where the real code meets the fakes: the client classes and crash points that its modules import by name.

The constructors take no host, so the one of the process that runs is looked up: there is exactly one.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import confluent_kafka

from badges import evolve
from consumer import bounded_call, crash_points, repair
from state import chain
from tests.simulator.consumers import FakeConsumer
from tests.simulator.host import Host
from tests.simulator.log import Broker
from tests.simulator.producers import FakeProducer

PAGES = {"SEEN_INLINE": 3, "SEEN_LOAD": 2, "ISSUANCES_A_PAGE": 2, "DAYS_INLINE": 2}
"""So that customers of a few acts have pages."""
LOGGER = logging.getLogger("simulator")


@contextmanager
def seams(
    broker: Broker, host: Callable[[], Host], reached: Callable[[str], None], *, small: bool
) -> Iterator[None]:
    """Everything that is constructed inside talks to the broker. `small`: scripts, pages and repairs
    are small."""

    def consumer(config: dict[str, Any], logger: Any = None) -> FakeConsumer:
        return FakeConsumer(broker, host(), config)

    def producer(config: dict[str, Any], logger: Any = None) -> FakeProducer:
        return FakeProducer(broker, host(), config)

    fakes = (
        ("Consumer", confluent_kafka.Consumer, consumer),
        ("Producer", confluent_kafka.Producer, producer),
        ("reached", crash_points.reached, reached),
        ("bounded", bounded_call.bounded, lambda call, _seconds: call()),  # its own threads take turns
    )
    modules = [module for name, module in sys.modules.items() if name.startswith("consumer.")]
    with ExitStack() as stack:
        for name, real, fake in fakes:
            for module in modules:
                if getattr(module, name, None) is real and module not in (crash_points, bounded_call):
                    stack.enter_context(patch.object(module, name, fake))
        if small:
            stack.enter_context(patch.object(chain, "DOCUMENTS_A_SCRIPT", 2))
            stack.enter_context(patch.object(repair, "DOCUMENTS_A_STEP", 3))
            for name, size in PAGES.items():
                stack.enter_context(patch.object(evolve, name, size))
        yield
