"""The page about the rules says which test proves which."""

from pathlib import Path

from tests.spec.index import PAGE, page_with_index, proofs


def test_the_index_of_the_page_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page_with_index(text), "run: python -m tests.spec.index"


def test_every_link_of_the_index_leads_to_a_file() -> None:
    root: Path = PAGE.parent.parent
    assert all((root / place).is_file() for tests in proofs().values() for place, _ in tests)
