"""What reaches the two streams, whatever is at their other end."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from rich.table import Table

from consumer.cli import define
from consumer.cli.output import emit, prepare_streams, print_table
from consumer.telemetry import configure_logging

ISSUANCE = "c626a67b-d336-5a39-b0b0-96908daa238c"
INSTANT = "2023-10-11T04:30:00.000Z"
TIMELINE = '{"at": "2023-10-11T04:30:00Z", "customer": {"org_id": 7, "customer_id": "42"}}\n'
RUN = "import sys; from consumer.cli import app; "
SIMULATE = RUN + "sys.exit(app.main(['simulate', 'timeline.jsonl']))"
A_TABLE = RUN + (
    "from rich.table import Table; from consumer.cli.output import print_table; "
    "app.app.command('table')(lambda: print_table(Table('A'))); sys.exit(app.main(['table']))"
)


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def written(
    program: str, stdout: int, folder: Path, unbuffered: str = ""
) -> subprocess.CompletedProcess[str]:
    """A Python process that writes to a descriptor."""
    (folder / "timeline.jsonl").write_text(TIMELINE)
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=600,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": unbuffered},
    )


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at the end", "at once"])
@pytest.mark.parametrize("program", [A_TABLE, SIMULATE])
def test_a_reader_that_has_gone_is_no_error(folder: Path, program: str, unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ran = written(program, writer, folder, unbuffered)
    finally:
        os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_an_output_that_cannot_be_written_is_no_timeline_that_cannot_be_read(folder: Path) -> None:
    (folder / "to-read-only").touch()
    with (folder / "to-read-only").open("rb") as stdout:
        ran = written(SIMULATE, stdout.fileno(), folder)
    assert ran.returncode == 1
    assert ran.stderr.startswith("badges: standard output cannot be written: ")
    assert "Traceback" not in ran.stderr


def test_data_is_utf_8_whatever_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(data, encoding="latin-1"))
    prepare_streams()
    emit("größe ✓")
    sys.stdout.flush()
    assert data.getvalue() == "größe ✓\n".encode()


def test_definitions_on_standard_input_are_utf_8_whatever_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'badge: {name: "größe ✓"}'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="latin-1"))
    [document] = define._documents(Path("-"))
    assert document.body == {"name": "größe ✓"}


@pytest.mark.parametrize("program", [A_TABLE, SIMULATE])
def test_streams_that_the_caller_closed_end_no_command(folder: Path, program: str) -> None:
    # So Python starts where a shell says `<&- >&- 2>&-`.
    closed = "import sys; sys.stdin = sys.stdout = sys.stderr = None; "
    assert written(closed + program, subprocess.DEVNULL, folder).returncode == 0


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_no_id_and_no_instant_is_cut_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    table = Table(box=None)
    for title in ("ISSUANCE", "EVENT DATE"):
        table.add_column(title, no_wrap=True)
    table.add_column("NAME")
    table.add_row(ISSUANCE, INSTANT, "a name of several words that may be broken")
    print_table(table)
    assert ISSUANCE in screen.getvalue()
    assert INSTANT in screen.getvalue()
    assert "…" not in screen.getvalue()


@pytest.mark.parametrize(("value", "coloured"), [("", True), ("1", False)])
def test_no_color_holds_for_the_log_too(monkeypatch: pytest.MonkeyPatch, value: str, coloured: bool) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setenv("NO_COLOR", value)
    configure_logging()
    structlog.get_logger().info("progress", events=1)
    structlog.reset_defaults()
    assert "progress" in screen.getvalue()
    assert ("\x1b[" in screen.getvalue()) == coloured
