"""Which time zone data counts: the pinned tzdata package alone, whatever the machine has."""

from __future__ import annotations

import zoneinfo


def use_pinned_zones() -> None:
    """Once a process, before the first zone is looked up: two workers must agree on every day."""
    zoneinfo.reset_tzpath(())
