"""`badges simulate`: a timeline from a file or standard input, decided without Kafka or Redis."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from consumer.cli.output import flush, leave

USAGE: Final = 2
INTERRUPTED: Final = 130
_READ_AHEAD: Final = 1 << 20
_LINES_AT_ONCE: Final = 512
_OBJECTS_A_COLLECTION: Final = 100_000


def simulate(
    timeline: Annotated[str, typer.Argument(help="A JSON-lines file, or - for standard input.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="Also say why an act yielded nothing for a badge that names it.")
    ] = False,
) -> None:
    """Decide a timeline of definitions, settings, actions and questions: one JSON line for each answer.

    Exits 0 when the file was read to its end, whatever was refused; 2 at a line that is no timeline line.
    """
    from schemas.timeline import TimelineError
    from schemas.timeline import simulate as lines_of

    try:
        with _opened(timeline) as source, _rare_collections():
            _print(lines_of(source, explain=explain))
    except OSError as error:
        _complain(
            f"cannot read {timeline}: {error.strerror}. Give the path of a timeline, or - for standard input."
        )
        raise typer.Exit(USAGE) from None
    except TimelineError as error:
        _complain(f"line {error.line}: {error.message}. Correct that line and run again.")
        raise typer.Exit(USAGE) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _opened(timeline: str) -> Iterator[BinaryIO]:
    if timeline == "-":
        yield sys.stdin.buffer
        return
    with Path(timeline).open("rb", buffering=_READ_AHEAD) as source:
        yield source


@contextmanager
def _rare_collections() -> Iterator[None]:
    """The customers' states grow with the timeline and hold no cycles: there is next to no garbage among
    them to look for. Restored afterwards.
    """
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_A_COLLECTION, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _print(lines: Iterator[str]) -> None:
    """What was yielded before an error is printed before the error is told (S105)."""
    at_once = 1 if sys.stdout.isatty() else _LINES_AT_ONCE
    pending: list[str] = []
    try:
        for line in lines:
            pending.append(line)
            if len(pending) >= at_once:
                _write(pending)
    finally:
        _write(pending)
        flush()


def _write(pending: list[str]) -> None:
    if pending:
        text = "\n".join(pending) + "\n"
        pending.clear()
        try:
            sys.stdout.buffer.write(text.encode())
        except OSError as error:
            leave(error)


def _complain(message: str) -> None:
    flush()
    typer.echo(f"badges simulate: {message}", err=True)
