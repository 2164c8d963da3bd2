"""Keys are read back to what they name, and name nothing twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from badges.customer import PageKey
from state.keys import Keyspace, head_key, is_document, page_key, parse_key

orgs = st.integers(-(2**63), 2**63)
customers = st.text(min_size=1, max_size=256) | st.text(alphabet="!:0123456789scitm{}", min_size=1)
numbers = st.integers(-1000, 10**9)
pages: st.SearchStrategy[PageKey] = (
    st.tuples(st.just("s"), numbers)
    | st.tuples(st.just("i"), numbers, numbers)
    | st.tuples(st.just("t"), numbers, numbers)
)


def key_of(org_id: int, customer_id: str, page: PageKey | None) -> bytes:
    return head_key(org_id, customer_id) if page is None else page_key(org_id, customer_id, page)


@given(orgs, customers, st.none() | pages, st.integers(0, 1000), st.sampled_from(["", "stage.", "a-1_"]))
def test_a_key_is_read_back(
    org_id: int, customer_id: str, page: PageKey | None, partition: int, prefix: str
) -> None:
    key = key_of(org_id, customer_id, page)
    assert is_document(key)
    assert parse_key(key) == (org_id, customer_id, page)
    space = Keyspace(prefix)
    [name] = space.documents(partition, [key])
    assert space.document_key(partition, name) == key
    assert name != space.marker(partition)


def test_the_names_are_the_documented_ones() -> None:
    space = Keyspace()
    found = {
        key: space.documents(17, [key])[0]
        for key in (
            head_key(7, "42"),
            page_key(7, "42", ("s", 3)),
            page_key(7, "42", ("i", 2, 5)),
            page_key(7, "42", ("t", 2, 9)),
        )
    }
    assert found == {
        b"7:42": b"bs:{actions-17}:c:7:42",
        b"!s:3:7:42": b"bs:{actions-17}:s:3:7:42",
        b"!i:2:5:7:42": b"bs:{actions-17}:i:2:5:7:42",
        b"!t:2:9:7:42": b"bs:{actions-17}:t:2:9:7:42",
    }
    assert space.marker(17) == b"bs:{actions-17}:m"
    assert space.document_key(17, b"bs:{actions-17}:m") is None


@pytest.mark.parametrize(
    "key",
    [
        b"!rules:12",
        b"!position",
        b"!s:x:7:42",
        b"!i:1:7:42",
        b"!s",
        b"7",
        b"x:42",
        b"07:42",
        b"7:",
        b"",
        b"-0:a",
    ],
)
def test_another_key_names_no_document(key: bytes) -> None:
    with pytest.raises(ValueError, match="names no document"):
        parse_key(key)


@pytest.mark.parametrize("key", [b"!rules:12", b"!position", b"!"])
def test_positions_and_cut_overs_are_no_documents(key: bytes) -> None:
    assert not is_document(key)


def test_a_key_of_another_partition_is_not_taken() -> None:
    with pytest.raises(ValueError, match="another partition"):
        Keyspace().document_key(1, b"bs:{actions-11}:c:7:42")


@pytest.mark.parametrize("prefix", ["a}", "a*", "a b", "a:", "ä"])
def test_a_prefix_that_no_topic_may_have_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="topic prefix"):
        Keyspace(prefix)
