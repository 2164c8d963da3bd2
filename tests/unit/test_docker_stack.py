"""The containers of BADGES_TEST_STACK=docker, as far as they can be checked without an engine."""

from __future__ import annotations

import os
from subprocess import run
from sys import executable

from tests.docker_stack import kafka_environment, services


def test_kafka_is_reached_from_the_host_at_the_port_of_this_run_and_else_as_in_the_compose_file() -> None:
    environment = kafka_environment(25_000)
    assert environment["KAFKA_ADVERTISED_LISTENERS"] == "INSIDE://localhost:9092,HOST://127.0.0.1:25000"
    changed = {
        name for name, value in services()["kafka"]["environment"].items() if environment[name] != value
    }
    assert changed == {"KAFKA_ADVERTISED_LISTENERS", "KAFKA_CONTROLLER_QUORUM_VOTERS"}


def test_without_an_engine_it_fails_and_starts_nothing() -> None:
    code = "from tests.docker_stack import docker_stack\nwith docker_stack(): print('started')"
    nowhere = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    ended = run([executable, "-c", code], capture_output=True, text=True, env=nowhere, check=False)
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert "docker" in ended.stderr.lower()
