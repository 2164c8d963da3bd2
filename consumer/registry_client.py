"""A client of the Confluent Schema Registry API, as small as this project's use of it: three calls.

Written with the standard library: the vendor's client brings twenty packages, has no time-out unless told,
and blocks a worker for ever on a registry that accepts connections and says nothing.
"""

from __future__ import annotations

import base64
import json
import time
from http.client import HTTPException, HTTPResponse
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from schemas.framing import SchemaId, Undecodable, UnknownSchema
from schemas.registry import RegistryRefused, RegistryUnavailable

TIMEOUT_S: Final = 3.0
"""For a whole request. The loop of a worker waits for it, so it is short; the worker asks again later."""
_LARGEST_ANSWER: Final = 1 << 20
_CHUNK: Final = 1 << 16
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_NOT_FOUND: Final = 404
_REFUSALS: Final = frozenset({409, 422})


class _Status(Exception):
    """An HTTP answer other than success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class RegistryClient:
    """One registry. Connects with each request, never before; holds no connection between them."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        """`url` is http or https, may hold user and password and a path (Apicurio's `ccompat`)."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("registry.url is no http or https address: write it as https://host:port")
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        self._base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._headers = {"Accept": f"{_MEDIA_TYPE}, application/json", "Content-Type": _MEDIA_TYPE}
        if parts.username is not None:
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(secret).decode()}"
        self._timeout_s = timeout_s

    def schema_by_id(self, identity: SchemaId) -> str:
        """As `schemas.framing.SchemaSource.schema_by_id`; asks each time (`RememberedSchemas` does not)."""
        path = f"/schemas/ids/{identity}" if isinstance(identity, int) else f"/schemas/guids/{identity}"
        try:
            answer = self._ask("GET", path)
        except _Status as error:
            if error.status == _NOT_FOUND:
                raise UnknownSchema(
                    "the registry does not know the schema", str(identity), may_appear=True
                ) from None
            raise self._unavailable(error) from None
        text = answer.get("schema")
        if not isinstance(text, str) or answer.get("schemaType", "AVRO") != "AVRO":
            raise Undecodable("its schema is no Avro schema", str(identity))
        if answer.get("references"):
            raise Undecodable("its schema is refused: it refers to other subjects", str(identity))
        return text

    def registered_id(self, subject: str, text: str) -> int | None:
        """The id that a schema has under a subject, None where it is not registered there."""
        try:
            return self._id(self._ask("POST", f"/subjects/{quote(subject, safe='')}", {"schema": text}))
        except _Status as error:
            if error.status == _NOT_FOUND:
                return None
            raise self._unavailable(error) from None

    def register(self, subject: str, text: str) -> int:
        """Registers a schema and returns its id; the same id where it was registered before.

        Raises `RegistryRefused` where it is not compatible with the versions before.
        """
        try:
            path = f"/subjects/{quote(subject, safe='')}/versions"
            return self._id(self._ask("POST", path, {"schema": text}))
        except _Status as error:
            if error.status in _REFUSALS:
                message = f"the registry refuses the schema of {subject} (HTTP {error.status})"
                raise RegistryRefused(f"{message}; compare its versions with those in schemas/") from None
            raise self._unavailable(error) from None

    def _id(self, answer: dict[str, Any]) -> int:
        identity = answer.get("id")
        if not isinstance(identity, int):
            raise self._unavailable(ValueError("an answer without an id"))
        return identity

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        deadline = time.monotonic() + self._timeout_s
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._base + path, data, self._headers, method=method)  # noqa: S310 -- checked above
        try:
            with urlopen(request, timeout=self._timeout_s) as response:  # noqa: S310
                answer = json.loads(_read(response, deadline))
        except HTTPError as error:
            error.close()
            raise _Status(error.code) from None
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            raise self._unavailable(error) from None
        if not isinstance(answer, dict):
            raise self._unavailable(ValueError("an answer that is no object"))
        return answer

    def _unavailable(self, error: Exception) -> RegistryUnavailable:
        message = f"the schema registry at {self._base} gives no answer ({error})"
        return RegistryUnavailable(f"{message}; partitions that need it wait until it does")


def _read(response: HTTPResponse, deadline: float) -> bytes:
    """The whole answer; a server that drips bytes runs into the deadline."""
    data = b""
    while chunk := response.read1(_CHUNK):
        data += chunk
        if len(data) > _LARGEST_ANSWER:
            raise ValueError("an answer of more than 1 MiB")
        if time.monotonic() > deadline:
            raise TimeoutError("an answer that takes too long")
    return data
