"""A group coordinator of the classic protocol with the eager range assignor (reliability.md K3, K4).

A rebalance ends when every member has joined again, or without those that let the rebalance time pass. The
generation is all that offsets are fenced by; who owns a partition is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from confluent_kafka import KafkaError


class Client(Protocol):
    """A member's client, as the coordinator sees it."""

    name: str
    subscription: tuple[str, ...]
    last_poll: float

    def is_beating(self) -> bool: ...

    def synced(self, generation: int, places: list[tuple[str, int]]) -> None: ...


class Member:
    def __init__(self, client: Client, now: float) -> None:
        self.client = client
        self.beat = now
        self.joined = False


class OffsetsRefused(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Group:
    """`offsets` are committed; `pending` those of transactions without a marker, by transaction number."""

    def __init__(self, topics: Mapping[str, int], session_s: float, max_poll_s: float) -> None:
        self._topics = topics
        self._session_s = session_s
        self._max_poll_s = max_poll_s
        self._now = 0.0
        self._deadline: float | None = None
        self._joins = 0
        self.generation = 0
        self.members: dict[str, Member] = {}
        self.offsets: dict[tuple[str, int], int] = {}
        self.pending: dict[int, dict[tuple[str, int], int]] = {}

    def join(self, client: Client, member_id: str) -> str:
        """A member's (next) JoinGroup; its id. The answer is `synced`, once all have joined."""
        if member_id not in self.members:
            self._joins += 1
            member_id = f"{client.name}-{self._joins}"
            self.members[member_id] = Member(client, self._now)
        self.rebalance()
        self.members[member_id].joined = True
        self._complete_if_joined()
        return member_id

    def leave(self, member_id: str) -> None:
        if self.members.pop(member_id, None) is None:
            return
        if self.members:
            self.rebalance()
            self._complete_if_joined()
        else:
            self._deadline = None

    def rebalance(self) -> None:
        """All have to join again."""
        if self._deadline is None and self.members:
            self._deadline = self._now + self._max_poll_s
            for member in self.members.values():
                member.joined = False

    def is_awaited(self, member_id: str) -> bool:
        """Whether a rebalance waits for this member, as its heartbeats tell it."""
        return self._deadline is not None and not self.members[member_id].joined

    def _complete_if_joined(self) -> None:
        if self._deadline is None or not all(member.joined for member in self.members.values()):
            return
        self._deadline = None
        self.generation += 1
        shares = self._range()
        for member_id, member in self.members.items():
            member.client.synced(self.generation, shares[member_id])

    def _range(self) -> dict[str, list[tuple[str, int]]]:
        shares: dict[str, list[tuple[str, int]]] = {member_id: [] for member_id in self.members}
        for topic, count in self._topics.items():
            takers = sorted(m for m, member in self.members.items() if topic in member.client.subscription)
            start = 0
            for n, member_id in enumerate(takers):
                end = start + count // len(takers) + (n < count % len(takers))
                shares[member_id] += [(topic, partition) for partition in range(start, end)]
                start = end
        return shares

    def expire(self, now: float) -> None:
        """Members that are silent, or that did not poll or join in time, are no members any more."""
        self._now = now
        for member_id, member in list(self.members.items()):
            if member.client.is_beating():
                member.beat = now
            late = self._deadline is not None and not member.joined and now > self._deadline
            if (
                now - member.beat > self._session_s
                or now - member.client.last_poll > self._max_poll_s
                or late
            ):
                self.leave(member_id)

    def pend(
        self, transaction: int, member_id: str, generation: int, offsets: Mapping[tuple[str, int], int]
    ) -> None:
        """Offsets of a transaction; without member and generation they are taken unchecked (K3)."""
        if generation >= 0 or member_id:
            if member_id not in self.members:
                raise OffsetsRefused(KafkaError.UNKNOWN_MEMBER_ID)
            if generation != self.generation:
                raise OffsetsRefused(KafkaError.ILLEGAL_GENERATION)
        self.pending.setdefault(transaction, {}).update(offsets)

    def settle(self, transaction: int, *, commit: bool) -> None:
        offsets = self.pending.pop(transaction, {})
        if commit:
            self.offsets.update(offsets)

    def is_unstable(self, place: tuple[str, int]) -> bool:
        """Whether a transaction that may yet commit an offset of this partition has no marker."""
        return any(place in offsets for offsets in self.pending.values())
