"""The act being decided, with what is worked out once for all badges that it concerns."""

from __future__ import annotations

from badges.actions import CustomerAction
from badges.customer import CustomerState
from badges.limits import SharedCounts
from badges.rulebook import OrgRules


class Occasion:
    """`event_day` and `today` are ordinals in the org's zone; `registered_at` is the registration as of this act (S18)."""

    __slots__ = ("action", "at", "event_day", "registered_at", "rules", "shared", "state", "today")

    def __init__(
        self,
        action: CustomerAction,
        state: CustomerState,
        rules: OrgRules,
        at: int,
        event_day: int,
        today: int,
        registered_at: int | None,
        shared: SharedCounts | None,
    ) -> None:
        self.action = action
        self.state = state
        self.rules = rules
        self.at = at
        self.event_day = event_day
        self.today = today
        self.registered_at = registered_at
        self.shared = shared
