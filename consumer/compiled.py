"""The hot path as machine code, where `make compile` made it of exactly the sources that are here.

A build is a folder whose name holds the hash of all sources that it could depend on: changed sources have
another name, so no process ever runs other code than it would interpret. Nothing depends on a build.
"""

from __future__ import annotations

import os
import pickle
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from platform import machine
from types import ModuleType
from typing import Final, Literal

PACKAGES: Final = ("badges", "schemas", "state", "consumer")
"""Those with compiled modules; of each, the modules that stand directly in it."""
VARIABLE: Final = "BADGES_COMPILED"
"""`0`: everything is interpreted although a build is there."""
ROOT: Final = Path(__file__).resolve().parents[1]
BUILDS: Final = ROOT / ".build"


class Build(MetaPathFinder):
    """Finds the compiled modules of one build; all others are looked for elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            ".".join((*path.relative_to(folder).parent.parts, path.name.split(".", 1)[0])): path
            for suffix in EXTENSION_SUFFIXES
            for path in folder.rglob(f"*{suffix}")
        }

    @property
    def begun(self) -> bool:
        """Whether one of its modules is imported already, from here or from elsewhere."""
        return not self._files.keys().isdisjoint(sys.modules)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 -- the finder's protocol
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """As every finder."""
        file = self._files.get(fullname)
        return None if file is None else spec_from_file_location(fullname, file)


def sources(root: Path) -> Iterator[Path]:
    """All that a build could depend on, in the order in which it is hashed."""
    for package in PACKAGES:
        yield from sorted((root / package).glob("*.py"))


def build_folder(root: Path, builds: Path) -> Path:
    """Where the build of these sources belongs: for this version and kind of Python, this processor."""
    digest = sha256()
    for path in sources(root):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root)} {len(content)}\n".encode() + content)
    made_for = f"{sysconfig.get_config_var('SOABI') or sys.implementation.cache_tag}-{machine()}"
    return builds / f"{digest.hexdigest()}-{made_for}"


def prefer_compiled(root: Path = ROOT, builds: Path = BUILDS) -> None:
    """From now on this process imports the modules of the build of these sources, if there is one, and of no
    other. To be called before any of them is imported: no process runs a mixture; later it changes nothing.
    """
    taken = [finder for finder in sys.meta_path if isinstance(finder, Build)]
    if any(finder.begun for finder in taken):
        return
    for finder in taken:
        sys.meta_path.remove(finder)
    if builds.is_dir() and os.environ.get(VARIABLE) != "0":
        build = Build(build_folder(root, builds))
        if not build.begun:
            sys.meta_path.insert(0, build)


def pickled(target: Callable[[int], None]) -> bytes:
    """For `call_compiled` in another process: names of functions, which import nothing before it says so."""
    return pickle.dumps(target)


def call_compiled(target: bytes, argument: int) -> None:
    """In a new process: prefers the build, then calls what was `pickled` by the process that started it."""
    prefer_compiled()
    call: Callable[[int], None] = pickle.loads(target)  # noqa: S301 -- from its parent, over its own pipe
    call(argument)


def code() -> Literal["compiled", "interpreted"]:
    """What this process really runs."""
    from badges import decide

    return "compiled" if decide.__file__.endswith(tuple(EXTENSION_SUFFIXES)) else "interpreted"
