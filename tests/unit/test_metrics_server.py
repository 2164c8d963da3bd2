"""The port of metrics and probes."""

from __future__ import annotations

import socket

import pytest

from consumer.clock import SystemClock
from consumer.errors import MISCONFIGURED, Stopped
from consumer.metrics_server import MetricsServer
from consumer.telemetry import Metrics, Telemetry


def test_a_port_that_is_taken_stops_the_worker_with_what_to_set() -> None:
    clock = SystemClock()
    with socket.create_server(("", 0)) as taken, pytest.raises(Stopped, match="another metrics") as stopped:
        MetricsServer(taken.getsockname()[1], Telemetry(clock, Metrics(), "w-0", "actions"), clock)
    assert stopped.value.exit_code == MISCONFIGURED
