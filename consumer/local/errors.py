"""What can go wrong with the local stack, in words for the person who typed the command."""

from __future__ import annotations


class LocalStackError(Exception):
    """Kafka or Redis could not be started, found or stopped. The message ends with what to do."""
