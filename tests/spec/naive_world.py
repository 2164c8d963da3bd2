"""The world of the naive model: the rules in force and all that ever happened."""

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from tests.spec.naive_days import Json
from tests.spec.naive_past import Past
from tests.spec.naive_rules import Badge

DEFAULTS = {"timezone": "UTC", "retro_max_age_days": 30, "retro_delay_since_registration_hours": 0}


@dataclass
class World:
    """All that ever happened, and the rules in force."""

    settings: dict[int, Json] = field(default_factory=dict)
    badges: dict[tuple[int, str], Badge] = field(default_factory=dict)
    past: Past = field(default_factory=Past)

    def setting(self, org: int, name: str) -> Any:
        value = self.settings.get(org, {}).get(name)
        return DEFAULTS[name] if value is None else value

    def zone(self, org: int) -> ZoneInfo:
        return ZoneInfo(self.setting(org, "timezone"))

    def of_org(self, org: int) -> list[Badge]:
        return [badge for (owner, _), badge in sorted(self.badges.items()) if owner == org]
