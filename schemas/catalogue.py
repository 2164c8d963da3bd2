"""The topic catalogue, from topics.toml: what every topic is for, how it is keyed, kept and encoded."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from schemas.avro_schema import FOLDER, schema_text

CUSTOMER_ACTIONS: Final = "customer-actions"
BADGE_ISSUED: Final = "badge-issued"
BADGE_DECISIONS: Final = "badge-decisions"
DEAD_LETTERS: Final = "customer-actions.dead-letters"
CUSTOMER_STATE: Final = "customer-state"
BADGE_HOPS: Final = "badge-hops"
BADGE_DEFINITIONS: Final = "badge-definitions"
ORG_SETTINGS: Final = "org-settings"
RETRO_RUNS: Final = "retro-runs"

DEFAULT_PARTITIONS: Final = 12


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    about: str
    key: str
    writers: list[str]
    readers: list[str]
    partitions: Literal["N", 1]
    format: Literal["avro", "json", "msgpack", "original"]
    schema_name: str | None = None
    compatibility: Literal["FULL_TRANSITIVE"] | None = None
    config: dict[str, str]


class Topic(_Entry):
    """One topic. `name` has the prefix, `base_name` has not; `config` is as Kafka's admin API takes it."""

    base_name: str
    name: str

    def partition_count(self, partitions: int) -> int:
        """How many it has where the partitioned topics have `partitions`."""
        return partitions if self.partitions == "N" else 1

    @property
    def compacted(self) -> bool:
        """Whether only the last record of a key is kept."""
        return self.config["cleanup.policy"] == "compact"

    @property
    def subject(self) -> str | None:
        """The registry's subject of its values (strategy TOPIC), None where they are no Avro."""
        return f"{self.name}-value" if self.schema_name else None

    @property
    def examples(self) -> Path:
        """The folder of its example records: `<version>/good.jsonl`, `odd.jsonl`, `bad.jsonl`."""
        return FOLDER / "examples" / self.base_name

    def schema_text(self) -> str | None:
        """The Avro schema of its values, as JSON text."""
        return schema_text(self.schema_name) if self.schema_name else None


@cache
def topics(prefix: str = "") -> tuple[Topic, ...]:
    """All topics of the project, in the catalogue's order, named with a prefix."""
    entries = tomllib.loads((FOLDER / "topics.toml").read_text(encoding="utf-8"))
    return tuple(_topic(name, entry, prefix) for name, entry in entries.items())


def topic(base_name: str, prefix: str = "") -> Topic:
    """One topic by its name without prefix; KeyError where the catalogue has none."""
    for one in topics(prefix):
        if one.base_name == base_name:
            return one
    raise KeyError(base_name)


def _topic(name: str, entry: dict[str, object], prefix: str) -> Topic:
    described = {("schema_name" if key == "schema" else key): value for key, value in entry.items()}
    return Topic.model_validate({**described, "base_name": name, "name": prefix + name})
