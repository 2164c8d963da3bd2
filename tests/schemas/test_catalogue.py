"""The topic catalogue against contract.md section 4."""

from __future__ import annotations

import pytest

from schemas.catalogue import BADGE_ISSUED, CUSTOMER_ACTIONS, DEAD_LETTERS, topic, topics

COMPACTED = {"customer-state", "badge-definitions", "org-settings", "retro-runs"}
ONE_PARTITION = {"badge-definitions", "org-settings", "retro-runs"}


def test_the_topics_are_those_of_the_contract() -> None:
    assert {one.base_name for one in topics()} == COMPACTED | {
        "customer-actions",
        "customer-actions.dead-letters",
        "badge-issued",
        "badge-decisions",
        "badge-hops",
    }


def test_a_prefix_stands_before_every_name_and_subject() -> None:
    for one in topics("dev."):
        assert one.name == f"dev.{one.base_name}"
        assert one.subject in (None, f"dev.{one.base_name}-value")


def test_feeds_have_one_partition_and_the_others_as_many_as_asked_for() -> None:
    for one in topics():
        assert one.partition_count(12) == (1 if one.base_name in ONE_PARTITION else 12)


def test_what_is_not_compacted_is_kept_for_ever() -> None:
    for one in topics():
        assert one.compacted == (one.base_name in COMPACTED)
        if not one.compacted:
            assert one.config["retention.ms"] == "-1"


def test_only_the_input_keeps_the_brokers_limit_on_the_size_of_a_record() -> None:
    for one in topics():
        expected = None if one.base_name == CUSTOMER_ACTIONS else "10485760"
        assert one.config.get("max.message.bytes") == expected


def test_every_topic_says_who_writes_and_who_reads_it() -> None:
    for one in topics():
        assert one.about
        assert one.writers
        assert one.readers


def test_avro_topics_name_a_schema_and_a_compatibility_and_others_do_not() -> None:
    for one in topics():
        assert (one.format == "avro") == (one.schema_text() is not None) == (one.compatibility is not None)
    assert topic(BADGE_ISSUED).schema_text() is not None
    assert topic(DEAD_LETTERS).format == "original"


def test_a_topic_outside_the_catalogue_is_an_error() -> None:
    with pytest.raises(KeyError):
        topic("customer-events")
