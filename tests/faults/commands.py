"""`badges consume` as an operator runs it, and what it said; the view's server under the test's hands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import redis

from consumer.cli.app import main
from tests.faults.oracle import Audit, audit
from tests.live.shop import Shop, record_of

ENDS_S = 300
BADGES = (sys.executable, "-c", "import sys; from consumer.cli.app import main; sys.exit(main())")
SHORT = 'kafka.consumer={"session.timeout.ms": "2000", "heartbeat.interval.ms": "300"}'


class Ran(NamedTuple):
    """An exit code, and the log line before it."""

    code: int
    reason: str
    log: str


@contextmanager
def consuming(
    shop: Shop,
    *words: str,
    settings: Sequence[str] = (),
    log: str = "log",
    program: Sequence[str] = BADGES,
) -> Iterator[subprocess.Popen[bytes]]:
    """`badges consume` under the shop's settings; killed at the end of the block if it still runs."""
    given = [word for one in (*shop.overrides, *settings) for word in ("--set", one)]
    with shop.log.with_name(log).open("ab") as written:
        process = subprocess.Popen(
            [*program, "consume", *words, *given],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def consume_to_the_end(
    shop: Shop, *words: str, settings: Sequence[str] = (), program: Sequence[str] = BADGES
) -> Ran:
    """Until it ends by itself, with what stands in its last line."""
    shop.log.unlink(missing_ok=True)
    with consuming(shop, "--exit-at-end", *words, settings=settings, program=program) as process:
        code = process.wait(ENDS_S)
    log = shop.log.read_text()
    stopped = [one for one in events(log) if one["event"] == "stopped"]
    return Ran(code, stopped[-1]["reason"] if stopped else "", log)


def events(log: str) -> list[dict[str, Any]]:
    """The lines of a worker's log that are events."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def link(shop: Shop) -> redis.Redis:
    """To the view's server and database."""
    url = next(one for one in shop.overrides if one.startswith("redis.url=")).removeprefix("redis.url=")
    return redis.Redis.from_url(url)


def buy(shop: Shop, customers: Sequence[str], event_id: str = "e") -> None:
    """A purchase of each."""
    with shop.batch() as send:
        for customer in customers:
            send(*record_of(customer, event_id))


def view_is_whole(shop: Shop) -> bool:
    """`badges verify` agrees, beside workers too."""
    return main(["verify", *(word for one in shop.overrides for word in ("--set", one))]) == 0


def whole(shop: Shop) -> Audit:
    """The oracle has nothing to object to."""
    found = audit(shop.broker, shop.overrides)
    assert not found.problems, found.told()
    return found
