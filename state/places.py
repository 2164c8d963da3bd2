"""The places of a badge <-> documents, in the partition that owns the badge (docs/badge-limits.md).

head   [1, limit_number, last_at, total, days, made, [partitions that have reported], [request, ...]]
page   [1, {instant - start of the processing day: count}]
what a partition has reported: [1, limit_number]
"""

from __future__ import annotations

from typing import Any

import msgpack

from badges.places import DAY_MS, PLACES, BadgePlaces, Request
from state.document import Damaged, UnknownFormat
from state.keys import page_key

_FORMAT = 1


def places_key(org_id: int, badge_id: str) -> bytes:
    """The key of a badge's head."""
    return page_key(org_id, badge_id, ("b", 0))


def day_key(org_id: int, badge_id: str, day: int) -> bytes:
    """The key of the page of one processing day."""
    return page_key(org_id, badge_id, (PLACES, day))


def reported_key(org_id: int, badge_id: str) -> bytes:
    """The key of what a partition has reported of a badge."""
    return page_key(org_id, badge_id, ("n", 0))


def changed_places(places: BadgePlaces) -> list[tuple[bytes, bytes]]:
    """(key, value) of what the changelog gets after a change. Clears `dirty` and `changed`."""
    org_id, badge_id = places.org_id, places.badge_id
    documents = [(places_key(org_id, badge_id), _head(places))]
    for day in sorted(places.dirty):
        start = day * DAY_MS
        page = {instant - start: count for instant, count in places.pages[day].items()}
        documents.append((day_key(org_id, badge_id, day), msgpack.packb((_FORMAT, page))))
    places.dirty.clear()
    places.changed = False
    return documents


def _head(places: BadgePlaces) -> bytes:
    content = (
        _FORMAT,
        places.limit_number,
        places.last_at,
        places.total,
        places.days,
        places.made,
        sorted(places.reported),
        places.waiting,
    )
    return bytes(msgpack.packb(content))


def decode_places(org_id: int, badge_id: str, data: bytes | None) -> BadgePlaces:
    """A badge's places without pages, empty where there is no document. Raises UnknownFormat or Damaged."""
    places = BadgePlaces(org_id, badge_id)
    if data is None:
        return places
    fields = _fields(data)
    try:
        (
            places.limit_number,
            places.last_at,
            places.total,
            places.days,
            places.made,
            reported,
            waiting,
        ) = fields
        places.reported = set(reported)
        places.waiting = [Request(*row) for row in waiting]
    except (ValueError, TypeError):
        raise Damaged from None
    return places


def decode_day(day: int, data: bytes) -> dict[int, int]:
    """A page: places by instant. Raises UnknownFormat or Damaged."""
    try:
        [page] = _fields(data)
        return {day * DAY_MS + step: count for step, count in page.items()}
    except (ValueError, TypeError, AttributeError):
        raise Damaged from None


def encode_reported(limit_number: int) -> bytes:
    """That a partition has reported up to this introduction."""
    return bytes(msgpack.packb((_FORMAT, limit_number)))


def decode_reported(data: bytes | None) -> int:
    """The last introduction reported, 0 if there was none. Raises UnknownFormat or Damaged."""
    if data is None:
        return 0
    try:
        [number] = _fields(data)
        return int(number)
    except (ValueError, TypeError):
        raise Damaged from None


def _fields(data: bytes) -> list[Any]:
    try:
        content: list[Any] = msgpack.unpackb(data, strict_map_key=False)
        found, *fields = content
    except (ValueError, TypeError, msgpack.UnpackException):
        raise Damaged from None
    if found != _FORMAT:
        raise UnknownFormat(found)
    return fields
