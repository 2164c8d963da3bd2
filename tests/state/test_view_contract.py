"""What view.py promises, of both views."""

from __future__ import annotations

import pytest

from state.chain import BYTES_A_SCRIPT, DOCUMENTS_A_SCRIPT
from state.errors import MarkerMoved
from state.keys import head_key, page_key
from state.marker import NOWHERE, RedisMarker
from state.memory_view import MemoryView
from state.view import Apply, Document, Load, View

FIRST = RedisMarker(1, "cluster", "topic", 10, 1_764_000_000_000, (3, 1), 5)
SECOND = FIRST._replace(sequence=2, next_offset=20, changelog_offset=9)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def view(request: pytest.FixtureRequest) -> View:
    if request.param == "memory":
        return MemoryView()
    found: View = request.getfixturevalue("redis_view")
    return found


def head(customer: str | int, value: bytes = b"head", offset: int = 4) -> Document:
    return Document(head_key(7, str(customer)), offset, value)


def test_a_partition_never_written_has_no_marker_and_no_documents(view: View) -> None:
    assert view.marker(3) is None
    assert view.load(3, None, [head(1).key]) == [None]
    assert list(view.scan(3)) == []


def test_what_was_applied_is_loaded_in_the_order_of_the_keys(view: View) -> None:
    view.apply(3, None, [head(1, b"one"), head(2, b"two")], FIRST)
    keys = [head(2).key, head(9).key, head(1).key]
    assert view.load(3, FIRST, keys) == [b"two", None, b"one"]
    assert view.marker(3) == FIRST


def test_pages_and_heads_and_strange_customers_do_not_meet(view: View) -> None:
    customers = ["42", "m", "c:7:42", "s:1:7:42", "ä:\N{SNOWMAN}", "0:7:42", "*", "?[a]"]
    documents: list[Document] = []
    for customer in customers:
        for key in (
            head_key(7, customer),
            page_key(7, customer, ("s", 0)),
            page_key(7, customer, ("i", 1, 2)),
            page_key(7, customer, ("t", 1, 2)),
        ):
            documents.append(Document(key, len(documents), b"%d" % len(documents)))
    view.apply(3, None, documents, FIRST)
    assert view.load(3, FIRST, [d.key for d in documents]) == [d.value for d in documents]
    assert sorted(view.scan(3)) == sorted(documents)


def test_a_batch_without_documents_moves_the_marker(view: View) -> None:
    view.apply(3, None, [], FIRST)
    view.apply(3, FIRST, [], SECOND)
    assert view.marker(3) == SECOND


def test_a_read_at_another_marker_is_refused(view: View) -> None:
    view.apply(3, None, [head(1)], FIRST)
    for expected in (None, SECOND, FIRST._replace(token="t"), FIRST._replace(at=0)):
        with pytest.raises(MarkerMoved):
            view.load(3, expected, [head(1).key])
        with pytest.raises(MarkerMoved):
            view.load(3, expected, [])


def test_a_write_at_another_marker_writes_nothing(view: View) -> None:
    view.apply(3, None, [head(1, b"one")], FIRST)
    for expected in (None, SECOND, FIRST._replace(token="t"), FIRST._replace(feeds=(3, 2))):
        with pytest.raises(MarkerMoved):
            view.apply(3, expected, [head(1, b"other"), head(2)], SECOND)
    assert view.load(3, FIRST, [head(1).key, head(2).key]) == [b"one", None]


def test_partitions_do_not_touch_each_other(view: View) -> None:
    view.apply(1, None, [head(1, b"one")], FIRST)
    view.apply(11, None, [head(1, b"eleven")], SECOND)
    assert view.load(1, FIRST, [head(1).key]) == [b"one"]
    assert [d.value for d in view.scan(1)] == [b"one"]
    view.delete_marker(1)
    assert (view.marker(1), view.marker(11)) == (None, SECOND)


def test_many_partitions_are_written_and_read_together_each_with_its_own_outcome(view: View) -> None:
    view.apply(2, None, [], SECOND)
    outcome = view.apply_many([Apply(p, None, [head(p, b"%d" % p)], FIRST) for p in (1, 2, 3)])
    assert [type(outcome[p]) for p in (1, 2, 3)] == [type(None), MarkerMoved, type(None)]
    loaded = view.load_many([Load(p, FIRST, [head(p).key]) for p in (1, 2, 3)])
    assert (loaded[1], loaded[3]) == ([b"1"], [b"3"])
    assert isinstance(loaded[2], MarkerMoved)
    assert view.load_many([]) == {}
    assert view.apply_many([]) == {}


