"""What a batch is made of, by partition, on its way from messages to a transaction."""

from __future__ import annotations

from dataclasses import dataclass, field

from confluent_kafka import Message

from badges.actions import CustomerAction
from badges.customer import CustomerState
from badges.decisions import Verdict
from badges.places import Hop
from consumer.dead_letters import DeadLetter
from consumer.ownership import Owned


@dataclass(slots=True)
class Decided:
    """One record that is an action of this partition, and what became of it."""

    message: Message
    key: bytes
    action: CustomerAction
    verdict: Verdict | None = None


@dataclass(slots=True)
class Share:
    """One partition's part of a batch. `next_offset` is the one behind the last record of it. `issued` are
    (issuance id, value, key) and `decisions` (offset, value, key); `documents` the changed (key, value) of
    the changelog. `hops` are (offset, message) of badge-hops up to `next_hop`, `answered` the decisions that
    follow from answers (offset in badge-hops and which of it, value, key), `sent` the messages that follow.
    """

    owned: Owned
    at: int
    next_offset: int
    records: list[Decided] = field(default_factory=list)
    rejected: list[DeadLetter] = field(default_factory=list)
    rerouted: list[tuple[Message, int]] = field(default_factory=list)
    states: dict[bytes, CustomerState] = field(default_factory=dict)
    issued: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    decisions: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    documents: list[tuple[bytes, bytes]] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    changed: dict[bytes, CustomerState] = field(default_factory=dict)
    next_hop: int = 0
    hops: list[tuple[int, Hop]] = field(default_factory=list)
    answered: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    sent: list[Hop] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """What a transaction will hold, by partition, and the seconds that each phase took.

    `deferred` are partitions whose next record waits for its schema, with what they wait for; that record
    and those behind it are not in the batch.
    """

    shares: dict[int, Share]
    deferred: dict[int, str]
    events: int
    phases: dict[str, float]
