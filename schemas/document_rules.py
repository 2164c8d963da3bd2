"""Parts of a definition: expiries, shapes, limits, criteria; what their fields mean together (S80 to S82).

Every function takes the dotted path of its part, for `Malformed.reference`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from badges.actions import EXPLICIT
from badges.definitions import (
    UNITS,
    WEEKDAYS,
    Condition,
    Criterion,
    Expiry,
    FixedWindow,
    LevelLimits,
    Measure,
    Rolling,
    Shape,
    Unit,
)
from badges.numbers import micros_of_number, text_of_micros
from schemas.document_models import CriterionModel, ExpiryModel, LimitModel, WithinModel, micros_of
from schemas.errors import Malformed
from schemas.json_text import has_lone_surrogate

LONGEST: Final[dict[Unit, int]] = {"DAYS": 36_500, "WEEKS": 5_200, "MONTHS": 1_200}
"""S9: about a hundred years in each unit."""

_FIELDS: Final = {
    "RELATIVE": ("value", "unit"),
    "FIXED_DATE": ("at",),
    "FIXED_WINDOW": ("duration", "refresh_rate", "start_day"),
    "ROLLING_WINDOW": ("value", "unit"),
}


def _check_fields(model: ExpiryModel | LimitModel, path: str) -> None:
    """A field of another type of expiry or limit is a field that this one does not know (S80)."""
    own = ("type", "max", *_FIELDS.get(model.type, ()))
    for name in type(model).model_fields:
        if name not in own and getattr(model, name) is not None:
            raise Malformed(f"{path}.{name}: no field of {model.type}", f"{path}.{name}")


def _number_of(value: Any, unit: Unit, path: str) -> int:
    """S9: a whole number, at most about a hundred years."""
    longest = LONGEST[unit]
    if type(value) is int and 1 <= value <= longest:
        return value
    raise Malformed(f"{path}: not a whole number from 1 to {longest} ({unit})", path)


def expiry_of(model: ExpiryModel, path: str) -> Expiry:
    """`issue_expiry` or `enrolment_expiry`."""
    _check_fields(model, path)
    if model.type == "RELATIVE":
        if model.unit is None:
            raise Malformed(f"{path}.unit: mandatory with RELATIVE", f"{path}.unit")
        return Expiry("RELATIVE", _number_of(model.value, model.unit, f"{path}.value"), model.unit)
    if model.type == "FIXED_DATE":
        if model.at is None:
            raise Malformed(f"{path}.at: mandatory with FIXED_DATE", f"{path}.at")
        return Expiry("FIXED_DATE", at=model.at)
    return Expiry(model.type)


def _shape_of(duration: Unit, refresh_rate: Any, start_day: Any, path: str) -> Shape:
    """S70: `refresh_rate` of WEEKS and MONTHS and `start_day` of DAYS and MONTHS are ignored."""
    if duration == "DAYS":
        return Shape("DAYS", refresh_rate=_number_of(refresh_rate, "DAYS", f"{path}.refresh_rate"))
    if duration == "MONTHS":
        return Shape("MONTHS")
    start_day = "MONDAY" if start_day is None else start_day
    if start_day not in WEEKDAYS:
        raise Malformed(f"{path}.start_day: not one of {', '.join(WEEKDAYS)}", f"{path}.start_day")
    return Shape("WEEKS", start_day=start_day)


def limits_of(models: list[LimitModel], level: str) -> LevelLimits:
    """The limits of one level (S82). Both families together are for the edit rules (826), not malformed."""
    fixed: FixedWindow | None = None
    overall: int | None = None
    rolling: dict[Unit, Rolling] = {}
    for index, model in enumerate(models):
        path = f"{level}.{index}"
        _check_fields(model, path)
        if model.type == "FIXED_WINDOW":
            if fixed is not None:
                raise Malformed(f"{level}: more than one FIXED_WINDOW", level)
            if model.duration is None:
                raise Malformed(f"{path}.duration: mandatory with FIXED_WINDOW", f"{path}.duration")
            shape = _shape_of(model.duration, model.refresh_rate, model.start_day, path)
            fixed = FixedWindow(model.max, shape)
        elif model.type == "OVERALL":
            if overall is not None:
                raise Malformed(f"{level}: more than one OVERALL", level)
            overall = model.max
        else:
            if model.unit is None:
                raise Malformed(f"{path}.unit: mandatory with ROLLING_WINDOW", f"{path}.unit")
            if model.unit in rolling:
                raise Malformed(f"{level}: more than one ROLLING_WINDOW of {model.unit}", level)
            value = _number_of(model.value, model.unit, f"{path}.value")
            rolling[model.unit] = Rolling(model.max, value, model.unit)
    return LevelLimits(fixed, tuple(rolling[unit] for unit in UNITS if unit in rolling), overall)


def criterion_of(model: CriterionModel, path: str) -> Criterion:
    """`issue_on` (S37 to S44, S81)."""
    for name in model.action:
        if name in EXPLICIT:
            raise Malformed(f"{path}.action: {name} is a request, not an act", f"{path}.action")
    # In one order: a document is stored with its keys sorted, and has to read back as the same definition.
    where = tuple(_condition(name, wanted, path) for name, wanted in sorted((model.where or {}).items()))
    within = _within(model.within, f"{path}.within") if model.within else None
    if model.sum is not None and model.count:
        raise Malformed(f"{path}: sum and count exclude each other", f"{path}.count")
    if model.sum is None and not model.count:
        if model.reaches is not None:
            raise Malformed(f"{path}.reaches: only with sum or count", f"{path}.reaches")
        return Criterion(model.action, where)
    if model.reaches is None or model.reaches <= 0:
        raise Malformed(f"{path}.reaches: above 0 is mandatory with sum or count", f"{path}.reaches")
    return Criterion(model.action, where, Measure(model.sum, within), model.reaches, bool(model.repeat))


def enrolling_of(model: CriterionModel, path: str) -> Criterion:
    """`enrol_on`: `action` and `where` only (S81)."""
    for name in ("sum", "count", "reaches", "within", "repeat"):
        if getattr(model, name) is not None:
            raise Malformed(f"{path}.{name}: enrol_on takes action and where only", f"{path}.{name}")
    return criterion_of(model, path)


def _within(model: WithinModel, path: str) -> Shape | None:
    if model.duration == "BADGE":
        return None
    return _shape_of(model.duration, model.refresh_rate, model.start_day, path)


def _condition(name: str, wanted: Any, path: str) -> Condition:
    """One entry of `where`: a value, a list of values, or `{min, max}` (S37, S38)."""
    path = f"{path}.where.{name}"
    if type(wanted) is dict:
        return _range(name, wanted, path)
    values = wanted if type(wanted) is list else [wanted]
    if not values:
        raise Malformed(f"{path}: an empty list", path)
    if name == "amount":
        numbers = [micros_of(value) for value in values]
        if None in numbers:
            raise Malformed(f"{path}: a value that is no number", path)
        return Condition(name, numbers=frozenset(number for number in numbers if number is not None))
    return Condition(name, texts=frozenset(_text(value, path) for value in values))


def _range(name: str, wanted: dict[str, Any], path: str) -> Condition:
    for bound in wanted:
        if bound not in ("min", "max"):
            raise Malformed(f"{path}.{bound}: unknown field", f"{path}.{bound}")
    ends: dict[str, int] = {}
    for bound, value in wanted.items():
        if value is None:
            continue
        micros = micros_of(value)
        if micros is None:
            raise Malformed(
                f"{path}.{bound}: not a decimal below 10^18 with at most six places", f"{path}.{bound}"
            )
        ends[bound] = micros
    if not ends:
        raise Malformed(f"{path}: neither min nor max", path)
    return Condition(name, minimum=ends.get("min"), maximum=ends.get("max"))


def _text(value: Any, path: str) -> str:
    """S38: what an attribute has to be equal to."""
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is str and not has_lone_surrogate(value):
        return str(value)
    micros = micros_of_number(value) if kind is int or kind is Decimal else None
    if micros is None:
        raise Malformed(f"{path}: no string, boolean or decimal with at most six places", path)
    return text_of_micros(micros)
