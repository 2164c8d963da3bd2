"""A customer's place in the limits of badges, now (contract.md section 1, `customer`)."""

from __future__ import annotations

from typing import Any

from badges.customer import CustomerState
from badges.limits import CustomerLedger, counted
from badges.rulebook import OrgRules
from consumer.cli.record_lines import limit_object


def counters_of(state: CustomerState, rules: OrgRules, at: int) -> list[dict[str, Any]]:
    """The customer-level limits that an issue with today's event date would meet, of the badges that the
    customer has a record of. Raises `PageMissing` until the pages that count are loaded.
    """
    today = rules.zone.day(at)
    counters = []
    for badge_id in sorted(state.badges):
        badge = rules.badges.get(badge_id)
        if badge is None:
            continue
        ledger = CustomerLedger(state, state.badges[badge_id])
        facts = counted(badge, "CUSTOMER", ledger, today, at)
        counters += [{"badge_id": badge_id, **limit_object(fact)} for fact in facts]
    return counters
