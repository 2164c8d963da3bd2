"""Defects put into the real code on purpose: the simulator is worth something if it finds each of them.

A mutation is a context manager; while it is open, the loop has the defect of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from consumer import input as input_module
from consumer import processor, transactions
from consumer.batch import Committer
from consumer.changelog import Changelog
from consumer.errors import BatchAborted, ProducerLost
from consumer.input import InputGroup
from consumer.loop import Loop
from consumer.ownership import Ownership
from consumer.repair import Found, Repair, redis_marker
from consumer.rules_in_force import RulesInForce
from consumer.transactions import Transactions
from state.chain import OFFSET_BYTES, Script
from state.errors import ViewError
from state.marker import encode_marker
from state.memory_view import MemoryView
from state.view import Load
from tests.simulator.consumers import FakeConsumer
from tests.simulator.producers import write_metadata
from tests.simulator.view import WorkerView

Mutation = Callable[[], AbstractContextManager[Any]]


def redis_before_the_commit() -> AbstractContextManager[Any]:
    """The view is written first, and the transaction committed afterwards."""
    commit, commit_transaction = Committer.commit, Transactions.commit

    def view_first(self: Any, batch: Any, feeds: Any, metadata: Any) -> Any:
        held: list[Any] = []

        def flush_only(offsets: Any, metadata: Any) -> None:
            self._transactions._open_producer.flush(10.0)
            held.append((offsets, metadata))

        self._transactions.commit = flush_only
        try:
            broken = commit(self, batch, feeds, metadata)
        finally:
            del self._transactions.commit
        commit_transaction(self._transactions, *held[0])
        return broken

    return patch.object(Committer, "commit", view_first)


def offsets_outside_the_transaction() -> AbstractContextManager[Any]:
    """The group's offsets are committed by a request of their own, after the transaction."""
    commit = Transactions.commit

    def without_offsets(self: Any, offsets: Sequence[TopicPartition], metadata: Any) -> None:
        producer: Any = self._open_producer
        commit(self, [], metadata)
        producer._host.step("commit offsets")
        group = producer._broker.group("badges")
        group.offsets.update({(one.topic, one.partition): one.offset for one in offsets})

    return patch.object(Transactions, "commit", without_offsets)


def reads_do_not_compare_the_marker() -> AbstractContextManager[Any]:
    def found(self: Any, load: Load) -> list[bytes | None]:
        documents = self._documents.get(load.partition, {})
        return [value and value[OFFSET_BYTES:] for value in map(documents.get, load.keys)]

    return patch.object(MemoryView, "_found", found)


def scripts_do_not_compare_the_marker() -> AbstractContextManager[Any]:
    run = MemoryView.run

    def always(self: Any, partition: int, script: Script) -> ViewError | None:
        return run(self, partition, script._replace(expected=self._markers.get(partition, b"")))

    return patch.object(MemoryView, "run", always)


def all_tokens_are_equal() -> AbstractContextManager[Any]:
    """A chain of scripts cannot tell that it was interrupted and begun again."""
    return patch.object(WorkerView, "_token", lambda self: "token")


def repair_writes_no_documents() -> AbstractContextManager[Any]:
    bring = Repair.bring

    def markers_only(self: Any, partition: int, stands: Any, found: Found, position: Any, member: Any) -> Any:
        return bring(self, partition, stands, found._replace(documents={}), position, member)

    return patch.object(Repair, "bring", markers_only)


def repair_skipped() -> AbstractContextManager[Any]:
    """The marker that stands is taken for right."""

    def as_it_stands(self: Any, partition: int, stands: Any, found: Found, position: Any, member: Any) -> Any:
        if position is None:
            return stands
        marker = redis_marker(position, found.next_offset)
        server = self._view._server.data
        server._markers[partition] = encode_marker(marker)
        return marker

    return patch.object(Repair, "bring", as_it_stands)


def a_claimed_view_is_taken_for_whole() -> AbstractContextManager[Any]:
    """A marker with a token is read as if nothing were missing."""
    marker = WorkerView.marker

    def without_token(self: Any, partition: int) -> Any:
        found = marker(self, partition)
        return found._replace(token="") if found is not None and found.sequence else found

    return patch.object(WorkerView, "marker", without_token)


def no_generation_in_the_metadata() -> AbstractContextManager[Any]:
    """The metadata of before the first join: the broker takes offsets unchecked (K3)."""

    @contextmanager
    def unfenced() -> Iterator[None]:
        empty = write_metadata(-1, "badges", "")
        with (
            patch.object(FakeConsumer, "consumer_group_metadata", lambda self: empty),
            patch.object(input_module, "is_member", lambda metadata: True),
        ):
            yield

    return unfenced()


