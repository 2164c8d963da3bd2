"""Exit codes and the two streams, without Kafka or Redis (contract.md section 1)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.failure import as_failure
from state.errors import ViewMisaddressed
from state.redis_view import RedisView
from tests.cli.conftest import Badges

NOWHERE = "kafka.bootstrap_servers=127.0.0.1:1"


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["publish"],
        ["publish", "missing.jsonl"],
        ["publish", "file.xyz"],
        ["tail", "everything"],
        ["topics", "create", "--partitions", "0"],
        ["define", "missing.yaml"],
        ["dead-letters", "replay"],
        ["dead-letters", "replay", "1-2", "--all"],
        ["simulate", "missing.jsonl"],
        ["customer", ""],
        ["customer", "\udcff"],
        ["why", "x" * 257, "gold"],
        ["windows", "gold", "--customer", ""],
        ["list", "--org", "-1"],
        ["show", "gold", "--org", "9223372036854775808"],
    ],
)
def test_wrong_usage_exits_2_and_says_so_on_stderr(badges: Badges, words: list[str]) -> None:
    ran = badges(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.strip()
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "words",
    [["list"], ["publish", "-"], ["topics", "create"], ["verify"], ["customer", "42"], ["status"], ["up"]],
)
def test_invalid_settings_exit_3_before_anything_is_done(
    badges: Badges, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("BADGES_NONSENSE", "1")
    ran = badges(*words)
    assert ran.code == 3
    assert "BADGES_NONSENSE" in ran.err


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:port/0", "redis://[::1/0", "redis://127.0.0.1:6379/0?retry=5"]
)
def test_a_redis_address_of_a_wrong_form_is_an_invalid_setting(url: str) -> None:
    with pytest.raises(ViewMisaddressed, match=r"^redis\.url ") as raised:
        RedisView(url)
    failure = as_failure(raised.value)
    assert failure is not None
    assert failure.code == 3


@pytest.mark.parametrize(
    "words",
    [["list"], ["show", "x"], ["topics", "create"], ["tail", "issued"], ["dead-letters", "list"], ["verify"]],
)
def test_without_an_address_the_exit_is_4_and_names_badges_up(badges: Badges, words: list[str]) -> None:
    ran = badges(*words)
    assert ran.code == 4
    assert "`badges up`" in ran.err


def test_an_unreachable_broker_exits_4_with_its_address(
    badges: Badges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.broker.PROBE_S", 0.5)
    ran = badges("list", "--set", NOWHERE)
    assert ran.code == 4
    assert "127.0.0.1:1" in ran.err
    assert "Traceback" not in ran.err


def test_status_without_a_stack_exits_4_and_prints_json(badges: Badges) -> None:
    ran = badges("status", "--json")
    assert ran.code == 4
    assert ran.lines == [
        {
            "kafka": {"bootstrap_servers": None, "running": False, "cluster_id": None},
            "redis": {"url": None, "running": False},
        }
    ]


def test_status_sends_nobody_to_badges_up_for_an_address_that_is_set(
    badges: Badges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.broker.PROBE_S", 0.2)
    ran = badges("status", "--set", NOWHERE, "--set", "redis.url=redis://127.0.0.1:1/0")
    assert ran.code == 4
    assert "kafka.bootstrap_servers" in ran.err
    assert "redis.url" in ran.err
    assert "`badges up`" not in ran.err


@pytest.mark.parametrize("words", [["up"], ["down"], ["down", "--wipe", "--yes"], ["demo"]])
def test_a_home_that_is_no_folder_exits_4_and_names_the_variable(
    badges: Badges, folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("BADGES_HOME", str(folder / "file"))
    ran = badges(*words)
    assert ran.code == 4
    assert str(folder / "file") in ran.err
    assert "BADGES_HOME" in ran.err


def test_down_says_that_nothing_ran(badges: Badges) -> None:
    ran = badges("down")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("nothing ran;")


def test_status_shows_no_password(badges: Badges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.broker.PROBE_S", 0.2)
    monkeypatch.setenv("BADGES_REDIS__URL", "redis://me:geheim@127.0.0.1:1/0")
    ran = badges("status", "--json", "--set", NOWHERE)
    assert ran.code == 4
    assert "geheim" not in ran.out + ran.err
    assert ran.lines[0]["redis"]["url"] == "redis://me:***@127.0.0.1:1/0"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "badge: {org_id: 7\n"),
        ("a.yaml", "nothing: 1\n"),
        ("a.yaml", ""),
        ("a.json", '{"badge": {}} trailing'),
        ("a.yaml", "badge: {org_id: 1, org_id: 2}\n"),
    ],
)
def test_a_definition_file_that_cannot_be_read_exits_3(
    badges: Badges, folder: Path, name: str, text: str
) -> None:
    (folder / name).write_text(text)
    ran = badges("define", name)
    assert ran.code == 3
    assert "nothing was published" in ran.err


def test_wiping_asks_and_does_nothing_where_nobody_can_answer(
    badges: Badges, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    ran = badges("down", "--wipe")
    assert ran.code == 2
    assert "--yes" in ran.err


def test_parquet_without_the_extra_says_which_extra(
    badges: Badges, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.delitem(sys.modules, "consumer.cli.parquet_file", raising=False)
    from consumer.cli.action_files import parquet_rows
    from consumer.failure import Failure

    (folder / "a.parquet").write_bytes(b"PAR1")
    with (folder / "a.parquet").open("rb") as stream, pytest.raises(Failure, match="analytics"):
        next(iter(parquet_rows(stream)))


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_goes_to_stdout_and_exits_0(badges: Badges, flag: str) -> None:
    ran = badges(flag)
    assert ran.code == 0
    assert "publish" in ran.out


def test_help_imports_neither_kafka_nor_pydantic() -> None:
    probe = (
        "import sys; from consumer.cli.app import main; main(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('confluent_kafka', 'pydantic', 'redis', 'fastavro')))"
    )
    before = os.times()
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False)
    after = os.times()
    assert ran.returncode == 0
    # Of the processor, of which it takes 0.2 s: how long it waits for one is no failure.
    assert after.children_user + after.children_system - before.children_user - before.children_system < 5


def test_no_colour_leaves_a_pipe() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "from consumer.cli.app import main; main(['--help'])"],
        capture_output=True,
        check=True,
    )
    assert b"\x1b[" not in ran.stdout
