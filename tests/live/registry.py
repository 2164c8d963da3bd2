"""A schema registry of a test: what it answers is set by the test, also while it runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Registry:
    """`known` are the schemas by id; `down` makes every answer a 503, which `refused` counts; `asked` counts
    the other answers by id.
    """

    def __init__(self) -> None:
        self.known: dict[int, str] = {}
        self.down = False
        self.refused = 0
        self.asked: dict[int, int] = {}
        self.url = ""

    def register(self, text: str) -> int:
        for schema_id, known in self.known.items():
            if known == text:
                return schema_id
        self.known[1000 + len(self.known)] = text
        return 1000 + len(self.known) - 1

    def answer(self, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        if self.down:
            self.refused += 1
            return 503, {"error_code": 50_001}
        if body is not None:
            return 200, {"id": self.register(body["schema"])}
        schema_id = int(path.rpartition("/")[2])
        self.asked[schema_id] = self.asked.get(schema_id, 0) + 1
        text = self.known.get(schema_id)
        return (404, {"error_code": 40_403}) if text is None else (200, {"schema": text})


@contextmanager
def running_registry() -> Iterator[Registry]:
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(*registry.answer(self.path, None))

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._reply(*registry.answer(self.path, json.loads(self.rfile.read(length))))

        def _reply(self, status: int, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
