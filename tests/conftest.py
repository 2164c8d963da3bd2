"""What tests on real servers share: one stack a session, in a folder of its own, never a user's."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator

import hypothesis
import pytest

from consumer.compiled import VARIABLE as COMPILED
from consumer.local import ports
from consumer.local.errors import LocalStackError
from consumer.local.stack import LocalStack, StackAddresses
from tests.docker_stack import VARIABLE, docker_stack

REQUIRED = "BADGES_REQUIRE_KAFKA"

# How fast the machine is proves nothing about the rules. CI (hypothesis knows it by its variables) tries the
# same examples each time; everywhere else they are new ones.
hypothesis.settings.register_profile(
    "badges",
    hypothesis.settings.get_profile("ci" if os.environ.get("CI") else "default"),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("badges")

# What is tested does not depend on a build that happens to be there; `make test-compiled` asks for it.
os.environ.setdefault(COMPILED, "0")
pytest_plugins = ["tests.faults.results"]


def say(line: str) -> None:
    """What the stack tells, shown with a test that fails."""
    print(line, file=sys.stderr)  # noqa: T201


@pytest.fixture(scope="session", autouse=True)
def identities_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Sessions side by side give workers the same names, which are locked in the temporary folder."""
    folder = str(tmp_path_factory.mktemp("temporary"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="session", autouse=True)
def ports_of_its_own() -> Iterator[None]:
    """Sessions side by side (pytest-xdist) take ports from ranges of their own: a server that is stopped for
    a while finds its port again, and two never choose the same one at once.
    """
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % count
    size = len(ports._RANGE) // count
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ports, "_RANGE", ports._RANGE[number * size : (number + 1) * size])
        yield


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The session's own stack, not started; stopped and deleted at the end. Tests may kill what it runs."""
    stack = LocalStack(tmp_path_factory.mktemp("stack"), say)
    try:
        yield stack
    finally:
        stack.wipe()


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[StackAddresses]:
    """Addresses of a running Kafka and Redis. Without them: a failure where required, else a loud skip."""
    if os.environ.get(VARIABLE) == "docker":
        with docker_stack() as addresses:
            yield addresses
        return
    local: LocalStack = request.getfixturevalue("local_stack")
    try:
        addresses = local.up()
    except LocalStackError as error:
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{REQUIRED}=1, but there is no stack: {error}")
        pytest.skip(f"NO REAL KAFKA AND REDIS, not tested: {error}")
    yield addresses
