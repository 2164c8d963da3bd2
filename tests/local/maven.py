"""A small Maven repository on this machine, which can be told to misbehave."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from consumer.local.jars import Jar


class Repository:
    """Serves made-up jars. `cut`: names whose answer breaks off in the middle; `forged`: other bytes. Those
    that are not cut wait until `open` is set, as it is at first.
    """

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.jars: list[Jar] = []
        self.asked: Counter[str] = Counter()
        self.cut: set[str] = set()
        self.forged: set[str] = set()
        self._bytes: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, artifact: str) -> Jar:
        """A jar of 100 kB, listed with its true hash."""
        content = artifact.encode() * (100_000 // len(artifact))
        jar = Jar("org.example", artifact, "1.0", hashlib.sha256(content).hexdigest())
        self._bytes[f"/org/example/{artifact}/1.0/{jar.name}"] = content
        self.jars.append(jar)
        return jar

    def close(self) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str) -> tuple[bytes, int] | None:
        """The body and the length that is announced; None = not found."""
        name = path.rpartition("/")[2]
        content = self._bytes.get(path)
        if content is None:
            return None
        self.asked[name] += 1
        if name not in self.cut:
            self.open.wait()
        if name in self.forged:
            content = content[::-1] + b"!"
        return (content[:50_000] if name in self.cut else content), len(content)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = answer(self.path)
                if found is None:
                    self.send_error(404)
                    return
                body, length = found
                self.send_response(200)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                """Not on the screen of the tests."""

        return Handler
