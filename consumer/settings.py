"""Settings (contract.md section 1): command line > environment `BADGES_...` > `badges.toml` > defaults.

Everything is read once, by `load_settings`, into one frozen value; only that travels on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from consumer.local.stack import running_addresses
from consumer.setting_sources import (
    CLIENT_TABLES,
    ENVIRONMENT_PREFIX,
    FILE_SUFFIX,
    FILE_VARIABLES,
    SETTINGS_FILE,
    EnvironmentAndFiles,
    InvalidSettings,
    flattened,
    from_files,
    holds_secret,
    json_table,
    variable,
)

OTHER_VARIABLES: Final = frozenset(
    {
        "BADGES_HOME",
        "BADGES_JAR_CACHE",
        "BADGES_REQUIRE_KAFKA",
        "BADGES_TEST_STACK",
        "BADGES_CRASH_AT",
        "BADGES_COMPILED",
    }
)
"""Variables that are no settings: where the local stack lives, and what tests ask for."""
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


class AddressMissing(Exception):
    """No source of settings gives an address, and no local stack is running. Exit code 4."""


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


class Settings(BaseSettings):
    """All settings. Build it with `load_settings`, which names what is wrong."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        hide_input_in_errors=True,
    )
    toml_file: ClassVar[Path] = Path(SETTINGS_FILE)

    kafka: KafkaSettings = KafkaSettings()
    consumer: ConsumerSettings = ConsumerSettings()
    worker: WorkerSettings = WorkerSettings()
    topics: TopicsSettings = TopicsSettings()
    redis: RedisSettings = RedisSettings()
    registry: RegistrySettings = RegistrySettings()
    metrics: MetricsSettings = MetricsSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- pydantic passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The precedence of contract.md section 1, first wins."""
        toml = TomlConfigSettingsSource(settings_cls, cls.toml_file)
        return init_settings, EnvironmentAndFiles(settings_cls, env_settings), toml

    def client_settings(self, kind: str) -> dict[str, str]:
        """librdkafka settings that the user passes to a `consumer`, a `producer` or an `admin` client."""
        own = {"consumer": self.kafka.consumer, "producer": self.kafka.producer}.get(kind, {})
        return {**self.kafka.client, **own}


def load_settings(overrides: Iterable[str] = ()) -> Settings:
    """The settings of this process. `overrides` are `key=value` texts of the command line, e.g.
    `consumer.group=test`; a table's value is a JSON object. Raises InvalidSettings.
    """
    known = setting_keys()
    _check_environment(known)
    from_files()  # says itself what is wrong with them
    given = _nested(overrides, known)
    try:
        return Settings(**given)
    except ValidationError as error:
        raise InvalidSettings(_first_error(error, known)) from None
    except SettingsError as error:
        raise InvalidSettings(f"the environment cannot be read: {error}") from None
    except (ValueError, OSError) as error:
        raise InvalidSettings(f"{SETTINGS_FILE} cannot be read: {error}") from None


def setting_keys() -> list[str]:
    """All keys, as `section.name`."""
    return [
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        for name in field.annotation.model_fields
    ]


def _check_environment(known: list[str]) -> None:
    variables = {variable(key) for key in known} | FILE_VARIABLES.keys() | OTHER_VARIABLES
    for name in sorted(os.environ):
        if name.upper().startswith(ENVIRONMENT_PREFIX) and name not in variables:
            raise InvalidSettings(f"environment variable {name} is unknown{_nearest(name, variables)}")
    for key in CLIENT_TABLES:
        name = variable(key)
        if name in os.environ:
            json_table(f"environment variable {name}", os.environ[name])


def _nested(overrides: Iterable[str], known: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for text in overrides:
        key, separator, value = text.partition("=")
        if not separator:
            raise InvalidSettings(f"--set {key}: write KEY=VALUE")
        if key not in known:
            raise InvalidSettings(f"setting {key} is unknown{_nearest(key, known)}")
        section, name = key.split(".")
        given.setdefault(section, {})[name] = (
            json_table(f"--set {key}", value) if key in CLIENT_TABLES else value
        )
        if holds_secret(key, given[section][name]):
            places = f"{SETTINGS_FILE}, {variable(key)}, or a file that {variable(key)}{FILE_SUFFIX} names"
            told = "every user of this machine can read a command line, so it takes no secret"
            raise InvalidSettings(f"--set {key}: {told}; put it into {places}")
    return given


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.0)
    return f"; did you mean {close[0]}?" if close else ""


def _first_error(error: ValidationError, known: list[str]) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"setting {key} is unknown{_nearest(key, known)}"
    message = first["msg"].removeprefix("Value error, ")
    return f"setting {key}: {message}"


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
