"""Where Kafka and Redis are: by the settings, or where the local stack runs."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from consumer.local.stack import running_addresses
from consumer.settings import Settings


class AddressMissing(Exception):
    """No source of settings gives an address, and no local stack is running. Exit code 4."""


@dataclass(frozen=True)
class Addresses:
    """Where Kafka and Redis are. The Redis address may hold a password, hence no repr of it."""

    bootstrap_servers: str
    redis_url: SecretStr


def resolve_addresses(settings: Settings) -> Addresses:
    """Both addresses: a given one wins, each for itself, else that of the running local stack.

    Raises AddressMissing where neither gives one.
    """
    return Addresses(kafka_address(settings), redis_address(settings))


def kafka_address(settings: Settings) -> str:
    """`bootstrap.servers`. Raises AddressMissing."""
    if settings.kafka.bootstrap_servers:
        return settings.kafka.bootstrap_servers
    return _local_address("Kafka", "kafka.bootstrap_servers", 0)


def redis_address(settings: Settings) -> SecretStr:
    """The Redis URL. Raises AddressMissing."""
    if settings.redis.url:
        return settings.redis.url
    return SecretStr(_local_address("Redis", "redis.url", 1))


def _local_address(what: str, key: str, at: int) -> str:
    found = running_addresses()[at]
    if found is None:
        raise AddressMissing(f"no address of {what} is set and no local one runs; `badges up`, or set {key}")
    return found
