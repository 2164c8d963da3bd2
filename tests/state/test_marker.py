"""Markers are compared byte for byte, so equal ones must give equal bytes and others must not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.marker import ABSENT, NOWHERE, RedisMarker, decode_marker, encode_marker

naturals = st.integers(0, 2**63)
markers = st.builds(
    RedisMarker,
    naturals,
    st.text(),
    st.text(),
    naturals,
    naturals,
    st.lists(naturals, max_size=4).map(tuple),
    naturals,
    st.text(),
    st.text(),
)


@given(markers)
def test_a_marker_is_given_back(marker: RedisMarker) -> None:
    data = encode_marker(marker)
    assert decode_marker(data) == marker
    assert encode_marker(RedisMarker(*marker)) == data


@given(markers, markers)
def test_other_markers_have_other_bytes(one: RedisMarker, other: RedisMarker) -> None:
    assert (encode_marker(one) == encode_marker(other)) == (one == other)


def test_no_marker_has_bytes_that_no_marker_has() -> None:
    assert encode_marker(None) == ABSENT
    assert decode_marker(ABSENT) is None
    assert encode_marker(NOWHERE) != ABSENT


@pytest.mark.parametrize(
    "data", [b"x", b"\xc1", b"\x91\x01", b"\x92\x02\x01", b"\x90", encode_marker(NOWHERE) + b"x"]
)
def test_other_bytes_are_no_marker(data: bytes) -> None:
    with pytest.raises(ValueError, match="marker"):
        decode_marker(data)
