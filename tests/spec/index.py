"""The index of docs/rules.md: `python -m tests.spec.index` writes it, a test says when it is out of date."""

from __future__ import annotations

import ast
from collections import defaultdict

from tests.spec.test_every_rule_has_a_test import EXCEPTIONS, TESTS, calls_skip, marker, numbered_rules
from tests.spec.worked_examples import rows

PAGE = TESTS.parent / "docs" / "rules.md"
HEADING = "## Which test proves which rule"


def proofs() -> dict[str, list[tuple[str, str]]]:
    """Path below the project's folder and name of each test, by the rule that it names."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        place = path.relative_to(TESTS.parent).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not calls_skip(node):
                for rule in _named(node):
                    found[rule].append((place, node.name))
    for row in rows():
        entry = ("tests/spec/worked_examples.md", "the table")
        if entry not in found[row.id]:
            found[row.id].append(entry)
    return found


def _named(test: ast.FunctionDef) -> list[str]:
    parts = [part for decorator in test.decorator_list for part in ast.walk(decorator)]
    calls = [part for part in parts if isinstance(part, ast.Call) and marker(part) == "rule"]
    named = [ast.literal_eval(argument) for call in calls for argument in call.args if _is_text(argument)]
    return list(dict.fromkeys(named))


def _is_text(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Constant) and isinstance(argument.value, str)


def index() -> str:
    """The section as it has to stand at the end of the page."""
    found = proofs()
    lines = [HEADING, "", "Written by `python -m tests.spec.index`.", "", "| rule | tests |", "| --- | --- |"]
    for rule in numbered_rules():
        if rule in EXCEPTIONS:
            lines.append(f"| {rule} | none: {EXCEPTIONS[rule]} |")
            continue
        links = [f"[{_words(name)}](../{place})" for place, name in found[rule]]
        lines.append(f"| {rule} | {' · '.join(links)} |")
    return "\n".join(lines) + "\n"


def _words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def page_with_index(text: str) -> str:
    """The page, its index made anew."""
    return text.partition(HEADING)[0].rstrip() + "\n\n" + index()


if __name__ == "__main__":
    PAGE.write_text(page_with_index(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
