"""The view in Redis 7.0 or newer, or Valkey 7.2 or newer.

A least-rights user, for an empty topic prefix (`select` only if the URL names a db other than 0):

    ACL SETUSER badges on >PASSWORD resetkeys ~bs:{actions-* -@all
        +mget +mset +unlink +evalsha +script|load +scan +info +select

One connection, no retry on it, every reply waited for at most `timeout` seconds (redis_link.py).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any, Final

from state.chain import OFFSET_BYTES, Script, framed, scripts_of
from state.errors import MarkerMoved, ViewDamaged, ViewError, ViewRefused
from state.keys import Keyspace
from state.marker import RedisMarker, decode_marker, encode_marker
from state.redis_link import CLUSTER, Command, RedisLink, ScriptGone
from state.view import Apply, Document, Health, Load, View

KEYS_A_READ: Final = 4096
_RELOADS: Final = 3
NO_APPEND_ONLY_FILE: Final = (
    "Redis keeps no append-only file: after its restart all partitions are rebuilt from Kafka; "
    "set appendonly to yes"
)


def _new_token() -> str:
    return secrets.token_hex(8)


class RedisView(View):
    """See view.py. `url` is redis://, rediss:// or unix://, with user and password in it; `prefix` is that of
    the topics. Nothing connects before the first call."""

    def __init__(
        self, url: str, *, prefix: str = "", timeout: float = 5.0, token: Callable[[], str] = _new_token
    ) -> None:
        self._link = RedisLink(url, timeout=timeout)
        self._keys = Keyspace(prefix)
        self._next_token = token
        self._source = (resources.files("state") / "scripts" / "apply_batch.lua").read_bytes()
        self._sha = hashlib.sha1(self._source, usedforsecurity=False).hexdigest()

    def _token(self) -> str:
        return self._next_token()

    def __repr__(self) -> str:
        return "RedisView(***)"

    def close(self) -> None:
        self._link.close()

    # Reading

    def marker(self, partition: int) -> RedisMarker | None:
        [[found]] = self._link.read([("MGET", self._keys.marker(partition))])
        try:
            return decode_marker(found or b"")
        except ValueError:
            raise ViewDamaged("the view has a marker that this release cannot read") from None

    def load_many(self, loads: Sequence[Load]) -> dict[int, list[bytes | None] | ViewError]:
        commands: list[Command] = []
        counts = []
        for load in loads:
            reads = self._reads(load)
            commands += reads
            counts.append(len(reads))
        replies = iter(self._link.read(commands) if commands else ())
        return {
            load.partition: _values(load, [next(replies) for _ in range(count)])
            for load, count in zip(loads, counts, strict=True)
        }

    def _reads(self, load: Load) -> list[Command]:
        marker = self._keys.marker(load.partition)
        keys = self._keys.documents(load.partition, load.keys)
        starts = range(0, len(keys) or 1, KEYS_A_READ)
        return [("MGET", marker, *keys[start : start + KEYS_A_READ]) for start in starts]

    def scan(self, partition: int) -> Iterator[Document]:
        for names in self._names(partition):
            [values] = self._link.read([("MGET", *names)]) if names else [()]
            for name, value in zip(names, values, strict=True):
                yield self._document(partition, name, value)

    def _names(self, partition: int) -> Iterator[list[bytes]]:
        """The Redis keys of a partition's documents, in portions."""
        marker = self._keys.marker(partition)
        cursor: Any = 0
        while True:
            [[cursor, names]] = self._link.read(
                [("SCAN", cursor, "MATCH", self._keys.pattern(partition), "COUNT", 1000)]
            )
            yield [name for name in names if name != marker]
            if int(cursor) == 0:
                return

    def _document(self, partition: int, name: bytes, value: bytes | None) -> Document:
        try:
            key = self._keys.document_key(partition, name)
        except ValueError:
            key = None
        if key is None or value is None or len(value) <= OFFSET_BYTES:
            return Document(key or name, -1, None)
        return Document(key, int.from_bytes(value[:OFFSET_BYTES], "big"), value[OFFSET_BYTES:])

    # Writing

    def apply_many(self, applies: Sequence[Apply]) -> Mapping[int, ViewError | None]:
        chains = {
            apply.partition: [
                self._command(apply.partition, script)
                for script in scripts_of(apply.expected, apply.documents, apply.next, self._token)
            ]
            for apply in applies
        }
        return self._run(chains)

    def clear(self, partition: int, held: RedisMarker) -> RedisMarker:
        for names in self._names(partition):
            if names:
                held = self._delete(partition, held, names)
        return held

    def _delete(self, partition: int, held: RedisMarker, names: Sequence[bytes]) -> RedisMarker:
        """Deletes Redis keys inside a rebuild, also those that are no documents."""
        following = held._replace(token=self._token())
        doomed = [Document(name, 0, None) for name in names]
        marker = self._keys.marker(partition)
        chain = [
            self._evalsha(marker, [document.key for document in script.documents], script)
            for script in scripts_of(held, doomed, following, self._token)
        ]
        error = self._run({partition: chain})[partition]
        if error is not None:
            raise error
        return following

    def delete_marker(self, partition: int) -> None:
        [reply] = self._link.exchange([("UNLINK", self._keys.marker(partition))])
        if isinstance(reply, ViewError):
            raise reply

    def _command(self, partition: int, script: Script) -> Command:
        names = self._keys.documents(partition, [document.key for document in script.documents])
        return self._evalsha(self._keys.marker(partition), names, script)

    def _evalsha(self, marker: bytes, names: list[bytes], script: Script) -> Command:
        values = [framed(document) for document in script.documents]
        keys = len(names) + 1
        return ("EVALSHA", self._sha, keys, marker, *names, script.expected, script.moved, *values)

    def _run(self, chains: Mapping[int, list[Command]]) -> dict[int, ViewError | None]:
        """All chains in one round trip. A script that the server did not know did not run, nor did those
        behind it in its chain, which expect its token: from there the chain is sent again once the script is
        loaded."""
        results: dict[int, ViewError | None] = dict.fromkeys(chains)
        left = {partition: chain for partition, chain in chains.items() if chain}
        for _ in range(_RELOADS):
            commands = [command for chain in left.values() for command in chain]
            try:
                replies = iter(self._link.exchange(commands))
            except ViewError as error:
                return results | dict.fromkeys(left, error)
            again: dict[int, list[Command]] = {}
            for partition, chain in left.items():
                done, results[partition] = _judged([next(replies) for _ in chain])
                if isinstance(results[partition], ScriptGone):
                    again[partition] = chain[done:]
            left = again
            if not left:
                return results
            try:
                self._link.read([("SCRIPT", "LOAD", self._source)])
            except ViewError as error:
                return results | dict.fromkeys(left, error)
        return results

    # The server

    def health(self) -> Health:
        facts = self._facts("server", "stats")
        return Health(facts["run_id"], int(facts["evicted_keys"]), int(facts["expired_keys"]))

    def check_server(self) -> list[str]:
        facts = self._facts("server", "memory", "persistence", "cluster")
        version = facts["redis_version"]
        if tuple(map(int, version.split(".")[:2])) < (7, 0):
            raise ViewRefused(f"Redis {version} is too old; run Redis 7.0, Valkey 7.2 or newer")
        if facts.get("maxmemory_policy") != "noeviction":
            raise ViewRefused(
                f"Redis may drop documents (maxmemory-policy {facts.get('maxmemory_policy')}); "
                "set maxmemory-policy to noeviction"
            )
        if facts.get("cluster_enabled") == "1":
            raise ViewRefused(CLUSTER)
        self._link.read([("SCRIPT", "LOAD", self._source), ("MGET", self._keys.marker(0))])
        if facts.get("aof_enabled") == "0":
            return [NO_APPEND_ONLY_FILE]
        return []

    def _facts(self, *sections: str) -> dict[str, str]:
        replies: list[bytes] = self._link.read([("INFO", section) for section in sections])
        lines = b"\n".join(replies).decode(errors="replace").splitlines()
        pairs = (line.partition(":") for line in lines)
        return {name: value.strip() for name, colon, value in pairs if colon}


def _values(load: Load, reads: list[list[bytes | None]]) -> list[bytes | None] | ViewError:
    expected = encode_marker(load.expected)
    if any((read[0] or b"") != expected for read in reads):
        return MarkerMoved()
    return [value and value[OFFSET_BYTES:] for read in reads for value in read[1:]]


def _judged(replies: list[Any]) -> tuple[int, ViewError | None]:
    """How many scripts of a chain were applied, and why the next one was not."""
    for done, reply in enumerate(replies):
        if reply == 1:
            continue
        if isinstance(reply, ViewError):
            return done, reply
        return done, MarkerMoved()
    return len(replies), None
