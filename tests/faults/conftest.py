"""Servers that these tests may kill, wipe and stop: a stack of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import count

import pytest

from consumer.local.errors import LocalStackError
from consumer.local.stack import LocalStack, StackAddresses

_databases = count()


@pytest.fixture(scope="session")
def fragile_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    stack = LocalStack(tmp_path_factory.mktemp("fragile"), lambda line: print(line, file=sys.stderr))  # noqa: T201
    try:
        yield stack
    finally:
        stack.wipe()


@pytest.fixture
def servers(fragile_stack: LocalStack) -> StackAddresses:
    """Running, whatever the test before did to them."""
    try:
        return fragile_stack.up()
    except LocalStackError as error:
        if os.environ.get("BADGES_REQUIRE_KAFKA") == "1":
            pytest.fail(f"BADGES_REQUIRE_KAFKA=1, but there is no stack: {error}")
        pytest.skip(f"NO REAL KAFKA AND REDIS, nothing about faults is tested: {error}")


@pytest.fixture
def database() -> int:
    """A Redis database that no other of these tests uses at the same time."""
    return next(_databases) % 16
