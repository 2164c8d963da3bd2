"""Definitions as YAML: what is read as more than text, and what is written reads back (contract.md 2)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.yaml_text import NotYaml, read_yaml
from schemas.yaml_writing import write_yaml

NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20),
    # Not the integral ones without exponent: they come back as the int that JSON makes of them.
    st.decimals(allow_nan=False, allow_infinity=False).filter(lambda one: set(str(one)) & set(".E")),
)
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.sampled_from(
        ["on", "NO", "true", "null", "~", "", "1e3", "1E+3", "-0", "0123", "12:30", "2026-01-01", "="]
    ),
    NUMBERS.map(str),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text", ["on", "NO", "yes", "0123", "12:30", "2026-01-01", "+1", ".5", "0x10", "~", "True", ".inf"]
)
def test_what_is_no_json_scalar_stays_a_string(text: str) -> None:
    assert read_yaml(f"a: {text}") == [{"a": text}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("null", None),
        ("", None),
        ("7", 7),
        ("1.50", Decimal("1.50")),
        ("1e3", Decimal("1E+3")),
    ],
)
def test_json_scalars_are_values_and_decimals_exact(text: str, value: object) -> None:
    [document] = read_yaml(f"a: {text}")
    assert repr(document["a"]) == repr(value)


def test_duplicate_keys_are_an_error_with_the_line() -> None:
    with pytest.raises(NotYaml, match="line 2: duplicate key a"):
        read_yaml("a: 1\na: 2\n")


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_what_is_written_reads_back_as_it_was(value: dict[str, Any]) -> None:
    assert repr(read_yaml(write_yaml(value))) == repr([value])


def test_other_readers_take_no_text_for_a_number_or_a_day() -> None:
    texts = {"a": "on", "b": "2026-01-01", "c": "1.5", "d": "12:30"}
    assert yaml.safe_load(write_yaml(texts)) == texts
