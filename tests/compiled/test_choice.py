"""Compiled rules are taken only where they were made of the sources that are here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.compiled import VARIABLE, build_folder, prefer_compiled
from consumer.failure import INVALID


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "decide.py").write_text("LIMIT = 1\n")
    return folder


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path / "builds"


def taken(package: Path, builds: Path) -> list[str]:
    """What stands on the import path because of builds."""
    prefer_compiled(package, builds)
    return [entry for entry in sys.path if Path(entry).parent == builds]


def test_the_build_of_these_sources_comes_first(package: Path, builds: Path) -> None:
    built = build_folder(package, builds)
    built.mkdir(parents=True)
    assert taken(package, builds) == [str(built)] == sys.path[:1]


def test_without_a_build_nothing_is_on_the_import_path(package: Path, builds: Path) -> None:
    before = list(sys.path)
    assert taken(package, builds) == []
    assert sys.path == before


@pytest.mark.parametrize("change", ["edit", "add", "rename", "move a line"])
def test_a_build_of_other_sources_is_never_taken(package: Path, builds: Path, change: str) -> None:
    build_folder(package, builds).mkdir(parents=True)
    module = package / "decide.py"
    match change:
        case "edit":
            module.write_text("LIMIT = 2\n")
        case "add":
            (package / "evolve.py").touch()
        case "rename":
            module.rename(package / "evolve.py")
        case _:
            (package / "__init__.py").write_text(module.read_text())
            module.write_text("")
    assert taken(package, builds) == []


def test_sources_that_changed_while_a_process_ran_take_its_build_away_from_its_children(
    package: Path, builds: Path
) -> None:
    build_folder(package, builds).mkdir(parents=True)
    assert taken(package, builds)
    (package / "decide.py").write_text("LIMIT = 2\n")
    assert taken(package, builds) == []


def test_the_variable_switches_it_off(package: Path, builds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_folder(package, builds).mkdir(parents=True)
    monkeypatch.setenv(VARIABLE, "0")
    assert taken(package, builds) == []


@pytest.mark.parametrize("entry", ["consumer.cli.app", "consumer.demo.consuming", "consumer.bench.__main__"])
def test_an_entry_imports_no_rules_before_it_has_chosen(entry: str) -> None:
    code = f"import sys, {entry}; print([name for name in sys.modules if name.split('.')[0] == 'badges'])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_without_a_c_compiler_it_says_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "consumer.compile_rules"],
        env={**os.environ, "CC": "no-such-compiler"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == INVALID
    assert "no C compiler (no-such-compiler): install one" in done.stderr
