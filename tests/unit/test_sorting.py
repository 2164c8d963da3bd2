"""What the sorter makes of records whose schema is not to be had. No servers."""

from __future__ import annotations

import pytest
from confluent_kafka import Message

from consumer.ownership import Owned
from consumer.shares import Share
from consumer.sorting import UNKNOWN_S, Deferred, Sorter
from schemas.changelog import PositionMarker
from schemas.framing import SchemaId, UnknownSchema
from schemas.registry import RegistryUnavailable
from state.cache import StateCache


class Source:
    """A registry that says what it is told to."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    def schema_by_id(self, identity: SchemaId) -> str:
        self.asked += 1
        raise self.error


def a_share() -> Share:
    return Share(Owned(0, PositionMarker(0, "c", "t", 0, 0, 0, 0, "z"), None), 0, 0)


def framed(offset: int) -> Message:
    return Message(topic="t", partition=0, offset=offset, key=b"7:1", value=b"\x00\x00\x00\x12\x34abc")


def test_an_unknown_schema_is_asked_for_thirty_seconds_and_then_a_dead_letter() -> None:
    now = 100.0
    source = Source(UnknownSchema("the registry does not know the schema", "4660", may_appear=True))
    sorter = Sorter(StateCache(10), 1, source, lambda: now)
    share = a_share()
    for passed in (0.0, UNKNOWN_S - 0.1):
        now = 100.0 + passed
        sorter.begin_batch()
        with pytest.raises(Deferred, match="4660"):
            sorter.sort(framed(0), share)
    now = 100.0 + UNKNOWN_S
    sorter.begin_batch()
    sorter.sort(framed(0), share)
    sorter.sort(framed(1), share)
    assert [letter.reason for letter in share.rejected] == ["UNKNOWN_SCHEMA"] * 2
    assert dict(share.rejected[0].headers)["dlq-schema-id"] == b"4660"


def test_a_registry_that_fails_is_asked_once_a_batch_and_never_yields_a_dead_letter() -> None:
    source = Source(RegistryUnavailable("HTTP 503"))
    sorter = Sorter(StateCache(10), 1, source, lambda: 0.0)
    share = a_share()
    for batch in (1, 2):
        sorter.begin_batch()
        for offset in range(3):
            with pytest.raises(Deferred, match="503"):
                sorter.sort(framed(offset), share)
        assert source.asked == batch
    assert share.rejected == []


def test_without_a_registry_a_framed_record_is_a_dead_letter_at_once() -> None:
    sorter = Sorter(StateCache(10), 1, None, lambda: 0.0)
    share = a_share()
    sorter.begin_batch()
    sorter.sort(framed(0), share)
    assert [letter.reason for letter in share.rejected] == ["UNKNOWN_SCHEMA"]


def test_a_record_whose_output_was_refused_becomes_a_letter_then_a_stub_then_nothing_helps() -> None:
    sorter = Sorter(StateCache(10), 1, None, lambda: 0.0)
    sorter.begin_batch()
    assert sorter.refuse(framed(0))
    share = a_share()
    sorter.sort(framed(0), share)
    assert (share.rejected[0].reason, share.rejected[0].value) == ("TOO_LARGE", framed(0).value())
    assert sorter.refuse(framed(0))
    sorter.sort(framed(0), share)
    assert (share.rejected[1].reason, share.rejected[1].key, share.rejected[1].value) == (
        "TOO_LARGE",
        None,
        None,
    )
    assert not sorter.refuse(framed(0))


def test_what_was_refused_is_tried_again_under_other_rules() -> None:
    sorter = Sorter(StateCache(10), 1, None, lambda: 0.0)
    sorter.begin_batch((3, 1))
    assert sorter.refuse(framed(0))
    assert sorter.refuse(framed(0))

    sorter.begin_batch((4, 1))

    assert sorter.refuse(framed(0))
