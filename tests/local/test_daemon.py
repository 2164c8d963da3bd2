"""A background process is found again, and never mistaken for another."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from consumer.local.daemon import Daemon

PATIENCE_S = 120.0
SLEEP = shutil.which("sleep") or "/bin/sleep"


def nothing(_line: str) -> None:
    pass


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """A file that no command line names: what is found is found by the pid file."""
    path = tmp_path / "987654"
    path.touch()
    return path


@pytest.fixture
def daemon(tmp_path: Path, configuration: Path) -> Iterator[Daemon]:
    found = Daemon(tmp_path / "pid.json", ("sleep",), configuration)
    yield found
    found.stop(PATIENCE_S, nothing)


def start(daemon: Daemon, tmp_path: Path) -> psutil.Process:
    return daemon.start([SLEEP, "987654"], tmp_path / "console")


def again(tmp_path: Path, configuration: Path) -> Daemon:
    """As the next command sees it."""
    return Daemon(tmp_path / "pid.json", ("sleep",), configuration)


def test_the_next_command_finds_it_and_stops_it(daemon: Daemon, tmp_path: Path, configuration: Path) -> None:
    process = start(daemon, tmp_path)
    other = again(tmp_path, configuration)
    found = other.running()
    assert found is not None
    assert found.pid == process.pid
    assert not other.crashed()
    assert other.stop(PATIENCE_S, nothing)
    assert not process.is_running()
    assert other.running() is None
    assert not other.stop(PATIENCE_S, nothing)


def test_it_runs_in_a_session_of_its_own_so_that_ctrl_c_does_not_end_it(
    daemon: Daemon, tmp_path: Path
) -> None:
    process = start(daemon, tmp_path)
    assert os.getsid(process.pid) == process.pid


def test_one_that_died_is_told_apart_from_one_that_was_stopped(daemon: Daemon, tmp_path: Path) -> None:
    assert not daemon.crashed()
    process = start(daemon, tmp_path)
    process.kill()
    process.wait(PATIENCE_S)
    assert daemon.running() is None
    assert daemon.crashed()
    daemon.stop(PATIENCE_S, nothing)
    assert not daemon.crashed()


def test_a_pid_that_another_process_was_given_since_is_not_ours(
    daemon: Daemon, tmp_path: Path, configuration: Path
) -> None:
    process = psutil.Process()  # ourselves: alive, and no server
    record = {"pid": process.pid, "started": process.create_time() - 5}
    (tmp_path / "pid.json").write_text(json.dumps(record))
    assert daemon.running() is None
    assert daemon.crashed()


@pytest.mark.parametrize("content", [None, "", "{", '{"pid": "x"}', "[]"])
def test_a_lost_or_damaged_pid_file_is_made_anew_from_the_command_line(
    content: str | None, tmp_path: Path
) -> None:
    # The command line has to name the configuration file, as those of Kafka and Redis do.
    script = tmp_path / "server.conf"
    script.write_text("while :; do sleep 1; done\n")
    shell = shutil.which("bash") or "/bin/bash"
    daemon = Daemon(tmp_path / "pid.json", ("bash",), script)
    process = daemon.start([shell, str(script)], tmp_path / "console")
    try:
        while not process.cmdline():  # for an instant after exec() the kernel shows no words yet
            assert process.is_running()
        if content is None:
            (tmp_path / "pid.json").unlink()
        else:
            (tmp_path / "pid.json").write_text(content)
        found = daemon.running()
        assert found is not None
        assert found.pid == process.pid
        assert json.loads((tmp_path / "pid.json").read_text())["pid"] == process.pid
    finally:
        assert daemon.stop(PATIENCE_S, nothing)


def test_one_that_ignores_sigterm_is_killed_after_the_deadline(tmp_path: Path) -> None:
    script = tmp_path / "stubborn.sh"
    script.write_text(f"trap '' TERM\ntouch {tmp_path / 'ready'}\nwhile :; do sleep 1; done\n")
    shell = shutil.which("bash") or "/bin/bash"
    daemon = Daemon(tmp_path / "pid.json", ("bash",), script)
    process = daemon.start([shell, str(script)], tmp_path / "console")
    while not (tmp_path / "ready").exists():
        assert process.is_running()
    told: list[str] = []
    assert daemon.stop(0.2, told.append)
    assert not process.is_running()
    assert told == [f"process {process.pid} did not stop within 0 s and is killed"]
