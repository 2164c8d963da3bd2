"""The demo's badges and settings (badges.yaml), their dates moved together with those of the purchases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from typing import Any, Final

from badges.calendar import Zone, format_instant, parse_instant
from badges.definitions import BadgeDefinition, BadgeRecord
from consumer.demo.purchases import FIRST_DAY
from schemas.documents import Document, load_documents

ANCHOR: Final = "big-month"
"""The badge whose start tells later runs by how many days the first run moved everything. It is live from the
beginning, so no edit can move its start (723)."""


def documents(shift: int, zone: Zone) -> list[Document]:
    """Settings and badges, every date `shift` days later, the local time of day kept."""
    text = files("consumer.demo").joinpath("badges.yaml").read_text(encoding="utf-8")
    return [_moved(document, shift, zone) for document in load_documents(text, "badges.yaml")]


def definitions(shift: int, zone: Zone) -> list[BadgeDefinition]:
    """The badges among the documents."""
    read = [document.read() for document in documents(shift, zone)]
    return [one for one in read if isinstance(one, BadgeDefinition)]


def published_shift(records: Mapping[str, BadgeRecord], zone: Zone) -> int | None:
    """The shift of an earlier run, from the org's published badges by id; None before the first run."""
    anchor = records.get(ANCHOR)
    return None if anchor is None else zone.day(anchor.definition.starts_at) - FIRST_DAY


def _moved(document: Document, shift: int, zone: Zone) -> Document:
    body: dict[str, Any] = dict(document.body)
    for name in ("starts_at", "ends_at"):
        if name in body:
            instant = parse_instant(body[name])
            assert instant is not None  # badges.yaml is ours
            body[name] = format_instant(zone.add(instant, shift, "DAYS"))
    return replace(document, body=body)
