"""The rules compiled to machine code, where `make compile` made them of exactly the sources that are here.

A build is a folder whose name holds the hash of all sources of `badges/`: changed sources have another
name, so no process ever runs rules other than those it would interpret. Nothing depends on a build.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from platform import machine
from typing import Final, Literal

PACKAGE: Final = "badges"
VARIABLE: Final = "BADGES_COMPILED"
"""`0`: the rules are interpreted although a build is there."""
_ROOT: Final = Path(__file__).resolve().parents[1]
BUILDS: Final = _ROOT / ".build"
SOURCES: Final = _ROOT / PACKAGE


def sources(package: Path) -> list[Path]:
    """The modules of a package, in the order in which they are hashed."""
    return sorted(package.glob("*.py"))


def build_folder(package: Path, builds: Path) -> Path:
    """Where the build of a package's sources belongs: for this version and kind of Python, this processor."""
    digest = sha256()
    for path in sources(package):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    made_for = f"{sysconfig.get_config_var('SOABI') or sys.implementation.cache_tag}-{machine()}"
    return builds / f"{package.name}-{digest.hexdigest()}-{made_for}"


def prefer_compiled(package: Path = SOURCES, builds: Path = BUILDS) -> None:
    """Puts the build of these sources, if there is one, first on the import path, and no other.

    To be called before `badges` is imported. Processes that multiprocessing spawns take over the import path
    as it is when they start.
    """
    wanted = None
    if builds.is_dir() and os.environ.get(VARIABLE) != "0":
        wanted = build_folder(package, builds)
    sys.path[:] = [entry for entry in sys.path if Path(entry).parent != builds]
    if wanted is not None and wanted.is_dir():
        sys.path.insert(0, str(wanted))


def rules() -> Literal["compiled", "interpreted"]:
    """What this process really runs."""
    from badges import decide

    return "compiled" if decide.__file__.endswith(tuple(EXTENSION_SUFFIXES)) else "interpreted"
