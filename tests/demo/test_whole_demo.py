"""`badges demo` from start to end, on one day and on the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from badges.calendar import DAY
from consumer.cli.app import main
from consumer.demo import run
from consumer.local.stack import StackAddresses

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]


def test_a_second_run_on_another_day_issues_nothing_twice(
    servers: StackAddresses,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BADGES_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    words = ["demo"]
    for override in (
        f"kafka.bootstrap_servers={servers.bootstrap_servers}",
        f"redis.url={servers.redis_url.rpartition('/')[0]}/4",
        "topics.prefix=demo.",
        "consumer.group=demo",
    ):
        words += ["--set", override]
    assert main(words) == 0
    first = capsys.readouterr()
    now = run._now()
    monkeypatch.setattr(run, "_now", lambda: now + 3 * DAY)
    assert main(words) == 0
    second = capsys.readouterr()

    assert "acts a second" in first.out
    assert "nothing was issued twice" in second.out
    assert _after(first.out, "enrolled") == _after(second.out, "enrolled")
    assert "all 69,661 actions are on the topic already" in second.err


def _after(text: str, word: str) -> str:
    return text[text.index(word) :]
