"""The partition's own records in `customer-state`."""

from __future__ import annotations

from dataclasses import replace

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.changelog import (
    MARKER_KEY,
    CutOver,
    PositionMarker,
    cut_over_key,
    decode_cut_over,
    decode_marker,
    encode_cut_over,
    encode_marker,
    is_cut_over,
)
from schemas.errors import UnreadableRecord
from state.keys import is_document

numbers = st.integers(0, 2**63 - 1)
words = st.text(st.characters(codec="utf-8"), max_size=40)
markers = st.builds(PositionMarker, numbers, words, words, numbers, numbers, numbers, numbers, words, numbers)
cut_overs = st.builds(CutOver, numbers, numbers, numbers, numbers)


@given(markers)
def test_a_marker_comes_back_as_it_was(marker: PositionMarker) -> None:
    assert decode_marker(encode_marker(marker)) == marker


def test_a_marker_without_hops_is_what_older_releases_wrote() -> None:
    marker = PositionMarker(1, "c", "t", 2, 3, 4, 5, "z")
    assert msgpack.unpackb(encode_marker(marker)) == [1, 1, "c", "t", 2, 3, 4, 5, "z"]
    assert msgpack.unpackb(encode_marker(replace(marker, hops_offset=6)))[0] == 2


@given(cut_overs)
def test_a_cut_over_comes_back_as_it_was(cut_over: CutOver) -> None:
    assert decode_cut_over(cut_over_key(cut_over), encode_cut_over(cut_over)) == cut_over


@given(cut_overs)
def test_no_key_of_the_partitions_own_records_names_a_document(cut_over: CutOver) -> None:
    assert not is_document(MARKER_KEY)
    assert not is_document(cut_over_key(cut_over))
    assert is_cut_over(cut_over_key(cut_over))
    assert not is_cut_over(MARKER_KEY)


def test_a_later_format_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnreadableRecord, match="start the newer release again"):
        decode_marker(msgpack.packb([3, "whatever"]))


@given(st.binary(max_size=40) | st.recursive(st.integers(0, 9), st.lists).map(msgpack.packb))
def test_bytes_that_are_no_marker_are_unreadable_and_nothing_else(data: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        decode_marker(data)
    with pytest.raises(UnreadableRecord):
        decode_cut_over(b"!rules:1:x", data)


@given(markers, st.data())
def test_a_marker_cut_off_is_unreadable(marker: PositionMarker, data: st.DataObject) -> None:
    value = encode_marker(marker)
    with pytest.raises(UnreadableRecord):
        decode_marker(value[: data.draw(st.integers(0, len(value) - 1))])
