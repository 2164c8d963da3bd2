"""Records of `badge-hops`: what the owners of customers and of badges say to each other
(docs/badge-limits.md). Internal; msgpack, the format and the kind first.

Requests, releases and reports have the key `org:badge`, answers `org:customer`: the partition follows from
it.
"""

from __future__ import annotations

from typing import Any, Final

import msgpack

from badges.decisions import LimitFact
from badges.places import Answer, Hop, Release, Report, Request
from schemas.errors import UnreadableRecord

_FORMAT: Final = 1
_KINDS: Final[dict[type[Hop], str]] = {Request: "Q", Answer: "A", Release: "R", Report: "P"}
_TYPES: Final[dict[str, type[Hop]]] = {kind: hop for hop, kind in _KINDS.items()}


def hop_key(hop: Hop) -> bytes:
    """Whom a message is for: a badge's owner, or a customer's."""
    name = hop.customer_id if isinstance(hop, Answer) else hop.badge_id
    return b"%d:%s" % (hop.org_id, name.encode())


def encode_hop(hop: Hop) -> bytes:
    """The value of a record."""
    return bytes(msgpack.packb((_FORMAT, _KINDS[type(hop)], *hop)))


def decode_hop(value: bytes | None) -> Hop:
    """Raises `UnreadableRecord` for what no release up to this one wrote."""
    try:
        content: Any = msgpack.unpackb(value or b"", strict_map_key=False)
        found, kind, *fields = content
    except Exception:  # noqa: BLE001 -- msgpack has a dozen errors for bytes that are not its own
        raise _damaged() from None
    if found != _FORMAT:
        message = f"a record of badge-hops has format {found}, this release reads {_FORMAT}"
        raise UnreadableRecord(f"{message}; start the newer release again")
    hop_type = _TYPES.get(kind) if isinstance(kind, str) else None
    if hop_type is None or len(fields) != len(hop_type._fields):
        raise _damaged()
    try:
        if hop_type is Answer:
            fields[-1] = tuple(LimitFact(*fact) for fact in fields[-1])
    except TypeError:
        raise _damaged() from None
    return hop_type(*fields)


def _damaged() -> UnreadableRecord:
    return UnreadableRecord(
        "a record of badge-hops is damaged, or something else wrote it: see who may write that topic, and "
        "take the record out of its log by `kafka-delete-records` once it is understood"
    )
