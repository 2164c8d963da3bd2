"""Who is at the keyboard."""

from __future__ import annotations

import getpass


def author() -> str:
    """The login name, for the record of an edit or a resolution."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number without a name
        return "unknown"
