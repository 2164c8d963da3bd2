"""Parquet files of actions, where the extra `analytics` is installed (contract.md section 1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from badges.actions import CustomerAction
from badges.calendar import parse_instant
from consumer.cli.action_files import Row, parquet_rows
from consumer.failure import Failure
from schemas.customer_action import decode_action

duckdb: Any = pytest.importorskip("duckdb", reason="needs the extra `analytics`")

NOON = "2026-10-11T12:00:00.500Z"


def sent(folder: Path, select: str) -> list[CustomerAction | str]:
    """What becomes of the rows of a query, written as Parquet: the action, or why it is refused."""
    file = folder / "acts.parquet"
    duckdb.connect().execute(f"COPY ({select}) TO '{file}' (FORMAT parquet)")
    with file.open("rb") as stream:
        rows = list(parquet_rows(stream))
    assert [row.line for row in rows] == list(range(1, len(rows) + 1))
    return [decode_action(row.value) if isinstance(row, Row) else row.error for row in rows]


def act(number: str = "1", **columns: str) -> str:
    """A query with one column a field, in SQL."""
    fields = {
        "event_id": f"'e-' || {number}",
        "org_id": "7",
        "customer_id": "'42'",
        "action": "'PURCHASE'",
        "event_date": f"TIMESTAMPTZ '{NOON}'",
        **columns,
    }
    return "SELECT " + ", ".join(f'{value} AS "{name}"' for name, value in fields.items())


def test_decimals_are_exact_and_a_map_gives_the_attributes(tmp_path: Path) -> None:
    query = act(amount="120.500001::DECIMAL(24, 6)", attributes="MAP {'channel': 'web'}")
    [action] = sent(tmp_path, query)
    assert isinstance(action, CustomerAction)
    assert (action.amount, action.attributes) == (120_500_001, {"channel": "web"})
    assert action.event_date == parse_instant(NOON)


def test_columns_may_be_attributes_and_nulls_are_absent(tmp_path: Path) -> None:
    [action] = sent(
        tmp_path, act(**{"attributes.channel": "'web'", "attributes.store": "NULL", "amount": "NULL"})
    )
    assert isinstance(action, CustomerAction)
    assert (action.amount, action.attributes) == (None, {"channel": "web"})


def test_an_instant_before_1970_is_cut_towards_the_past(tmp_path: Path) -> None:
    [action] = sent(tmp_path, act(event_date="TIMESTAMPTZ '1969-12-31T23:59:59.9985Z'"))
    assert isinstance(action, CustomerAction)
    assert action.event_date == -2


def test_an_instant_may_be_text_with_an_offset_and_has_to_name_its_zone(tmp_path: Path) -> None:
    whole = sent(tmp_path, act(event_date=f"'{NOON}'"))
    assert [one.event_date for one in whole if isinstance(one, CustomerAction)] == [parse_instant(NOON)]
    assert sent(tmp_path, act(event_date="TIMESTAMP '2026-10-11 12:00:00'")) == [
        "event_date: not an instant with offset"
    ]


def test_more_rows_than_are_read_at_once_keep_their_order_and_numbers(tmp_path: Path) -> None:
    actions = sent(tmp_path, act("range") + " FROM range(20001)")
    assert [one.event_id for one in actions if isinstance(one, CustomerAction)] == [
        f"e-{number}" for number in range(20_001)
    ]


def test_what_is_no_parquet_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    file.write_bytes(b"PAR1 and then nothing")
    with file.open("rb") as stream, pytest.raises(Failure, match="cannot be read as Parquet") as failure:
        list(parquet_rows(stream))
    assert failure.value.code == 2
    assert "\n" not in failure.value.message
