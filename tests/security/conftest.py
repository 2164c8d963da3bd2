"""A guarded broker and a Redis for this folder, a shop on them, and the programs as their users see them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from consumer.cli.app import main
from consumer.local.errors import LocalStackError
from consumer.local.stack import LocalStack, StackAddresses
from tests.conftest import REQUIRED, say
from tests.live.shop import Shop, open_shop
from tests.security.guarded import GuardedKafka, guarded_kafka
from tests.security.page import GROUP, PREFIX

USERS = [f"u{number}" for number in range(150)]
WORKER_S = 300
_free = iter(USERS)


@dataclass(frozen=True)
class Ran:
    """What a program left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Ground:
    """Where all of it happens."""

    kafka: GuardedKafka
    redis: LocalStack
    redis_url: str
    shop: Shop
    numbers: Iterator[int] = field(default_factory=count)

    def a_user(self) -> str:
        """One without any right."""
        return next(_free)

    def environment(
        self, client: str, redis_url: str | None = None, address: str | None = None
    ) -> dict[str, str]:
        """The settings of a program, none of them on its command line."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BADGES_")}
        return clean | {
            "BADGES_KAFKA__BOOTSTRAP_SERVERS": address or self.kafka.sasl_address,
            "BADGES_KAFKA__CLIENT": client,
            "BADGES_REDIS__URL": redis_url or self.redis_url,
            "BADGES_TOPICS__PREFIX": PREFIX,
            "BADGES_CONSUMER__GROUP": GROUP,
            "BADGES_WORKER__INSTANCE": GROUP,
        }

    def worker(self, environment: dict[str, str], *words: str) -> Ran:
        """`badges consume --exit-at-end` as a process."""
        call = "import sys; from consumer.cli.app import main; sys.exit(main())"
        ran = subprocess.run(
            [sys.executable, "-c", call, "consume", "--exit-at-end", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=WORKER_S,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)


Command = Callable[..., Ran]


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("guarded")
    redis = LocalStack(folder / "redis", say)
    kafka: GuardedKafka | None = None
    try:
        url = redis.up(kafka=False).redis_url
        kafka = guarded_kafka(folder / "kafka", USERS, say)
        addresses = StackAddresses(kafka.open_address, url)
        yield Ground(kafka, redis, url, open_shop(addresses, GROUP, 0, folder / "log"))
    except LocalStackError as error:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1, but there is no stack: {error}")
        pytest.skip(f"NO REAL KAFKA AND REDIS, nothing about rights is tested: {error}")
    finally:
        if kafka is not None:
            kafka.node.down()
        redis.wipe()


@pytest.fixture
def command(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Runs a command of a user in this process."""
    monkeypatch.chdir(tmp_path)

    def run(client: str, *words: str, redis_url: str | None = None, address: str | None = None) -> Ran:
        for name in list(os.environ):
            if name.startswith("BADGES_"):
                monkeypatch.delenv(name)
        for name, value in ground.environment(client, redis_url, address).items():
            if name.startswith("BADGES_"):
                monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run
