"""The sections of the settings, and what each of them takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from consumer.setting_sources import flattened

REFUSED_CLIENT_SETTINGS: Final = frozenset(
    {
        "acks",
        "allow.auto.create.topics",
        "auto.commit.enable",
        "auto.offset.reset",
        "bootstrap.servers",
        "delivery.report.only.error",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "group.protocol.type",
        "group.remote.assignor",
        "isolation.level",
        "metadata.broker.list",
        "partition.assignment.strategy",
        "partitioner",
        "request.required.acks",
        "transactional.id",
    }
)
"""What exactly-once depends on: no source of settings can change these."""
_INSTEAD: Final = {
    "bootstrap.servers": "set kafka.bootstrap_servers",
    "metadata.broker.list": "set kafka.bootstrap_servers",
    "group.id": "set consumer.group",
    "transactional.id": "set worker.instance",
    "group.instance.id": "set worker.instance",
}


def _client_table(value: object) -> dict[str, str]:
    """A table of librdkafka settings as text; a TOML key without quotes (`a.b = 1`) arrives nested."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a table of librdkafka settings")  # noqa: TRY004 -- pydantic reports these
    table = dict(flattened(value, ""))
    for name in sorted(table.keys() & REFUSED_CLIENT_SETTINGS):
        instead = _INSTEAD.get(name, "leave it out: exactly-once depends on it, so the program sets it")
        raise ValueError(f"{name} cannot be set here; {instead}")
    return table


ClientTable = Annotated[dict[str, str], BeforeValidator(_client_table), Field(repr=False)]


def _one_of(*schemes: str) -> AfterValidator:
    def check(url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(schemes):
            raise ValueError(f"must begin with {' or '.join(schemes)}")
        return url

    return AfterValidator(check)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class KafkaSettings(_Section):
    """`client` goes to every client, `consumer` and `producer` to those; the names are librdkafka's."""

    bootstrap_servers: str | None = Field(default=None, min_length=1)
    client: ClientTable = {}
    consumer: ClientTable = {}
    producer: ClientTable = {}


class ConsumerSettings(_Section):
    """The consumer group."""

    group: str = Field(default="badges", pattern=r"^[A-Za-z0-9._-]{1,200}$")


class WorkerSettings(_Section):
    """`instance` None: the host name plus the first free slot of this machine."""

    instance: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,100}$")


class TopicsSettings(_Section):
    """`prefix` stands before every topic name."""

    prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,100}$")


class RedisSettings(_Section):
    """`url` may hold a password."""

    url: Annotated[SecretStr, _one_of("redis://", "rediss://", "unix://")] | None = None


class RegistrySettings(_Section):
    """`url` of a schema registry; None: no registry. It may hold a password."""

    url: Annotated[SecretStr, _one_of("http://", "https://")] | None = None


class MetricsSettings(_Section):
    """`port` of the metrics and health pages; 0 = off."""

    port: int = Field(default=0, ge=0, le=65535)
