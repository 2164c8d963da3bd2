"""The act being decided, with what is worked out once for all badges that it concerns."""

from __future__ import annotations

from badges.actions import CustomerAction
from badges.calendar import HOUR
from badges.customer import CustomerState
from badges.limits import SharedCounts
from badges.rulebook import OrgRules

FUTURE_ALLOWED = 24 * HOUR


class Occasion:
    """`event_day` and `today` are ordinals in the org's zone; `registered_at` is the registration as of this
    act (S18); `in_future` is S34: the event date lies more than 24 elapsed hours after `at`; `past`: its day
    is before today.
    """

    __slots__ = (
        "action",
        "at",
        "event_day",
        "in_future",
        "past",
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
        shared: SharedCounts | None,
    ) -> None:
        self.action = action
        self.state = state
        self.rules = rules
        self.at = at
        self.event_day = event_day = rules.zone.day(action.event_date)
        self.today = today = rules.zone.day(at)
        self.registered_at = state.registered_at
        self.shared = shared
        self.past = event_day < today
        self.in_future = action.event_date > at + FUTURE_ALLOWED
