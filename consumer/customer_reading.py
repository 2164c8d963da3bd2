"""A customer as the view in Redis knows it: current, or said not to be, and of one marker."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import Final, TypeVar

from confluent_kafka import OFFSET_BEGINNING, murmur2

from badges.customer import CustomerState, PageMissing
from consumer.addresses import redis_address
from consumer.broker import Broker
from consumer.failure import UNREACHABLE, Failure
from consumer.reading import read_until, stable_ends
from schemas.catalogue import CUSTOMER_STATE
from schemas.customer_action import customer_key
from state.errors import MarkerMoved, ViewError
from state.loader import Wanted, WantedPages, load_pages, load_states
from state.marker import RedisMarker
from state.redis_view import RedisView
from state.view import View

WAIT_S: Final = 5
PAUSE_S: Final = 0.1
MARKER_MOVES: Final = 50
"""How often a read may meet a marker that has just moved on."""

Answer = TypeVar("Answer")


def ask_about(
    broker: Broker, org_id: int, customer_id: str, question: Callable[[CustomerState], Answer]
) -> tuple[Answer, bool]:
    """The answer to a question about a customer, and whether the view had everything that the log held then;
    that is waited for, a moment long.

    `question` may raise `PageMissing`: pages are loaded and it is asked again. Raises Failure (4)
    where there is no view to ask.
    """
    partition = murmur2(customer_key(org_id, customer_id), broker.partitions(CUSTOMER_STATE))
    settings = broker.settings
    view = RedisView(redis_address(settings).get_secret_value(), prefix=settings.topics.prefix)
    with closing(view):
        current = _wait_until_current(broker, view, partition)
        for _ in range(MARKER_MOVES):
            try:
                return _asked(view, partition, org_id, customer_id, question), current
            except MarkerMoved:
                time.sleep(PAUSE_S / 10)
    raise Failure(UNREACHABLE, "the view in Redis is being written all the time; ask again")


def _wait_until_current(broker: Broker, view: View, partition: int) -> bool:
    topic = broker.topic(CUSTOMER_STATE)
    deadline = time.monotonic() + WAIT_S
    with closing(broker.reader()) as reader:
        ends = stable_ends(broker, topic, [partition])
        while True:
            marker = view.marker(partition)
            start = marker.changelog_offset if marker and not marker.token else 0
            # Control records of transactions lie behind the last record, so offsets alone do not tell.
            starts = {partition: start or OFFSET_BEGINNING}
            if start >= ends[partition] or not any(True for _ in read_until(reader, topic, starts, ends)):
                return True
            if time.monotonic() > deadline:
                return _stale(marker)
            time.sleep(PAUSE_S)


def _stale(marker: RedisMarker | None) -> bool:
    if marker is None or marker.token:
        message = "the view in Redis is being rebuilt, or no worker runs"
        raise Failure(
            UNREACHABLE, f"{message}; start `badges consume`, or run `badges rebuild`, then ask again"
        )
    return False


def _asked(
    view: View, partition: int, org_id: int, customer_id: str, question: Callable[[CustomerState], Answer]
) -> Answer:
    marker = view.marker(partition)
    found = load_states(view, [Wanted(partition, marker, [(org_id, customer_id)])])[partition]
    if isinstance(found, ViewError):
        raise found
    [state] = found
    while True:
        try:
            return question(state)
        except PageMissing as missing:
            error = load_pages(view, [WantedPages(partition, marker, [(state, missing.keys)])])[partition]
            if error is not None:
                raise error from None
