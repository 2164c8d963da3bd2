"""Passwords, certificates and users that are wrong: said at once, and never by an endless loop."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from confluent_kafka import KafkaError

from consumer.broker import Broker
from consumer.failure import UNREACHABLE, Failure
from consumer.rights import ClientErrors
from consumer.settings import load_settings
from tests.security.conftest import Command, Ground
from tests.security.guarded import PASSWORD
from tests.security.page import worker_rights

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow]
WRONG = "planted-wrong-word"
LOOKS = 30
"""So often a broker is looked for, until a connection to it comes as far as to authenticate."""


def client(ground: Ground, user: str, **changes: str | None) -> str:
    """`kafka.client` over TLS; names with `_` for `.`, None takes away."""
    table = json.loads(ground.kafka.client(user, PASSWORD, "SASL_SSL"))
    table |= {name.replace("_", "."): value for name, value in changes.items()}
    return json.dumps({name: value for name, value in table.items() if value is not None})


def test_a_worker_and_a_command_speak_tls_with_a_password(ground: Ground, command: Command) -> None:
    user = ground.a_user()
    ground.kafka.grant(user, worker_rights())
    environment = ground.environment(client(ground, user), address=ground.kafka.tls_address)
    ran = ground.worker(environment)
    assert ran.code == 0, ran.err[-2000:]
    assert command(client(ground, user), "list", address=ground.kafka.tls_address).code == 0
    assert PASSWORD not in ran.out + ran.err


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"sasl_password": WRONG}, 3, "Kafka refuses the credentials"),
        ({"sasl_mechanism": "SCRAM-SHA-256"}, 3, "Kafka refuses the credentials"),
        ({"ssl_ca_location": None}, 4, "certificate verify failed"),
        ({"security_protocol": "PLAINTEXT"}, 4, "kafka.client where the broker wants SASL or TLS"),
        ({"ssl_ca_location": "/nowhere/ca.pem"}, 3, "correct kafka.client"),
        ({"sasl_pasword": WRONG}, 3, 'No such configuration property: "sasl.pasword"'),
        (
            {"security_protocol": WRONG},
            3,
            'Invalid value (not shown) for configuration property "security.protocol"',
        ),
    ],
)
def test_wrong_settings_of_a_connection_end_a_worker_and_a_command_with_the_reason(
    ground: Ground,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str | None],
    code: int,
    told: str,
) -> None:
    monkeypatch.setattr("consumer.broker.PROBE_S", 6)
    wrong = client(ground, ground.a_user(), **changes)
    ran = ground.worker(ground.environment(wrong, address=ground.kafka.tls_address))
    assert ran.code == code, ran
    assert told in ran.err.splitlines()[-1].replace("\\", "")
    listed = command(wrong, "list", address=ground.kafka.tls_address)
    assert listed.code == code, listed
    assert told in listed.err
    assert WRONG not in ran.out + ran.err + listed.out + listed.err


@contextmanager
def cutting(address: str, request: int) -> Iterator[str]:
    """A way to a broker that breaks whenever a request of this kind comes along."""
    host, port = address.split(":")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(near: socket.socket) -> None:
        with near, socket.create_connection((host, int(port))) as far:
            threading.Thread(target=copy, args=(far, near, -1), daemon=True).start()
            copy(near, far, request)

    def copy(source: socket.socket, target: socket.socket, forbidden: int) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if int.from_bytes(data[4:6], "big") == forbidden:
                    return
                target.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def test_a_connection_that_breaks_while_it_authenticates_is_no_refusal(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[KafkaError] = []

    class Watched(ClientErrors):
        def __call__(self, error: KafkaError) -> None:
            seen.append(error)
            super().__call__(error)

    monkeypatch.setattr("consumer.broker.PROBE_S", 2)
    monkeypatch.setattr("consumer.broker.ClientErrors", Watched)
    with cutting(ground.kafka.sasl_address, 17) as address:
        monkeypatch.setenv("BADGES_KAFKA__CLIENT", ground.kafka.client("u0"))
        for _ in range(LOOKS):
            with pytest.raises(Failure, match="does not answer") as caught:
                Broker(load_settings(ground.kafka.overrides(address)))
            assert caught.value.code == UNREACHABLE
            if KafkaError._AUTHENTICATION in [error.code() for error in seen]:
                return
    pytest.fail(f"no connection came as far as to authenticate: {seen}")
