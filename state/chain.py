"""A write as a chain of scripts, each small enough not to hold up the server. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from state.marker import NOWHERE, RedisMarker, encode_marker
from state.view import Document

DOCUMENTS_A_SCRIPT: Final = 256
BYTES_A_SCRIPT: Final = 512 * 1024
OFFSET_BYTES: Final = 8
"""Every value in a view begins with its changelog offset: unsigned, big-endian."""


class Script(NamedTuple):
    """One compare-and-set: where `expected` stands, the documents are written and `moved` stands
    afterwards."""

    expected: bytes
    moved: bytes
    documents: Sequence[Document]


def scripts_of(
    expected: RedisMarker | None,
    documents: Sequence[Document],
    next_marker: RedisMarker,
    token: Callable[[], str],
) -> list[Script]:
    """The chain from one marker to the next; `token` yields another token with every call.

    A marker between two scripts says what `expected` says, so that repair starts at its `changelog_offset`.
    """
    chain: list[Script] = []
    stands = encode_marker(expected)
    before: Sequence[Document] | None = None
    for run in _runs(documents):
        if before is not None:
            between = encode_marker((expected or NOWHERE)._replace(token=token()))
            chain.append(Script(stands, between, before))
            stands = between
        before = run
    chain.append(Script(stands, encode_marker(next_marker), before or ()))
    return chain


def _runs(documents: Sequence[Document]) -> Iterator[Sequence[Document]]:
    """Neighbours that fit into one script; a document beyond the limit of bytes gets a script of its own."""
    if len(documents) <= DOCUMENTS_A_SCRIPT and sum(map(_size, documents)) <= BYTES_A_SCRIPT:
        yield documents
        return
    start = size = 0
    for n, document in enumerate(documents):
        more = _size(document)
        if n > start and (n - start == DOCUMENTS_A_SCRIPT or size + more > BYTES_A_SCRIPT):
            yield documents[start:n]
            start, size = n, 0
        size += more
    yield documents[start:]


def _size(document: Document) -> int:
    return len(document.key) + OFFSET_BYTES + len(document.value or b"")


def framed(document: Document) -> bytes:
    """The value as the view keeps it; b"" says delete."""
    if document.value is None:
        return b""
    return document.offset.to_bytes(OFFSET_BYTES, "big") + document.value
