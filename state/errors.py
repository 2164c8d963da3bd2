"""All that can go wrong with a view; a closed set. No message holds a URL, a password, or anything of a
customer."""

from __future__ import annotations


class ViewError(Exception):
    """The base of the set; never raised itself."""


class MarkerMoved(ViewError):
    """The partition's marker was not the expected one: nothing was written, nothing read may be used.
    Repair."""

    def __init__(self) -> None:
        super().__init__("another marker stands in the view; the partition is to be repaired")


class ViewUnavailable(ViewError):
    """Redis does not answer or does not take writes now. Surely not applied; pause and try again."""


class OutcomeUnknown(ViewError):
    """No clear answer to a write: it may have been applied or not. Read the marker again and repair."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Redis gave no clear answer to a write ({why}); the partition is to be repaired")


class ViewDamaged(ViewError):
    """The view holds what it cannot hold, or lacks what it must have: distrust it, rebuild from the
    changelog."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}; run `badges rebuild`")


class ViewRefused(ViewError):
    """Configuration: wrong address, rights, version or policy. Surely not applied. The message says what to
    do."""


class ViewMisaddressed(ViewRefused):
    """The URL is none, whatever stands behind it."""
