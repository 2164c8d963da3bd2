"""The same timelines through both: every byte printed is the same. `make test-compiled` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from consumer.bench.timeline import timeline
from consumer.compiled import VARIABLE
from tests.builders import Json, as_bytes
from tests.properties.timelines import timelines

TIMELINES = 300
ACTS = 20_000
_PRINT = """
import sys
from consumer.compiled import code, prefer_compiled
from consumer.zones import use_pinned_zones
prefer_compiled()
use_pinned_zones()
from schemas.timeline import simulate
print(code(), file=sys.stderr)
for path in sys.argv[1:]:
    with open(path, "rb") as lines:
        print(*simulate(lines, explain=True), sep="\\n")
"""


def printed(wanted: str, paths: list[Path]) -> bytes:
    """What simulate prints of each file, in a process with these rules."""
    environment = {**os.environ, VARIABLE: "1" if wanted == "compiled" else "0"}
    done = subprocess.run(
        [sys.executable, "-c", _PRINT, *map(str, paths)], env=environment, capture_output=True, check=True
    )
    assert done.stderr.decode().split() == [wanted]
    return done.stdout


def test_a_long_timeline_is_decided_to_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_text("\n".join(timeline(ACTS, 500)))
    interpreted = printed("interpreted", [path])
    assert interpreted.count(b"\n") > ACTS
    assert printed("compiled", [path]) == interpreted


def test_timelines_of_all_kinds_are_decided_to_the_same_bytes(tmp_path: Path) -> None:
    paths: list[Path] = []

    @settings(max_examples=TIMELINES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(drawn=timelines())
    def write(drawn: list[Json]) -> None:
        paths.append(tmp_path / f"{len(paths)}.jsonl")
        paths[-1].write_bytes(b"\n".join(as_bytes(drawn)))

    write()
    assert len(paths) >= TIMELINES / 2
    assert printed("compiled", paths) == printed("interpreted", paths)
