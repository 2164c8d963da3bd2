"""How many records a batch takes: a large one costs less a record, and each waits for all of it."""

from __future__ import annotations

from typing import Final

FIRST: Final = 2_000
MOST: Final = 10_000
"""Records of one transaction."""
BATCH_S: Final = 0.25
"""What a full batch should take, from its messages to the written view."""


class BatchSize:
    """`most` records are taken at once: as many as the last full batch would have managed in BATCH_S. It at
    most doubles, so that one refused or lucky batch does not decide alone.
    """

    def __init__(self) -> None:
        self.most = FIRST

    def committed(self, records: int, seconds: float) -> None:
        """A batch of `records` took so long. One that was not full only says that there were no more."""
        if records >= self.most:
            managed = int(records * BATCH_S / seconds) if seconds > 0 else MOST
            self.most = max(1, min(managed, 2 * records, MOST))

    def refused(self) -> None:
        """The broker refuses something in the batch: halves lead to the record."""
        self.most = max(1, self.most // 2)
