"""Settings (contract.md section 1): command line > environment `BADGES_...` > `badges.toml` > defaults.

Everything is read once, by `load_settings`, into one frozen value; only that travels on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from consumer.setting_models import (
    ConsumerSettings,
    KafkaSettings,
    MetricsSettings,
    RedisSettings,
    RegistrySettings,
    TopicsSettings,
    WorkerSettings,
)
from consumer.setting_sources import (
    CLIENT_TABLES,
    ENVIRONMENT_PREFIX,
    FILE_SUFFIX,
    FILE_VARIABLES,
    SETTINGS_FILE,
    EnvironmentAndFiles,
    InvalidSettings,
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
