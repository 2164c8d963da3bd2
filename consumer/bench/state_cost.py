"""What the state costs: a busy customer against small ones, few customers against many."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from badges.actions import CustomerAction
from consumer.bench.stand import Stand
from consumer.bench.throughput import Throughput, run
from consumer.bench.trial import Trial, new_trial
from consumer.bench.workload import actions
from consumer.reading import read_to_end

_HOT: Final = "hot"
_SMALL_EVENTS: Final = 12
_STATE: Final = "customer-state"


@dataclass(frozen=True)
class HotCustomer:
    """Bytes written to the changelog an event, each event a batch of its own: the documents of its customer,
    key and value, without position markers.
    """

    events_before: int
    probes: int
    hot_bytes: float
    small_bytes: float

    @property
    def ratio(self) -> float:
        """The busy customer's bytes against a small one's."""
        return self.hot_bytes / self.small_bytes


def hot_customer(stand: Stand, events: int, probes: int) -> HotCustomer:
    """One customer with `events` acts behind it gets `probes` more, one by one; then that many customers with
    a dozen acts behind them get one each.
    """
    at = time.time_ns() // 1_000_000
    trial = new_trial(stand, at)
    names = [f"small-{number}" for number in range(probes)]
    hot = list(_of(_HOT, actions(events + probes, 1, at)))
    small = list(_of_each(names, actions((_SMALL_EVENTS + 1) * probes, 1, at, first=len(hot))))
    done = trial.send([*hot[:events], *small[:-probes]])
    with trial.consumer(1) as parent:
        trial.wait_for(done, parent)
        written = [_written(trial)]
        for probe in (hot[events:], small[-probes:]):
            for action in probe:
                done += trial.send([action])
                trial.wait_for(done, parent, look_s=0.01)
            written.append(_written(trial))
    hot_bytes, small_bytes = (after - before for before, after in pairwise(written))
    return HotCustomer(events, probes, hot_bytes / probes, small_bytes / probes)


def customer_counts(stand: Stand, counts: Sequence[int], events: int) -> Iterator[Throughput]:
    """The cost of an act where every one of so many customers has had acts before."""
    for customers in counts:
        at = time.time_ns() // 1_000_000
        trial = new_trial(stand, at)
        names = [f"c{number}" for number in range(customers)]
        known = trial.send(_of_each(names, actions(customers, 1, at, first=events)))
        trial.send(actions(events, customers, at))
        yield run(trial, 1, events, customers, known=known)


def _of(customer: str, acts: Iterable[CustomerAction]) -> Iterator[CustomerAction]:
    return (action._replace(customer_id=customer) for action in acts)


def _of_each(customers: Sequence[str], acts: Iterable[CustomerAction]) -> Iterator[CustomerAction]:
    """The acts dealt out to the customers in turn."""
    return (
        action._replace(customer_id=customers[number % len(customers)]) for number, action in enumerate(acts)
    )


def _written(trial: Trial) -> int:
    """Bytes of all customers' documents ever written in a trial."""
    return sum(
        len(message.key() or b"") + len(message.value() or b"")
        for message in read_to_end(trial.broker, _STATE)
        if not (message.key() or b"!").startswith(b"!")
    )
