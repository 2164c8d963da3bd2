"""The demo's progress: an animated bar on a terminal, plain lines elsewhere. All of it on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_BETWEEN_LINES_S: Final = 2.0


class Bar(Protocol):
    """Progress of one step."""

    def advance(self, done: int) -> None:
        """`done` more."""

    def note(self, line: str) -> None:
        """A line above the bar."""


@contextmanager
def bar(console: Console, name: str, total: int) -> Iterator[Bar]:
    """Progress of a step over `total` things."""
    if not console.is_terminal:
        plain = _PlainBar(console, name, total)
        yield plain
        plain.close()
        return
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield _LiveBar(progress, progress.add_task(name, total=total))


class _LiveBar:
    def __init__(self, progress: Progress, task: object) -> None:
        self._progress = progress
        self._task = task

    def advance(self, done: int) -> None:
        self._progress.advance(self._task, done)  # type: ignore[arg-type]

    def note(self, line: str) -> None:
        self._progress.console.print(line)


class _PlainBar:
    def __init__(self, console: Console, name: str, total: int) -> None:
        self._console = console
        self._name = name
        self._total = total
        self._done = 0
        self._next = time.monotonic() + _BETWEEN_LINES_S

    def advance(self, done: int) -> None:
        self._done += done
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _BETWEEN_LINES_S
            self._show()

    def note(self, line: str) -> None:
        self._console.print(line)

    def close(self) -> None:
        self._show()

    def _show(self) -> None:
        self._console.print(f"  {self._name} {self._done:,} of {self._total:,}")
