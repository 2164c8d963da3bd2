"""Kafka and Valkey in containers, for those who ask for them: BADGES_TEST_STACK=docker.

The images and their settings are those of docker-compose.yml; names and ports are of this run alone, so that
nobody's running stack is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from consumer.local.ports import HOST, free_ports
from consumer.local.stack import StackAddresses

VARIABLE: Final = "BADGES_TEST_STACK"
_COMPOSE: Final = Path(__file__).parent.parent / "docker-compose.yml"
_KAFKA_INSIDE: Final = 9094
_VALKEY_INSIDE: Final = 6379


def services() -> dict[str, Any]:
    """The services of docker-compose.yml."""
    found: dict[str, Any] = yaml.safe_load(_COMPOSE.read_text(encoding="utf-8"))["services"]
    return found


def kafka_environment(port: int) -> dict[str, str]:
    """As in docker-compose.yml, but reached from the host at `port`."""
    environment: dict[str, str] = dict(services()["kafka"]["environment"])
    return {
        **environment,
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"INSIDE://localhost:9092,HOST://{HOST}:{port}",
        # Tests of faults want a dead member noticed soon.
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    }


@contextmanager
def docker_stack() -> Iterator[StackAddresses]:
    """Both running; removed at the end. Raises what testcontainers raises where no engine answers."""
    (kafka_port,) = free_ports(1)
    known = services()
    kafka = DockerContainer(known["kafka"]["image"]).with_envs(**kafka_environment(kafka_port))
    kafka = kafka.with_bind_ports(_KAFKA_INSIDE, kafka_port)
    kafka = kafka.waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    valkey = DockerContainer(known["valkey"]["image"]).with_command(known["valkey"]["command"])
    valkey = valkey.with_exposed_ports(_VALKEY_INSIDE)
    valkey = valkey.waiting_for(LogMessageWaitStrategy("Ready to accept connections"))
    with ExitStack() as running:
        running.enter_context(kafka)
        running.enter_context(valkey)
        port = valkey.get_exposed_port(_VALKEY_INSIDE)
        yield StackAddresses(f"{HOST}:{kafka_port}", f"redis://{valkey.get_container_host_ip()}:{port}/0")
