"""Redis as several workers share it: the view in memory, reached over connections that lose replies.

A script is atomic. Between two scripts, and between a script and its reply, anything may happen: other
connections, a wipe, an older state, a connection that breaks; a script that was sent may run much later.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from state.chain import scripts_of
from state.errors import OutcomeUnknown, ViewError, ViewUnavailable
from state.keys import parse_key
from state.marker import RedisMarker
from state.memory_view import MemoryView
from state.view import Apply, Document, Health, Load, View
from tests.simulator.host import Host

KEYS_A_SCAN = 2


class RedisServer:
    """What survives the workers: the data, and the facts that `health` tells."""

    def __init__(self) -> None:
        self.data = MemoryView()
        self.runs = 1
        self.holes: set[int] = set()
        self._saved: list[object] = []

    def save(self) -> None:
        """A state that a failover or a backup may bring back."""
        self._saved = [*self._saved[-3:], self.data.snapshot()]

    def wipe(self) -> None:
        self.data.flush_all()

    def roll_back(self, choose: Callable[[int], int]) -> bool:
        """To an older state, with a restart: one server, another run. Whether there is one."""
        if not self._saved:
            return False
        self.data.restore(copy.deepcopy(self._saved[choose(len(self._saved))]))
        self.runs += 1
        return True

    def lose_marker(self, partition: int) -> None:
        self.data.delete_marker(partition)

    def lose_page(self, partition: int, choose: Callable[[int], int]) -> bool:
        """A stray DEL of a page. Whether there is one."""
        documents = self.data._documents.get(partition, {})
        pages = [key for key in documents if (parse_key(key)[2] or ("head",))[0] not in ("head", "b", "n")]
        if not pages:
            return False
        del documents[pages[choose(len(pages))]]
        self.holes.add(partition)
        return True


class WorkerView(View):
    """One worker's connection. The contract is that of state/view.py."""

    def __init__(self, server: RedisServer, host: Host, name: str) -> None:
        self._server = server
        self._host = host
        self._name = name
        self._count = 0

    def _token(self) -> str:
        self._count += 1
        return f"{self._name}-{self._count}"

    # Reading

    def marker(self, partition: int) -> RedisMarker | None:
        self._reach()
        found = self._server.data.marker(partition)
        self._host.step("redis: marker, reply")
        return found

    def load_many(self, loads: Sequence[Load]) -> dict[int, list[bytes | None] | ViewError]:
        self._reach()
        results: dict[int, list[bytes | None] | ViewError] = {}
        for load in loads:
            results |= self._server.data.load_many([load])
            self._host.step("redis: load, reply")
        return results

    def health(self) -> Health:
        self._reach()
        return Health(f"run {self._server.runs}", 0, 0)

    def _reach(self) -> None:
        self._host.step("redis")
        if not self._host.reachable("redis") or self._host.fault("redis read", "down"):
            self._host.wait(1.0)
            raise ViewUnavailable("it does not answer")

    # Writing

    def apply_many(self, applies: Sequence[Apply]) -> Mapping[int, ViewError | None]:
        results: dict[int, ViewError | None] = {apply.partition: None for apply in applies}
        try:
            self._reach()
        except ViewError as error:
            return dict.fromkeys(results, error)
        scripts = [
            (apply.partition, script)
            for apply in applies
            for script in scripts_of(apply.expected, apply.documents, apply.next, self._token)
        ]
        fault = self._host.fault("redis write", "reply lost", "request lost", "late")
        broken = self._host.portion(len(scripts)) - 1 if fault else len(scripts)
        for n, (partition, script) in enumerate(scripts):
            answer: ViewError | None = None
            if n < broken or fault == "reply lost":
                answer = self._server.data.run(partition, script)
                self._host.step("redis: script, reply")
                self._between_scripts()
            if n >= broken:
                answer = OutcomeUnknown("the connection broke")
            results[partition] = results[partition] or answer
        if fault == "late":
            self._host.later("scripts", lambda: [self._server.data.run(*one) for one in scripts[broken:]])
        if fault:
            self._host.wait(1.0)
        return results

    def _between_scripts(self) -> None:
        """Somebody saves, restores or wipes the server while a chain of scripts is on its way."""
        match self._host.fault("redis chain", "save", "roll back", "save", "roll back", "wipe"):
            case "save":
                self._server.save()
            case "roll back":
                self._server.roll_back(lambda count: count - 1)
            case "wipe":
                self._server.wipe()

    def clear(self, partition: int, held: RedisMarker) -> RedisMarker:
        self._reach()
        names = [document.key for document in self._server.data.scan(partition)]
        for start in range(0, len(names), KEYS_A_SCAN):
            doomed = [Document(name, 0, None) for name in names[start : start + KEYS_A_SCAN]]
            held = self._move(partition, held, held, doomed)
        return held

    def scan(self, partition: int) -> Any:
        return self._server.data.scan(partition)

    def delete_marker(self, partition: int) -> None:
        self._server.data.delete_marker(partition)

    def check_server(self) -> list[str]:
        return []

    def close(self) -> None:
        """The host ends with its connection."""
