"""What schemas refuses."""

from __future__ import annotations


class Malformed(ValueError):
    """A body that is not well-formed (S104): code 400.

    `message` is free text for whoever sent it; `reference` names the field at fault (S84, S109), None where
    no single field is.
    """

    def __init__(self, message: str, reference: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reference = reference


class UnreadableRecord(ValueError):
    """A record of one of our own topics that this release cannot read; the message says what to do."""

    exit_code = 6
