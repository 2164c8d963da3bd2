"""Compiled modules are taken only where they were made of the sources that are here."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

import pytest

import badges.decide  # noqa: F401 -- this process runs the sources
from consumer.compile_modules import compiled_modules
from consumer.compiled import (
    PACKAGES,
    ROOT,
    VARIABLE,
    Build,
    build_folder,
    call_compiled,
    pickled,
    prefer_compiled,
)
from consumer.failure import INVALID


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Sources in all four packages."""
    for package in PACKAGES:
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "decide.py").write_text("LIMIT = 1\n")
    return tmp_path


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "meta_path", [one for one in sys.meta_path if not isinstance(one, Build)])
    return tmp_path / "builds"


def built(root: Path, builds: Path, name: str = "new") -> Path:
    """A file that stands for a compiled module, where the build of these sources belongs."""
    file = build_folder(root, builds) / "badges" / f"{name}{EXTENSION_SUFFIXES[0]}"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


def taken(root: Path, builds: Path, name: str = "badges.new") -> str | None:
    """Where a module would be imported from, if from a build."""
    prefer_compiled(root, builds)
    found = [finder.find_spec(name) for finder in sys.meta_path if isinstance(finder, Build)]
    return found[0].origin if found and found[0] is not None else None


def test_a_module_is_taken_from_the_build_of_these_sources(root: Path, builds: Path) -> None:
    file = built(root, builds)
    assert taken(root, builds) == str(file)
    assert isinstance(sys.meta_path[0], Build)


def test_a_process_that_has_begun_with_the_sources_goes_on_with_them(root: Path, builds: Path) -> None:
    assert "badges.decide" in sys.modules
    built(root, builds, "decide")
    assert taken(root, builds, "badges.decide") is None


def test_a_process_that_has_begun_with_a_build_goes_on_with_it(
    root: Path, builds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = built(root, builds)
    assert taken(root, builds) == str(file)
    monkeypatch.setitem(sys.modules, "badges.new", ModuleType("badges.new"))
    (root / "badges" / "decide.py").write_text("LIMIT = 2\n")
    assert taken(root, builds) == str(file)


def test_a_module_that_a_build_does_not_have_is_looked_for_elsewhere(root: Path, builds: Path) -> None:
    built(root, builds)
    assert taken(root, builds, "badges.evolve") is None


def test_without_a_build_imports_stay_as_they_are(root: Path, builds: Path) -> None:
    before = list(sys.meta_path)
    assert taken(root, builds) is None
    assert sys.meta_path == before


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("change", ["edit", "add", "rename", "move a line"])
def test_a_build_of_other_sources_is_never_taken(root: Path, builds: Path, package: str, change: str) -> None:
    built(root, builds)
    module = root / package / "decide.py"
    match change:
        case "edit":
            module.write_text("LIMIT = 2\n")
        case "add":
            module.with_name("evolve.py").touch()
        case "rename":
            module.rename(module.with_name("evolve.py"))
        case _:
            module.with_name("__init__.py").write_text(module.read_text())
            module.write_text("")
    assert taken(root, builds) is None


def test_sources_that_changed_while_a_process_ran_take_its_build_away(root: Path, builds: Path) -> None:
    built(root, builds)
    assert taken(root, builds)
    (root / "badges" / "decide.py").write_text("LIMIT = 2\n")
    assert taken(root, builds) is None


def test_the_variable_switches_it_off(root: Path, builds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built(root, builds)
    monkeypatch.setenv(VARIABLE, "0")
    assert taken(root, builds) is None


def test_a_process_chooses_before_it_knows_what_to_call(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    target = pickled(partial(print, "worker"))
    monkeypatch.setattr("consumer.compiled.prefer_compiled", lambda: told.append("chosen"))
    monkeypatch.setattr("builtins.print", lambda *words: told.append(words))
    call_compiled(target, 3)
    assert told == ["chosen", ("worker", 3)]


def test_everything_that_is_compiled_is_there() -> None:
    assert [path for path in compiled_modules(ROOT) if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize(
    "entry", ["consumer.cli.app", "consumer.demo.consuming", "consumer.bench.__main__", "consumer.supervisor"]
)
def test_an_entry_imports_nothing_that_is_compiled_before_it_has_chosen(entry: str) -> None:
    listed = subprocess.check_output(
        [sys.executable, "-c", f"import sys, {entry}; print(*sys.modules)"], text=True
    )
    wanted = {path.removesuffix(".py").replace("/", ".") for path in compiled_modules(ROOT)}
    assert wanted & set(listed.split()) == set()


def test_without_a_c_compiler_it_says_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "consumer.compile_modules"],
        env={**os.environ, "CC": "no-such-compiler"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == INVALID
    assert "no C compiler (no-such-compiler): install one" in done.stderr
