"""docs/operations.md says what the code does: settings, topics, metrics, log events, what stops a worker."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.setting_models import REFUSED_CLIENT_SETTINGS
from consumer.settings import OTHER_VARIABLES, Settings, setting_keys
from consumer.telemetry import Metrics
from schemas.catalogue import topics

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ENDS = ("Stopped", "Fenced", "ViewRefused")


def section(title: str) -> str:
    """The text from a heading to the next one of its level."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title!r}"
    return re.sub(r"```.*?```", "", found[1], flags=re.DOTALL)


def rows(title: str) -> list[list[str]]:
    """The cells of a section's tables, without the heads and rules."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def quoted(cell: str) -> list[str]:
    found = re.findall(r"`` ?(.+?) ?``|`([^`]+)`", cell)
    return [double or single for double, single in found]


def default_of(key: str) -> str:
    head, name = key.split(".")
    value = getattr(getattr(Settings.model_construct(), head), name)
    return "none" if value is None or value == {} else "empty" if value == "" else f"`{value}`"


def test_every_setting_is_in_the_table_with_its_default() -> None:
    assert {quoted(row[0])[0]: row[1] for row in rows("Settings")} == {
        key: default_of(key) for key in setting_keys()
    }


def test_the_refused_client_settings_are_all_named() -> None:
    assert set(quoted(section("Settings"))) >= REFUSED_CLIENT_SETTINGS


def test_every_other_environment_variable_is_in_the_table() -> None:
    assert {quoted(row[0])[0] for row in rows("Environment")} >= OTHER_VARIABLES


def test_every_topic_is_in_the_table_as_the_catalogue_has_it() -> None:
    table = {quoted(row[0])[0]: (row[2], row[3]) for row in rows("Topics")}
    assert table == {
        one.name: (str(one.partitions), "compact" if one.compacted else "kept for ever") for one in topics()
    }


def test_every_metric_is_in_the_table_with_its_labels() -> None:
    metrics = Metrics()
    metrics.lag.labels("topic", "0").set(0)
    metrics.events("NOISE", 1)
    metrics.dead("EMPTY")
    metrics.phase("decode", 0.1)
    known = {}
    for family in metrics.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        known[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    assert {quoted(row[0])[0]: set(quoted(row[1])) for row in rows("Metrics")} == known


def test_every_log_event_is_in_the_table() -> None:
    found: set[str] = set()
    for name in ("telemetry", "supervisor"):
        source = (ROOT / "consumer" / f"{name}.py").read_text(encoding="utf-8")
        found |= set(re.findall(r'_log\.\w+\(\s*"(\w+)"', source))
    assert {event for row in rows("Log") for event in quoted(row[0])} == found


def messages() -> Iterator[tuple[str, str]]:
    """Where a worker is ended, and by which message; what is put together is left out, values are `…`."""
    for path in sorted([*(ROOT / "consumer").rglob("*.py"), *(ROOT / "state").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ENDS:
                text = written(node.args[0]) if node.args else None
                if text is not None and re.search(r"\w", text):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def written(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
        return "".join(parts)
    return None


def texts() -> str:
    """All string literals of the packages, one a line, values in them as `…`."""
    found: list[str] = []
    for folder in ("consumer", "state", "schemas"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found += [
                written(n) or ""
                for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(n, ast.expr)
            ]
    return "\n".join(found)


@pytest.mark.parametrize(("place", "message"), list(messages()))
def test_what_ends_a_worker_has_an_entry_in_the_playbook(place: str, message: str) -> None:
    told = [text for row in rows("When it stops") for text in quoted(row[0])]
    assert any(text in message for text in told), f"{place}: {message}"


def test_the_playbook_quotes_messages_that_exist() -> None:
    known = texts()
    for title in ("When it stops", "When it waits"):
        for row in rows(title):
            for text in quoted(row[0]):
                assert text in known, text
