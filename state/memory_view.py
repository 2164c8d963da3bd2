"""The view in memory: the same contract, for tests and simulators. What it keeps is gone with the process."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence

from state.chain import OFFSET_BYTES, Script, framed, scripts_of
from state.errors import MarkerMoved, ViewDamaged, ViewError
from state.marker import ABSENT, RedisMarker, decode_marker, encode_marker
from state.view import Apply, Document, Health, Load, View


class MemoryView(View):
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

    def load_many(self, loads: Sequence[Load]) -> dict[int, list[bytes | None] | ViewError]:
        return {load.partition: self._found(load) for load in loads}

    def _found(self, load: Load) -> list[bytes | None] | ViewError:
        if self._markers.get(load.partition, ABSENT) != encode_marker(load.expected):
            return MarkerMoved()
        documents = self._documents.get(load.partition, {})
        return [value and value[OFFSET_BYTES:] for value in map(documents.get, load.keys)]

    def apply_many(self, applies: Sequence[Apply]) -> Mapping[int, ViewError | None]:
        return {apply.partition: self._applied(apply) for apply in applies}

    def _applied(self, apply: Apply) -> ViewError | None:
        scripts = scripts_of(apply.expected, apply.documents, apply.next, self._token)
        return next((error for script in scripts if (error := self.run(apply.partition, script))), None)

    def run(self, partition: int, script: Script) -> ViewError | None:
        """One script: all of it, or MarkerMoved and nothing."""
        if self._markers.get(partition, ABSENT) != script.expected:
            return MarkerMoved()
        documents = self._documents.setdefault(partition, {})
        for document in script.documents:
            if document.value is None:
                documents.pop(document.key, None)
            else:
                documents[document.key] = framed(document)
        self._markers[partition] = script.moved
        return None

    def clear(self, partition: int, held: RedisMarker) -> RedisMarker:
        keys = list(self._documents.get(partition, ()))
        return self._move(partition, held, held, [Document(key, 0, None) for key in keys])

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
