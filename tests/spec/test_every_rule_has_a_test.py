"""Every numbered rule is named by the marker of a test that runs.

A rule is named by `@pytest.mark.rule("S28")` on a test function, or by the id of a row of the worked
examples. The sources are read, not run: a selection of tests on the command line changes nothing here.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.spec.worked_examples import rows

TESTS = Path(__file__).parent.parent
EXCEPTIONS = {
    "R27": "owners and claims are out of scope for now",
}
NOT_RUN = {"skip", "skipif", "xfail"}


def numbered_rules() -> list[str]:
    text = (Path(__file__).parent / "rules.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def marker(node: ast.AST) -> str | None:
    """The name of a `pytest.mark.<name>`, called or not."""
    target = node.func if isinstance(node, ast.Call) else node
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Attribute):
        return target.attr if target.value.attr == "mark" else None
    return None


def rules_named_in(source: str) -> Iterator[str]:
    """The rules that running tests of a module name; a module that is skipped as a whole names none."""
    module = ast.parse(source)
    for statement in module.body:
        whole_module = isinstance(statement, ast.Assign) and "pytestmark" in ast.unparse(statement.targets[0])
        if whole_module and any(marker(node) in NOT_RUN for node in ast.walk(statement)):
            return
    for node in ast.walk(module):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        marked = [part for decorator in node.decorator_list for part in ast.walk(decorator)]
        if any(marker(part) in NOT_RUN for part in marked) or calls_skip(node):
            continue
        for part in marked:
            if isinstance(part, ast.Call) and marker(part) == "rule":
                yield from (str(ast.literal_eval(argument)) for argument in part.args)


def calls_skip(function: ast.FunctionDef) -> bool:
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(ast.unparse(call.func) in ("pytest.skip", "pytest.xfail") for call in calls)


def named_rules() -> set[str]:
    sources = [path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")]
    return {rule for source in sources for rule in rules_named_in(source)} | {row.id for row in rows()}


def test_every_rule_has_a_test_that_names_it() -> None:
    named = named_rules() | EXCEPTIONS.keys()
    assert [rule for rule in numbered_rules() if rule not in named] == []


def test_no_test_names_a_rule_that_is_not_numbered() -> None:
    assert sorted(named_rules() - set(numbered_rules())) == []


def test_an_exception_is_a_rule_without_a_test() -> None:
    assert set(EXCEPTIONS) <= set(numbered_rules())
    assert not named_rules() & EXCEPTIONS.keys()


def test_the_list_holds_all_numbers_of_each_family() -> None:
    rules = numbered_rules()
    assert [rule for rule in rules if rule.startswith("S")] == [f"S{number}" for number in range(1, 111)]
    assert [rule for rule in rules if rule.startswith("R")] == [f"R{number}" for number in range(1, 28)]
    assert len([rule for rule in rules if rule.startswith("FW-")]) == 16
    assert {rule.rstrip("abcd") for rule in rules if rule.startswith("X")} == {
        f"X{number}" for number in range(1, 14)
    }


def test_a_rule_named_by_a_skipped_test_does_not_count() -> None:
    source = (
        "import pytest\n"
        "@pytest.mark.skip\n@pytest.mark.rule('S1')\ndef test_one(): ...\n"
        "@pytest.mark.rule('S2')\ndef test_two(): pytest.skip('no')\n"
        "@pytest.mark.rule('S3', 'R4')\ndef test_three(): ...\n"
        "@pytest.mark.rule('S5')\ndef not_a_test(): ...\n"
    )
    assert list(rules_named_in(source)) == ["S3", "R4"]
    assert list(rules_named_in("pytestmark = pytest.mark.skip\n" + source)) == []