def metadata_of_the_first_generation() -> AbstractContextManager[Any]:
    """The metadata is taken once and kept."""
    metadata = InputGroup.metadata

    def remembered(self: Any) -> Any:
        if not hasattr(self, "first_metadata"):
            self.first_metadata = metadata(self)
        return self.first_metadata

    return patch.object(InputGroup, "metadata", remembered)


def an_unclear_commit_is_taken_for_done() -> AbstractContextManager[Any]:
    commit = Transactions.commit

    def hopeful(self: Any, offsets: Any, metadata: Any) -> None:
        try:
            commit(self, offsets, metadata)
        except ProducerLost:
            self.open()

    return patch.object(Transactions, "commit", hopeful)


def an_unclear_commit_is_taken_for_aborted() -> AbstractContextManager[Any]:
    commit = Transactions.commit

    def pessimistic(self: Any, offsets: Any, metadata: Any) -> None:
        try:
            commit(self, offsets, metadata)
        except ProducerLost as error:
            self.open()
            raise BatchAborted(str(error)) from None

    return patch.object(Transactions, "commit", pessimistic)


def a_slow_commit_is_trusted() -> AbstractContextManager[Any]:
    """A repeated EndTxn may end the next transaction (KAFKA-17754)."""
    return patch.object(transactions, "SLOW_COMMIT_S", 1e9)


def the_changelog_ends_at_the_stable_offset() -> AbstractContextManager[Any]:
    def stable(self: Any, partition: int) -> int:
        asked = {TopicPartition(self.topic, partition): OffsetSpec.latest()}
        futures = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=10
        )
        return int(next(iter(futures.values())).result().offset)

    return patch.object(Changelog, "high_watermark", stable)


def pending_offsets_are_not_waited_for() -> AbstractContextManager[Any]:
    """Committed offsets without require-stable."""
    committed = FakeConsumer.committed

    def unstable(self: Any, partitions: Any, timeout: float) -> Any:
        self._committed_only = False
        try:
            return committed(self, partitions, timeout)
        finally:
            self._committed_only = True

    return patch.object(FakeConsumer, "committed", unstable)


def no_rewind_after_an_abort() -> AbstractContextManager[Any]:
    return patch.object(Loop, "_rewind", lambda self: self._ownership.forget_states())


def the_cache_survives_an_abort() -> AbstractContextManager[Any]:
    return patch.object(Ownership, "forget_states", lambda self: None)


def messages_of_before_a_rebalance_are_decided() -> AbstractContextManager[Any]:
    """The assignment changed, and nothing is prepared anew."""

    def keep(self: Any) -> None:
        self.pending = set(self._group.assigned) - set(self.owned)
        for partition in set(self.owned) - set(self._group.assigned):
            del self.owned[partition]

    return patch.object(Ownership, "take_over", keep)


def time_goes_back() -> AbstractContextManager[Any]:
    """`at` is the worker's clock alone."""
    return patch.object(processor, "max", lambda first, *others: first, create=True)


def rules_change_without_a_cut_over() -> AbstractContextManager[Any]:
    decide, cut_over = Loop._decide, RulesInForce.cut_over

    def decide_first(self: Any, messages: Any) -> None:
        decide(self, messages)
        cut_over(self._rules)

    def in_repair_only(self: Any) -> None:
        if not self._ownership.owned or (
            self._group._consumer._fetching
            and all(one.paused for one in self._group._consumer._fetching.values())
        ):
            cut_over(self)

    @contextmanager
    def too_late() -> Iterator[None]:
        in_time = patch.object(RulesInForce, "cut_over", in_repair_only)
        with patch.object(Loop, "_decide", decide_first), in_time:
            yield

    return too_late()


MUTATIONS: dict[Mutation, tuple[str, ...]] = {
    redis_before_the_commit: ("commit", "send_offsets"),
    offsets_outside_the_transaction: ("crash",),
    reads_do_not_compare_the_marker: ("roll back",),
    scripts_do_not_compare_the_marker: ("redis write", "stop point"),
    all_tokens_are_equal: ("redis chain", "wipe", "lose marker"),
    repair_writes_no_documents: (),
    repair_skipped: (),
    a_claimed_view_is_taken_for_whole: ("redis write",),
    no_generation_in_the_metadata: ("stop point",),
    metadata_of_the_first_generation: (),
    an_unclear_commit_is_taken_for_done: ("commit",),
    an_unclear_commit_is_taken_for_aborted: ("commit",),
    a_slow_commit_is_trusted: ("commit", "repetition"),
    the_changelog_ends_at_the_stable_offset: ("rebalance", "stop point"),
    pending_offsets_are_not_waited_for: ("stop point",),
    no_rewind_after_an_abort: ("produce",),
    the_cache_survives_an_abort: ("produce",),
    messages_of_before_a_rebalance_are_decided: ("rebalance",),
    time_goes_back: (),
    rules_change_without_a_cut_over: (),
}
"""Each with the faults that bring it to light, which are made frequent while it is looked for."""
