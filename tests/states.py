"""Customers' states taken apart and copied; compiled classes have neither `__slots__` nor `__copy__`."""

from __future__ import annotations

from typing import Any

from badges.customer import BadgeState, CustomerState, Enrolment, Issuance

STATES = (BadgeState, CustomerState, Enrolment, Issuance)


def fields(state: Any) -> dict[str, Any]:
    """What a state holds, by name."""
    names = [name for name in dir(state) if not name.startswith("_")]
    return {name: getattr(state, name) for name in names if not callable(getattr(state, name))}


def copied(value: Any) -> Any:
    """A state and all that may be changed in it, as a deep copy."""
    match value:
        case Enrolment() | Issuance():
            return type(value)(**fields(value))
        case BadgeState():
            return _filled(BadgeState(value.number), value)
        case CustomerState():
            return _filled(CustomerState(value.org_id, value.customer_id), value)
        case dict():
            return {key: copied(item) for key, item in value.items()}
        case list():
            return [copied(item) for item in value]
        case set():
            return set(value)
        case _:
            return value  # numbers, text and named tuples never change


def _filled(new: Any, old: Any) -> Any:
    for name, item in fields(old).items():
        setattr(new, name, copied(item))
    return new
