"""What can go wrong in a worker, by what the loop does about it. A closed set.

| error | what happened | the loop's answer |
| --- | --- | --- |
| Paused | a dependency is down | partitions wait, the member stays in the group |
| BatchAborted | the transaction was aborted cleanly | the batch is decided again |
| BatchRefused | as BatchAborted, because of a record in it | it is decided again in halves |
| AssignmentLost | the partitions are another member's now | everything of the assignment is dropped |
| ProducerLost | the outcome is unclear, or the producer unusable | a new producer; everything is read again |
| Stopped | fatal or inexplicable | the process ends with `exit_code`; the message ends in what to do |
| Fenced | another process uses this identity | as Stopped |

What is wrong with a record is no error of a worker: `schemas.framing.Rejected` and
`schemas.errors.Malformed` become dead letters.
"""

from __future__ import annotations

from typing import Final

UNEXPECTED: Final = 1
MISCONFIGURED: Final = 3
UNREACHABLE: Final = 4
REFUSED: Final = 6


class WorkerError(Exception):
    """The base of the set; never raised itself. No message holds anything of a customer."""


class Paused(WorkerError):
    """Redis, the broker or the registry does not answer; nothing was lost, try again."""


class BatchAborted(WorkerError):
    """Nothing of the batch was committed; it is decided again from its first record."""


class BatchRefused(BatchAborted):
    """As BatchAborted, because the broker refuses a record of it: repeating the same batch would not help."""


class AssignmentLost(WorkerError):
    """The group gave the partitions to somebody else."""


class ProducerLost(WorkerError):
    """Commit, abort or the producer itself gave no clear and timely answer."""


class Stopped(WorkerError):
    """Ends the worker. A parent starts it again unless the exit code is 2, 3 or 6."""

    def __init__(self, message: str, exit_code: int = UNEXPECTED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Fenced(Stopped):
    """Producers with the same transactional id are started elsewhere again and again."""
