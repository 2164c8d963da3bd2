"""The parent of worker processes: who is started again, who ends them all."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from consumer.supervisor import Supervisor


@pytest.fixture(autouse=True)
def _handlers_of_before() -> Iterator[None]:
    """A parent takes signals for good; the tests behind this one are to end on Ctrl-C again."""
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def runs(folder: Path, worker: int) -> int:
    return len(list(folder.glob(f"{worker}-*")))


def flaky(folder: Path, codes: dict[int, list[int]], worker: int) -> None:
    """A worker that notes each run and ends with the code of that run, the last one for ever."""
    number = runs(folder, worker)
    (folder / f"{worker}-{number}").touch()
    mine = codes[worker]
    code = mine[min(number, len(mine) - 1)]
    if code < 0:
        time.sleep(600)  # works until it is ended
    sys.exit(code)


def supervise(folder: Path, codes: dict[int, list[int]]) -> int:
    return Supervisor(partial(flaky, folder, codes), len(codes), time.monotonic).run()


def test_a_worker_that_dies_is_started_again_and_one_that_is_done_is_not(tmp_path: Path) -> None:
    assert supervise(tmp_path, {0: [1, 0], 1: [0]}) == 0
    assert (runs(tmp_path, 0), runs(tmp_path, 1)) == (2, 1)


@pytest.mark.parametrize("code", [2, 3, 6])
def test_a_code_that_a_new_start_would_only_repeat_ends_all_of_them(tmp_path: Path, code: int) -> None:
    assert supervise(tmp_path, {0: [code], 1: [-1]}) == code
    assert runs(tmp_path, 0) == 1
