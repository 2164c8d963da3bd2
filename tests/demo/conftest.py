"""One real Kafka and Redis for these tests, in a home of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from consumer.local.stack import LocalStack, LocalStackError, StackAddresses


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackAddresses]:
    stack = LocalStack(tmp_path_factory.mktemp("demo-home"), lambda _line: None)
    try:
        addresses = stack.up()
    except LocalStackError as error:
        if os.environ.get("BADGES_REQUIRE_KAFKA") == "1":
            raise
        pytest.skip(f"NO REAL KAFKA, nothing of exactly-once is tested here: {error}")
    yield addresses
    stack.down()
