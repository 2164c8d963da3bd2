"""Data goes to stdout, everything else to stderr (clig.dev)."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_OF_A_PIPE: Final = 240
"""No terminal cuts the lines there."""


def emit(line: str) -> None:
    """One line of data. A reader that has gone away (`| head`) ends the command quietly."""
    try:
        sys.stdout.write(line + "\n")
    except BrokenPipeError:
        _leave_quietly()


def emit_json(value: object) -> None:
    """One JSON value as one line of data."""
    emit(json.dumps(value, ensure_ascii=False))


def flush() -> None:
    """Hands what was emitted to the reader now."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_quietly()


def _leave_quietly() -> None:
    # What is still buffered would raise once more when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(0)


def say(message: str) -> None:
    """A message to the person at the keyboard."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def console() -> Console:
    """For tables on stdout: colours on a terminal only, none with NO_COLOR."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    return Console(highlight=False, emoji=False, markup=False, width=width)


def message_console() -> Console:
    """For progress on stderr: animated on a terminal only."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False)


def ask(question: str) -> bool:
    """Whether the person at the keyboard says yes; no where there is none."""
    if not sys.stdin.isatty():
        return False
    return typer.confirm(question, err=True)
