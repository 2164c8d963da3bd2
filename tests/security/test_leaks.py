"""Nothing of a customer and no secret is in a log line of any level, an exception or a repr. Row 54."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from badges.calendar import format_instant
from schemas.customer_action import customer_key, encode_action
from tests.live.shop import purchase
from tests.security.conftest import Command, Ground
from tests.security.guarded import PASSWORD
from tests.security.page import redis_commands, redis_keys, worker_rights
from tests.security.test_redis_connections import PASSWORD as REDIS_PASSWORD
from tests.security.test_redis_connections import user as redis_user

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.row(54)]

CUSTOMER, EVENT, ATTRIBUTE = "planted-customer", "planted-event", "planted-attribute"
SECRETS = (PASSWORD, REDIS_PASSWORD, "planted-registry-word")

LOUD = """
import logging, sys
logging.basicConfig(stream=sys.stderr, level=1)
from consumer import bootstrap, service
bootstrap._librdkafka.propagate = True
from consumer.settings import load_settings
from consumer.telemetry import configure_logging
from consumer.zones import use_pinned_zones
service.configure_logging = lambda: configure_logging(logging.DEBUG)
use_pinned_zones()
settings = load_settings()
print(repr(settings), settings, repr(service.resolve_addresses(settings)), file=sys.stderr)
sys.exit(service.consume(settings, workers=1, exit_at_end=True, instance=None, accept_reset=False))
"""
"""A worker whose loggers, those of libraries too, write everything to stderr."""


def plant(ground: Ground) -> None:
    """Good and malformed records of one customer, under its key and another's."""
    good = purchase(CUSTOMER, EVENT)._replace(attributes={"coupon": ATTRIBUTE})
    key, value = customer_key(7, CUSTOMER), encode_action(good)
    now = format_instant(good.event_date)
    body = {"org_id": 7, "customer_id": CUSTOMER, "event_id": EVENT, "action": "PURCHASE", "event_date": now}
    malformed = [
        value[:-3],
        value + b"planted-event",
        value[:10],
        b"",
        json.dumps(body | {"amount": ATTRIBUTE}).encode(),
        json.dumps(body | {"attributes": {"coupon": [ATTRIBUTE]}}).encode(),
        json.dumps(body | {"event_date": ATTRIBUTE}).encode(),
        json.dumps(body | {"customer_id": CUSTOMER * 200}).encode(),
        json.dumps(body | {"org_id": ATTRIBUTE}).encode(),
        json.dumps(body).encode()[:-4],
        b"\x00\x00\x00\x00\x09" + EVENT.encode(),
    ]
    with ground.shop.batch() as send:
        for partition in range(4):
            send(partition, key, value)
            for one in malformed:
                send(partition, key, one)
            send(partition, None, value)
            send(partition, key, None)
            send(partition, CUSTOMER.encode(), value, [("planted-event", ATTRIBUTE.encode())])


def spilt(text: str) -> list[str]:
    """What should not be there, with its surroundings."""
    planted = (CUSTOMER, EVENT, ATTRIBUTE, *SECRETS)
    return [text[max(0, at - 200) : at + 100] for word in planted if (at := text.find(word)) >= 0]


def test_a_worker_at_the_loudest_tells_nothing_of_a_customer_and_no_secret(
    ground: Ground, tmp_path: Path
) -> None:
    user = ground.a_user()
    ground.kafka.grant(user, worker_rights())
    client = json.loads(ground.kafka.client(user)) | {"debug": "all", "log_level": "7"}
    plant(ground)
    with redis_user(ground, *redis_commands(), keys=redis_keys()) as url:
        environment = ground.environment(json.dumps(client), url) | {
            "BADGES_REGISTRY__URL": "http://me:planted-registry-word@127.0.0.1:1"
        }
        # A registry that does not answer stops the worker at its outputs' schemas: a run of its own.
        silent = _loud(environment, tmp_path)
        del environment["BADGES_REGISTRY__URL"]
        ran = _loud(environment, tmp_path)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "SASL" in ran.stderr, "the clients' own log is not there"
    assert spilt(ran.stdout + ran.stderr) == []
    assert silent.returncode == 4
    assert spilt(silent.stdout + silent.stderr) == []
    assert any(
        CUSTOMER.encode() in (letter.key() or b"")
        for letter in ground.shop.read("customer-actions.dead-letters")
    )


def _loud(environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.run(
        [sys.executable, "-c", LOUD],
        env=environment | {"PYTHONPATH": root},
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=6000,
        check=False,
    )


def test_a_defect_in_the_middle_of_a_batch_tells_nothing_of_the_customer(
    ground: Ground, tmp_path: Path
) -> None:
    plant(ground)
    broken = LOUD.replace(
        "use_pinned_zones()\n",
        "use_pinned_zones()\n"
        "from consumer import processor\n"
        "def decide(action, *rest): raise KeyError(action.customer_id)\n"
        "processor.decide = decide\n",
        1,
    )
    assert broken != LOUD
    environment = ground.environment("{}", address=ground.kafka.open_address)
    root = str(Path(__file__).resolve().parents[2])
    ran = subprocess.run(
        [sys.executable, "-c", broken],
        env=environment | {"PYTHONPATH": root},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=6000,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr[-2000:]
    assert "KeyError" in ran.stderr
    assert spilt(ran.stderr) == []


def test_no_command_line_of_a_process_holds_a_secret(ground: Ground) -> None:
    environment = ground.environment(
        ground.kafka.client("u149"), ground.redis_url.replace("//", f"//x:{REDIS_PASSWORD}@")
    )
    call = "import sys; from consumer.cli.app import main; sys.exit(main())"
    words = ["consume", "--workers", "2", "--set", f"redis.url=redis://:{REDIS_PASSWORD}@127.0.0.1:1/0"]
    ran = subprocess.run(
        [sys.executable, "-c", call, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 3
    assert "command line" in ran.stderr
    assert REDIS_PASSWORD not in ran.stderr


@pytest.mark.parametrize(
    "words", [["list"], ["customer", CUSTOMER, "--org", "7"], ["verify"], ["dead-letters", "list"]]
)
def test_a_command_that_fails_tells_no_secret(ground: Ground, command: Command, words: list[str]) -> None:
    url = ground.redis_url.replace("//", f"//nobody:{REDIS_PASSWORD}@")
    ran = command(ground.kafka.client("u149"), *words, redis_url=url)
    assert ran.code in (3, 6)
    assert [word for word in SECRETS if word in ran.out + ran.err] == []
