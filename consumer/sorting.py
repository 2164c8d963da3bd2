"""What a record is, before any rule is asked: an action to decide here, one that belongs to another
partition, a dead letter, or one whose schema has to be waited for (contract.md section 4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from confluent_kafka import Message, murmur2

from consumer.dead_letters import dead_letter, headers_of, stub_letter
from consumer.shares import Decided, Share
from schemas.customer_action import customer_key, decode_action
from schemas.errors import Malformed
from schemas.framing import KeyMismatch, Rejected, SchemaId, SchemaSource, TooLarge, UnknownSchema
from schemas.registry import RegistryUnavailable
from state.cache import StateCache

REROUTED: Final = "rerouted-from"
UNKNOWN_S: Final = 30.0
"""How long a schema id that the registry does not know is asked for."""
_REMEMBERED: Final = 10_000


class Deferred(Exception):
    """The record cannot be read now. Its partition waits; the message says for what."""


class _NoAnswer:
    """Stands in for a registry that failed a moment ago: nobody waits for its time-out twice in a batch."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def schema_by_id(self, identity: SchemaId) -> str:  # noqa: ARG002 -- a SchemaSource
        raise RegistryUnavailable(self._reason)


class Sorter:
    """Sorts records into shares. Remembers which schema ids are unknown since when, and which records'
    outputs the broker refused.
    """

    def __init__(
        self,
        cache: StateCache,
        partitions: int,
        schemas: SchemaSource | None,
        monotonic: Callable[[], float],
    ) -> None:
        self._cache = cache
        self._partitions = partitions
        self._source = self._schemas = schemas
        self._monotonic = monotonic
        self._unknown_since: dict[str, float] = {}
        self._refused: dict[tuple[int, int], int] = {}
        self._rules = (0, 0)

    def begin_batch(self, rules: tuple[int, int] = (0, 0)) -> None:
        """The registry may be asked again; so may the broker about what it refused, where other rules (the
        feeds' offsets) are in force: by them a record may yield less.
        """
        self._schemas = self._source
        if rules != self._rules:
            self._rules = rules
            self._refused.clear()

    def refuse(self, message: Message) -> bool:
        """The broker refuses what this record yields: from now on it is a dead letter TOO_LARGE, and a stub
        without payload where that was refused too. False where even the stub was.
        """
        place = (message.partition() or 0, message.offset() or 0)
        if len(self._refused) >= _REMEMBERED:
            self._refused.clear()
        self._refused[place] = self._refused.get(place, 0) + 1
        return self._refused[place] <= 2

    def sort(self, message: Message, share: Share) -> None:
        """Puts a record where it belongs. Raises Deferred."""
        if self._refused:
            times = self._refused.get((share.owned.partition, message.offset() or 0), 0)
            if times:
                error = TooLarge("the broker refuses what it yields: raise max.message.bytes of the topics")
                share.rejected.append((dead_letter if times == 1 else stub_letter)(message, error))
                return
        try:
            self._sort(message, share)
        except (Rejected, Malformed) as error:
            share.rejected.append(dead_letter(message, error))
        except RegistryUnavailable as error:
            self._schemas = _NoAnswer(str(error))
            raise Deferred(str(error)) from None

    def _sort(self, message: Message, share: Share) -> None:
        value, key, partition = message.value(), message.key(), share.owned.partition
        try:
            action = decode_action(value, message.headers(), self._schemas)  # type: ignore[arg-type]  # stubs
        except UnknownSchema as error:
            self._wait(error)
            raise
        expected = customer_key(action.org_id, action.customer_id)
        if key != expected:
            raise KeyMismatch("the key is null or not org:customer of the action")
        if self._cache.get(partition, action.org_id, action.customer_id) is None:
            right = murmur2(key, self._partitions)
            if right != partition:
                if any(name == REROUTED for name, _ in headers_of(message)):
                    raise KeyMismatch("re-published once, and still not where its key belongs")
                share.rerouted.append((message, right))
                return
        share.records.append(Decided(message, expected, action))

    def _wait(self, error: UnknownSchema) -> None:
        """Raises Deferred while the registry may still come to know the schema."""
        if not error.may_appear:
            return
        now = self._monotonic()
        if len(self._unknown_since) >= _REMEMBERED:
            self._unknown_since.clear()
        if now - self._unknown_since.setdefault(error.schema_id or "", now) < UNKNOWN_S:
            raise Deferred(f"the registry does not know schema {error.schema_id}; register it") from None
