"""Stacks of these tests' own: they kill what runs in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.local.errors import LocalStackError
from consumer.local.stack import LocalStack


def quiet(_line: str) -> None:
    pass


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder for one file of tests; what runs in it at the end is stopped."""
    folder = tmp_path_factory.mktemp("local home é")  # a space and an accent, as in some user's names
    yield folder
    LocalStack(folder, quiet).wipe()


@pytest.fixture
def running(home: Path) -> LocalStack:
    """Kafka and Redis run, whatever the test before did to them."""
    stack = LocalStack(home, quiet)
    try:
        stack.up()
    except LocalStackError as error:
        if os.environ.get("BADGES_REQUIRE_KAFKA") == "1":
            pytest.fail(f"BADGES_REQUIRE_KAFKA=1, but there is no stack: {error}")
        pytest.skip(f"NO REAL KAFKA AND REDIS, the local stack is not tested: {error}")
    return stack
