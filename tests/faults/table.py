"""`python -m tests.faults.table`: writes the table of docs/reliability.md from the results of the runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.faults.matrix import OPEN, ROWS
from tests.faults.results import read

RESULTS: Final = Path("tests/faults/results.jsonl")
PAGE: Final = Path("docs/reliability.md")
BEGIN: Final = "<!-- table: made by `make faults`, not by hand -->"
END: Final = "<!-- end of table -->"


def table(results: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    return "\n".join(
        ["| row | fault | tests | result | run |", "| --- | --- | --- | --- | --- |", *_rows(results)]
    )


def _rows(results: list[dict[str, Any]]) -> Iterator[str]:
    of_row = defaultdict(list)
    for one in results:
        of_row[one["row"]].append(one)
    for number, fault in ROWS.items():
        found = of_row[number]
        if not found:
            reason = OPEN.get(number, "its tests were not run by `make faults` yet")
            yield f"| {number} | {fault} | | open: {reason} | |"
            continue
        passed = sum(one["result"] == "passed" for one in found)
        result = (
            f"{passed} passed"
            if passed == len(found)
            else f"**{len(found) - passed} failed**, {passed} passed"
        )
        if number in OPEN:
            result += f"; open: {OPEN[number]}"
        files = sorted({one["test"].split("[")[0] for one in found})
        newest = max(found, key=lambda one: one["date"])
        yield (
            f"| {number} | {fault} | {'<br>'.join(_link(name) for name in files)} | {result} | "
            f"{newest['date']} {newest['commit']} |"
        )


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    words = name.removeprefix("test_").replace("_", " ")
    return f"[{words}](../{file})"


def main() -> None:
    """Puts the table between the two marks of the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(read(RESULTS))}\n\n{END}{after}")


if __name__ == "__main__":
    main()
