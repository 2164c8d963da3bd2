"""`make compile`, `python -m consumer.compile_rules`: machine code of the rules, for consumer/compiled.py."""

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
from consumer.compiled import BUILDS, SOURCES, build_folder, sources
from consumer.failure import INVALID

_COMPILER: Final = "compiler.txt"
"""In a build: which mypy made it."""


class CannotCompile(Exception):
    """Something that is needed is missing, or the compiler refused; the message says what to do."""


def main() -> int:
    """Builds once: sources that have a build of this compiler are left alone."""
    try:
        say(str(compile_package(SOURCES, BUILDS)))
    except CannotCompile as error:
        say(f"make compile: {error}")
        return INVALID
    return 0


def compile_package(package: Path, builds: Path) -> Path:
    """The folder of the package's build. It appears there whole or not at all. Raises CannotCompile."""
    compiler = _compiler()
    folder = build_folder(package, builds)
    told = folder / _COMPILER
    if told.is_file() and told.read_text(encoding="utf-8") == compiler:
        return folder
    builds.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=builds) as place:
        made = Path(place, "made")
        copied = made / package.name
        copied.mkdir(parents=True)
        for source in sources(package):
            shutil.copy2(source, copied)
        if build_folder(copied, builds) != folder:
            raise CannotCompile("the sources changed while they were read; run it again")
        _compile(copied)
        (made / _COMPILER).write_text(compiler, encoding="utf-8")
        if folder.exists():  # of another compiler; running processes go on with what they have loaded
            folder.rename(Path(place, "old"))
        made.rename(folder)
    return folder


def _compiler() -> str:
    c_compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "").split()
    if c_compiler and shutil.which(c_compiler[0]) is None:
        raise CannotCompile(
            f"no C compiler ({c_compiler[0]}): install one, e.g. `apt-get install gcc libc6-dev`, or set CC; "
            "without it the rules are interpreted, with the same results"
        )
    try:
        found = version("mypy")
    except PackageNotFoundError:
        found = ""
    if not found or find_spec("setuptools") is None:
        raise CannotCompile("the packages mypy and setuptools are missing: `make install` brings them")
    return f"mypy {found}"


def _compile(package: Path) -> None:
    """Compiled modules beside the sources, which Python prefers."""
    modules = [
        str(path.relative_to(package.parent)) for path in sources(package) if path.name != "__init__.py"
    ]
    done = subprocess.run(
        [sys.executable, "-m", "mypyc", *modules],
        cwd=package.parent,
        env={**os.environ, "MYPYC_OPT_LEVEL": "3", "MYPYC_DEBUG_LEVEL": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        raise CannotCompile(f"the compiler refused:\n{done.stdout.decode(errors='replace')}")
    for left in ("build", ".mypy_cache"):
        shutil.rmtree(package.parent / left, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
