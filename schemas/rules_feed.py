"""Records of `badge-definitions` and `org-settings`: the results of accepted edits, as JSON (design.md
section 6).

A record holds what a worker judges by (version, configurations, counters) beside the document as it was
accepted, and every earlier version, so that compaction loses nothing. Workers never judge edits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from badges.calendar import format_day, format_instant, parse_day, parse_instant
from badges.definitions import LEVELS, BadgeRecord, Configuration, OrgSettings, Shape
from schemas.documents import definition_from_json, settings_from_json
from schemas.errors import Malformed, UnreadableRecord
from schemas.json_text import NotJson, canonical_json, parse

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class StoredBadge:
    """One record of `badge-definitions`. `body` is the document as a JSON value; `history` holds the earlier
    versions as JSON values, oldest first: `earlier_records` makes records of them.
    """

    record: BadgeRecord
    body: Any
    author: str
    history: tuple[Any, ...] = ()

    def followed(self) -> tuple[Any, ...]:
        """The history of the version after this one."""
        return (*self.history, _badge_version(self.record, self.body, self.author))

    def earlier_records(self) -> list[BadgeRecord]:
        """The earlier versions, oldest first."""
        return [_record(version) for version in self.history]


@dataclass(frozen=True, slots=True)
class StoredSettings:
    """One record of `org-settings`: `version` counts the org's settings from 1, `accepted_at` is epoch ms."""

    settings: OrgSettings
    version: int
    accepted_at: int
    body: Any
    author: str
    history: tuple[Any, ...] = ()

    def followed(self) -> tuple[Any, ...]:
        """The history of the version after this one."""
        return (*self.history, _settings_version(self.version, self.accepted_at, self.body, self.author))

    def earlier_settings(self) -> list[OrgSettings]:
        """The earlier versions, oldest first."""
        return [settings_from_json(version["document"]) for version in self.history]


def badge_key(org_id: int, badge_id: str) -> bytes:
    """`org:badge`."""
    return f"{org_id}:{badge_id}".encode()


def settings_key(org_id: int) -> bytes:
    """`org`."""
    return str(org_id).encode()


def encode_record(record: BadgeRecord, body: Any, author: str, history: Sequence[Any] = ()) -> bytes:
    """The value of a record: `body` is the accepted document as schemas.json_text.parse returns it, `history`
    is `StoredBadge.followed()` of the version before. Equal arguments give equal bytes.
    """
    content = {"format": _FORMAT, **_badge_version(record, body, author), "history": list(history)}
    return canonical_json(content).encode()


def decode_record(value: bytes) -> StoredBadge:
    """Raises `UnreadableRecord` for what no release up to this one wrote."""
    content = _content(value, "badge-definitions")
    try:
        return StoredBadge(
            _record(content), content["document"], content["author"], tuple(content["history"])
        )
    except (Malformed, KeyError, TypeError, ValueError) as error:
        raise _damaged("badge-definitions", error) from None


def encode_settings(
    version: int, accepted_at: int, body: Any, author: str, history: Sequence[Any] = ()
) -> bytes:
    """As `encode_record`, for the settings of an org."""
    content = {
        "format": _FORMAT,
        **_settings_version(version, accepted_at, body, author),
        "history": list(history),
    }
    return canonical_json(content).encode()


def decode_settings(value: bytes) -> StoredSettings:
    """Raises `UnreadableRecord` for what no release up to this one wrote."""
    content = _content(value, "org-settings")
    try:
        return StoredSettings(
            settings_from_json(content["document"]),
            _whole(content["version"]),
            _instant(content["accepted_at"]),
            content["document"],
            content["author"],
            tuple(content["history"]),
        )
    except (Malformed, KeyError, TypeError, ValueError) as error:
        raise _damaged("org-settings", error) from None


def _badge_version(record: BadgeRecord, body: Any, author: str) -> dict[str, Any]:
    version = {
        "version": record.version,
        "accepted_at": format_instant(record.accepted_at),
        "author": author,
        "document": body,
        "configurations": {
            level: [_configuration_body(one) for one in record.of_level(level)] for level in LEVELS
        },
        "created": dict(zip(LEVELS, record.created, strict=True)),
        "measure_number": record.measure_number,
    }
    if record.limit_number:  # left out as long as it is 0: what older releases wrote
        version["limit_number"] = record.limit_number
    return version


def _settings_version(version: int, accepted_at: int, body: Any, author: str) -> dict[str, Any]:
    return {
        "version": version,
        "accepted_at": format_instant(accepted_at),
        "author": author,
        "document": body,
    }


def _configuration_body(configuration: Configuration) -> dict[str, Any]:
    return {
        "number": configuration.number,
        "configuration_id": configuration.configuration_id,
        "duration": configuration.shape.duration,
        "refresh_rate": configuration.shape.refresh_rate,
        "start_day": configuration.shape.start_day,
        "max": configuration.max,
        "starts_on": format_day(configuration.starts_on),
    }


def _record(content: dict[str, Any]) -> BadgeRecord:
    customer, badge = (
        tuple(_configuration(one) for one in content["configurations"][level]) for level in LEVELS
    )
    created = content["created"]
    return BadgeRecord(
        definition_from_json(content["document"]),
        _whole(content["version"]),
        _instant(content["accepted_at"]),
        (customer, badge),
        (_whole(created["CUSTOMER"]), _whole(created["BADGE"])),
        _whole(content["measure_number"]),
        _whole(content.get("limit_number", 0)),
    )


def _configuration(body: dict[str, Any]) -> Configuration:
    starts_on = parse_day(body["starts_on"])
    if starts_on is None:
        raise ValueError("starts_on is no day")
    shape = Shape(body["duration"], body["refresh_rate"], body["start_day"])
    return Configuration(
        _whole(body["number"]), body["configuration_id"], shape, _whole(body["max"]), starts_on
    )


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("not a whole number")
    return value


def _instant(value: Any) -> int:
    instant = parse_instant(value)
    if instant is None:
        raise ValueError("not an instant")
    return instant


def _content(value: bytes, topic: str) -> dict[str, Any]:
    try:
        content = parse(value.decode())
        found = content["format"]
    except (NotJson, ValueError, TypeError, KeyError) as error:
        raise _damaged(topic, error) from None
    if found != _FORMAT:
        message = f"a record of {topic} has format {found!r}, this release reads {_FORMAT}"
        raise UnreadableRecord(f"{message}; start the newer release again")
    return dict(content)


def _damaged(topic: str, error: Exception) -> UnreadableRecord:
    message = f"a record of {topic} cannot be read ({type(error).__name__}: {error})"
    return UnreadableRecord(
        f"{message}; publish the document again with `badges define`, or start a newer release"
    )
