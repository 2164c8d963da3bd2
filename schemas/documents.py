"""Definition and settings documents: JSON to the values of badges.definitions, or what is wrong (S79 to S82).

Everything that is a 400 without knowing the rules in force is found here; the rest is for badges/edits.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from badges.definitions import BadgeDefinition, OrgSettings
from schemas.document_models import DefinitionModel, Model, SettingsModel
from schemas.document_rules import criterion_of, enrolling_of, expiry_of, limits_of
from schemas.errors import Malformed
from schemas.json_text import NotJson, parse
from schemas.yaml_text import NotYaml, read_yaml

Kind = Literal["badge", "settings"]
KINDS: tuple[Kind, ...] = ("badge", "settings")

_Model = TypeVar("_Model", bound=Model)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file.

    `body` is the JSON value as it was read, numbers as int or Decimal. `place` names the file and the
    document's number in it, for messages.
    """

    kind: Kind
    body: Any
    place: str

    def read(self) -> BadgeDefinition | OrgSettings:
        """Its value. Raises `Malformed`."""
        return definition_from_json(self.body) if self.kind == "badge" else settings_from_json(self.body)


def definition_from_json(body: object) -> BadgeDefinition:
    """The definition that a JSON value (numbers int or Decimal, no floats) describes. Raises `Malformed`."""
    model = _validated(DefinitionModel, body)
    issue_expiry = expiry_of(model.issue_expiry, "issue_expiry")
    enrolment_expiry = None
    if model.enrolment_expiry is not None:
        enrolment_expiry = expiry_of(model.enrolment_expiry, "enrolment_expiry")
    if model.type == "DIRECT":
        for name in ("enrolment_expiry", "enrol_on"):
            if getattr(model, name) is not None:
                raise Malformed(f"{name}: only with ENROL_AND_ISSUE", name)
    elif enrolment_expiry is None:
        raise Malformed("enrolment_expiry: mandatory with ENROL_AND_ISSUE", "enrolment_expiry")
    elif enrolment_expiry.type == "FIXED_DATE" and enrolment_expiry.at < model.starts_at:
        raise Malformed("enrolment_expiry.at: before starts_at", "enrolment_expiry.at")
    return BadgeDefinition(
        org_id=model.org_id,
        badge_id=model.badge_id,
        name=model.name,
        type=model.type,
        starts_at=model.starts_at,
        ends_at=model.ends_at,
        issue_expiry=issue_expiry,
        enrolment_expiry=enrolment_expiry,
        description=model.description,
        active=True if model.active is None else model.active,
        enrol_on=enrolling_of(model.enrol_on, "enrol_on") if model.enrol_on else None,
        issue_on=criterion_of(model.issue_on, "issue_on") if model.issue_on else None,
        customer_limits=limits_of(model.customer_limits, "customer_limits"),
        badge_limits=limits_of(model.badge_limits, "badge_limits"),
        benefits=tuple(model.benefits),
    )


def settings_from_json(body: object) -> OrgSettings:
    """The settings that a JSON value describes. Whether the zone exists is for `edits.accept_settings`."""
    model = _validated(SettingsModel, body)
    given = {name: value for name, value in model.model_dump().items() if value is not None}
    return OrgSettings(**given)


def _validated(model: type[_Model], body: object) -> _Model:
    if type(body) is not dict:
        raise Malformed("a document is a JSON object")
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = ".".join(map(str, first["loc"]))
        what = {"missing": "mandatory", "extra_forbidden": "unknown field"}.get(first["type"], first["msg"])
        raise Malformed(f"{path}: {what}", path) from None


def load_documents(text: str, name: str) -> list[Document]:
    """The documents of a YAML or JSON file (contract.md section 2), in order.

    Raises `Malformed` where the file cannot be read at all; `Document.read` judges what a document says.
    `name` decides by its ending; without a known one, text that begins with a bracket is JSON.
    """
    lower = name.lower()
    is_json = lower.endswith((".json", ".jsonl", ".ndjson"))
    if not is_json and not lower.endswith((".yaml", ".yml")):
        is_json = text.lstrip()[:1] in ("{", "[")
    try:
        values = _read_json(text) if is_json else read_yaml(text)
    except (NotJson, NotYaml) as error:
        raise Malformed(f"{name}: {error}") from None
    if not values:
        raise Malformed(f"{name}: no document; a document begins with badge: or settings:")
    return [_document(value, f"{name}, document {number}") for number, value in enumerate(values, 1)]


def _document(value: Any, place: str) -> Document:
    if isinstance(value, dict) and len(value) == 1:
        for kind in KINDS:
            if kind in value:
                return Document(kind, value[kind], place)
    raise Malformed(f"{place}: not an object with just badge or settings")


def _read_json(text: str) -> list[Any]:
    """One object, an array of objects, or one object a line."""
    try:
        value = parse(text)
    except NotJson:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if len(lines) < 2 or not lines[0][1].rstrip().endswith("}"):
            raise
        return [_read_line(number, line) for number, line in lines]
    return value if isinstance(value, list) else [value]


def _read_line(number: int, line: str) -> Any:
    try:
        return parse(line)
    except NotJson as error:
        raise NotJson(f"line {number}: {error}") from None
