"""The registry client against a server on this machine, well-behaved and otherwise."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest

from consumer.registry_client import RegistryClient
from schemas.avro_schema import schema_text
from schemas.customer_action import decode_action
from schemas.framing import Undecodable, UnknownSchema
from schemas.registry import RegistryRefused, RegistryUnavailable, RememberedSchemas
from tests.schemas.poison import GOOD, GOOD_VALUE, confluent

SCHEMA = schema_text("customer-action")
Answer = tuple[int, Any]


class Server:
    """A registry that answers as the test says; notes what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[str, str], Answer] = lambda method, path: (200, {"schema": SCHEMA})
        self.asked: list[tuple[str, str, str | None, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                outer.asked.append((self.command, self.path, self.headers.get("Authorization"), body))
                status, answer = outer.answer(self.command, self.path)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET  # noqa: N815 -- the name that http.server asks for

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.address = f"127.0.0.1:{self.http.server_address[1]}"

    def stop(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def client(server: Server) -> RegistryClient:
    return RegistryClient(f"http://{server.address}", timeout_s=60)


def test_a_record_in_confluent_framing_is_read_with_the_schema_of_the_registry(
    server: Server, client: RegistryClient
) -> None:
    schemas = RememberedSchemas(client)
    for _ in range(3):
        assert decode_action(confluent(17, GOOD_VALUE[10:]), None, schemas) == GOOD
    assert [path for _, path, _, _ in server.asked] == ["/schemas/ids/17"]


def test_a_guid_is_asked_for_as_such(server: Server, client: RegistryClient) -> None:
    assert client.schema_by_id(UUID(int=7)) == SCHEMA
    assert server.asked[0][1] == "/schemas/guids/00000000-0000-0000-0000-000000000007"


def test_a_path_and_a_password_in_the_address_are_used(server: Server) -> None:
    RegistryClient(f"http://us%40er:pa%3Ass@{server.address}/apis/ccompat/v7/").schema_by_id(1)
    method, path, authorization, _ = server.asked[0]
    assert (method, path) == ("GET", "/apis/ccompat/v7/schemas/ids/1")
    assert authorization == "Basic dXNAZXI6cGE6c3M="


def test_an_unknown_id_may_appear_and_is_asked_for_again(server: Server, client: RegistryClient) -> None:
    schemas = RememberedSchemas(client)
    server.answer = lambda *_: (404, {"error_code": 40403, "message": "Schema not found"})
    with pytest.raises(UnknownSchema) as caught:
        schemas.schema_by_id(5)
    assert caught.value.may_appear
    server.answer = lambda *_: (200, {"schema": SCHEMA})
    assert schemas.schema_by_id(5) == SCHEMA


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_registry_that_refuses_or_fails_is_unavailable(
    server: Server, client: RegistryClient, status: int
) -> None:
    server.answer = lambda *_: (status, {})
    with pytest.raises(RegistryUnavailable, match=f"HTTP {status}"):
        client.schema_by_id(1)


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"", b"[" * 100_000, b'"' + b"x" * (2 << 20) + b'"'])
def test_an_answer_that_is_none_is_unavailable(server: Server, client: RegistryClient, answer: bytes) -> None:
    server.answer = lambda *_: (200, answer)
    with pytest.raises(RegistryUnavailable):
        client.schema_by_id(1)


@pytest.mark.parametrize(
    "answer",
    [
        {"schema": "{}", "schemaType": "JSON"},
        {"schemaType": "AVRO"},
        {"schema": SCHEMA, "references": [{"name": "a", "subject": "b", "version": 1}]},
    ],
)
def test_a_schema_that_is_no_avro_of_its_own_makes_the_record_undecodable(
    server: Server, client: RegistryClient, answer: dict[str, Any]
) -> None:
    server.answer = lambda *_: (200, answer)
    with pytest.raises(Undecodable):
        client.schema_by_id(1)


def test_a_refused_connection_is_unavailable_and_names_no_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = RegistryClient(f"http://anna:secret@127.0.0.1:{port}")
    with pytest.raises(RegistryUnavailable) as caught:
        client.schema_by_id(1)
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_registry_that_says_nothing_is_unavailable_after_the_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = RegistryClient(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2)
        start = time.monotonic()
        with pytest.raises(RegistryUnavailable):
            client.schema_by_id(1)
        assert time.monotonic() - start < 60  # without a time-out it would never end


def test_our_schemas_are_looked_up_and_registered(server: Server, client: RegistryClient) -> None:
    server.answer = lambda method, path: (200, {"id": 9}) if path.endswith("versions") else (404, {})
    assert client.registered_id("dev/badge-issued-value", SCHEMA) is None
    assert client.register("dev/badge-issued-value", SCHEMA) == 9
    assert [(method, path) for method, path, _, _ in server.asked] == [
        ("POST", "/subjects/dev%2Fbadge-issued-value"),
        ("POST", "/subjects/dev%2Fbadge-issued-value/versions"),
    ]
    assert server.asked[1][3] == {"schema": SCHEMA}


def test_a_schema_that_does_not_fit_is_refused_with_what_to_do(
    server: Server, client: RegistryClient
) -> None:
    server.answer = lambda *_: (409, {"message": "incompatible"})
    with pytest.raises(RegistryRefused, match="compare its versions"):
        client.register("badge-issued-value", SCHEMA)


@pytest.mark.parametrize("url", ["localhost:8081", "ftp://x", "http://", "file:///etc/passwd"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"registry\.url"):
        RegistryClient(url)
