"""Badge definitions and organisation settings as values (contract.md section 2; S69 to S92).

Instants are epoch milliseconds UTC, decimals are millionths, days are proleptic ordinals (`date.toordinal`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

BadgeType = Literal["DIRECT", "ENROL_AND_ISSUE"]
ExpiryType = Literal["RELATIVE", "FIXED_DATE", "WITH_BADGE", "NEVER"]
Unit = Literal["DAYS", "WEEKS", "MONTHS"]
Level = Literal["CUSTOMER", "BADGE"]

UNITS: Final[tuple[Unit, ...]] = ("DAYS", "WEEKS", "MONTHS")
LEVELS: Final[tuple[Level, ...]] = ("CUSTOMER", "BADGE")
WEEKDAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


@dataclass(frozen=True, slots=True)
class Expiry:
    """`value` and `unit` only with RELATIVE, `at` (an instant) only with FIXED_DATE."""

    type: ExpiryType
    value: int = 0
    unit: Unit = "DAYS"
    at: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a cycle (S70): `refresh_rate` only with DAYS, `start_day` only with WEEKS, else None."""

    duration: Unit
    refresh_rate: int | None = None
    start_day: str | None = None


@dataclass(frozen=True, slots=True)
class FixedWindow:
    """At most `max` issuances per cycle, counted by event date (R15)."""

    max: int
    shape: Shape


@dataclass(frozen=True, slots=True)
class Rolling:
    """At most `max` issuances processed in (at - value units, at] (R16, S66)."""

    max: int
    value: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class LevelLimits:
    """The limits of one level; `rolling` in the order DAYS, WEEKS, MONTHS (S63), one per unit (S82)."""

    fixed: FixedWindow | None = None
    rolling: tuple[Rolling, ...] = ()
    overall: int | None = None

    @property
    def moving(self) -> bool:
        """Whether the level uses the family {rolling, overall} (826)."""
        return bool(self.rolling) or self.overall is not None

    @property
    def any(self) -> bool:
        """Whether the level is limited at all."""
        return self.fixed is not None or self.moving


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of `where` (S37, S38): the text of an attribute is one of `texts`, or a number is one of
    `numbers` (only for `amount`), or lies between `minimum` and `maximum`, both inclusive, None = open.
    """

    name: str
    texts: frozenset[str] | None = None
    numbers: frozenset[int] | None = None
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """What is added up, and per which period (S41, S42): `sum_of` names `amount` or an attribute, None
    counts acts; `within` None is the badge (DIRECT) or the enrolment (ENROL_AND_ISSUE).
    """

    sum_of: str | None
    within: Shape | None


@dataclass(frozen=True, slots=True)
class Criterion:
    """`enrol_on` or `issue_on`. Without `measure` every matching act counts (S40). `reaches` in millionths,
    > 0.
    """

    actions: tuple[str, ...]
    where: tuple[Condition, ...] = ()
    measure: Measure | None = None
    reaches: int = 0
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class BadgeDefinition:
    """One valid badge document. `benefits` are JSON texts, copied into badge-issued."""

    org_id: int
    badge_id: str
    name: str
    type: BadgeType
    starts_at: int
    ends_at: int
    issue_expiry: Expiry
    enrolment_expiry: Expiry | None = None
    description: str | None = None
    active: bool = True
    enrol_on: Criterion | None = None
    issue_on: Criterion | None = None
    customer_limits: LevelLimits = LevelLimits()
    badge_limits: LevelLimits = LevelLimits()
    benefits: tuple[str, ...] = ()

    def limits(self, level: Level) -> LevelLimits:
        """The limits of one level."""
        return self.customer_limits if level == "CUSTOMER" else self.badge_limits


@dataclass(frozen=True, slots=True)
class OrgSettings:
    """S91: the values that hold until an org has settings are the defaults."""

    org_id: int
    timezone: str = "UTC"
    retro_max_age_days: int = 30
    retro_delay_since_registration_hours: int = 0


@dataclass(frozen=True, slots=True)
class Configuration:
    """One fixed-window configuration of a level (S23, S69 to S76). `number` counts those ever created, from
    1; `starts_on` is an ordinal day. Its end is derived (windows.py), never stored.
    """

    number: int
    configuration_id: str
    shape: Shape
    max: int
    starts_on: int


@dataclass(frozen=True, slots=True)
class BadgeRecord:
    """The result of an accepted edit: what a rule book needs to judge by it, now and after any restart.

    `configurations` and `created` are per level in the order of LEVELS: those listed (S101), and how many
    were ever created (S23). `measure_number` grows with each change of measure (S48), `limit_number` whenever
    badge-level limits are introduced on a badge that had none: 0 where it was born with them.
    """

    definition: BadgeDefinition
    version: int
    accepted_at: int
    configurations: tuple[tuple[Configuration, ...], tuple[Configuration, ...]] = ((), ())
    created: tuple[int, int] = (0, 0)
    measure_number: int = 0
    limit_number: int = 0

    def of_level(self, level: Level) -> tuple[Configuration, ...]:
        """The configurations of one level, in order of `starts_on`."""
        return self.configurations[LEVELS.index(level)]
