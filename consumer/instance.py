"""A worker's identity, stable over restarts: a successor ends its predecessor's transaction at once."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import tempfile
from pathlib import Path
from typing import Final

from consumer.errors import REFUSED, Stopped

SLOTS: Final = 64


class Instance:
    """A name, and the lock that keeps other processes of this machine from using it."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor

    def release(self) -> None:
        """Lets others have it; also done by the end of the process."""
        os.close(self._descriptor)


def claim_instance(wanted: str | None, group: str) -> Instance:
    """The named instance, else the host name with the first free slot of this machine and user.

    Raises Stopped where the named one is in use on this machine.
    """
    folder = Path(tempfile.gettempdir()) / f"badges-instances-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if wanted is not None:
        descriptor = _lock(folder / _file_name(group, wanted))
        if descriptor is None:
            raise Stopped(
                f"another process of this machine runs as instance {wanted!r}; stop it, "
                "or choose another --instance",
                REFUSED,
            )
        return Instance(wanted, descriptor)
    host = socket.gethostname() or "host"
    for slot in range(SLOTS):
        name = f"{host}-{slot}"
        descriptor = _lock(folder / _file_name(group, name))
        if descriptor is not None:
            return Instance(name, descriptor)
    raise Stopped(f"{SLOTS} consumers run on this machine already; name this one with --instance", REFUSED)


def _file_name(group: str, name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{group}.{name}") + ".lock"


def _lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
