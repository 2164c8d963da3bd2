"""Commands are run in this process, from an empty folder, without the variables of whoever runs the tests."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from consumer.cli.app import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Its data as JSON, one value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


Badges = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    for name in list(os.environ):
        if name.startswith("BADGES_") and name != "BADGES_REQUIRE_KAFKA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("BADGES_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def badges(folder: Path, capsys: pytest.CaptureFixture[str]) -> Badges:
    """Runs a command line without its first word."""

    def run(*words: str) -> Ran:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run
