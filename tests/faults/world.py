"""The demo's shop under faults: a consumer as a process, its progress, and the one oracle for all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil

from badges.actions import CustomerAction
from consumer.demo.consuming import consumer_process
from consumer.demo.purchases import HERO
from consumer.group import committed_offsets
from tests.demo.shop import Shop
from tests.faults.oracle import audit

PATIENCE_S = 300.0


def some(shop: Shop, one_in: int) -> list[CustomerAction]:
    """The acts of a part of the customers, in the order of time."""
    return [one for one in shop.acts() if one.customer_id == HERO or int(one.customer_id) % one_in == 1]


def until(true: Callable[[], bool], told: Callable[[], object]) -> None:
    """Waits for a condition; fails with what `told` says."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)  # between two looks


def decided(shop: Shop) -> int:
    """How far the group is, in records of the input."""
    return sum(committed_offsets(shop.broker).values())


@contextmanager
def running(shop: Shop, workers: int, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A consumer that goes on until the block ends, with a short session so that a death is soon noticed."""
    short = 'kafka.consumer={"session.timeout.ms": "2000", "heartbeat.interval.ms": "300"}'
    with consumer_process([*shop.overrides, short, *more], workers, shop.log) as process:
        yield process


def progress_to(shop: Shop, process: subprocess.Popen[bytes], records: int) -> None:
    """Until so many records are decided; the consumer has to live until then."""

    def there() -> bool:
        assert process.poll() is None, _log(shop)
        return decided(shop) >= records

    until(there, lambda: _log(shop))


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The living worker processes under a parent, not multiprocessing's own."""
    found = []
    for one in psutil.Process(process.pid).children():
        with suppress(psutil.NoSuchProcess):  # one that ended, also if its parent does not know yet
            words = one.cmdline()
            if words and "resource_tracker" not in " ".join(words):
                found.append(one)
    return found


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def finish(shop: Shop, workers: int = 1) -> None:
    """Decides what is left; the consumer ends by itself, with 0."""
    with consumer_process(shop.overrides, workers, shop.log, exit_at_end=True) as process:
        assert process.wait(PATIENCE_S) == 0, _log(shop)


def check(shop: Shop, acts: Sequence[CustomerAction]) -> int:
    """The oracle, over the full output; and no act is missing in the input. How many issuances there are."""
    found = audit(shop.broker, shop.overrides)
    assert not found.problems, found.told()
    assert found.decided >= len(acts)
    return found.issued


def _log(shop: Shop) -> str:
    return shop.log.read_text()[-3000:]
