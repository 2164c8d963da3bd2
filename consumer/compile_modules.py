"""`make compile`, `python -m consumer.compile_modules`: what consumer/compiled.py finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from consumer.cli.output import say
from consumer.compiled import BUILDS, PACKAGES, ROOT, build_folder, sources
from consumer.failure import INVALID

MODULES: Final = {
    "schemas": (
        "action_bytes",
        "badge_issued",
        "customer_action",
        "decision_bytes",
        "decisions",
        "varint",
    ),
    "state": ("cache", "chain", "document", "keys", "loader", "rows"),
    "consumer": ("batch", "batch_records", "outputs", "pages", "processor", "shares", "sorting"),
}
"""What is compiled beside all of `badges`: what runs for every act. Not what talks to a server: it would gain
nothing.
"""
_COMPILER: Final = "compiler.txt"
"""In a build: which mypy made it."""


class CannotCompile(Exception):
    """Something that is needed is missing, or the compiler refused; the message says what to do."""


def main() -> int:
    """Builds once: sources that have a build of this compiler are left alone."""
    try:
        say(str(compile_modules(ROOT, BUILDS)))
    except CannotCompile as error:
        say(f"make compile: {error}")
        return INVALID
    return 0


def compile_modules(root: Path, builds: Path) -> Path:
    """The folder of the build of these sources. It appears whole or not at all. Raises CannotCompile."""
    compiler = _compiler()
    folder = build_folder(root, builds)
    told = folder / _COMPILER
    if told.is_file() and told.read_text(encoding="utf-8") == compiler:
        return folder
    builds.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=builds) as place:
        copied, made = Path(place, "copied"), Path(place, "made")
        for package in PACKAGES:
            shutil.copytree(root / package, copied / package)
        if build_folder(copied, builds) != folder:
            raise CannotCompile("the sources changed while they were read; run it again")
        made.mkdir()
        _compile(copied, made)
        (made / _COMPILER).write_text(compiler, encoding="utf-8")
        if folder.exists():  # of another compiler; running processes go on with what they have loaded
            folder.rename(Path(place, "old"))
        made.rename(folder)
    return folder


def compiled_modules(root: Path) -> list[str]:
    """The paths of the sources, from the root."""
    whole = [path for path in sources(root) if path.parent.name == "badges" and path.stem != "__init__"]
    return [str(path.relative_to(root)) for path in whole] + [
        f"{package}/{name}.py" for package, names in MODULES.items() for name in names
    ]


def _compiler() -> str:
    c_compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "").split()
    if c_compiler and shutil.which(c_compiler[0]) is None:
        raise CannotCompile(
            f"no C compiler ({c_compiler[0]}): install one, e.g. `apt-get install gcc libc6-dev`, or set CC; "
            "without it everything is interpreted, with the same results"
        )
    try:
        found = version("mypy")
    except PackageNotFoundError:
        found = ""
    if not found or find_spec("setuptools") is None:
        raise CannotCompile("the packages mypy and setuptools are missing: `make install` brings them")
    return f"mypy {found}"


_SETUP: Final = """
import sys
from mypyc.build import mypycify
from setuptools import setup
modules = mypycify(sys.argv[2:], opt_level="3", debug_level="0")
setup(name="badges", packages=[], ext_modules=modules, script_args=["build_ext", "--build-lib", sys.argv[1]])
"""
_TYPES: Final = ("--config-file=", "--python-version=3.11", "--ignore-missing-imports", "--no-site-packages")
"""Types of other people's packages are not looked at: the compiler need not have them."""


def _compile(root: Path, target: Path) -> None:
    """Extension modules of the sources at `root`, put into `target`."""
    done = subprocess.run(
        [sys.executable, "-c", _SETUP, str(target), *_TYPES, *compiled_modules(root)],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise CannotCompile(f"the compiler refused:\n{done.stdout.decode(errors='replace')}")


if __name__ == "__main__":
    sys.exit(main())
