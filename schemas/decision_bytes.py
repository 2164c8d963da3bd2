"""Bytes shared by `badge-decisions` and `badge-issued`: the act's identity, instants, limits.

All memories here are pure functions of their keys, bounded, and only save work: facts of a fixed window, the
processing instant of a batch and the act that several records are about come again and again.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final, Generic, TypeVar

from badges.actions import CustomerAction
from badges.decisions import LimitFact
from schemas.varint import NULL, SECOND_BRANCH, long_bytes, optional_map, string_bytes

EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
LEVELS: Final = ("UNKNOWN", "CUSTOMER", "BADGE")
LIMIT_TYPES: Final = ("UNKNOWN", "FIXED_WINDOW", "ROLLING_WINDOW", "OVERALL")
UUID_FIELD: Final = SECOND_BRANCH + long_bytes(36)
"""What stands before the 36 characters of a UUID in a union of null and string."""
_MOST_REMEMBERED: Final = 8192
_DAY_BRANCH: Final = b"\x04"
_INSTANT_BRANCH: Final = b"\x02"

Key = TypeVar("Key")


class Remembered(dict[Key, bytes], Generic[Key]):
    """Values that come again, as bytes; forgets all of them when they are too many."""

    def __missing__(self, key: Key) -> bytes:
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        data = self[key] = self.encode(key)
        return data

    def encode(self, key: Key) -> bytes:
        """The bytes of a value."""
        raise NotImplementedError


class ActBytes:
    """One act, rendered once for all records about it."""

    __slots__ = ("action", "event_date", "event_id", "name", "org_and_customer")

    def __init__(self, action: CustomerAction) -> None:
        self.action = action
        self.event_id = string_bytes(action.event_id)
        self.org_and_customer = long_bytes(action.org_id) + string_bytes(action.customer_id)
        self.name = string_bytes(action.action)
        self.event_date = long_bytes(action.event_date)


class _CauseBytes:
    __slots__ = ("action", "data")

    def __init__(self, action: CustomerAction) -> None:
        self.action = action
        self.data = string_bytes(action.action) + optional_map(action.attributes)


_last_act: ActBytes | None = None
_last_cause: _CauseBytes | None = None


def act_bytes(action: CustomerAction) -> ActBytes:
    """The fields of an act that the outputs repeat. The last act is remembered: its records follow each
    other.
    """
    global _last_act  # noqa: PLW0603 -- replaced as a whole, so that a reader sees one act or another
    known = _last_act
    if known is None or known.action is not action:
        _last_act = known = ActBytes(action)
    return known


def cause_bytes(action: CustomerAction) -> bytes:
    """A record Cause. The last act is remembered."""
    global _last_cause  # noqa: PLW0603 -- as above
    known = _last_cause
    if known is None or known.action is not action:
        _last_cause = known = _CauseBytes(action)
    return known.data


class _InstantBytes(Remembered[int | None]):
    def encode(self, key: int | None) -> bytes:
        return NULL if key is None else SECOND_BRANCH + long_bytes(key)


class _VersionBytes(Remembered[tuple[bool, int | None]]):
    def encode(self, key: tuple[bool, int | None]) -> bytes:
        retro, version = key
        number = NULL if version is None else SECOND_BRANCH + long_bytes(version)
        return (b"\x01" if retro else b"\x00") + number


class _LimitBytes(Remembered[LimitFact]):
    def encode(self, key: LimitFact) -> bytes:
        return b"".join(
            [
                long_bytes(LEVELS.index(key.level)),
                long_bytes(LIMIT_TYPES.index(key.type)),
                long_bytes(key.max),
                long_bytes(key.counted),
                _window(key),
            ]
        )


INSTANTS: Final = _InstantBytes()
"""A union of null and an instant, for those that come again: the `at` of a batch, what expires at its end."""
VERSIONS: Final = _VersionBytes()
"""(retro, definition_version), the version a union of null and long."""
LIMITS: Final = _LimitBytes()
"""A record Limit."""


def limits_bytes(facts: tuple[LimitFact, ...]) -> bytes:
    """An array of Limit."""
    if not facts:
        return NULL
    if len(facts) == 1:
        return SECOND_BRANCH + LIMITS[facts[0]] + NULL
    return b"".join([long_bytes(len(facts)), *[LIMITS[fact] for fact in facts], NULL])


def _window(fact: LimitFact) -> bytes:
    first, last = fact.window_from, fact.window_to
    if first is None or last is None:
        return NULL + NULL
    if fact.type == "FIXED_WINDOW":
        days = long_bytes(first - EPOCH_DAY), long_bytes(last - EPOCH_DAY)
        return _DAY_BRANCH + days[0] + _DAY_BRANCH + days[1]
    return _INSTANT_BRANCH + long_bytes(first) + _INSTANT_BRANCH + long_bytes(last)


def limit_of(fields: dict[str, Any]) -> LimitFact:
    """A record Limit as read with the plain schema."""
    shift = EPOCH_DAY if fields["type"] == "FIXED_WINDOW" else 0
    first, last = fields["window_from"], fields["window_to"]
    return LimitFact(
        fields["level"],
        fields["type"],
        fields["max"],
        fields["count"],
        None if first is None else first + shift,
        None if last is None else last + shift,
    )
