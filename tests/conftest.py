"""What tests on real servers share: one stack a session, in a folder of its own, never a user's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from consumer.local.errors import LocalStackError
from consumer.local.stack import LocalStack, StackAddresses

REQUIRED = "BADGES_REQUIRE_KAFKA"


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The session's own stack, not started; stopped and deleted at the end. Tests may kill what it runs."""
    home = tmp_path_factory.mktemp("stack")
    stack = LocalStack(home, lambda line: sys.stderr.write(f"{line}\n") and None)
    try:
        yield stack
    finally:
        stack.wipe()


@pytest.fixture(scope="session")
def stack(local_stack: LocalStack) -> StackAddresses:
    """Addresses of a running Kafka and Redis. Without them: a failure where required, else a skip."""
    try:
        return local_stack.up()
    except LocalStackError as error:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1, but there is no stack: {error}")
        pytest.skip(f"NO REAL KAFKA AND REDIS, not tested: {error}")
