"""A pytest plugin: what became of each test that carries `row(n)`, as JSON lines, the newest of each test.

`--rows FILE` names the file; without it nothing is written. A report carries its rows: however many processes
run the tests (pytest-xdist), the one that hears of all of them writes the file.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

ROW: Final = "row"
_found: dict[tuple[int, str], str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rows", metavar="FILE", help="remember what became of the rows of the fault matrix")
    parser.addoption("--thorough", action="store_true", help="tests marked thorough too, crash points thrice")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(number, ...): rows of the fault matrix that this test runs")
    config.addinivalue_line("markers", "thorough: runs with --thorough only (make faults)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--thorough"):
        left = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    for item in items:
        item.user_properties += [(ROW, number) for mark in item.iter_markers("row") for number in mark.args]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when != "call" and report.passed:
        return
    for name, row in report.user_properties:
        if name == ROW:
            assert isinstance(row, int)
            known = _found.get((row, report.nodeid))
            _found[row, report.nodeid] = known if known == "failed" else report.outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--rows")
    runs_for_another = hasattr(session.config, "workerinput")
    if not path or not _found or runs_for_another:
        return
    file = Path(path)
    lines = {(one["row"], one["test"]): one for one in read(file)}
    now, commit = datetime.now(UTC).strftime("%Y-%m-%d %H:%M"), _commit()
    for (row, test), result in _found.items():
        if result != "skipped":
            lines[row, test] = {"row": row, "test": test, "result": result, "date": now, "commit": commit}
    file.write_text("".join(f"{json.dumps(lines[key])}\n" for key in sorted(lines)))


def read(file: Path) -> list[dict[str, Any]]:
    """The results that a file holds."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _commit() -> str:
    try:
        asked = ["git", "rev-parse", "--short", "HEAD"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "?"
