"""The act being decided, with what is worked out once for all badges that it concerns."""

from __future__ import annotations

from badges.actions import CustomerAction
from badges.calendar import HOUR
from badges.customer import CustomerState
from badges.limits import SharedCounts
from badges.rulebook import OrgRules

FUTURE_ALLOWED = 24 * HOUR


class Occasion:
    """`event_day` and `today` are ordinals in the org's zone; `registered_at` is the registration as of this act (S18);
    `in_future` is S34: the event date lies more than 24 elapsed hours after `at`.
    """

    __slots__ = (
        "action",
        "at",
        "event_day",
        "in_future",
        "registered_at",
        "rules",
        "shared",
        "state",
        "today",
    )

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
        self.in_future = action.event_date > at + FUTURE_ALLOWED
