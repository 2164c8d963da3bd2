"""CustomerState <-> bytes, with a version: a head, and each page on its own.

Every document is a msgpack array of at most 15 items whose first is the format, below 128; so byte 1 is the
format whatever follows. Format 2 is a head with places that wait for their badge's owner; all else is
written in format 1. Names are not repeated in a document: the org and the customer stand in its key. Layout
of format 1 (instants in ms):

    head   [1, registered_at, sequence, seen_count, seen_buckets, {digest: [badge numbers]}, [names],
            [badge, ...]]
    badge  [number, issued, sealed, measure_number, {period: [total, crossings, sequence]}, days,
            [block, how many in a row, ...], [enrolment, ...], [issuance, ...]]
    page   [1, {digest: [badge numbers]}] or [1, days] or [1, [issuance, ...]]

    format 2   each badge of a head has one item more: [reservation, ...], with all fields of `Reservation`

    enrolment  [id, event_date - the one before, ends_at - event_date or nil,
                sequence * 4 + follows_badge * 2 + revoked]
    issuance   [id, event_date - the one before, issued_at - event_date, expires_at - event_date or nil,
                sequence * 2 + revoked]
    days       {day: count}, or from three days on [first, {day - first: count}]

"The one before" the first is registered_at, or 0 where there is none and in a page.
Integers beyond 64 bits (a total may be one) are extension 1: signed, big-endian.
"""

from __future__ import annotations

from typing import Any, Final

import msgpack

from badges.customer import BadgeState, CustomerState, PageKey
from state.rows import (
    blocks_of,
    day_row,
    days_of,
    enrolment_rows,
    enrolments_of,
    issuance_rows,
    issuances_of,
    reservation_of,
    runs_of,
)

FORMAT: Final = 1
WITH_RESERVED: Final = 2
_BIG: Final = 1
_EIGHT_ITEMS: Final = b"\x98"


class UnknownFormat(Exception):
    """The document was written by a newer release. Exit code 6."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"a state document has format {found}, this release reads {WITH_RESERVED}; "
            "start the newer release again"
        )
        self.found = found


class Damaged(Exception):
    """The bytes are no document: the view that held them is to be rebuilt."""

    def __init__(self) -> None:
        super().__init__("a state document cannot be read; run `badges rebuild`")


def _big_to_bytes(value: object) -> msgpack.ExtType:
    if not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} does not belong into a state document")
    return msgpack.ExtType(_BIG, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _big_from_bytes(code: int, data: bytes) -> int:
    if code != _BIG:
        raise ValueError("unknown extension")
    return int.from_bytes(data, "big", signed=True)


_pack = msgpack.Packer(default=_big_to_bytes, buf_size=4096).pack


def encode_head(state: CustomerState) -> bytes:
    """The head of a customer; its pages are not in it. Badges that did not change since they were encoded
    last are taken as they were, unless a place is waited for.
    """
    badges = state.badges.values()
    base = state.registered_at or 0
    rows: list[bytes] = []
    for badge in badges:
        if badge.reserved:
            return _encode_waiting(state, base)
        if badge.packed is None:
            badge.packed = _pack(_badge_row(badge, base))
        rows.append(badge.packed)
    fields: bytes = _pack((FORMAT, *_before_badges(state)))
    return b"".join([_EIGHT_ITEMS, fields[1:], _array_of(len(rows)), *rows])


def _encode_waiting(state: CustomerState, base: int) -> bytes:
    badges = [(*_badge_row(badge, base), badge.reserved) for badge in state.badges.values()]
    packed: bytes = _pack((WITH_RESERVED, *_before_badges(state), badges))
    return packed


def _before_badges(state: CustomerState) -> tuple[Any, ...]:
    return (
        state.registered_at,
        state.sequence,
        state.seen_count,
        state.seen_buckets,
        state.seen,
        state.names,
    )


def _badge_row(badge: BadgeState, base: int) -> tuple[Any, ...]:
    enrolments, recent = badge.enrolments, badge.recent
    return (
        badge.number,
        badge.issued,
        badge.sealed,
        badge.measure_number,
        badge.periods,
        day_row(badge.days) if len(badge.days) > 2 else badge.days,
        runs_of(badge.blocks) if badge.blocks else (),
        enrolment_rows(enrolments, base) if enrolments else (),
        issuance_rows(recent, base) if recent else (),
    )


def _array_of(items: int) -> bytes:
    """What begins an array of msgpack."""
    if items < 16:
        return bytes((0x90 | items,))
    return b"\xdc" + items.to_bytes(2, "big") if items < 1 << 16 else b"\xdd" + items.to_bytes(4, "big")


def decode_head(org_id: int, customer_id: str, data: bytes) -> CustomerState:
    """The inverse of `encode_head`, without pages, nothing dirty. Raises UnknownFormat or Damaged."""
    fields = _fields(data, WITH_RESERVED)
    try:
        state = CustomerState(org_id, customer_id)
        (
            _,
            state.registered_at,
            state.sequence,
            state.seen_count,
            state.seen_buckets,
            state.seen,
            state.names,
            badges,
        ) = fields
        base = state.registered_at or 0
        names = state.names
        for row in badges:
            number = row[0]
            badge = state.badges[names[number]] = BadgeState(number)
            (
                _,
                badge.issued,
                badge.sealed,
                badge.measure_number,
                badge.periods,
                days,
                blocks,
                enrolments,
                recent,
                *waiting,
            ) = row
            badge.days = days if type(days) is dict else days_of(days)
            if blocks:
                badge.blocks = blocks_of(blocks)
            if enrolments:
                badge.enrolments = enrolments_of(enrolments, base)
            if recent:
                badge.recent = issuances_of(recent, base)
            if waiting:
                badge.reserved = [reservation_of(row) for row in waiting[0]]
    except (ValueError, TypeError, IndexError, AttributeError):
        raise Damaged from None
    return state


def encode_page(key: PageKey, page: Any) -> bytes:
    """One page: a dict ("s", "t") or a list of Issuance ("i")."""
    body: Any = page
    if key[0] == "i":
        body = issuance_rows(page, 0)
    elif key[0] == "t":
        body = day_row(page)
    packed: bytes = _pack((FORMAT, body))
    return packed


def decode_page(key: PageKey, data: bytes) -> Any:
    """The inverse of `encode_page`. Raises UnknownFormat or Damaged."""
    fields = _fields(data, FORMAT)
    try:
        _, body = fields
        if key[0] == "i":
            return issuances_of(body, 0)
        if key[0] == "t":
            return days_of(body)
    except (ValueError, TypeError, AttributeError):
        raise Damaged from None
    if not isinstance(body, dict):
        raise Damaged
    return body


def _fields(data: bytes, newest: int) -> list[Any]:
    if len(data) < 2 or not 0x91 <= data[0] <= 0x9F:
        raise Damaged
    if not FORMAT <= data[1] <= newest:
        raise UnknownFormat(data[1])
    try:
        fields: list[Any] = msgpack.unpackb(data, strict_map_key=False, ext_hook=_big_from_bytes)
    except (ValueError, msgpack.UnpackException):
        raise Damaged from None
    return fields
