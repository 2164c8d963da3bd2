"""The consumer as a process of its own, its log in a file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_START: Final = "import sys; from consumer.cli.app import main; sys.exit(main(sys.argv[1:]))"
_DRAIN_S: Final = 30


@contextmanager
def consumer_process(arguments: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `badges consume` with these arguments; afterwards it has ended, drained by SIGTERM if need be."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, "consume", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_DRAIN_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
