"""Measurements as lines for a person, or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from consumer.bench.floor import Rate
from consumer.bench.hop import Hop
from consumer.bench.kernel import Kernel
from consumer.bench.latency import Latency
from consumer.bench.state_cost import HotCustomer
from consumer.bench.throughput import Throughput
from consumer.bench.timeline import Simulated

_NAMED: Final = 3


class Report:
    """Collects what was measured, in order; `line` shows each as it comes, `as_json` all of it."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}

    def as_json(self) -> str:
        """One object, of what was asked for: floor and the names of the steps, `-` as `_`."""
        return json.dumps(self._found)

    def code(self, kind: str) -> str:
        """Whether compiled modules are measured."""
        self._found["code"] = kind
        return f"code        {kind}"

    def floor(self, rate: Rate) -> str:
        """The client's bound."""
        cpu = 1e6 * rate.cpu_seconds / rate.events
        self._found["floor"] = {"events_a_second": rate.a_second, "cpu_micros": cpu}
        return f"floor       {rate.a_second:>9,.0f} events/s   {cpu:5.1f} µs CPU an event"

    def throughput(self, found: Throughput, floor: Rate | None) -> str:
        """One run of the consumer, with its ratio to the floor."""
        entry = asdict(found)
        ratio = ""
        if floor is not None:
            entry["of_floor"] = found.a_second / floor.a_second
            ratio = f"   {entry['of_floor']:.0%} of the floor"
        self._found.setdefault("throughput", []).append(entry)
        name = f"{found.workers} worker{'s' if found.workers > 1 else ''}"
        return f"{name:12}{_speed(found)}{ratio}\n{_phases(found)}"

    def customers(self, found: Throughput) -> str:
        """One run of the consumer over so many customers that all have a state."""
        self._found.setdefault("customers", []).append(asdict(found))
        return f"{found.customers:>9,} customers {_speed(found)}"

    def latency(self, found: Latency) -> str:
        """End to end."""
        self._found["latency"] = asdict(found)
        return (
            f"end to end at {found.a_second:,} events/s, {found.workers} worker(s): p50 {found.p50:.0f} ms   "
            f"p99 {found.p99:.0f} ms   worst {found.worst:.0f} ms   ({found.events:,} events)"
        )

    def hop(self, found: Hop) -> str:
        """A limit over all customers beside none."""
        self._found["hop"] = asdict(found)
        return (
            f"limit over all customers at {found.a_second:,} events/s, {found.workers} worker(s): "
            f"p50 {found.p50_with:.0f} ms   p99 {found.p99_with:.0f} ms   "
            f"without: p50 {found.p50:.0f} ms   p99 {found.p99:.0f} ms   ({found.events:,} events)"
        )

    def hot_customer(self, found: HotCustomer) -> str:
        """Bytes written an event."""
        self._found["hot_customer"] = {**asdict(found), "ratio": found.ratio}
        return (
            f"a customer with {found.events_before:,} events: {found.hot_bytes:,.0f} bytes written an event; "
            f"a small one: {found.small_bytes:,.0f}; ratio {found.ratio:.2f}"
        )

    def decide(self, found: Kernel) -> str:
        """The rules alone."""
        self._found["decide"] = asdict(found)
        costs = "\n".join(f"    {share:6.1%}  {name}" for share, name in found.costs)
        return f"decide and evolve alone: {found.micros:.1f} µs CPU an event; most of it in\n{costs}"

    def simulate(self, found: Simulated) -> str:
        """The whole command."""
        self._found["simulate"] = {**asdict(found), "a_second": found.a_second}
        return f"badges simulate {found.a_second:>9,.0f} lines/s of user CPU time ({found.lines:,} lines)"


def _phases(found: Throughput) -> str:
    largest = ", ".join(list(found.phases)[:_NAMED])
    parts = "  ".join(f"{name} {share:.0%}" for name, share in found.phases.items())
    return f"{'':12}{parts}   largest: {largest}"


def _speed(found: Throughput) -> str:
    return (
        f"{found.a_second:>9,.0f} events/s   {found.worker_cpu:5.1f} µs CPU an event "
        f"(broker {found.broker_cpu:.1f}, Redis {found.redis_cpu:.1f})"
    )
