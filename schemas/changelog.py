"""Records of `customer-state` that belong to the partition, not to a customer (design.md sections 3 and 6).

`!m` is the position marker; `!rules:<offset in badge-definitions>:<offset in org-settings>` a cut-over of the
rules, one for each change. Every other key names a document, which is for `state.keys` to read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, Final, NamedTuple

import msgpack

from schemas.errors import UnreadableRecord

MARKER_KEY: Final = b"!m"
_CUT_OVER: Final = re.compile(rb"!rules:([0-9]+):([0-9]+)")
_FORMAT: Final = 1
_WITH_HOPS: Final = 2
_MARKER_KINDS: Final = (int, str, str, int, int, int, int, str)
_CUT_OVER_KINDS: Final = (int, int)


@dataclass(frozen=True, slots=True)
class PositionMarker:
    """How far a partition is decided; produced in every transaction.

    `sequence` numbers the partition's committed transactions and never repeats. `topic_id` is the id, not the
    name, of the input topic in the cluster `cluster_id`; `next_offset` is the first offset not decided. `at`
    is the processing instant of the last batch (epoch ms). `rules_offset` and `settings_offset` are the next
    offsets of the feeds `badge-definitions` and `org-settings`: what lies before them is in force. `tzdata`
    is the version of the zones. `hops_offset` is the next offset of badge-hops (0 while nothing of it was
    read).
    """

    sequence: int
    cluster_id: str
    topic_id: str
    next_offset: int
    at: int
    rules_offset: int
    settings_offset: int
    tzdata: str
    hops_offset: int = 0


class CutOver(NamedTuple):
    """A change of the rules in one partition: complete with the feeds' records before `rules_offset` and
    `settings_offset`, in force for the input from `input_offset` on, made at `at` (epoch ms).
    """

    rules_offset: int
    settings_offset: int
    input_offset: int
    at: int


def encode_marker(marker: PositionMarker) -> bytes:
    """The value under MARKER_KEY: msgpack, the format first. Format 2 holds `hops_offset`; as long as it is
    0, format 1 is written, which older releases read.
    """
    fields = astuple(marker)
    content = (_WITH_HOPS, *fields) if marker.hops_offset else (_FORMAT, *fields[:-1])
    return bytes(msgpack.packb(content))


def decode_marker(value: bytes) -> PositionMarker:
    """Raises `UnreadableRecord` for what no release up to this one wrote."""
    kinds = {_FORMAT: _MARKER_KINDS, _WITH_HOPS: (*_MARKER_KINDS, int)}
    return PositionMarker(*_fields(value, kinds, "position marker"))


def cut_over_key(cut_over: CutOver) -> bytes:
    """The key of a cut-over: the offsets of the two feeds."""
    return b"!rules:%d:%d" % (cut_over.rules_offset, cut_over.settings_offset)


def is_cut_over(key: bytes) -> bool:
    """Whether a key of the changelog is that of a cut-over."""
    return key.startswith(b"!rules:")


def encode_cut_over(cut_over: CutOver) -> bytes:
    """The value of a cut-over: msgpack, the format first."""
    return bytes(msgpack.packb((_FORMAT, cut_over.input_offset, cut_over.at)))


def decode_cut_over(key: bytes, value: bytes) -> CutOver:
    """Raises `UnreadableRecord` for what no release up to this one wrote."""
    match = _CUT_OVER.fullmatch(key)
    if match is None:
        raise UnreadableRecord("a cut-over has a key of no known form: run the release that wrote it")
    return CutOver(int(match[1]), int(match[2]), *_fields(value, {_FORMAT: _CUT_OVER_KINDS}, "cut-over"))


def _fields(value: bytes, kinds: Mapping[int, tuple[type, ...]], what: str) -> list[Any]:
    """The fields after the format, each of the type that the format says."""
    damaged = f"a {what} in customer-state is damaged: restore the topic, or start with --accept-reset"
    try:
        content: Any = msgpack.unpackb(value)
    except Exception:  # noqa: BLE001 -- msgpack has a dozen errors for bytes that are not its own
        raise UnreadableRecord(damaged) from None
    if not isinstance(content, list) or not content or type(content[0]) is not int:
        raise UnreadableRecord(damaged)
    found, *fields = content
    if found not in kinds:
        message = (
            f"a {what} has format {found}, this release reads {max(kinds)}; start the newer release again"
        )
        raise UnreadableRecord(message)
    if [type(field) for field in fields] != list(kinds[found]):
        raise UnreadableRecord(damaged)
    return fields
