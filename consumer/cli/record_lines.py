"""Records of the output topics as lines of JSON."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from badges.calendar import format_day, format_instant
from badges.decisions import LimitFact
from consumer.dead_letter_store import own_headers, texts_of
from schemas.badge_issued import decode_issued
from schemas.decisions import decode_decisions
from schemas.framing import SchemaSource
from schemas.json_decision import decision_lines
from schemas.json_text import printed

if TYPE_CHECKING:
    from confluent_kafka import Message


def decision_record_lines(value: bytes, schemas: SchemaSource | None = None) -> list[str]:
    """One line a decision, byte for byte as simulate prints it. Raises `schemas.framing.Rejected`."""
    decided = decode_decisions(value, schemas)
    return decision_lines(decided.as_action(), decided.decisions, decided.processed_at, decided.run_id)


def issued_lines(value: bytes, schemas: SchemaSource | None = None) -> list[str]:
    """One line an issuance, names as in contract.md section 4. Raises `schemas.framing.Rejected`."""
    issued = decode_issued(value, schemas)._asdict()
    for name in ("event_date", "issued_at", "expires_at"):
        issued[name] = None if issued[name] is None else format_instant(issued[name])
    issued["limits"] = [limit_object(fact) for fact in issued["limits"]]
    members = {name: printed(value) for name, value in issued.items()}
    # Benefits travel as JSON: read and written again, a long number would no longer be what was defined.
    members["benefits"] = f"[{', '.join(issued['benefits'])}]"
    return ["{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}"]


def limit_object(fact: LimitFact) -> dict[str, Any]:
    """A limit as S100 names its fields."""
    window: list[str] | None = None
    if fact.window_from is not None and fact.window_to is not None:
        written = format_day if fact.type == "FIXED_WINDOW" else format_instant
        window = [written(fact.window_from), written(fact.window_to)]
    return {"level": fact.level, "type": fact.type, "max": fact.max, "count": fact.counted, "window": window}


def text_or_base64(data: str | bytes | None) -> str | dict[str, str] | None:
    """Bytes as text where they are UTF-8, else as {"base64": ...}."""
    if data is None or isinstance(data, str):
        return data
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def dead_letter_lines(message: Message) -> list[str]:
    """One line a record of the dead-letter topic: its id, what its headers say, and what was rejected."""
    headers: Any = message.headers() or []
    line = {
        "id": f"{message.partition()}-{message.offset()}",
        **texts_of(own_headers(headers)),
        "key": text_or_base64(message.key()),
        "value": text_or_base64(message.value()),
    }
    return [printed(line)]
