"""What `make soak` calls flat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from consumer.bench.soak import TOLERANCES, Sample, growths

STEADY = Sample(events=0, rss_mib=370.0, fds=43, threads=22, redis_bytes_a_customer=1800.0)


def run(change: Callable[[float, Sample], Sample]) -> dict[str, bool]:
    """A run of a hundred samples, each a change of the steady worker; which measures are flat."""
    samples = [change(n / 100, replace(STEADY, events=n * 1000)) for n in range(1, 101)]
    return {one.measure: one.flat for one in growths(samples)}


def test_a_steady_worker_is_flat() -> None:
    assert run(lambda _part, sample: sample) == dict.fromkeys(TOLERANCES, True)


def test_what_fills_up_before_the_worker_is_warm_does_not_count() -> None:
    flat = run(lambda part, sample: replace(sample, rss_mib=100 + 900 * min(part, 0.3)))
    assert flat == dict.fromkeys(TOLERANCES, True)


@pytest.mark.parametrize("measure", TOLERANCES)
def test_a_slow_leak_is_seen_in_each_measure(measure: str) -> None:
    def leak(part: float, sample: Sample) -> Sample:
        return replace(sample, **{measure: getattr(sample, measure) * (1 + 0.15 * part)})

    assert [name for name, flat in run(leak).items() if not flat] == [measure]
