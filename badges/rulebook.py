"""Definitions compiled per org: by action name, with everything that does not depend on the act worked out
once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from badges.calendar import HOUR, Zone, zone
from badges.criteria import BEFORE_START
from badges.definitions import BadgeRecord, Criterion, Expiry, Level, OrgSettings, Rolling, Shape
from badges.windows import cut_cycle, cycle_of, in_force

_CACHED_DAYS = 20_000
_NEVER = Criterion(())


class Windows(dict[int, tuple[int, int, int] | None]):
    """Event day -> (max, first day, last day) of the cycle that judges it on one level (S65), None if none
    does.

    Worked out when a day is first asked for.
    """

    __slots__ = ("_level", "_record", "_zone")

    def __init__(self, record: BadgeRecord, level: Level, local: Zone) -> None:
        super().__init__()
        self._record = record
        self._level = level
        self._zone = local

    def __missing__(self, day: int) -> tuple[int, int, int] | None:
        if len(self) >= _CACHED_DAYS:
            self.clear()
        index = in_force(self._record, self._level, day, self._zone)
        if index is None:
            self[day] = None
            return None
        first, last = cut_cycle(self._record, self._level, index, self._zone, day)
        found = self[day] = (self._record.of_level(self._level)[index].max, first, last)
        return found


class Periods(dict[int, int]):
    """Event day -> key of the progress cycle that contains it (S42), for a measure with a shape in `within`.

    Worked out when a day is first asked for.
    """

    __slots__ = ("_shape", "_start_day")

    def __init__(self, shape: Shape, start_day: int) -> None:
        super().__init__()
        self._shape = shape
        self._start_day = start_day

    def __missing__(self, day: int) -> int:
        if len(self) >= _CACHED_DAYS:
            self.clear()
        start = self._start_day
        found = self[day] = BEFORE_START if day < start else cycle_of(self._shape, start, day)[0]
        return found


class CompiledBadge:
    """One badge under its org's settings. Caches are functions of the definition: they save work."""

    __slots__ = (
        "_expiry",
        "_rolling",
        "active",
        "badge_id",
        "badge_limits",
        "badge_windows",
        "customer_limits",
        "customer_windows",
        "deadline",
        "definition",
        "direct",
        "ends_at",
        "has_badge_limits",
        "issue_on",
        "periods",
        "record",
        "start_day",
        "starts_at",
        "version",
        "zone",
    )

    def __init__(self, record: BadgeRecord, settings: OrgSettings, local: Zone) -> None:
        definition = record.definition
        self.record = record
        self.definition = definition
        self.badge_id = definition.badge_id
        self.version = record.version
        self.zone = local
        self.direct = definition.type == "DIRECT"
        self.active = definition.active
        self.starts_at = definition.starts_at
        self.ends_at = definition.ends_at
        self.start_day = local.day(definition.starts_at)
        # R19, R20: follows the current end, so it is worked out from it with each edit and never stored.
        self.deadline = local.add(definition.ends_at, settings.retro_max_age_days, "DAYS")
        self.issue_on = definition.issue_on or _NEVER
        measure = self.issue_on.measure
        self.periods = Periods(measure.within, self.start_day) if measure and measure.within else None
        self.customer_limits = definition.customer_limits
        self.badge_limits = definition.badge_limits
        self.has_badge_limits = self.badge_limits.any
        self.customer_windows = Windows(record, "CUSTOMER", local)
        self.badge_windows = Windows(record, "BADGE", local)
        self._expiry: tuple[int, int | None] | None = None
        self._rolling: dict[Rolling, tuple[int, int]] = {}

    def issuance_end(self, at: int) -> int | None:
        """`expires_at` of an issuance made at an instant (S61); None = never."""
        if self._expiry is None or self._expiry[0] != at:
            self._expiry = (at, self._end(self.definition.issue_expiry, at))
        return self._expiry[1]

    def enrolment_end(self, event_date: int) -> int | None:
        """The end of an enrolment that begins with an event (S50); None = no end."""
        expiry = self.definition.enrolment_expiry
        assert expiry is not None  # asked of ENROL_AND_ISSUE badges only
        return self._end(expiry, event_date)

    def _end(self, expiry: Expiry, start: int) -> int | None:
        if expiry.type == "RELATIVE":
            return self.zone.add(start, expiry.value, expiry.unit)
        if expiry.type == "FIXED_DATE":
            return expiry.at
        return self.ends_at if expiry.type == "WITH_BADGE" else None

    def rolling_start(self, limit: Rolling, at: int) -> int:
        """The instant after which issuances count in a rolling limit (S66)."""
        known = self._rolling.get(limit)
        if known is None or known[0] != at:
            known = self._rolling[limit] = (at, self.zone.add(at, -limit.value, limit.unit))
        return known[1]


class Candidate(NamedTuple):
    """A badge whose criteria name an action: `enrols` by `enrol_on`, `issues` by `issue_on`."""

    badge: CompiledBadge
    enrols: bool
    issues: bool


class OrgRules:
    """The rules of one org, immutable. `candidates` are in ascending order of badge id (S26)."""

    def __init__(self, settings: OrgSettings, records: Mapping[str, BadgeRecord]) -> None:
        self.settings = settings
        self.records = dict(records)
        self.zone = zone(settings.timezone)
        self.registration_buffer = settings.retro_delay_since_registration_hours * HOUR
        self.badges = {
            badge_id: CompiledBadge(record, settings, self.zone)
            for badge_id, record in sorted(records.items())
        }
        self.has_badge_limits = any(badge.has_badge_limits for badge in self.badges.values())
        self._candidates: dict[str, tuple[Candidate, ...]] = {}
        for badge in self.badges.values():
            self._index(badge)

    def _index(self, badge: CompiledBadge) -> None:
        enrol_on, issue_on = badge.definition.enrol_on, badge.definition.issue_on
        enrolling = frozenset(enrol_on.actions if enrol_on else ())
        issuing = frozenset(issue_on.actions if issue_on else ())
        for action in enrolling | issuing:
            candidate = Candidate(badge, action in enrolling, action in issuing)
            self._candidates[action] = (*self._candidates.get(action, ()), candidate)

    def candidates(self, action: str) -> tuple[Candidate, ...]:
        """The badges that an ordinary act may concern."""
        return self._candidates.get(action, ())

    def oldest_accepted(self, registered_at: int) -> int:
        """The earliest event date that the registration age allows (R18): registration - N days."""
        return self.zone.add(registered_at, -self.settings.retro_max_age_days, "DAYS")


def compile_org(settings: OrgSettings, records: Mapping[str, BadgeRecord]) -> OrgRules:
    """The rules of an org from its settings and its badges by id."""
    return OrgRules(settings, records)
