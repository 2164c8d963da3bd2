"""Values of badge-issued and badge-decisions, framed as their readers expect them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from badges.actions import CustomerAction
from badges.decisions import Decision
from badges.definitions import BadgeRecord
from schemas.badge_issued import encode_issued
from schemas.decisions import encode_decisions
from schemas.framing import confluent_value


class OutputFraming(NamedTuple):
    """The registry's ids of the schemas of badge-issued and badge-decisions; None: Avro single-object."""

    issued: int | None = None
    decisions: int | None = None

    def decided(self, action: CustomerAction, decisions: Sequence[Decision], at: int) -> bytes:
        """One record of badge-decisions."""
        value = encode_decisions(action, decisions, at)
        return value if self.decisions is None else confluent_value(self.decisions, value)

    def issuance(self, action: CustomerAction, decision: Decision, badge: BadgeRecord, at: int) -> bytes:
        """One record of badge-issued."""
        value = encode_issued(action, decision, badge, at)
        return value if self.issued is None else confluent_value(self.issued, value)
