"""The jars of Apache Kafka: fetched once for all stacks of this user, each checked against `jars.lock`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from consumer.local.errors import LocalStackError

KAFKA_VERSION: Final = "4.2.2"
"""Not newer: from 4.3.0 on a killed broker loses commit markers (KAFKA-20734, docs/reliability.md)."""
CACHE_VARIABLE: Final = "BADGES_JAR_CACHE"
_ATTEMPTS: Final = 3
_PARALLEL: Final = 4
_TIMEOUT_S: Final = 20


@dataclass(frozen=True)
class Jar:
    """One locked jar: Maven coordinates and the sha256 of its file in hexadecimal."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        """The file name."""
        return f"{self.artifact}-{self.version}.jar"


def locked_jars() -> list[Jar]:
    """The jars a broker is started with, in the order of the classpath."""
    text = files("consumer.local").joinpath("jars.lock").read_text(encoding="utf-8")
    return parse_lock(text)


def parse_lock(text: str) -> list[Jar]:
    """Reads lines `group:artifact:version sha256`; lines that begin with # are remarks."""
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    jars = []
    for coordinates, sha256 in rows:
        group, artifact, version = coordinates.split(":")
        jars.append(Jar(group, artifact, version, sha256))
    return jars


def jar_cache() -> Path:
    """The folder of the jars: `BADGES_JAR_CACHE`, else below this user's cache folder. One for all stacks."""
    given = os.environ.get(CACHE_VARIABLE)
    root = Path(given).absolute() if given else user_cache_path("badges", appauthor=False)
    return root / f"kafka-{KAFKA_VERSION}"


def ensure_jars(jars: Sequence[Jar], folder: Path, say: Callable[[str], None]) -> list[Path]:
    """The files of `jars` in `folder`, in their order; missing ones are fetched first.

    Several processes may ask at once: one fetches, the others wait. An interrupted fetch is taken up again
    jar by jar. Raises LocalStackError that names the first jar whose bytes are not the locked ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "fetch.lock"):
        missing = [jar for jar in jars if not (folder / jar.name).exists()]
        if missing:
            _fetch(missing, folder, say)
    for jar in jars:
        _check(jar, folder / jar.name, f"delete {folder} and run `badges up` again")
    return [folder / jar.name for jar in jars]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(jars: Sequence[Jar], folder: Path, say: Callable[[str], None]) -> None:
    from rich.console import Console
    from rich.progress import Progress

    say(f"Apache Kafka {KAFKA_VERSION}: fetching {len(jars)} jars (about 45 MB, once) into {folder}")
    console = Console(stderr=True)
    staging = Path(tempfile.mkdtemp(prefix="fetch-", dir=folder))
    try:
        with (
            Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
            ThreadPoolExecutor(_PARALLEL) as pool,
        ):
            task = progress.add_task("jars", total=len(jars))
            fetches = [pool.submit(_fetch_one, jar, staging, folder) for jar in jars]
            try:
                for fetch in as_completed(fetches):
                    fetch.result()
                    progress.advance(task)
            finally:
                # After a failure the others would meet it too, each after its own time-outs.
                pool.shutdown(cancel_futures=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fetch_one(jar: Jar, staging: Path, folder: Path) -> None:
    """In place when it is whole and checked, whatever becomes of the others."""
    path = _download(jar, staging)
    _check(jar, path, "something between here and Maven changes files: try another network")
    path.replace(folder / jar.name)


def _download(jar: Jar, repository: Path) -> Path:
    """Fetches one jar into a Maven repository folder of its own."""
    try:
        from jgo.maven import MavenContext
    except ImportError as error:
        raise LocalStackError(
            "the package jgo, which fetches Kafka, is missing: run `pip install 'badges[local]'`"
        ) from error
    failure: Exception | None = None
    for attempt in range(_ATTEMPTS):
        context = MavenContext(repo_cache=repository / f"{jar.name}.{attempt}", timeout=_TIMEOUT_S)
        try:
            project = context.project(jar.group, jar.artifact)
            return Path(project.at_version(jar.version).artifact().resolve())
        except (OSError, RuntimeError) as error:
            failure = error
    raise LocalStackError(
        f"{jar.name} could not be fetched ({failure}): check the network or the proxy variables and run it "
        "again; what is fetched already is kept. Or set BADGES_KAFKA__BOOTSTRAP_SERVERS to a broker of yours"
    )


def _check(jar: Jar, path: Path, advice: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != jar.sha256:
        raise LocalStackError(
            f"{jar.name} differs from the lock list: sha256 {found} instead of {jar.sha256}; {advice}"
        )
