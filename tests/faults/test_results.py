"""What became of the rows is written whole, in one process and in two."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.results import read

TESTS = """
import pytest

@pytest.fixture
def broken_end():
    yield
    raise RuntimeError

@pytest.mark.row(1, 2)
def test_good(): pass

@pytest.mark.row(2)
@pytest.mark.parametrize("n", range(4))
def test_bad_once(n): assert n != 3

@pytest.mark.row(3)
def test_bad_end(broken_end): pass

@pytest.mark.row(4)
def test_skipped(): pytest.skip()

def test_of_no_row(): pass
"""


@pytest.mark.parametrize("processes", [0, 2])
def test_every_test_of_a_row_is_written_once_with_what_became_of_it(tmp_path: Path, processes: int) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    words = ["-p", "tests.faults.results", "--rows", "rows.jsonl", "-n", str(processes), "."]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    found = {
        (one["row"], one["test"].partition("::")[2]): one["result"] for one in read(tmp_path / "rows.jsonl")
    }
    passed = [(1, "test_good"), (2, "test_good"), *((2, f"test_bad_once[{n}]") for n in range(3))]
    assert found == {
        **dict.fromkeys(passed, "passed"),
        (2, "test_bad_once[3]"): "failed",
        (3, "test_bad_end"): "failed",
    }
