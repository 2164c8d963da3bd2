"""Ports of servers that other programs may use too."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from consumer.local.ports import HOST, answers, free_ports, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_on_which_somebody_listens_is_not_free(taken: int) -> None:
    assert answers(taken)
    assert not is_free(taken)


def test_a_port_that_is_bound_but_silent_is_not_free() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        assert not is_free(other.getsockname()[1])


def test_free_ports_differ_and_lie_below_those_that_clients_are_given() -> None:
    found = free_ports(4)
    assert len(set(found)) == 4
    assert all(20_000 <= port < 32_000 and is_free(port) for port in found)
