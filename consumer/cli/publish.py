"""`badges publish FILE`"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from consumer.cli.options import AsJson, Overrides
from consumer.cli.output import emit_json, message_console, say
from consumer.failure import REJECTED, USAGE, Failure

if TYPE_CHECKING:
    from consumer.cli.publishing import Published


def publish(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSONL, CSV, Avro or Parquet; - is stdin (JSONL).")
    ],
    raw: Annotated[bool, typer.Option("--raw", help="JSONL lines byte for byte, unchecked.")] = False,
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Send customer actions to the input topic."""
    from consumer.broker import Broker
    from consumer.cli.action_files import raw_rows, reader_of
    from consumer.cli.publishing import publish_rows
    from consumer.settings import load_settings

    read = raw_rows if raw else reader_of(file.suffix if str(file) != "-" else "")
    settings = load_settings(overrides or ())
    with _opened(file) as stream:
        broker = Broker(settings)
        with _progress(file, stream) as report:
            done = publish_rows(broker, read(stream), report)
    _tell(done, as_json)
    if done.rejected:
        raise Failure(REJECTED)


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise Failure(USAGE, f"{file}: {error.strerror}") from None
    with stream:
        yield stream


@contextmanager
def _progress(file: Path, stream: BinaryIO) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, on a terminal only: how much of the file is read, and the rows so far."""
    screen = message_console()
    if not screen.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("publishing"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
    )
    size = file.stat().st_size if stream.seekable() and str(file) != "-" else None
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("", total=size, rows=0)
        yield lambda rows: bar.update(task, completed=stream.tell() if size else None, rows=rows)


def _tell(done: Published, as_json: bool) -> None:
    for rejection in done.rejected:
        say(f"line {rejection.line}: {rejection.error}")
    if as_json:
        emit_json({"sent": done.sent, "rejected": [rejection._asdict() for rejection in done.rejected]})
    else:
        refused = f", {len(done.rejected)} refused" if done.rejected else ""
        say(f"{done.sent} published{refused}")
