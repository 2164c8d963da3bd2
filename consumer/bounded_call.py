"""A call of the client that may never come back, whatever timeout it was given."""

from __future__ import annotations

import threading
from collections.abc import Callable


class NeverCameBack(Exception):
    """It may still be under way; what it was made on is never to be used again."""


def bounded(call: Callable[[], None], seconds: float) -> None:
    """Makes the call in a thread of its own; raises what it raises, or NeverCameBack after the seconds."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 -- raised again by the caller
            raised.append(error)

    thread = threading.Thread(target=run, name="bounded", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise NeverCameBack
    if raised:
        raise raised[0]
