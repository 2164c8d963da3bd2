"""docs/rights.md as data: the tests grant what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from tests.security.guarded import Right

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rights.md").read_text(encoding="utf-8")
PREFIX, GROUP = "sec.", "sec"


def _rows(title: str) -> list[list[str]]:
    section = PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    table = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in table[2:]]


def _right(resource: str, name: str, operation: str) -> Right:
    return Right(resource, name.replace("PREFIX", PREFIX).replace("GROUP", GROUP), operation)


def worker_rights() -> list[Right]:
    return [_right(*row[:3]) for row in _rows("Kafka: a worker")]


def command_rights() -> dict[str, list[Right]]:
    """By what stands in the first column, e.g. `list, show`."""
    found: dict[str, list[Right]] = {}
    for commands, *right in _rows("Kafka: commands"):
        found.setdefault(commands, []).append(_right(*right))
    return found


def redis_keys() -> str:
    """The pattern of keys."""
    return dict(_rows("Redis"))["keys"].strip("`").replace("PREFIX", PREFIX)


def redis_commands() -> list[str]:
    """`+mget` and so on."""
    return dict(_rows("Redis"))["commands"].strip("`").replace("\\|", "|").split()
