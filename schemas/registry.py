"""A schema registry as seen from here: a source of writers' schemas that may be down. No network."""

from __future__ import annotations

from schemas.framing import SchemaId, SchemaSource

__all__ = ["RegistryRefused", "RegistryUnavailable", "RememberedSchemas"]


class RegistryUnavailable(Exception):
    """The registry refused, failed or did not answer in time. It says nothing about any record: the partition
    pauses and the same record is tried again, for as long as it takes.
    """

    exit_code = 4


class RegistryRefused(Exception):
    """The registry answered that a schema of ours is not welcome; the message says what to do."""

    exit_code = 3


class RememberedSchemas:
    """A source in front of another that asks for every schema once: what an id means never changes."""

    def __init__(self, source: SchemaSource) -> None:
        self._source = source
        self._texts: dict[SchemaId, str] = {}

    def schema_by_id(self, identity: SchemaId) -> str:
        """As `SchemaSource.schema_by_id`; only schemas are remembered, an unknown id is asked for again."""
        text = self._texts.get(identity)
        if text is None:
            text = self._texts[identity] = self._source.schema_by_id(identity)
        return text
