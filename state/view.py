"""The contract of a view: what the owner of partitions may rely on, whether memory or Redis is behind it.

A view holds, per partition, documents under keys of keys.py (`bytes`; the same as in the changelog) and one
marker. It is a fold of the changelog, fast to read and safe to throw away; whoever writes compares the marker
first.

- Every read compares the marker too: values are of exactly the expected marker, or `MarkerMoved` is raised.
- Every write is a chain of scripts (chain.py), each of at most 256 documents or 512 KiB. Each script compares
  the whole marker, writes its documents and moves the marker, all or nothing; one that finds another marker
  writes nothing. Each script but the last of a chain puts a token of its own into the marker, which keeps the
  `changelog_offset` of the expected one: whatever interrupts the chain, repair starts where the view is
  whole.
- An absent marker is written `None`; expecting None succeeds only where no marker is.
- Writes are never sent twice. `OutcomeUnknown` means: read the marker again, repair.
- Several partitions share one round trip in `load_many` and `apply_many`.

Repair: `found = view.marker(p)`; `held = view.claim(p, found)`; then `held = view.extend(p, held, documents)`
as often as needed, and `view.apply(p, held, last_documents, position)`. A rebuild is the same with
`claim_rebuild`, which sets `changelog_offset` to 0, and `held = view.clear(p, held)` before the first
document.

Errors are those of errors.py. In all of them but OutcomeUnknown nothing of the call's failing script was
applied.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from state.errors import ViewError
from state.marker import NOWHERE, RedisMarker


class Document(NamedTuple):
    """A document as the changelog has it: `offset` is its changelog offset; `value` None deletes it
    (erasure)."""

    key: bytes
    offset: int
    value: bytes | None


class Load(NamedTuple):
    """What is to be read of one partition, and the marker that must stand there."""

    partition: int
    expected: RedisMarker | None
    keys: Sequence[bytes]


class Apply(NamedTuple):
    """One partition's part of a committed batch: from marker `expected` to marker `next`."""

    partition: int
    expected: RedisMarker | None
    documents: Sequence[Document]
    next: RedisMarker


class Health(NamedTuple):
    """A change of any of these says that documents may be gone without the marker having moved."""

    run_id: str
    evicted_keys: int
    expired_keys: int


class View(ABC):
    """See the module's docstring. One instance belongs to one thread."""

    @abstractmethod
    def marker(self, partition: int) -> RedisMarker | None:
        """The marker that stands there. Bytes that are no marker of ours: ViewDamaged."""

    def load(self, partition: int, expected: RedisMarker | None, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of the keys, in their order, None where there is no document."""
        found = self.load_many([Load(partition, expected, keys)])[partition]
        if isinstance(found, ViewError):
            raise found
        return found

    @abstractmethod
    def load_many(self, loads: Sequence[Load]) -> dict[int, list[bytes | None] | ViewError]:
        """`load` for several partitions, at most once each, in one round trip. MarkerMoved and ViewDamaged
        are given per partition; ViewUnavailable and ViewRefused are raised."""

    def apply(
        self,
        partition: int,
        expected: RedisMarker | None,
        documents: Sequence[Document],
        next_marker: RedisMarker,
    ) -> None:
        """Writes the documents and moves the marker. A key occurs at most once."""
        error = self.apply_many([Apply(partition, expected, documents, next_marker)])[partition]
        if error is not None:
            raise error

    @abstractmethod
    def apply_many(self, applies: Sequence[Apply]) -> Mapping[int, ViewError | None]:
        """`apply` for several partitions, at most once each, in one round trip. Raises nothing: the error of
        each partition, or None where it was applied whole."""

    def claim(self, partition: int, found: RedisMarker | None) -> RedisMarker:
        """Begins a repair: the found marker with a token, which is returned. Without a marker: NOWHERE's."""
        return self._move(partition, found, found or NOWHERE)

    def claim_rebuild(self, partition: int, found: RedisMarker | None) -> RedisMarker:
        """As `claim`, with changelog_offset 0: whatever comes, the whole changelog will be read."""
        return self._move(partition, found, (found or NOWHERE)._replace(changelog_offset=0))

    def extend(self, partition: int, held: RedisMarker, documents: Sequence[Document]) -> RedisMarker:
        """Writes documents inside a repair; returns the marker held now (the same with another token)."""
        return self._move(partition, held, held, documents)

    @abstractmethod
    def clear(self, partition: int, held: RedisMarker) -> RedisMarker:
        """Deletes all documents of the partition inside a rebuild; returns the marker held now."""

    @abstractmethod
    def scan(self, partition: int) -> Iterator[Document]:
        """All documents as they are now, in no order; one that is written meanwhile may come twice. For
        `verify`: a value that is none of ours has offset -1 and value None."""

    @abstractmethod
    def delete_marker(self, partition: int) -> None:
        """Makes the next owner rebuild. The only write that compares nothing."""

    @abstractmethod
    def health(self) -> Health:
        """What it is now."""

    @abstractmethod
    def check_server(self) -> list[str]:
        """Before the first use. Raises ViewRefused where documents could vanish silently or the version is
        too old; returns warnings for the operator."""

    @abstractmethod
    def close(self) -> None:
        """Ends the connection."""

    @abstractmethod
    def _token(self) -> str:
        """One that no writer ever used."""

    def _move(
        self,
        partition: int,
        expected: RedisMarker | None,
        like: RedisMarker,
        documents: Sequence[Document] = (),
    ) -> RedisMarker:
        held = like._replace(token=self._token())
        self.apply(partition, expected, documents, held)
        return held
