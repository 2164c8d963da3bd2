"""The Redis marker: up to where the view of a partition stands. Compared byte for byte by every script."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgpack

FORMAT: Final = 1
ABSENT: Final = b""
"""What stands for "no marker" where the bytes of an expected marker are asked for."""


class RedisMarker(NamedTuple):
    """The partition's position marker, and where in the changelog to read on from.

    `sequence` counts the partition's transactions and never repeats. `next_offset` is the next input offset,
    `at` the batch's instant (ms), `feeds` the offsets up to which rules were applied, in an order that the
    consumer defines. `changelog_offset`: records before it are in the view. `token` is "" except between two
    scripts of one batch or repair; a marker with a token says: repair from `changelog_offset`.
    """

    sequence: int
    cluster_id: str
    topic_id: str
    next_offset: int
    at: int
    feeds: tuple[int, ...]
    changelog_offset: int
    tzdata: str = ""
    token: str = ""


NOWHERE: Final = RedisMarker(0, "", "", 0, 0, (), 0)
"""The position of a partition without a marker; only ever seen with a token, during its first repair."""


def encode_marker(marker: RedisMarker | None) -> bytes:
    """Equal markers give equal bytes; None gives ABSENT."""
    if marker is None:
        return ABSENT
    packed: bytes = msgpack.packb((FORMAT, *marker))
    return packed


def decode_marker(data: bytes) -> RedisMarker | None:
    """The inverse. Raises ValueError for bytes that are no marker of a format known here."""
    if data == ABSENT:
        return None
    try:
        found, *fields = msgpack.unpackb(data, use_list=False)
        if found == FORMAT:
            return RedisMarker(*fields)
    except (TypeError, ValueError, msgpack.UnpackException):
        raise ValueError("not a marker") from None
    raise ValueError("a marker of an unknown format")
