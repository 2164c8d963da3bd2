"""The servers of docker-compose.yml, as the containers would start them, without containers: Kafka's image
makes its configuration from the environment by a program that is in Kafka's own jars.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumer.local.jars import ensure_jars, jar_cache, locked_jars
from consumer.local.java import find_java
from consumer.local.kafka import cluster_id_at
from consumer.local.ports import HOST, free_ports
from consumer.local.redis import find_server, process_at
from tests.docker_stack import kafka_environment, services
from tests.local.conftest import quiet

PATIENCE_S = 240.0
IMAGE_FILES = ("server.properties", "log4j2.yaml", "tools-log4j2.yaml")


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def wait_for(answer: object, ask: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while ask() != answer:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]


def in_image(environment: dict[str, str], folder: Path) -> list[str]:
    """The first half of what the image does at its start: its configuration, and storage formatted. The
    command of the second half.
    """
    java = [str(find_java().program), "-cp"]
    java.append(os.pathsep.join(map(str, ensure_jars(locked_jars(), jar_cache(), quiet))))
    folders = {name: folder / name for name in ("default", "mounted", "final")}
    options = []
    for name, path in folders.items():
        path.mkdir()
        options += [f"--{name}-configs-dir", str(path)]
    for name in IMAGE_FILES:
        (folders["default"] / name).touch()
    subprocess.run(
        [*java, "kafka.docker.KafkaDockerWrapper", "setup", *options],
        env={**os.environ, **environment, "KAFKA_LOG_DIRS": str(folder / "data")},
        capture_output=True,
        check=True,
        timeout=PATIENCE_S,
    )
    return [*java, "kafka.Kafka", str(folders["final"] / "server.properties")]


@pytest.mark.kafka
def test_kafkas_image_formats_what_the_compose_file_says(tmp_path: Path) -> None:
    environment = dict(services()["kafka"]["environment"])
    in_image(environment, tmp_path)
    written = (tmp_path / "data" / "meta.properties").read_text()
    assert f"cluster.id={environment['CLUSTER_ID']}" in written


@pytest.mark.kafka
def test_kafkas_image_starts_with_the_environment_of_the_test_containers(tmp_path: Path) -> None:
    inside, controller, host = free_ports(3)
    environment = {
        name: value.replace(":9092", f":{inside}")
        .replace(":9093", f":{controller}")
        .replace(":9094", f":{host}")
        for name, value in kafka_environment(host).items()
    }
    log = tmp_path / "log"
    with running(in_image(environment, tmp_path), log) as process:
        ours = environment["CLUSTER_ID"]
        wait_for(ours, lambda: cluster_id_at(f"{HOST}:{host}", 1.0), process, log)


@pytest.mark.redis
def test_valkey_takes_the_command_of_the_compose_file(tmp_path: Path) -> None:
    words = shlex.split(services()["valkey"]["command"])
    assert words[0] == "valkey-server"
    (port,) = free_ports(1)
    log = tmp_path / "log"
    here = ["--port", str(port), "--bind", HOST, "--dir", str(tmp_path)]
    with running([str(find_server()[0]), *words[1:], *here], log) as process:
        wait_for(process.pid, lambda: process_at(port), process, log)
        with socket.create_connection((HOST, port), timeout=10) as connection:
            connection.sendall(b"CONFIG GET maxmemory-policy\r\nCONFIG GET append*\r\nQUIT\r\n")
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
    assert b"noeviction" in answer
    assert b"appendonly\r\n$3\r\nyes" in answer
