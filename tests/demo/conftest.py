"""The demo's tests run on the session's servers."""

from __future__ import annotations

import pytest

from consumer.local.stack import StackAddresses


@pytest.fixture
def servers(stack: StackAddresses) -> StackAddresses:
    """A running Kafka and Redis."""
    return stack
