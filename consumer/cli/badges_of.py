"""`badges list`, `badges show BADGE`"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from consumer.cli.clock import now_ms
from consumer.cli.options import AsJson, BadgeArgument, Org, Overrides
from consumer.cli.output import emit, emit_json, print_table, say

if TYPE_CHECKING:
    from badges.definitions import BadgeRecord
    from badges.rulebook import OrgRules


def _cell(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def list_badges(org: Org = None, as_json: AsJson = False, overrides: Overrides = None) -> None:
    """List all badges with their status."""
    from consumer.broker import Broker
    from consumer.definitions_store import read_definitions
    from consumer.settings import load_settings

    definitions = read_definitions(Broker(load_settings(overrides or ())))
    at = now_ms()
    rows = [
        _summary(stored.record, at)
        for (org_id, _), stored in sorted(definitions.badges.items())
        if org in (None, org_id)
    ]
    if as_json:
        for row in rows:
            emit_json(row)
    elif rows:
        _table(rows)
    else:
        say("no badges yet; publish some with `badges define FILE`")


def show(badge: BadgeArgument, org: Org = None, as_json: AsJson = False, overrides: Overrides = None) -> None:
    """Show one badge: its definition, status and fixed-window configurations."""
    from consumer.broker import Broker
    from consumer.cli.lookup import the_badge
    from consumer.definitions_store import read_definitions
    from consumer.settings import load_settings

    definitions = read_definitions(Broker(load_settings(overrides or ())))
    stored = the_badge(definitions, org, badge)
    record, at = stored.record, now_ms()
    rules = definitions.rules(record.definition.org_id)
    answer = {
        "badge": stored.body,
        "status": _status(record, at),
        "definition_version": record.version,
        "configurations": _configurations(record, rules, at),
    }
    if as_json:
        _emit_exact(answer)
    else:
        _page(answer, record)


def _status(record: BadgeRecord, at: int) -> str:
    from badges.edits import badge_status

    return badge_status(record.definition, at)


def _summary(record: BadgeRecord, at: int) -> dict[str, Any]:
    from badges.calendar import format_instant

    definition = record.definition
    return {
        "org_id": definition.org_id,
        "badge_id": definition.badge_id,
        "name": definition.name,
        "type": definition.type,
        "status": _status(record, at),
        "active": definition.active,
        "starts_at": format_instant(definition.starts_at),
        "ends_at": format_instant(definition.ends_at),
        "definition_version": record.version,
    }


def _configurations(record: BadgeRecord, rules: OrgRules, at: int) -> dict[str, Any]:
    """Both levels as S101 lists them."""
    from badges.definitions import LEVELS
    from badges.questions import windows_answer

    today = rules.zone.day(at)
    return {
        level: windows_answer(record, level, today, today, rules.zone, at)["configurations"]
        for level in LEVELS
    }


def _emit_exact(value: Any) -> None:
    """Decimals of a document as the numbers that they were."""
    from schemas.json_text import canonical_json

    head = {name: part for name, part in value.items() if name != "badge"}
    emit(f'{{"badge": {canonical_json(value["badge"])}, {json.dumps(head, ensure_ascii=False)[1:]}')


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("ORG", "BADGE", "NAME", "TYPE", "STATUS", "ACTIVE", "STARTS", "ENDS", "VERSION"):
        table.add_column(title, no_wrap=title != "NAME")
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row.values()))
    print_table(table)


def _page(answer: dict[str, Any], record: BadgeRecord) -> None:
    from schemas.yaml_writing import write_yaml

    state = "active" if record.definition.active else "deactivated"
    emit(f"# {answer['status']}, {state}, version {record.version}")
    ordered = _as_written(answer["badge"], _written_order())
    emit(write_yaml({"badge": ordered}).rstrip())
    for level, configurations in answer["configurations"].items():
        for one in configurations:
            every = f"{one['refresh_rate']} DAYS" if one["duration"] == "DAYS" else one["duration"]
            until = one["ends_on"] or "no end"
            emit(f"# {level} window {one['status']}: {one['max']} per {every}, {one['starts_on']} to {until}")


def _written_order() -> dict[str, int]:
    """The place of each field in a document as people write it (contract.md section 2)."""
    from schemas.document_models import CriterionModel, DefinitionModel, ExpiryModel, LimitModel

    models = (DefinitionModel, ExpiryModel, CriterionModel, LimitModel)
    names = dict.fromkeys(name for model in models for name in model.model_fields)
    return {name: place for place, name in enumerate(names)}


def _as_written(value: Any, order: dict[str, int]) -> Any:
    """Fields in their usual order, what has none after them."""
    if isinstance(value, dict):
        named = sorted(value.items(), key=lambda field: order.get(field[0], len(order)))
        return {name: _as_written(part, order) for name, part in named}
    if isinstance(value, list):
        return [_as_written(part, order) for part in value]
    return value
