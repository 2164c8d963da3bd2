"""What `python -m consumer.bench` measures, by name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Final

from consumer.bench import hop, kernel, latency, state_cost, throughput, timeline
from consumer.bench.report import Report
from consumer.bench.stand import Stand, stand
from consumer.cli.output import emit, say
from consumer.compiled import code

_HOPS_A_SECOND: Final = 500
"""Each act is decided in two steps, and each of them asks a badge's owner."""
Step = Callable[[Stand, argparse.Namespace, Report], None]


def main() -> int:
    """Measures what was asked for and prints it as it comes; with --json one object at the end."""
    options = _options()
    report = Report()
    _tell(options, report.code(code()))
    names = options.what or [*_STEPS, *_ALONE]
    alone = [name for name in names if name in _ALONE]
    for name in alone:
        _ALONE[name](options, report)
    if len(alone) < len(names):
        with stand() as servers:
            for name in names:
                if name in _STEPS:
                    _STEPS[name](servers, options, report)
    if options.json:
        emit(report.as_json())
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m consumer.bench", description="Speed and cost; all unless something is named."
    )
    parser.add_argument(
        "what", nargs="*", metavar="WHAT", help=f"{', '.join([*_STEPS, *_ALONE])}; all unless given"
    )
    parser.add_argument("--events", type=int, default=250_000, help="acts a run (%(default)s)")
    parser.add_argument("--customers", type=int, default=20_000, help="customers (%(default)s)")
    parser.add_argument("--workers", type=int, action="append", help="worker processes; repeatable (1, 2)")
    parser.add_argument("--rate", type=int, default=2_000, help="acts a second for latency (%(default)s)")
    parser.add_argument("--seconds", type=int, default=20, help="how long latency is measured (%(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, lines on stderr")
    options = parser.parse_args()
    unknown = set(options.what) - {*_STEPS, *_ALONE}
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join([*_STEPS, *_ALONE])}")
    return options


def _throughput(servers: Stand, options: argparse.Namespace, report: Report) -> None:
    floor = throughput.measure_floor(servers, options.events, options.customers)
    _tell(options, report.floor(floor))
    for workers in options.workers or (1, 2):
        found = throughput.measure(servers, workers, options.events, options.customers)
        _tell(options, report.throughput(found, floor))


def _latency(servers: Stand, options: argparse.Namespace, report: Report) -> None:
    workers = (options.workers or [1])[0]
    found = latency.measure(servers, workers, options.rate, options.seconds, options.customers)
    _tell(options, report.latency(found))


def _hop(servers: Stand, options: argparse.Namespace, report: Report) -> None:
    workers = (options.workers or [1])[0]
    rate = min(options.rate, _HOPS_A_SECOND)
    _tell(options, report.hop(hop.measure(servers, workers, rate, options.seconds, options.customers)))


def _hot_customer(servers: Stand, options: argparse.Namespace, report: Report) -> None:
    _tell(options, report.hot_customer(state_cost.hot_customer(servers, events=10_000, probes=300)))


def _customers(servers: Stand, options: argparse.Namespace, report: Report) -> None:
    for found in state_cost.customer_counts(servers, (10_000, 500_000), options.events):
        _tell(options, report.customers(found))


def _decide(options: argparse.Namespace, report: Report) -> None:
    _tell(options, report.decide(kernel.measure(options.events, options.customers, most=10)))


def _simulate(options: argparse.Namespace, report: Report) -> None:
    _tell(options, report.simulate(timeline.measure(options.events, options.customers)))


def _tell(options: argparse.Namespace, line: str) -> None:
    (say if options.json else emit)(line)
    sys.stdout.flush()


_STEPS: Final[dict[str, Step]] = {
    "throughput": _throughput,
    "latency": _latency,
    "hop": _hop,
    "hot-customer": _hot_customer,
    "customers": _customers,
}
_ALONE: Final[dict[str, Callable[[argparse.Namespace, Report], None]]] = {
    "decide": _decide,
    "simulate": _simulate,
}
"""Those that need no servers."""
