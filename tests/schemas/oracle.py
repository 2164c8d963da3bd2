"""fastavro as the judge of bytes written by hand: encodes with the typed schema, decodes what we wrote."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import fastavro

from badges.decisions import Decision, LimitFact
from schemas.avro_schema import HEADER_SIZE, header_of, typed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else EPOCH + timedelta(milliseconds=milliseconds)


def decimal(micros: int | None) -> Decimal | None:
    if micros is None:
        return None
    # From its digits: arithmetic would round to the 28 digits of the decimal context.
    return Decimal((int(micros < 0), tuple(map(int, str(abs(micros)))), -6))


def encoded(name: str, fields: dict[str, Any]) -> bytes:
    """What fastavro writes, in single-object encoding."""
    data = io.BytesIO()
    fastavro.schemaless_writer(data, typed(name), fields)
    return header_of(name) + data.getvalue()


def decoded(name: str, value: bytes) -> Any:
    """What fastavro reads."""
    assert value[:HEADER_SIZE] == header_of(name)
    data = io.BytesIO(value[HEADER_SIZE:])
    fields = fastavro.schemaless_reader(data, typed(name), None)
    assert not data.read()
    return fields


def limit(fact: LimitFact) -> dict[str, Any]:
    ends: tuple[Any, Any] = (None, None)
    if fact.type == "FIXED_WINDOW":
        assert fact.window_from is not None
        assert fact.window_to is not None
        ends = date.fromordinal(fact.window_from), date.fromordinal(fact.window_to)
    elif fact.type == "ROLLING_WINDOW":
        ends = instant(fact.window_from), instant(fact.window_to)
    return {
        "level": fact.level,
        "type": fact.type,
        "max": fact.max,
        "count": fact.counted,
        "window_from": ends[0],
        "window_to": ends[1],
    }


def decision(made: Decision) -> dict[str, Any]:
    return {
        "badge_id": made.badge_id,
        "outcome": made.outcome,
        "reason": made.reason,
        "expires_at": instant(made.expires_at),
        "issuance_id": made.issuance_id,
        "enrolment_id": made.enrolment_id,
        "retro": made.retro,
        "definition_version": made.definition_version,
        "detail": {
            "progress": decimal(made.progress),
            "reaches": decimal(made.reaches),
            "limit": limit(made.limit) if made.limit else None,
            "limits": None if made.limits is None else [limit(fact) for fact in made.limits],
            "warnings": list(made.warnings) or None,
        },
    }
