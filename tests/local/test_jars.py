"""Kafka's jars are fetched once, whole, and only as locked."""

from __future__ import annotations

import functools
import hashlib
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jgo.maven
import pytest

from consumer.local import jars as jars_module
from consumer.local.errors import LocalStackError
from consumer.local.jars import KAFKA_VERSION, ensure_jars, jar_cache, locked_jars, parse_lock
from consumer.local.ports import free_ports
from tests.local.maven import Repository


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    found = Repository()
    use(monkeypatch, found.url)
    yield found
    found.close()


def use(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Jars come from there instead of the public repository."""
    context = functools.partial(jgo.maven.MavenContext, remote_repos={"test": url})
    monkeypatch.setattr(jgo.maven, "MavenContext", context)


def quiet(_line: str) -> None:
    pass


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "fetch.lock")


def test_the_lock_list_holds_the_broker_and_a_hash_for_every_jar() -> None:
    jars = locked_jars()
    assert len({jar.name for jar in jars}) == len(jars) == 46
    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in {jar.name for jar in jars}
    assert "slf4j-simple-1.7.36.jar" in {jar.name for jar in jars}, "without it the broker is mute"
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jars)


def test_remarks_and_empty_lines_of_a_lock_list_are_no_jars() -> None:
    (jar,) = parse_lock("# remark\n\norg.example:a-b:1.2 00ff\n")
    assert (jar.group, jar.name, jar.sha256) == ("org.example", "a-b-1.2.jar", "00ff")


def test_the_cache_is_one_for_all_stacks_and_can_be_moved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BADGES_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BADGES_JAR_CACHE", raising=False)
    assert tmp_path not in jar_cache().parents
    monkeypatch.setenv("BADGES_JAR_CACHE", str(tmp_path))
    assert jar_cache() == tmp_path / f"kafka-{KAFKA_VERSION}"


def test_jars_are_fetched_once_in_the_order_of_the_list(repository: Repository, tmp_path: Path) -> None:
    jars = [repository.add(name) for name in ("zebra", "ape", "newt")]
    told: list[str] = []
    for _ in range(2):
        paths = ensure_jars(jars, tmp_path / "cache", told.append)
        assert [path.name for path in paths] == ["zebra-1.0.jar", "ape-1.0.jar", "newt-1.0.jar"]
        assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths] == [
            jar.sha256 for jar in jars
        ]
    assert set(repository.asked.values()) == {1}
    assert len(told) == 1
    assert "fetching 3 jars" in told[0]


def test_an_interrupted_fetch_leaves_no_half_file_and_is_taken_up_again(
    repository: Repository, tmp_path: Path
) -> None:
    first, second = repository.add("first"), repository.add("second")
    repository.cut.add(second.name)
    with pytest.raises(LocalStackError, match=r"second-1\.0\.jar could not be fetched"):
        ensure_jars([first, second], tmp_path, quiet)
    assert names(tmp_path) == [first.name]

    repository.cut.clear()
    asked = repository.asked[first.name]
    ensure_jars([first, second], tmp_path, quiet)
    assert names(tmp_path) == [first.name, second.name]
    assert repository.asked[first.name] == asked, "what is there already is not fetched again"


def test_after_a_failure_the_jars_that_wait_are_not_asked_for(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pool(ThreadPoolExecutor):
        """What is under way is answered only when the rest was called off, however quick it is."""

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            repository.open.set()
            super().shutdown(wait)

    monkeypatch.setattr(jars_module, "ThreadPoolExecutor", Pool)
    repository.open.clear()
    jars = [repository.add(f"jar-{n:02}") for n in range(40)]
    repository.cut.add(jars[0].name)
    with pytest.raises(LocalStackError, match=r"jar-00-1\.0\.jar could not be fetched"):
        ensure_jars(jars, tmp_path, quiet)
    assert names(tmp_path) == sorted(name for name in repository.asked if name not in repository.cut)
    assert len(repository.asked) <= 1 + jars_module._PARALLEL  # the failed one, and what was under way


def test_other_bytes_than_the_locked_ones_are_refused_by_name_and_not_kept(
    repository: Repository, tmp_path: Path
) -> None:
    jar = repository.add("forged")
    repository.forged.add(jar.name)
    with pytest.raises(LocalStackError, match=r"forged-1\.0\.jar differs from the lock list.*try another"):
        ensure_jars([jar], tmp_path, quiet)
    assert names(tmp_path) == []


def test_a_jar_that_was_changed_in_the_cache_is_refused_with_what_to_do(
    repository: Repository, tmp_path: Path
) -> None:
    jars = [repository.add("good"), repository.add("bad")]
    _, path = ensure_jars(jars, tmp_path, quiet)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LocalStackError, match=rf"bad-1\.0\.jar differs .* delete {tmp_path}"):
        ensure_jars(jars, tmp_path, quiet)


def test_without_a_network_the_message_names_the_jar_and_the_ways_out(
    monkeypatch: pytest.MonkeyPatch, repository: Repository, tmp_path: Path
) -> None:
    jar = repository.add("far")
    use(monkeypatch, f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(LocalStackError) as caught:
        ensure_jars([jar], tmp_path, quiet)
    message = str(caught.value)
    assert message.startswith("far-1.0.jar could not be fetched")
    assert "proxy" in message
    assert "BADGES_KAFKA__BOOTSTRAP_SERVERS" in message
    assert names(tmp_path) == []


def test_stacks_that_ask_at_once_fetch_each_jar_once(repository: Repository, tmp_path: Path) -> None:
    jars = [repository.add(f"jar-{n}") for n in range(4)]
    found: list[list[Path]] = []
    threads = [
        threading.Thread(target=lambda: found.append(ensure_jars(jars, tmp_path, quiet))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert found[0] == found[1] == found[2]
    assert sorted(repository.asked.items()) == [(f"jar-{n}-1.0.jar", 1) for n in range(4)]
