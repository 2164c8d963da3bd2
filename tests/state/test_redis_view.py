"""What only a real server can do to a view."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

import pytest

from state.chain import scripts_of
from state.errors import MarkerMoved, OutcomeUnknown, ViewDamaged, ViewError, ViewRefused, ViewUnavailable
from state.marker import encode_marker
from state.redis_link import RedisLink
from state.redis_view import NO_APPEND_ONLY_FILE, RedisView
from state.view import Apply, Document, Load
from tests.state.conftest import Server
from tests.state.test_view_contract import FIRST, SECOND, head

pytestmark = pytest.mark.redis

SECRET = "s3cr3t-pass"


def test_the_keys_in_redis_are_the_documented_ones(redis_view: RedisView, fresh: Server) -> None:
    redis_view.apply(17, None, [head(42)], FIRST)
    assert sorted(fresh.admin.keys()) == [b"bs:{actions-17}:c:7:42", b"bs:{actions-17}:m"]
    assert fresh.admin.get("bs:{actions-17}:c:7:42") == (4).to_bytes(8, "big") + b"head"


def test_a_topic_prefix_keeps_two_installations_apart(redis_view: RedisView, fresh: Server) -> None:
    other = RedisView(fresh.url, prefix="stage.")
    redis_view.apply(1, None, [head(1, b"plain")], FIRST)
    other.apply(1, None, [head(1, b"stage")], FIRST)
    assert [d.value for d in redis_view.scan(1)] == [b"plain"]
    assert [d.value for d in other.scan(1)] == [b"stage"]
    other.close()


def test_a_forgotten_script_is_loaded_again_and_each_script_of_the_chain_runs_once(
    redis_view: RedisView, fresh: Server
) -> None:
    documents = [head(n, b"%d" % n) for n in range(600)]
    redis_view.apply_many([Apply(p, None, documents, FIRST) for p in (1, 2)])
    fresh.admin.script_flush()
    outcome = redis_view.apply_many([Apply(p, FIRST, documents, SECOND) for p in (1, 2)])
    assert outcome == {1: None, 2: None}
    assert redis_view.load(2, SECOND, [head(599).key]) == [b"599"]


def test_a_script_forgotten_half_way_is_continued_from_there(
    redis_view: RedisView, fresh: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = redis_view._link
    exchange = link.exchange
    flushes = iter([True])

    def flushed(commands: Sequence[Any]) -> list[Any]:
        if commands[0][0] != "EVALSHA" or not next(flushes, False):
            return exchange(commands)
        replies = exchange([commands[0], ("SCRIPT", "FLUSH"), *commands[1:]])
        return [replies[0], *replies[2:]]

    redis_view.apply(3, None, [], FIRST)
    monkeypatch.setattr(link, "exchange", flushed)
    redis_view.apply(3, FIRST, [head(n, b"%d" % n) for n in range(600)], SECOND)
    assert redis_view.load(3, SECOND, [head(0).key, head(599).key]) == [b"0", b"599"]


def test_a_view_that_went_back_between_two_scripts_is_noticed(redis_view: RedisView, fresh: Server) -> None:
    redis_view.apply(3, None, [head(0, b"old")], FIRST)
    documents = [head(n) for n in range(300)]
    first, second = scripts_of(FIRST, documents, SECOND, iter("ab").__next__)
    replies = redis_view._link.exchange([redis_view._command(3, first)])
    assert replies == [1]
    halfway = redis_view.marker(3)
    assert halfway == FIRST._replace(token="a")
    fresh.admin.set("bs:{actions-3}:m", encode_marker(FIRST))  # the tail was lost
    assert redis_view._link.exchange([redis_view._command(3, second)]) == [0]
    assert redis_view.marker(3) == FIRST


class Proxy:
    """Stands before the server; once frozen it passes requests on, but cuts instead of answering."""

    def __init__(self, port: int) -> None:
        self._upstream = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self._frozen = threading.Event()
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        threading.Thread(target=self._serve, daemon=True).start()

    def freeze(self) -> None:
        self._frozen.set()

    def close(self) -> None:
        for item in self._sockets:
            item.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                upstream = socket.create_connection(self._upstream)
            except OSError:
                return
            self._sockets += [client, upstream]
            threading.Thread(target=self._requests, args=(client, upstream), daemon=True).start()
            threading.Thread(target=self._answers, args=(upstream, client), daemon=True).start()

    def _requests(self, client: socket.socket, upstream: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                upstream.sendall(data)

    def _answers(self, upstream: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := upstream.recv(65536):
                if self._frozen.is_set():
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)


@pytest.fixture
def proxy(fresh: Server) -> Iterator[Proxy]:
    proxy = Proxy(fresh.port)
    yield proxy
    proxy.close()


def test_a_write_without_an_answer_is_unknown_and_never_sent_again(
    proxy: Proxy, redis_view: RedisView
) -> None:
    view = RedisView(proxy.url)
    view.apply_many([Apply(p, None, [head(1, b"one")], FIRST) for p in (1, 2)])
    proxy.freeze()
    outcome = view.apply_many([Apply(p, FIRST, [head(1, b"two")], SECOND) for p in (1, 2)])
    assert [type(error) for error in outcome.values()] == [OutcomeUnknown, OutcomeUnknown]
    # It was applied; a new look shows so, and the repair begins there.
    assert redis_view.marker(1) == SECOND
    assert redis_view.claim(1, SECOND).changelog_offset == SECOND.changelog_offset
    view.close()


def test_a_read_without_an_answer_is_unavailable_and_the_next_one_connects_again(
    redis_view: RedisView, fresh: Server
) -> None:
    redis_view.apply(3, None, [head(1)], FIRST)
    fresh.admin.client_kill_filter(_type="normal", skipme=True)
    with pytest.raises(ViewUnavailable):
        redis_view.load(3, FIRST, [])
    assert redis_view.load(3, FIRST, [head(1).key]) == [b"head"]


def test_a_silent_server_is_waited_for_no_longer_than_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        view = RedisView(f"redis://127.0.0.1:{mute.getsockname()[1]}", timeout=0.05)
        with pytest.raises(ViewUnavailable):
            view.marker(0)
        [error] = view.apply_many([Apply(0, None, [], FIRST)]).values()
        assert isinstance(error, ViewError)
        view.close()


def test_nobody_there_is_unavailable_because_nothing_was_sent() -> None:
    view = RedisView("redis://127.0.0.1:1")
    with pytest.raises(ViewUnavailable, match=r"redis\.url$"):
        view.apply(0, None, [], FIRST)


def test_a_restarted_server_shows_another_run_id_and_the_same_documents(
    redis_view: RedisView, fresh: Server
) -> None:
    redis_view.apply(3, None, [head(1)], FIRST)
    before = redis_view.health()
    fresh.wait_until_on_disk()
    fresh.kill()
    with pytest.raises(ViewUnavailable):
        redis_view.health()
    fresh.start()
    after = redis_view.health()
    assert after.run_id != before.run_id
    assert redis_view.load(3, FIRST, [head(1).key]) == [b"head"]


def test_an_expired_document_shows_in_the_health(redis_view: RedisView, fresh: Server) -> None:
    redis_view.apply(3, None, [head(1)], FIRST)
    before = redis_view.health()
    fresh.admin.pexpireat("bs:{actions-3}:c:7:1", 1)
    assert redis_view.load(3, FIRST, [head(1).key]) == [None]
    after = redis_view.health()
    assert after != before


def test_full_memory_writes_nothing_and_says_what_to_do(redis_view: RedisView, fresh: Server) -> None:
    redis_view.apply(3, None, [head(1, b"one")], FIRST)
    fresh.admin.config_set("maxmemory", "1")
    try:
        with pytest.raises(ViewUnavailable, match="maxmemory"):
            redis_view.apply(3, FIRST, [head(1, b"two")], SECOND)
    finally:
        fresh.admin.config_set("maxmemory", "0")
    assert redis_view.load(3, FIRST, [head(1).key]) == [b"one"]


def test_an_erasure_succeeds_where_memory_is_full(redis_view: RedisView, fresh: Server) -> None:
    redis_view.apply(3, None, [head(1, b"one")], FIRST)
    fresh.admin.config_set("maxmemory", "1")
    try:
        redis_view.apply(3, FIRST, [head(1)._replace(value=None)], SECOND)
    finally:
        fresh.admin.config_set("maxmemory", "0")
    assert redis_view.load(3, SECOND, [head(1).key]) == [None]


def test_a_replica_is_unavailable_for_writes(redis_view: RedisView, fresh: Server) -> None:
    redis_view.apply(3, None, [], FIRST)
    fresh.admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(ViewUnavailable):
            redis_view.apply(3, FIRST, [], SECOND)
    finally:
        fresh.admin.execute_command("REPLICAOF", "NO", "ONE")
    assert redis_view.marker(3) == FIRST


def test_a_planted_document_of_a_wrong_type_shows_in_scan_and_is_overwritten(
    redis_view: RedisView, fresh: Server
) -> None:
    redis_view.apply(3, None, [], FIRST)
    fresh.admin.lpush("bs:{actions-3}:c:7:1", "x")
    fresh.admin.set("bs:{actions-3}:rubbish", "x")
    fresh.admin.set("bs:{actions-3}:c:7:2", "short")
    found = {document.key: document for document in redis_view.scan(3)}
    assert set(found) == {head(1).key, head(2).key, b"bs:{actions-3}:rubbish"}
    assert all(document.offset == -1 and document.value is None for document in found.values())
    redis_view.apply(3, FIRST, [head(1, b"ours")], SECOND)
    assert redis_view.load(3, SECOND, [head(1).key]) == [b"ours"]
    redis_view.clear(3, redis_view.claim_rebuild(3, SECOND))
    assert fresh.admin.keys() == [b"bs:{actions-3}:m"]


def test_a_planted_marker_of_a_wrong_type_counts_as_none_and_is_overwritten(
    redis_view: RedisView, fresh: Server
) -> None:
    redis_view.apply(3, None, [head(1)], FIRST)
    fresh.admin.delete("bs:{actions-3}:m")
    fresh.admin.lpush("bs:{actions-3}:m", "x")
    with pytest.raises(MarkerMoved):
        redis_view.apply(3, FIRST, [head(1)], SECOND)
    assert redis_view.marker(3) is None
    held = redis_view.claim(3, None)
    assert redis_view.marker(3) == held


def test_a_marker_that_cannot_be_read_is_damage(redis_view: RedisView, fresh: Server) -> None:
    for planted in (b"x", b"\xc1", b"\x92\x63\x01", b"\x91\x01"):
        fresh.admin.set("bs:{actions-3}:m", planted)
        with pytest.raises(ViewDamaged):
            redis_view.marker(3)
        with pytest.raises(MarkerMoved):
            redis_view.load(3, FIRST, [])


def test_the_least_rights_listed_are_enough(fresh: Server) -> None:
    admin = fresh.admin
    admin.execute_command(
        *["ACL", "SETUSER", "badges", "on"], f">{SECRET}", "resetkeys", "~bs:{actions-*", "-@all",
        *["+mget", "+mset", "+unlink", "+evalsha", "+script|load", "+scan", "+info", "+select"],
    )  # fmt: skip
    view = RedisView(fresh.url.replace("//", f"//badges:{SECRET}@"))
    try:
        view.check_server()
        view.health()
        view.apply(3, None, [head(1), head(2)], FIRST)
        assert view.load(3, FIRST, [head(1).key]) == [b"head"]
        assert len(list(view.scan(3))) == 2
        view.apply(3, view.clear(3, view.claim_rebuild(3, FIRST)), [], SECOND)
        view.delete_marker(3)
        strange = RedisView(fresh.url.replace("//", f"//badges:{SECRET}@"), prefix="x")
        with pytest.raises(ViewRefused, match="right"):
            strange.apply(3, None, [], FIRST)
        admin.execute_command("ACL", "SETUSER", "badges", "-mset")
        with pytest.raises(ViewRefused, match="right"):
            view.apply(3, None, [], FIRST)
        strange.close()
    finally:
        view.close()
        admin.execute_command("ACL", "DELUSER", "badges")


def test_a_wrong_password_is_refused_and_stays_secret(
    fresh: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    view = RedisView(fresh.url.replace("//", f"//badges:{SECRET}@"))
    with pytest.raises(ViewRefused) as raised:
        view.check_server()
    shown = f"{raised.value!r} {raised.value} {view!r} {view._link!r} {caplog.text}"
    assert SECRET not in shown
    assert raised.value.__suppress_context__
    assert str(raised.value).endswith("check redis.url")


@pytest.mark.parametrize(
    "url",
    [
        f"http://:{SECRET}@host",
        f"redis://:{SECRET}@host:port",
        f"redis://:{SECRET}@[host",
        f"redis://:{SECRET}@host?retry_on_timeout=true",
        f"redis://:{SECRET}@host?decode_responses=true",
        "",
        "localhost:6379",
    ],
)
def test_a_url_of_a_wrong_form_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ViewRefused) as raised:
        RedisView(url)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["rediss://:p@h:1/2", "unix:///tmp/s?db=1", "rediss://h?ssl_ca_certs=/ca.pem"]
)
def test_tls_sockets_and_databases_are_taken_from_the_url(url: str) -> None:
    RedisLink(url, timeout=1).close()


def test_a_server_that_may_drop_documents_is_refused(redis_view: RedisView, fresh: Server) -> None:
    fresh.admin.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(ViewRefused, match=r"set maxmemory-policy to noeviction$"):
            redis_view.check_server()
    finally:
        fresh.admin.config_set("maxmemory-policy", "noeviction")
    assert redis_view.check_server() == []


def test_a_cluster_is_refused(redis_view: RedisView, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = redis_view._facts("server", "memory", "persistence", "cluster") | {"cluster_enabled": "1"}
    monkeypatch.setattr(redis_view, "_facts", lambda *_: facts)
    with pytest.raises(ViewRefused, match=r"point redis\.url at a Redis without cluster mode$"):
        redis_view.check_server()


def test_a_server_that_is_too_old_is_refused(redis_view: RedisView, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = redis_view._facts("server", "memory", "persistence", "cluster") | {"redis_version": "6.2.14"}
    monkeypatch.setattr(redis_view, "_facts", lambda *_: facts)
    with pytest.raises(ViewRefused, match="too old"):
        redis_view.check_server()


def test_a_server_without_an_append_only_file_is_warned_about(redis_view: RedisView, fresh: Server) -> None:
    fresh.admin.config_set("appendonly", "no")
    try:
        assert redis_view.check_server() == [NO_APPEND_ONLY_FILE]
    finally:
        fresh.admin.config_set("appendonly", "yes")
        fresh.wait_until_written()


def test_errors_of_the_server_name_no_customer(redis_view: RedisView, fresh: Server) -> None:
    fresh.admin.execute_command(
        *[
            "ACL",
            "SETUSER",
            "narrow",
            "on",
            "nopass",
            "resetkeys",
            "~bs:{actions-3}:m",
            "-@all",
            "+mget",
            "+info",
        ]
    )
    view = RedisView(fresh.url.replace("//", "//narrow:x@"))
    try:
        with pytest.raises(ViewRefused) as raised:
            view.load_many([Load(3, None, [head("customer-of-note").key])])
        assert "customer-of-note" not in str(raised.value)
    finally:
        view.close()
        fresh.admin.execute_command("ACL", "DELUSER", "narrow")


def test_the_script_file_is_short_and_is_what_runs(redis_view: RedisView, fresh: Server) -> None:
    source = (resources.files("state") / "scripts" / "apply_batch.lua").read_bytes()
    assert len(source.splitlines()) <= 50
    redis_view.check_server()
    sha = hashlib.sha1(source, usedforsecurity=False).hexdigest()
    assert fresh.admin.script_exists(sha) == [True]


def test_an_interrupted_exchange_leaves_no_answer_behind(
    redis_view: RedisView, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_view.apply(3, None, [head(1, b"one")], FIRST)
    connection = redis_view._link._connection

    def interrupt() -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(connection, "read_response", interrupt)
        with pytest.raises(KeyboardInterrupt):
            redis_view.load(3, FIRST, [head(1).key])
    assert redis_view.marker(3) == FIRST
    assert redis_view.load(3, FIRST, [head(1).key, Document(b"7:x", 0, b"").key]) == [b"one", None]
