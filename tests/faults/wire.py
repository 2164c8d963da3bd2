"""A wire between a client and a server that is slow, breaks now and then, or swallows what it is given."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Wire:
    """Forwards connections to `target`, which may change; each chunk waits `delay_s`, and one in `cut_one_in`
    cuts the connection instead (0: none). While `frozen` is set nothing arrives any more, and nobody is told.
    """

    def __init__(self, target: tuple[str, int], delay_s: float, cut_one_in: int) -> None:
        self.target = target
        self.frozen = threading.Event()
        self._delay_s = delay_s
        self._cut_one_in = cut_one_in
        self._random = random.Random(4)
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Until `end`."""
        while not self._ending.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.target)
            except OSError:  # the server is down
                near.close()
                continue
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if self.frozen.is_set():
                    continue
                self._ending.wait(self._delay_s)
                if self._cut_one_in and self._random.randrange(self._cut_one_in) == 0:
                    break
                sink.sendall(data)
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
                one.close()

    def end(self) -> None:
        """No more connections."""
        self._ending.set()
        self._listener.close()


@contextmanager
def bad_wire(host: str, port: int, delay_s: float, cut_one_in: int) -> Iterator[int]:
    """The port of a bad wire to a server."""
    with served(Wire((host, port), delay_s, cut_one_in)) as wire:
        yield wire.port


@contextmanager
def served(wire: Wire) -> Iterator[Wire]:
    """Takes connections until the block ends."""
    thread = threading.Thread(target=wire.serve, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        wire.end()
