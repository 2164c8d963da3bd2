"""The demo's badges and settings (badges.yaml), their dates moved together with those of the purchases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Final

from badges.calendar import Zone
from badges.definitions import BadgeDefinition, BadgeRecord, OrgSettings
from consumer.demo.purchases import FIRST_DAY
from schemas.documents import load_documents

ANCHOR: Final = "big-month"
"""The badge whose start tells later runs by how many days the first run moved everything. It is live from the
beginning, so no edit can move its start (723)."""


def settings() -> OrgSettings:
    """The demo org's settings."""
    return next(document for document in _documents() if isinstance(document, OrgSettings))


def definitions(shift: int, zone: Zone) -> list[BadgeDefinition]:
    """All badges, every date `shift` days later, local time of day kept."""
    return [
        replace(
            document,
            starts_at=zone.add(document.starts_at, shift, "DAYS"),
            ends_at=zone.add(document.ends_at, shift, "DAYS"),
        )
        for document in _documents()
        if isinstance(document, BadgeDefinition)
    ]


def published_shift(records: Mapping[str, BadgeRecord], zone: Zone) -> int | None:
    """The shift of an earlier run, from the org's published badges; None before the first run."""
    anchor = records.get(ANCHOR)
    return None if anchor is None else zone.day(anchor.definition.starts_at) - FIRST_DAY


def _documents() -> list[BadgeDefinition | OrgSettings]:
    text = files("consumer.demo").joinpath("badges.yaml").read_text(encoding="utf-8")
    return [document.read() for document in load_documents(text, "badges.yaml")]
