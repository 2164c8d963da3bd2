"""The consumer as a service: probes and metrics while it runs, a drained end on SIGTERM."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from consumer.compiled import VARIABLE as COMPILED
from consumer.demo.consuming import consumer_process
from consumer.group import committed_offsets
from consumer.local.ports import free_ports
from consumer.local.stack import StackAddresses
from tests.live.shop import PATIENCE_S, Shop, customers_of, open_shop, record_of

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def sample(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    assert found, f"no {name} in\n{text}"
    return float(found.group(1))


def metrics_with(shop: Shop, port: int, *lines: str) -> str:
    """The page, once it has all these lines: records may come in several batches, and metrics follow them."""
    text = ""

    def there() -> bool:
        nonlocal text
        text = ask(port, "/metrics")[1]
        return set(lines) <= set(text.splitlines())

    shop.until(there, lambda: text)
    return text


def log_of(shop: Shop) -> list[dict[str, object]]:
    return [json.loads(line) for line in shop.log.read_text().splitlines()]


def test_probes_and_metrics_tell_what_the_worker_does(stack: StackAddresses, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    shop = open_shop(stack, "service", 11, tmp_path / "log", f"metrics.port={port}")
    customers = customers_of(0, 2) + customers_of(3, 2)
    for customer in customers:
        shop.send(*record_of(customer))
    shop.send(0, b"7:x", b"not an action")
    with consumer_process(shop.overrides, 1, shop.log):
        shop.until(lambda: ask(port, "/ready")[0] == 200, lambda: str(ask(port, "/ready")))
        shop.issued_becomes(customers)
        for status, path in ((200, "/live"), (404, "/nothing")):
            shop.until(lambda: ask(port, path)[0] == status, lambda: path)  # noqa: B023 -- called at once
        text = metrics_with(
            shop,
            port,
            'badges_events_total{outcome="ISSUED"} 4.0',
            'badges_dead_letters_total{reason="UNDECODABLE"} 1.0',
            "badges_partitions_owned 4.0",
            "badges_paused 0.0",
            'kafka_consumergroup_lag{partition="0",topic="service.customer-actions"} 0.0',
        )
        for phase in ("decode", "load", "decide", "encode", "produce", "commit", "redis"):
            assert sample(text, f'badges_batch_phase_seconds_count{{phase="{phase}"}}') >= 1
        assert sample(text, "badges_event_date_delay_seconds_sum") >= 86_400


@pytest.mark.parametrize("workers", [1, 2])
def test_every_worker_runs_the_code_that_was_asked_for(
    stack: StackAddresses, tmp_path: Path, workers: int
) -> None:
    """`make test-compiled` asks for compiled modules, `make test` for the sources."""
    shop = open_shop(stack, f"code-{workers}", 8 + workers, tmp_path / "log")
    with consumer_process(shop.overrides, workers, shop.log):
        shop.until(lambda: shop.log.read_text().count('"worker_started"') == workers, shop.log.read_text)
    wanted = "interpreted" if os.environ[COMPILED] == "0" else "compiled"
    assert [one["code"] for one in log_of(shop) if one["event"] == "worker_started"] == [wanted] * workers


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_drains_and_ends_with_zero(stack: StackAddresses, tmp_path: Path, workers: int) -> None:
    shop = open_shop(stack, f"drain-{workers}", 11 + workers, tmp_path / "log")
    customers = [customer for partition in range(4) for customer in customers_of(partition, 50)]
    with shop.batch() as send:
        for customer in customers:
            send(*record_of(customer))
    with consumer_process(shop.overrides, workers, shop.log) as process:
        shop.until(lambda: bool(committed_offsets(shop.broker)), shop.log.read_text)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, shop.log.read_text()
    # A worker that has not begun when the signal comes has nothing to drain, and says nothing.
    assert {line["exit_code"] for line in log_of(shop) if line["event"] == "stopped"} == {0}
    with consumer_process(shop.overrides, 1, shop.log, exit_at_end=True) as process:
        assert process.wait(PATIENCE_S) == 0, shop.log.read_text()
    assert shop.issued_to() == sorted(customers)


def test_no_log_line_names_a_customer_or_an_event(stack: StackAddresses, tmp_path: Path) -> None:
    shop = open_shop(stack, "quiet", 14, tmp_path / "log")
    customers = [f"c0ffee-{number}" for number in range(20)]
    for customer in customers:
        shop.send(*record_of(customer, "s3cret"))
        shop.send(0, f"7:{customer}".encode(), f'{{"customer_id": "{customer}", "s3cret": NaN'.encode())
    with consumer_process(shop.overrides, 2, shop.log, exit_at_end=True) as process:
        assert process.wait(PATIENCE_S) == 0, shop.log.read_text()
    assert shop.issued_to() == sorted(customers)
    assert len(shop.read("customer-actions.dead-letters")) == len(customers)
    text = shop.log.read_text()
    assert "stopped" in text
    assert "c0ffee" not in text
    assert "s3cret" not in text
