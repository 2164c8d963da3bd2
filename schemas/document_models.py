"""The shape of definition and settings documents (contract.md section 2): fields, their types and values.

Strict: nothing is converted, a field that is not named here is refused (S80), `null` counts as absent (S12).
What one field alone cannot tell is judged in documents.py.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator
from pydantic_core import PydanticCustomError

from badges.calendar import parse_instant
from badges.definitions import BadgeType, ExpiryType, Unit
from badges.numbers import micros_of_number, micros_of_text
from schemas.json_action import ORG_ID_MAX, TEXT_MAX
from schemas.json_text import canonical_json, has_lone_surrogate

MAX_BENEFITS = 10
_MAX_AGE_DAYS = 36_500
_MAX_DELAY_HOURS = 876_000
_MAX_LIMIT = 10**9

Day = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


def fault(message: str) -> PydanticCustomError:
    """What a validator raises; the field is named by pydantic."""
    return PydanticCustomError("badges", message)


def _no_surrogate(text: str) -> str:
    if has_lone_surrogate(text):
        raise fault("not valid Unicode")
    return text


def _instant(value: object) -> int:
    instant = parse_instant(value) if type(value) is str else None
    if instant is None:
        raise fault("not an instant with offset")
    return instant


def micros_of(value: object) -> int | None:
    """The millionths of a JSON number, or of a string written like a decimal (S7); None for anything else."""
    if type(value) is str:
        return micros_of_text(value)
    if type(value) is int or type(value) is Decimal:
        return micros_of_number(value)
    return None


def _decimal(value: object) -> int:
    micros = micros_of(value)
    if micros is None:
        raise fault("not a decimal below 10^18 with at most six places")
    return micros


def _action_names(value: object) -> tuple[str, ...]:
    """One name or a list of names (S37, S81)."""
    names = value if type(value) is list else [value]
    if not names:
        raise fault("an empty list")
    for name in names:
        if type(name) is not str or not 0 < len(name) <= TEXT_MAX or has_lone_surrogate(name):
            raise fault(f"not a string of 1 to {TEXT_MAX} characters, or a list of them")
    return tuple(dict.fromkeys(names))


def _where(value: object) -> dict[str, Any]:
    if type(value) is not dict:
        raise fault("not an object")
    for name in value:
        if not 0 < len(name) <= TEXT_MAX or has_lone_surrogate(name):
            raise fault(f"a name has not 1 to {TEXT_MAX} characters")
    return value


def _benefit(value: object) -> str:
    """Benefits are free objects; they travel as JSON text."""
    if type(value) is not dict:
        raise fault("not an object")
    return _writable(value)


def _kept(value: object) -> object:
    """What is ignored is kept with the document all the same, so it has to be something that can be written
    (S12, S70).
    """
    _writable(value)
    return value


def _writable(value: object) -> str:
    try:
        text = canonical_json(value)
    except (ValueError, RecursionError):
        raise fault("holds a number out of range, or is nested too deeply") from None
    return _no_surrogate(text)


def _absent(value: object) -> object:
    return [] if value is None else value


Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX), AfterValidator(_no_surrogate)]
FreeText = Annotated[str, AfterValidator(_no_surrogate)]
Instant = Annotated[int, PlainValidator(_instant)]
Kept = Annotated[Any, AfterValidator(_kept)]
Micros = Annotated[int, PlainValidator(_decimal)]
OrgId = Annotated[int, Field(ge=0, le=ORG_ID_MAX)]
Maximum = Annotated[int, Field(ge=1, le=_MAX_LIMIT)]


class Model(BaseModel):
    """Strict, and closed to fields it does not know."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ExpiryModel(Model):
    """`issue_expiry`, `enrolment_expiry`."""

    type: ExpiryType
    value: int | None = None
    unit: Unit | None = None
    at: Instant | None = None


class LimitModel(Model):
    """One entry of `customer_limits` or `badge_limits`.

    `refresh_rate` and `start_day` are judged where the duration has a use for them, else ignored (S70).
    """

    type: Literal["FIXED_WINDOW", "ROLLING_WINDOW", "OVERALL"]
    max: Maximum
    duration: Unit | None = None
    refresh_rate: Kept = None
    start_day: Kept = None
    value: int | None = None
    unit: Unit | None = None


class WithinModel(Model):
    """The period of a measure (S41)."""

    duration: Literal["BADGE", "DAYS", "WEEKS", "MONTHS"]
    refresh_rate: Kept = None
    start_day: Kept = None


class CriterionModel(Model):
    """`issue_on`, and `enrol_on` with the first two fields only (S81)."""

    action: Annotated[tuple[str, ...], PlainValidator(_action_names)]
    where: Annotated[dict[str, Any], PlainValidator(_where)] | None = None
    sum: Text | None = None
    count: bool | None = None
    reaches: Micros | None = None
    within: WithinModel | None = None
    repeat: bool | None = None


Limits = Annotated[list[LimitModel], BeforeValidator(_absent)]
Benefits = Annotated[
    list[Annotated[str, PlainValidator(_benefit)]], Field(max_length=MAX_BENEFITS), BeforeValidator(_absent)
]


class DefinitionModel(Model):
    """A `badge` document."""

    org_id: OrgId
    badge_id: Text
    name: Text
    type: BadgeType
    starts_at: Instant
    ends_at: Instant
    issue_expiry: ExpiryModel
    enrolment_expiry: ExpiryModel | None = None
    description: FreeText | None = None
    active: bool | None = None
    enrol_on: CriterionModel | None = None
    issue_on: CriterionModel | None = None
    customer_limits: Limits = []
    badge_limits: Limits = []
    benefits: Benefits = []


class SettingsModel(Model):
    """A `settings` document."""

    org_id: OrgId
    timezone: Text | None = None
    retro_max_age_days: Annotated[int, Field(ge=0, le=_MAX_AGE_DAYS)] | None = None
    retro_delay_since_registration_hours: Annotated[int, Field(ge=0, le=_MAX_DELAY_HOURS)] | None = None
