"""The consumer as a process of its own, its log in a file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from consumer.compiled import prefer_compiled
from consumer.settings import load_settings
from consumer.zones import use_pinned_zones

_DRAIN_S: Final = 60
"""A parent gives its workers 30 s."""


@contextmanager
def consumer_process(
    overrides: Sequence[str], workers: int, log: Path, *, exit_at_end: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """A running consumer under these settings; afterwards it has ended, drained by SIGTERM if need be."""
    log.parent.mkdir(parents=True, exist_ok=True)
    given = json.dumps({"overrides": list(overrides), "workers": workers, "exit_at_end": exit_at_end})
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "consumer.demo.consuming", given],
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


def main(given: str) -> int:
    """The child's side of `consumer_process`."""
    prefer_compiled()
    from consumer.service import consume  # imports the rules

    use_pinned_zones()
    asked = json.loads(given)
    return consume(
        load_settings(asked["overrides"]),
        workers=asked["workers"],
        exit_at_end=asked["exit_at_end"],
        instance=None,
        accept_reset=False,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
