"""`/metrics`, `/live` and `/ready` of one worker. Neither probe asks Kafka or Redis: a restart cures
neither.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from consumer.clock import Clock
from consumer.errors import MISCONFIGURED, Stopped
from consumer.telemetry import Telemetry

LIVE_S: Final = 60.0
"""A loop that has not turned for so long is taken for dead. A turn is bounded by its transactional calls."""


class MetricsServer:
    """Serves until the process ends, in a daemon thread. Raises Stopped (3) where the port is taken."""

    def __init__(self, port: int, telemetry: Telemetry, clock: Clock) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, generate_latest(telemetry.metrics.registry), CONTENT_TYPE_LATEST)
                elif self.path == "/live":
                    age = clock.monotonic() - telemetry.last_turn
                    self._answer(200 if age < LIVE_S else 503, f"last turn {age:.1f} s ago\n".encode())
                elif self.path == "/ready":
                    ready = telemetry.is_ready
                    self._answer(200 if ready else 503, b"ready\n" if ready else b"not ready\n")
                else:
                    self._answer(404, b"/metrics, /live or /ready\n")

            def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                """Requests are no events."""

        try:
            self._server = ThreadingHTTPServer(("", port), Handler)
        except OSError as error:
            raise Stopped(
                f"port {port} cannot be used for metrics ({error.strerror}); set another metrics.port, each "
                "worker of a process takes the next one",
                MISCONFIGURED,
            ) from None
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
