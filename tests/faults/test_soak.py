"""Many events through one worker (row 56); `make soak` takes a million of them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from consumer.bench.soak import TOLERANCES

EVENTS = 200_000
ACTIVE = 200
ENDS_S = 300


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.row(56)
def test_memory_files_threads_and_redis_stay_flat_over_many_events() -> None:
    words = ("--events", str(EVENTS), "--active", str(ACTIVE), "--json")
    ran = subprocess.run(
        [sys.executable, "-m", "consumer.bench.soak", *words],
        capture_output=True,
        text=True,
        timeout=ENDS_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    flat = {one["measure"]: one["flat"] for one in json.loads(ran.stdout)["growths"]}
    assert flat == dict.fromkeys(TOLERANCES, True)
