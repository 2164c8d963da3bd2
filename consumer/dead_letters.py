"""Records that can never be decided: key, value and headers byte for byte, with why and where from (contract
4).
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Final, NamedTuple, cast

from confluent_kafka import Message

from schemas.errors import Malformed
from schemas.framing import DeadLetterReason, Rejected, dead_letter_reason

Headers = list[tuple[str, bytes | None]]

LARGEST: Final = 9 * 1024 * 1024
"""Bytes that surely fit the topic's max.message.bytes; what is larger becomes a stub without payload."""
_STUB: Final = ("dlq-stub", b"the record was too large to keep; it is in the topic of its origin")
_VERSION: Final = version("badges").encode()


class DeadLetter(NamedTuple):
    """One record of the dead-letter topic, in the partition of its origin."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    reason: DeadLetterReason


def headers_of(message: Message) -> Headers:
    """A record's headers, in their order; the client's stubs allow more than it ever gives."""
    return [(name, value) for name, value in cast("Headers", message.headers() or [])]


def dead_letter(message: Message, error: Rejected | Malformed) -> DeadLetter:
    """The dead letter of a record. `error` says nothing of the payload."""
    reason = dead_letter_reason(error)
    headers: Headers = [
        *headers_of(message),
        ("dlq-reason", reason.encode()),
        ("dlq-message", error.message.encode()),
        ("dlq-topic", str(message.topic()).encode()),
        ("dlq-partition", str(message.partition()).encode()),
        ("dlq-offset", str(message.offset()).encode()),
        ("dlq-timestamp", str(message.timestamp()[1]).encode()),
        ("dlq-version", _VERSION),
    ]
    schema_id = getattr(error, "schema_id", None)
    if schema_id:
        headers.append(("dlq-schema-id", schema_id.encode()))
    value = message.value()
    if value is not None and len(value) > LARGEST:
        headers.append(_STUB)
        value = None
    return DeadLetter(message.key(), value, headers, reason)


def stub_letter(message: Message, error: Rejected | Malformed) -> DeadLetter:
    """As `dead_letter`, with nothing of the record but where it is."""
    letter = dead_letter(message, error)
    headers = [header for header in letter.headers if header[0].startswith("dlq-") and header != _STUB]
    return DeadLetter(None, None, [*headers, _STUB], letter.reason)
