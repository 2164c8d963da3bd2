"""`make chaos SECONDS=600 SEED=1`: exit 0 where nothing was lost, nothing doubled and nobody was needed."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from consumer.zones import use_pinned_zones
from tests.chaos.run import Chaos, Figures


def main() -> int:
    """Runs, prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    given = parser.parse_args()
    use_pinned_zones()
    folder = Path(tempfile.mkdtemp(prefix="badges-chaos-"))
    sys.stderr.write(f"seed {given.seed}, logs in {folder}\n")
    figures = Chaos(folder, given.seed).run(given.seconds)
    good = not figures.audit.problems and not figures.hopeless
    sys.stdout.write("\n".join(told(figures)) + "\n")
    return 0 if good else 1


def told(figures: Figures) -> list[str]:
    """The figures as lines."""
    found, kills = figures.audit, figures.kills
    of_each = ", ".join(f"{name} {count}" for name, count in sorted(kills.items()))
    stops = ", ".join(f"{name} {count}" for name, count in sorted(figures.stops.items()))
    lines = [
        f"seed {figures.seed}, {figures.seconds:.0f} s",
        f"events        {found.records} ({found.dead} dead letters, {found.rerouted} re-published)",
        f"kills         {sum(kills.values())} ({of_each})",
        f"stops         {sum(figures.stops.values())} ({stops}), rules edited {figures.edits} times",
        f"issuances     {found.issued}",
        f"lost          {found.lost}",
        f"doubled       {found.doubled}",
        f"longest stall {figures.longest_stall:.1f} s",
    ]
    if found.problems:
        lines.append(f"PROBLEMS\n{found.told()}")
    return lines + [f"A HUMAN WAS NEEDED: {what}" for what in figures.hopeless]


if __name__ == "__main__":
    sys.exit(main())
