"""Redis over TLS, and as a user that has the listed rights and no other."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import redis

from tests.live.shop import record_of
from tests.security.conftest import Command, Ground
from tests.security.page import redis_commands, redis_keys

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
PASSWORD = "planted-Redis-word"


@contextmanager
def user(ground: Ground, *commands: str, keys: str) -> Iterator[str]:
    """An ACL user; its URL."""
    admin = redis.Redis.from_url(ground.redis_url)
    name = f"r{next(ground.numbers)}"
    admin.execute_command("ACL", "SETUSER", name, "on", f">{PASSWORD}", "resetkeys", keys, "-@all", *commands)
    try:
        yield ground.redis_url.replace("//", f"//{name}:{PASSWORD}@")
    finally:
        admin.execute_command("ACL", "DELUSER", name)
        admin.close()


@contextmanager
def tls(ground: Ground, url: str) -> Iterator[str]:
    """The same server behind TLS."""
    place = url.rpartition("@")[2].partition("//")[2] or url.rpartition("@")[2]
    host, port = place.split("/")[0].split(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ground.kafka.folder / "server.both.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def serve(near: socket.socket) -> None:
        with (
            suppress(OSError),
            socket.create_connection((host, int(port))) as far,
            context.wrap_socket(near, server_side=True) as secure,
        ):
            threading.Thread(target=copy, args=(far, secure), daemon=True).start()
            copy(secure, far)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    head = url.partition("//")[2].rpartition("@")[0]
    try:
        yield f"rediss://{head}{'@' if head else ''}127.0.0.1:{listener.getsockname()[1]}/0"
    finally:
        listener.close()


def worker(ground: Ground, url: str) -> tuple[int, str]:
    ground.shop.send(*record_of(f"redis-{next(ground.numbers)}"))
    ran = ground.worker(ground.environment("{}", url, ground.kafka.open_address))
    assert PASSWORD not in ran.out + ran.err
    return ran.code, ran.err.splitlines()[-1]


def test_a_worker_and_commands_need_only_the_listed_rights_over_tls(ground: Ground, command: Command) -> None:
    authority = f"?ssl_ca_certs={ground.kafka.authority}"
    with user(ground, *redis_commands(), keys=redis_keys()) as url, tls(ground, url) as secure:
        assert worker(ground, secure + authority)[0] == 0
        for words in (["verify"], ["rebuild"], ["customer", "1", "--org", "7"], ["status"]):
            ran = command("{}", *words, redis_url=secure + authority, address=ground.kafka.open_address)
            assert ran.code == 0, (words, ran)
            assert PASSWORD not in ran.out + ran.err
        code, told = worker(ground, secure)
        assert code in (4, 6)
        assert "certificate" in told


NEEDED = [one for one in redis_commands() if one not in ("+scan", "+select", "+unlink")]


@pytest.mark.parametrize("lacking", NEEDED)
def test_a_worker_without_one_redis_command_ends_with_6_and_names_it(ground: Ground, lacking: str) -> None:
    rest = [one for one in redis_commands() if one != lacking]
    with user(ground, *rest, keys=redis_keys()) as url:
        code, told = worker(ground, url)
    assert code == 6
    assert lacking.removeprefix("+") in told
    assert "docs/rights.md" in told


def test_a_worker_with_foreign_keys_or_a_wrong_password_ends_with_6(ground: Ground) -> None:
    with user(ground, *redis_commands(), keys="~other:*") as url:
        code, told = worker(ground, url)
        assert (code, "keys" in told, "docs/rights.md" in told) == (6, True, True)
        code, told = worker(ground, url.replace(PASSWORD, "planted-wrong"))
    assert code == 6
    assert "user or the password" in told
    assert "planted" not in told
