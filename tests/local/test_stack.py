"""The local stack on real servers: started once, found again, back after a crash with its data."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.local.jars import KAFKA_VERSION
from consumer.local.kafka import advice, cluster_id_at
from consumer.local.stack import LocalStack
from tests.local.conftest import quiet

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PATIENCE_S = 180.0


def pids(stack: LocalStack) -> tuple[int | None, int | None]:
    return stack.kafka_pid(), stack.redis_pid()


def brokers(home: Path) -> list[int]:
    """Every broker on the machine whose command line names this home."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or []
        if process.info["name"] == "java" and any(str(home) in word for word in words):
            found.append(process.pid)
    return found


def topic_made(address: str) -> str:
    name = f"kept-{uuid4().hex[:8]}"
    client = AdminClient({"bootstrap.servers": address})
    client.create_topics([NewTopic(name, 1)])[name].result(PATIENCE_S)
    return name


def topics(address: str) -> set[str]:
    return set(AdminClient({"bootstrap.servers": address}).list_topics(timeout=PATIENCE_S).topics)


def ask_redis(url: str, *commands: str) -> bytes:
    """The answers to commands of one connection."""
    host, _, port = url.removeprefix("redis://").removesuffix("/0").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        connection.sendall("".join(f"{command}\r\n" for command in (*commands, "QUIT")).encode())
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    return answer


def gone(pid: int) -> None:
    """Waits until a killed process has ended. Ours stays a zombie; one whose parent ended vanishes."""
    deadline = time.monotonic() + PATIENCE_S
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline


