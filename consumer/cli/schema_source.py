"""Where the schemas of records in Confluent framing come from."""

from __future__ import annotations

from consumer.registry_client import RegistryClient
from consumer.settings import Settings
from schemas.framing import SchemaSource
from schemas.registry import RememberedSchemas


def schema_source(settings: Settings) -> SchemaSource | None:
    """The registry of the settings, None without one."""
    if settings.registry.url is None:
        return None
    return RememberedSchemas(RegistryClient(settings.registry.url.get_secret_value()))
