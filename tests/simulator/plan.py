"""What a seed decides before anything runs: how many of everything, and which faults how often.

Each schedule has some faults often, some seldom and some not at all: rare combinations are met because the
rest stays quiet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

FAULTS = {
    # place or event: the greatest rate, per passage or per step
    "crash": 0.01,
    "crash point": 0.1,
    "stop": 0.01,
    "stop point": 0.06,
    "drain": 0.003,
    "init": 0.2,
    "queue": 0.01,
    "seek": 0.01,
    "flush": 0.1,
    "produce": 0.3,
    "send_offsets": 0.2,
    "commit": 0.4,
    "abort": 0.4,
    "repetition": 0.5,
    "outage": 0.3,
    "redis read": 0.05,
    "redis write": 0.3,
    "redis chain": 0.3,
    "rebalance": 0.008,
    "wipe": 0.006,
    "roll back": 0.01,
    "lose marker": 0.006,
    "lose page": 0.006,
    "clock": 0.003,
    "reset": 0.003,
    "kafka down": 0.002,
    "redis down": 0.002,
}
LATE = {"heartbeat": 0.7, "sync": 0.5, "fetch": 0.5, "linger": 0.3}


@dataclass
class Plan:
    """Rates are probabilities; `steps` the length of the time with faults, in client calls."""

    seed: int
    workers: int
    partitions: int
    steps: int
    switch: float
    actions: float
    edits: float
    markers: float
    arrivals: float
    small: bool
    rates: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of_seed(cls, seed: int, random: Random, focus: Sequence[str] = ()) -> Plan:
        """`focus` names faults that are as frequent as they get, beside those that the seed draws."""
        plan = cls(
            seed,
            workers=random.choice((2, 2, 2, 3)),
            partitions=random.choice((1, 2, 2, 3, 4)),
            steps=random.choice((200, 400, 400, 800)),
            switch=random.choice((0.02, 0.1, 0.3, 0.6)),
            actions=random.choice((0.05, 0.1, 0.3)),
            edits=random.choice((0.0, 0.003, 0.02)),
            markers=random.choice((0.02, 0.1, 0.9)),
            arrivals=random.choice((0.02, 0.1, 0.4)),
            small=random.random() < 0.7,
        )
        for name, greatest in FAULTS.items():
            if random.random() < 0.4:
                plan.rates[name] = greatest * random.choice((0.1, 0.4, 1.0))
        for name, greatest in LATE.items():
            plan.rates[name] = random.choice((0.0, 0.2, greatest))
        theme = random.sample(sorted(FAULTS), 2) if random.random() < 0.5 else ()
        plan.rates |= {name: FAULTS[name] for name in (*theme, *focus) if name in FAULTS}
        return plan