@pytest.mark.parametrize("count", [1, DOCUMENTS_A_SCRIPT, DOCUMENTS_A_SCRIPT + 1, 1000])
def test_a_batch_of_any_count_ends_at_its_marker_with_all_documents(view: View, count: int) -> None:
    documents = [head(n, b"%d" % n, n) for n in range(count)]
    view.apply(3, None, documents, FIRST)
    assert view.load(3, FIRST, [d.key for d in documents]) == [d.value for d in documents]


@pytest.mark.parametrize("size", [BYTES_A_SCRIPT // 3, BYTES_A_SCRIPT, 2 * BYTES_A_SCRIPT])
def test_documents_of_any_size_are_written(view: View, size: int) -> None:
    documents = [head(n, bytes([n]) * size) for n in range(5)]
    view.apply(3, None, documents, FIRST)
    assert view.load(3, FIRST, [d.key for d in documents]) == [d.value for d in documents]


def test_more_keys_than_one_read_takes_are_loaded(view: View) -> None:
    documents = [head(n, b"%d" % n) for n in range(5000)]
    view.apply(3, None, documents, FIRST)
    assert view.load(3, FIRST, [d.key for d in documents]) == [d.value for d in documents]


def test_a_document_without_a_value_is_deleted(view: View) -> None:
    view.apply(3, None, [head(1), head(2)], FIRST)
    view.apply(3, FIRST, [head(1)._replace(value=None), head(2, b"new")], SECOND)
    assert view.load(3, SECOND, [head(1).key, head(2).key]) == [None, b"new"]
    assert [d.key for d in view.scan(3)] == [head(2).key]


def test_scan_gives_the_changelog_offset_of_each_document(view: View) -> None:
    view.apply(3, None, [head(1, b"one", 0), head(2, b"two", 2**40)], FIRST)
    assert sorted(view.scan(3)) == [head(1, b"one", 0), head(2, b"two", 2**40)]


def test_a_claim_keeps_the_place_to_repair_from_and_shuts_out_the_owner_before(view: View) -> None:
    view.apply(3, None, [head(1, b"one")], FIRST)
    held = view.claim(3, FIRST)
    assert held.token
    assert held._replace(token="") == FIRST
    assert view.marker(3) == held
    with pytest.raises(MarkerMoved):
        view.apply(3, FIRST, [head(1, b"zombie")], SECOND)
    with pytest.raises(MarkerMoved):
        view.claim(3, FIRST)
    assert view.claim(3, held) != held


def test_a_claim_without_a_marker_starts_at_nowhere(view: View) -> None:
    held = view.claim(3, None)
    assert held._replace(token="") == NOWHERE
    assert held.changelog_offset == 0


def test_a_repair_is_a_chain_that_ends_at_the_position(view: View) -> None:
    view.apply(3, None, [head(1, b"one")], FIRST)
    held = view.claim(3, FIRST)
    for n in range(3):
        before, held = held, view.extend(3, held, [head(2, b"%d" % n)])
        assert before.token != held.token
        with pytest.raises(MarkerMoved):
            view.extend(3, before, [head(2, b"late")])
    view.apply(3, held, [head(3, b"three")], SECOND)
    assert view.load(3, SECOND, [head(n).key for n in (1, 2, 3)]) == [b"one", b"2", b"three"]


def test_a_rebuild_reads_from_the_start_and_leaves_nothing_of_before(view: View) -> None:
    view.apply(4, None, [head(1, b"other partition")], FIRST)
    view.apply(3, None, [head(n) for n in range(700)], FIRST)
    held = view.claim_rebuild(3, FIRST)
    assert held.changelog_offset == 0
    cleared = view.clear(3, held)
    assert view.marker(3) == cleared
    assert cleared.changelog_offset == 0
    assert list(view.scan(3)) == []
    view.apply(3, cleared, [head(1, b"again")], SECOND)
    assert [d.value for d in view.scan(3)] == [b"again"]
    assert [d.value for d in view.scan(4)] == [b"other partition"]


def test_after_a_deleted_marker_only_a_repair_from_nowhere_succeeds(view: View) -> None:
    view.apply(3, None, [head(1)], FIRST)
    view.delete_marker(3)
    view.delete_marker(3)
    with pytest.raises(MarkerMoved):
        view.load(3, FIRST, [head(1).key])
    assert view.claim(3, view.marker(3)).changelog_offset == 0


def test_a_healthy_server_is_the_same_at_every_look(view: View) -> None:
    view.check_server()
    assert view.health() == view.health()
