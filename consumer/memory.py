"""When Python looks for garbage: between batches, among what is new, and never among the states in the cache.

States, records and rules are no cycles: counting references frees them. Left to itself the collector walks
through millions of cached objects again and again, for a sixth of a worker's time and pauses of 100 ms.
"""

from __future__ import annotations

import gc


def settle() -> None:
    """Once, before the first batch: what exists now stays, and the collector runs only when it is asked."""
    gc.collect()
    gc.freeze()
    gc.disable()


def tidy() -> None:
    """Frees the cycles among the objects that were made since the last time: some milliseconds."""
    gc.collect(0)
