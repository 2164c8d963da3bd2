"""Where settings come from: names of variables, tables as JSON, files that hold secrets."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

SETTINGS_FILE: Final = "badges.toml"
ENVIRONMENT_PREFIX: Final = "BADGES_"
CLIENT_TABLES: Final = ("kafka.client", "kafka.consumer", "kafka.producer")
FILE_SUFFIX: Final = "_FILE"
_FILE_KEYS: Final = (*CLIENT_TABLES, "redis.url", "registry.url")
"""What may hold a secret: BADGES_<KEY>_FILE names a file that holds what BADGES_<KEY> would."""
FILE_VARIABLES: Final = {
    f"{ENVIRONMENT_PREFIX}{key.upper().replace('.', '__')}{FILE_SUFFIX}": key for key in _FILE_KEYS
}
_SECRET_CLIENT_SETTINGS: Final = frozenset(
    {
        "sasl.jaas.config",
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
        "ssl_key_pem",
    }
)


class InvalidSettings(ValueError):
    """A settings source holds something that is not understood or not allowed. Exit code 3."""


def variable(key: str) -> str:
    """The environment variable of a setting."""
    return ENVIRONMENT_PREFIX + key.upper().replace(".", "__")


def json_table(source: str, text: str) -> object:
    """A table's value as JSON gives it. Raises InvalidSettings."""
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidSettings(f"{source}: the value must be a JSON object") from None


def flattened(nested: Mapping[Any, object], prefix: str) -> Iterator[tuple[str, str]]:
    """A table of librdkafka settings as text; a TOML key without quotes (`a.b = 1`) arrives nested."""
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flattened(value, f"{name}.")
        elif isinstance(value, bool):
            yield name, "true" if value else "false"
        elif isinstance(value, str | int | float):
            yield name, str(value)
        else:
            raise ValueError(f"{name} must be text, a number or a boolean")  # noqa: TRY004 -- as above


def _names(nested: object, prefix: str) -> Iterator[str]:
    for key, value in nested.items() if isinstance(nested, Mapping) else ():
        yield f"{prefix}{key}"
        yield from _names(value, f"{prefix}{key}.")


def holds_secret(key: str, value: object) -> bool:
    """Whether a setting's value is to be kept from those who list processes."""
    if key in CLIENT_TABLES:
        return any(name in _SECRET_CLIENT_SETTINGS for name in _names(value, ""))
    return key in _FILE_KEYS and isinstance(value, str) and _has_password(value)


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return True  # nobody can tell
    return bool(parts.password) or "password" in parts.query


def from_files() -> dict[str, Any]:
    """What the files hold that BADGES_..._FILE variables name, as one does with mounted secrets."""
    found: dict[str, Any] = {}
    for name_of_file, key in FILE_VARIABLES.items():
        path = os.environ.get(name_of_file)
        if path is None:
            continue
        if variable(key) in os.environ:
            raise InvalidSettings(f"{name_of_file} and {variable(key)} are both set; take one away")
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSettings(f"{name_of_file}: {path} cannot be read ({_why(error)})") from None
        section, name = key.split(".")
        value = json_table(name_of_file, text) if key in CLIENT_TABLES else text
        found.setdefault(section, {})[name] = value
    return found


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "it is no UTF-8"


class EnvironmentAndFiles(PydanticBaseSettingsSource):
    """The environment, and of the same rank the files that it names; the two never hold the same key."""

    def __init__(self, settings_cls: type[BaseSettings], environment: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._environment = environment

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Not asked: `__call__` gives everything at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Everything at once, nested."""
        found = self._environment()
        for key in _FILE_KEYS:
            section, name = key.split(".")
            if isinstance(found.get(section), dict):
                found[section].pop(f"{name}{FILE_SUFFIX.lower()}", None)
        for section, values in from_files().items():
            found[section] = {**found.get(section, {}), **values}
        return found
