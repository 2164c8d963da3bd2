"""The view in memory: the same contract, for tests and simulators. What it keeps is gone with the process."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence

from state.chain import OFFSET_BYTES, Script, framed, scripts_of
from state.errors import MarkerMoved, ViewDamaged, ViewError
from state.marker import ABSENT, NOWHERE, RedisMarker, decode_marker, encode_marker
from state.view import Apply, Document, Health, Load


class MemoryView:
    """See view.py. `snapshot` and `restore` play a failover or an old backup, `flush_all` a FLUSHALL."""

    def __init__(self) -> None:
        self._markers: dict[int, bytes] = {}
        self._documents: dict[int, dict[bytes, bytes]] = {}
        self._tokens = itertools.count(1)

    def snapshot(self) -> object:
        return copy.deepcopy((self._markers, self._documents))

    def restore(self, snapshot: object) -> None:
        assert isinstance(snapshot, tuple)
        self._markers, self._documents = copy.deepcopy(snapshot)

    def flush_all(self) -> None:
        self._markers.clear()
        self._documents.clear()

    def close(self) -> None:
        """Nothing is open."""

    def marker(self, partition: int) -> RedisMarker | None:
        try:
            return decode_marker(self._markers.get(partition, ABSENT))
        except ValueError:
            raise ViewDamaged("the view has a marker that this release cannot read") from None

    def load(self, partition: int, expected: RedisMarker | None, keys: Sequence[bytes]) -> list[bytes | None]:
        if self._markers.get(partition, ABSENT) != encode_marker(expected):
            raise MarkerMoved
        documents = self._documents.get(partition, {})
        return [value and value[OFFSET_BYTES:] for value in map(documents.get, keys)]

    def load_many(self, loads: Sequence[Load]) -> dict[int, list[bytes | None] | ViewError]:
        results: dict[int, list[bytes | None] | ViewError] = {}
        for load in loads:
            try:
                results[load.partition] = self.load(load.partition, load.expected, load.keys)
            except MarkerMoved as error:
                results[load.partition] = error
        return results

    def apply(
        self,
        partition: int,
        expected: RedisMarker | None,
        documents: Sequence[Document],
        next_marker: RedisMarker,
    ) -> None:
        for script in scripts_of(expected, documents, next_marker, self._token):
            self._run(partition, script)

    def apply_many(self, applies: Sequence[Apply]) -> Mapping[int, ViewError | None]:
        results: dict[int, ViewError | None] = {}
        for apply in applies:
            try:
                self.apply(apply.partition, apply.expected, apply.documents, apply.next)
                results[apply.partition] = None
            except ViewError as error:
                results[apply.partition] = error
        return results

    def _run(self, partition: int, script: Script) -> None:
        if self._markers.get(partition, ABSENT) != script.expected:
            raise MarkerMoved
        documents = self._documents.setdefault(partition, {})
        for document in script.documents:
            if document.value is None:
                documents.pop(document.key, None)
            else:
                documents[document.key] = framed(document)
        self._markers[partition] = script.moved

    def claim(self, partition: int, found: RedisMarker | None) -> RedisMarker:
        return self._move(partition, found, found or NOWHERE)

    def claim_rebuild(self, partition: int, found: RedisMarker | None) -> RedisMarker:
        return self._move(partition, found, (found or NOWHERE)._replace(changelog_offset=0))

    def extend(self, partition: int, held: RedisMarker, documents: Sequence[Document]) -> RedisMarker:
        return self._move(partition, held, held, documents)

    def clear(self, partition: int, held: RedisMarker) -> RedisMarker:
        keys = list(self._documents.get(partition, ()))
        return self._move(partition, held, held, [Document(key, 0, None) for key in keys])

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

    def _token(self) -> str:
        return str(next(self._tokens))

    def scan(self, partition: int) -> Iterator[Document]:
        for key, value in list(self._documents.get(partition, {}).items()):
            yield Document(key, int.from_bytes(value[:OFFSET_BYTES], "big"), value[OFFSET_BYTES:])

    def delete_marker(self, partition: int) -> None:
        self._markers.pop(partition, None)

    def health(self) -> Health:
        return Health("memory", 0, 0)

    def check_server(self) -> list[str]:
        return []
