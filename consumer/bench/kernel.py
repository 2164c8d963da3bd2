"""decide and evolve alone: no broker, no codec. With cProfile where the time goes."""

from __future__ import annotations

import cProfile
import pstats
import time
from dataclasses import dataclass

from badges.actions import CustomerAction
from badges.customer import CustomerState
from badges.decide import decide
from badges.evolve import evolve
from badges.rulebook import OrgRules
from consumer.bench.workload import actions, rules


@dataclass(frozen=True)
class Kernel:
    """CPU microseconds an act, and the functions that cost most by themselves as (share, name)."""

    events: int
    micros: float
    costs: tuple[tuple[float, str], ...]


def measure(events: int, customers: int, most: int) -> Kernel:
    """Decides `events` acts in this process; `most` costs are named, from a second run under cProfile."""
    at = time.time_ns() // 1_000_000
    acts, compiled = list(actions(events, customers, at)), rules(at)
    start = time.process_time()
    _decide_all(acts, compiled, at)
    micros = 1e6 * (time.process_time() - start) / events
    profile = cProfile.Profile()
    profile.runcall(_decide_all, acts, compiled, at)
    found = pstats.Stats(profile).get_stats_profile()
    ranked = sorted(found.func_profiles.items(), key=lambda item: -item[1].tottime)[:most]
    costs = tuple((entry.tottime / found.total_tt, _name(name, entry.file_name)) for name, entry in ranked)
    return Kernel(events, micros, costs)


def _decide_all(acts: list[CustomerAction], compiled: OrgRules, at: int) -> None:
    states: dict[str, CustomerState] = {}
    for action in acts:
        state = states.get(action.customer_id)
        if state is None:
            state = states[action.customer_id] = CustomerState(action.org_id, action.customer_id)
        evolve(state, action, decide(action, state, compiled, at), compiled, at)


def _name(name: str, file: str) -> str:
    return name if file == "~" else f"{file.rpartition('/')[2]}:{name}"
