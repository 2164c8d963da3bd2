"""`python -m tests.simulator --seed N` replays one schedule; `--seeds N` hunts for one that fails."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from tests.simulator.cores import one_core
from tests.simulator.mutations import MUTATIONS
from tests.simulator.run import Outcome, simulate

CHUNK = 50


def say(text: str) -> None:
    """One line on stdout, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """0 where everything held, 1 where a seed failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one and print its trace")
    parser.add_argument("--seeds", type=int, default=1000, help="how many to run")
    parser.add_argument("--start", type=int, default=0, help="the first of them")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--lines", type=int, default=None, help="the last lines of the trace only")
    parser.add_argument("--mutation", choices=[one.__name__ for one in MUTATIONS], help="put this defect in")
    parser.add_argument("--focus", action="append", default=[], help="a fault made frequent, or `places`")
    options = parser.parse_args()
    focus = tuple(options.focus)
    if options.seed is not None:
        return replay(options.seed, options.lines, options.mutation, focus)
    seeds = range(options.start, options.start + options.seeds)
    return hunt(seeds, options.processes, options.mutation, focus)


def replay(seed: int, lines: int | None, mutation: str | None, focus: tuple[str, ...]) -> int:
    """Prints the trace of one seed; the same every time."""
    outcome = run_one(seed, mutation, focus, traced=True)
    for line in outcome.trace[-lines:] if lines else outcome.trace:
        say(line)
    say(f"seed {seed}: {outcome.failure or 'everything held'}")
    return 1 if outcome.failure else 0


def hunt(seeds: range, processes: int, mutation: str | None, focus: tuple[str, ...]) -> int:
    """Runs many and prints the seeds that fail."""
    started = time.monotonic()
    totals: Counter[str] = Counter()
    failed: list[int] = []
    for outcome in _outcomes(seeds, processes, mutation, focus):
        totals.update(
            steps=outcome.steps,
            faults=outcome.faults,
            records=outcome.verdicts.records,
            issued=outcome.verdicts.issued,
            dead_letters=outcome.verdicts.dead,
            republished=outcome.verdicts.rerouted,
        )
        totals.update({f"workers {how}": count for how, count in outcome.exits.items()})
        if outcome.failure:
            failed.append(outcome.seed)
            say(f"seed {outcome.seed}: {outcome.failure}")
    seconds = time.monotonic() - started
    say(
        f"{len(seeds)} schedules in {seconds:.1f} s ({len(seeds) / seconds * 60:.0f} a minute), "
        f"{len(failed)} failed"
    )
    say(", ".join(f"{name} {count}" for name, count in sorted(totals.items())))
    if failed:
        words = "".join(f" --focus '{one}'" for one in focus)
        say(f"replay: python -m tests.simulator --seed {failed[0]}{words}")
    return 1 if failed else 0


def _outcomes(
    seeds: range, processes: int, mutation: str | None, focus: tuple[str, ...]
) -> Iterator[Outcome]:
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    if processes == 1 or len(chunks) == 1:
        for chunk in chunks:
            yield from run_chunk(chunk, mutation, focus)
        return
    with ProcessPoolExecutor(processes) as pool:
        for outcomes in pool.map(run_chunk, chunks, repeat(mutation), repeat(focus)):
            yield from outcomes


def run_chunk(seeds: Iterable[int], mutation: str | None, focus: tuple[str, ...]) -> list[Outcome]:
    """Some seeds, on one core: a baton that goes from core to core costs ten times as much."""
    with one_core():
        return [run_one(seed, mutation, focus, traced=False) for seed in seeds]


def run_one(seed: int, mutation: str | None, focus: tuple[str, ...], *, traced: bool) -> Outcome:
    """One seed, with the faults of its mutation if there is one."""
    found = next((one for one in MUTATIONS if one.__name__ == mutation), None)
    if found is None:
        return simulate(seed, focus, traced=traced)
    with found():
        return simulate(seed, (*MUTATIONS[found], *focus), traced=traced)


if __name__ == "__main__":
    sys.exit(main())