def command(home: Path, *words: str) -> subprocess.Popen[str]:
    """The stack's own command in another process, as another terminal would run it."""
    return subprocess.Popen(
        [sys.executable, "-m", "consumer.local", *words],
        env={**os.environ, "BADGES_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_runs_is_found_again_and_kept(running: LocalStack, home: Path) -> None:
    before, addresses = pids(running), running.up()
    told: list[str] = []
    other = LocalStack(home, told.append)
    assert other.up() == addresses
    assert pids(other) == before
    assert told == [], "nothing was started, so nothing is told"
    status = other.status()
    assert status.kafka.running
    assert status.redis.running
    assert (status.kafka.bootstrap_servers, status.redis.url) == (
        addresses.bootstrap_servers,
        addresses.redis_url,
    )
    assert status.kafka.cluster_id == cluster_id_at(addresses.bootstrap_servers, 10)


def test_after_a_stop_data_and_addresses_are_as_before(running: LocalStack, home: Path) -> None:
    addresses = running.up()
    topic = topic_made(addresses.bootstrap_servers)
    ask_redis(addresses.redis_url, f"SET {topic} 7")
    running.down()
    status = running.status()
    assert not status.kafka.running
    assert not status.redis.running
    assert brokers(home) == []
    assert running.up() == addresses
    assert topic in topics(addresses.bootstrap_servers)
    assert b"7" in ask_redis(addresses.redis_url, f"GET {topic}")


def test_servers_outlive_the_killed_process_that_started_them(running: LocalStack, home: Path) -> None:
    running.down()
    code = (
        "import sys, time; from pathlib import Path; from consumer.local.stack import LocalStack\n"
        "print(LocalStack(Path(sys.argv[1]), lambda line: None).up().bootstrap_servers, flush=True)\n"
        "time.sleep(600)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    address = starter.stdout.readline().strip()
    starter.kill()
    starter.wait()
    starter.stdout.close()
    assert running.status().kafka.running
    before = pids(running)
    assert running.up().bootstrap_servers == address
    assert pids(running) == before
    assert brokers(home) == [before[0]]


@pytest.mark.parametrize("victim", ["kafka", "redis"])
def test_one_that_was_killed_comes_back_on_its_address_with_its_data(
    running: LocalStack, home: Path, victim: str
) -> None:
    addresses = running.up()
    topic = topic_made(addresses.bootstrap_servers)
    # A connection waits for its own writes: what is acknowledged may not be in the file yet.
    written = ask_redis(addresses.redis_url, f"SET {topic} 7", f"WAITAOF 1 0 {int(PATIENCE_S * 1000)}")
    assert b"\r\n*2\r\n:1\r\n" in written
    pid = running.kafka_pid() if victim == "kafka" else running.redis_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    gone(pid)
    told: list[str] = []
    assert LocalStack(home, told.append).up() == addresses
    assert "was not stopped but is gone; it is started again on its data" in told[0]
    assert topic in topics(addresses.bootstrap_servers)
    assert b"7" in ask_redis(addresses.redis_url, f"GET {topic}")


def test_with_its_pid_file_lost_there_is_still_one_broker(running: LocalStack, home: Path) -> None:
    before = pids(running)
    for name in ("kafka", "redis"):
        (home / name / "pid.json").unlink()
    running.up()
    assert pids(running) == before
    assert brokers(home) == [before[0]]


def test_commands_at_the_same_time_start_one_broker(running: LocalStack, home: Path) -> None:
    running.down()
    at_once = [command(home, "up") for _ in range(3)]
    ended = [process.communicate(timeout=3 * PATIENCE_S) for process in at_once]
    assert [process.returncode for process in at_once] == [0, 0, 0], ended
    said = [json.loads(out) for out, _ in ended]
    assert said[0] == said[1] == said[2]
    assert brokers(home) == [running.kafka_pid()]


@pytest.mark.parametrize("victim", ["kafka", "redis"])
def test_a_port_that_another_program_took_meanwhile_is_left_to_it(
    running: LocalStack, home: Path, victim: str
) -> None:
    addresses = running.up()
    running.down()
    port = (addresses.bootstrap_servers if victim == "kafka" else addresses.redis_url[:-2]).rpartition(":")[2]
    told: list[str] = []
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(port)))
        other.listen()
        found = LocalStack(home, told.append).up()
    assert found.bootstrap_servers != addresses.bootstrap_servers or victim != "kafka"
    assert found.redis_url != addresses.redis_url or victim != "redis"
    assert any(f"{port} " in line and "in use by another program" in line for line in told)
    assert running.status().kafka.running


def test_wiping_deletes_what_was_there_and_the_next_cluster_is_a_new_one(
    running: LocalStack, home: Path
) -> None:
    addresses = running.up()
    before, topic = running.status().kafka.cluster_id, topic_made(addresses.bootstrap_servers)
    running.wipe()
    assert sorted(path.name for path in home.iterdir()) == ["stack.lock"]
    assert not running.status().kafka.running
    again = running.up()
    assert running.status().kafka.cluster_id != before
    assert topic not in topics(again.bootstrap_servers)


def test_only_what_is_asked_for_is_started(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path, quiet)
    try:
        addresses = stack.up(kafka=False)
        assert addresses.bootstrap_servers == ""
        assert addresses.redis_url.startswith("redis://127.0.0.1:")
        assert stack.kafka_pid() is None
    finally:
        stack.wipe()


def test_stopping_where_nothing_ever_ran_makes_no_folder(tmp_path: Path) -> None:
    stack = LocalStack(tmp_path / "never", quiet)
    stack.down()
    stack.wipe()
    assert not (tmp_path / "never").exists()
    status = stack.status()
    assert (status.kafka.bootstrap_servers, status.kafka.running) == (None, False)


@pytest.mark.parametrize(
    ("words", "code"), [(["status"], 0), (["down"], 0), ([], 2), (["start"], 2), (["up", "now"], 2)]
)
def test_the_command_says_what_it_takes(words: list[str], code: int, tmp_path: Path) -> None:
    process = command(tmp_path / "never", *words)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, err
    assert ("usage:" in err) == (code == 2)
    if words == ["status"]:
        assert json.loads(out)["kafka"]["running"] is False


def test_data_of_a_newer_kafka_is_told_as_such_and_any_other_end_asks_for_a_second_try() -> None:
    newer = advice("Caused by: UnsupportedVersionException: version 4 of BrokerEndpoint")
    assert newer.startswith(f"A newer Kafka than {KAFKA_VERSION}")
    assert newer != advice("java.lang.OutOfMemoryError")
