"""A wire before a real broker that knows where a request begins and what kind it is: a test may hold one,
drop it, or do so with its answer. Nothing is rewritten; the broker advertises a listener at its port.
"""

from __future__ import annotations

import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from consumer.local.kafka import KafkaNode
from consumer.local.ports import HOST, free_ports

ADD_PARTITIONS, ADD_OFFSETS, END_TXN = 24, 25, 26
PATIENCE_S = 120.0


class Connection:
    """One of a client, with its other half to the broker."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self._near = near
        self._far = far
        self.answers: dict[bytes, Callable[[bytes], None]] = {}
        """What is done with an answer instead of giving it to the client, by correlation id."""

    def forward(self, frame: bytes) -> None:
        """To the broker."""
        self._far.sendall(frame)

    def answer(self, frame: bytes) -> None:
        """To the client."""
        self._near.sendall(frame)

    def cut(self) -> None:
        """Both halves."""
        for one in (self._near, self._far):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


Deed = Callable[[Connection, bytes], None]


class KafkaWire:
    """Forwards what no deed is planned for."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.target = 0
        self._planned: dict[int, deque[tuple[Deed, threading.Event]]] = defaultdict(deque)

    def plan(self, request: int, deed: Deed) -> threading.Event:
        """The next request of this kind gets the deed instead of being forwarded; set when that was done."""
        done = threading.Event()
        self._planned[request].append((deed, done))
        return done

    def serve(self) -> None:
        """Until `end`."""
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection((HOST, self.target))
            except OSError:
                return
            connection = Connection(near, far)
            for pump in (self._requests, self._answers):
                source = near if pump == self._requests else far
                threading.Thread(target=pump, args=(connection, source), daemon=True).start()

    def end(self) -> None:
        """No more connections."""
        self._listener.close()

    def _requests(self, connection: Connection, source: socket.socket) -> None:
        with suppress(OSError):
            for frame in _frames(source):
                planned = self._planned[int.from_bytes(frame[4:6], "big")]
                if planned:
                    deed, done = planned.popleft()
                    deed(connection, frame)
                    done.set()
                else:
                    connection.forward(frame)
        connection.cut()

    def _answers(self, connection: Connection, source: socket.socket) -> None:
        with suppress(OSError):
            for frame in _frames(source):
                connection.answers.pop(frame[4:8], connection.answer)(frame)
        connection.cut()


def correlation(request: bytes) -> bytes:
    """The id that the answer to a request bears."""
    return request[8:12]


def _frames(source: socket.socket) -> Iterator[bytes]:
    while size := _exactly(source, 4):
        yield size + _exactly(source, int.from_bytes(size, "big"))


def _exactly(source: socket.socket, count: int) -> bytes:
    """So many bytes; none at the end of the stream."""
    data = b""
    while len(data) < count:
        more = source.recv(count - len(data))
        if not more:
            return b""
        data += more
    return data


class Held:
    """A request that the network keeps, and delivers late, on a connection of its own."""

    def __init__(self, wire: KafkaWire) -> None:
        self._wire = wire
        self._frame = b""

    def keep(self, connection: Connection, frame: bytes) -> None:
        """The client waits for an answer."""
        self._frame = frame

    def keep_and_cut(self, connection: Connection, frame: bytes) -> None:
        """The client notices at once, and sends it again."""
        self._frame = frame
        connection.cut()

    def deliver(self) -> int:
        """The error code in the broker's answer, which the client never sees."""
        with socket.create_connection((HOST, self._wire.target), timeout=PATIENCE_S) as late:
            late.sendall(self._frame)
            answer = next(_frames(late))
        return int.from_bytes(answer[12:14], "big", signed=True)  # after size, correlation id, throttle time


@contextmanager
def wired_broker(folder: Path, say: Callable[[str], None]) -> Iterator[tuple[str, KafkaWire]]:
    """A broker with one listener of its own and one behind a wire: the address of the first."""
    wire = KafkaWire()

    def more(port: int, controller: int) -> str:
        wire.target = next(one for one in free_ports(3) if one not in (port, controller))
        return f"""
listeners=PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller},WIRED://{HOST}:{wire.target}
advertised.listeners=PLAINTEXT://{HOST}:{port},WIRED://{HOST}:{wire.port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,WIRED:PLAINTEXT
"""

    node = KafkaNode(folder, say, more)
    folder.mkdir(parents=True, exist_ok=True)
    threading.Thread(target=wire.serve, daemon=True).start()
    try:
        yield node.up(), wire
    finally:
        wire.end()
        node.down()
