"""Data goes to stdout, everything else to stderr (clig.dev)."""

from __future__ import annotations

import json
import os
import sys
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import typer

from consumer.failure import UNEXPECTED, Failure

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDTH_OF_A_PIPE: Final = 240
"""No terminal cuts the lines there."""
_UNCUT: Final = 10_000


def prepare_streams() -> None:
    """Both streams write UTF-8 whatever the locale says: names hold any letter, and JSON is UTF-8. What the
    caller closed gives and keeps nothing.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 -- kept open
        elif mode == "w" and isinstance(stream, TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding="utf-8")


def emit(line: str) -> None:
    """One line of data. A reader that has gone away (`| head`) ends the command quietly."""
    try:
        sys.stdout.write(line + "\n")
    except OSError as error:
        leave(error)


def emit_json(value: object) -> None:
    """One JSON value as one line of data."""
    emit(json.dumps(value, ensure_ascii=False))


def flush() -> None:
    """Hands what was emitted to the reader now."""
    try:
        sys.stdout.flush()
    except OSError as error:
        leave(error)


def leave(error: OSError) -> NoReturn:
    """Ends the command because stdout takes no more: quietly where its reader has gone."""
    # What is still buffered would raise once more when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        raise typer.Exit(0)
    raise Failure(UNEXPECTED, f"standard output cannot be written: {error.strerror}")


def say(message: str) -> None:
    """A message to the person at the keyboard."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def print_table(table: Table) -> None:
    """A table on stdout: colours on a terminal only, none with NO_COLOR. Where a terminal is too narrow for
    the longest words, its lines run over: no id and no instant is cut.
    """
    from rich.console import Console, ConsoleDimensions

    terminal = sys.stdout.isatty()
    text = StringIO()
    screen = Console(
        file=text,
        force_terminal=terminal,
        width=None if terminal else _WIDTH_OF_A_PIPE,
        highlight=False,
        emoji=False,
        markup=False,
    )
    uncut = screen.measure(table, options=screen.options.update(max_width=_UNCUT)).minimum
    screen.size = ConsoleDimensions(max(screen.width, uncut), screen.height)
    screen.print(table, end="")
    emit(text.getvalue().removesuffix("\n"))


def message_console() -> Console:
    """For progress on stderr: animated on a terminal only."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False)


def ask(question: str) -> bool:
    """Whether the person at the keyboard says yes; no where there is none."""
    if not sys.stdin.isatty():
        return False
    return typer.confirm(question, err=True)
