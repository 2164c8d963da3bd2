"""Every example record under schemas/examples is what its file says: good and odd ones read, bad ones not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from badges.decisions import LimitFact
from schemas.avro_schema import FOLDER
from schemas.badge_issued import decode_issued
from schemas.catalogue import topics
from schemas.changelog import MARKER_KEY, decode_cut_over, decode_marker
from schemas.customer_action import check_key, decode_action, encode_action
from schemas.decisions import decode_decisions
from schemas.errors import Malformed, UnreadableRecord
from schemas.framing import DeadLetterReason, Rejected, dead_letter_reason
from schemas.hops import decode_hop, encode_hop, hop_key
from schemas.json_action import action_from_json
from schemas.json_decision import decision_lines
from schemas.rules_feed import (
    badge_key,
    decode_record,
    decode_settings,
    encode_record,
    encode_settings,
    settings_key,
)

EXAMPLES = FOLDER / "examples"
LATER = {"retro-runs"}
"""Topics that are in the catalogue, but nothing writes them yet."""
Example = dict[str, Any]


def _examples(*kinds: str) -> list[Any]:
    found = []
    for file in sorted(EXAMPLES.glob("*/*/*.jsonl")):
        if file.stem in kinds:
            topic = file.parent.parent.name
            for line in file.read_text(encoding="utf-8").splitlines():
                example = json.loads(line)
                found.append(pytest.param(topic, example, id=f"{topic}: {example['about']}"))
    return found


def _value(example: Example) -> bytes:
    return example["text"].encode() if "text" in example else bytes.fromhex(example["hex"])


def _action(example: Example) -> None:
    action = action_from_json(example["json"])
    assert decode_action(json.dumps(example["json"]).encode()) == action
    assert decode_action(bytes.fromhex(example["avro"])) == action
    assert encode_action(action).hex() == example["avro"]
    check_key(example["key"].encode(), action)


def _decisions(example: Example) -> None:
    read = decode_decisions(bytes.fromhex(example["avro"]))
    assert example["key"] == f"{read.org_id}:{read.customer_id}"
    lines = decision_lines(read.as_action(), read.decisions, read.processed_at, read.run_id)
    assert lines == example["lines"]


def _issued(example: Example) -> None:
    read = decode_issued(bytes.fromhex(example["avro"]))
    assert example["key"] == f"{read.org_id}:{read.customer_id}"
    fields = {**example["fields"], "benefits": tuple(example["fields"]["benefits"])}
    fields["limits"] = tuple(LimitFact(*limit) for limit in fields["limits"])
    assert read._asdict() == fields
    assert all(json.loads(benefit) for benefit in read.benefits)


def _definition(example: Example) -> None:
    stored = decode_record(_value(example))
    definition = stored.record.definition
    assert example["key"].encode() == badge_key(definition.org_id, definition.badge_id)
    again = encode_record(stored.record, stored.body, stored.author, stored.history)
    assert again == _value(example)
    assert [record.version for record in stored.earlier_records()] == list(range(1, stored.record.version))


def _settings(example: Example) -> None:
    stored = decode_settings(_value(example))
    assert example["key"].encode() == settings_key(stored.settings.org_id)
    again = encode_settings(stored.version, stored.accepted_at, stored.body, stored.author, stored.history)
    assert again == _value(example)
    assert len(stored.earlier_settings()) == stored.version - 1


def _state(example: Example) -> None:
    key = example["key"].encode()
    if key == MARKER_KEY:
        marker = decode_marker(_value(example))
        assert [getattr(marker, name) for name in marker.__slots__] == example["fields"]
    else:
        assert list(decode_cut_over(key, _value(example))) == example["fields"]


def _hop(example: Example) -> None:
    hop = decode_hop(_value(example))
    assert type(hop).__name__ == example["kind"]
    assert hop_key(hop) == example["key"].encode()
    assert encode_hop(hop) == _value(example)


_ORIGIN = {"dlq-message", "dlq-topic", "dlq-partition", "dlq-offset", "dlq-timestamp", "dlq-version"}


def _dead_letter(example: Example) -> None:
    headers = {name: text for name, text in example["headers"].items() if name.startswith("dlq-")}
    if "dlq-resolves" in headers:
        assert headers.keys() == {"dlq-resolves", "dlq-resolution", "dlq-by"}
        assert headers["dlq-resolution"] in ("REPLAYED", "DISCARDED")
        return
    assert headers["dlq-reason"] in get_args(DeadLetterReason)
    assert headers.keys() - {"dlq-schema-id"} == _ORIGIN | {"dlq-reason"}


READ: dict[str, Callable[[Example], None]] = {
    "customer-actions": _action,
    "badge-decisions": _decisions,
    "badge-issued": _issued,
    "badge-definitions": _definition,
    "org-settings": _settings,
    "customer-state": _state,
    "badge-hops": _hop,
    "customer-actions.dead-letters": _dead_letter,
}


@pytest.mark.parametrize(("topic", "example"), _examples("good", "odd"))
def test_a_good_or_odd_example_reads_as_it_says(topic: str, example: Example) -> None:
    READ[topic](example)


@pytest.mark.parametrize(("topic", "example"), _examples("bad"))
def test_a_bad_example_is_refused_for_the_reason_it_says(topic: str, example: Example) -> None:
    with pytest.raises((Rejected, Malformed, UnreadableRecord, AssertionError)) as caught:
        _read_bytes(topic, example)
    if isinstance(caught.value, Rejected | Malformed):
        assert dead_letter_reason(caught.value) == example["reason"]


def _read_bytes(topic: str, example: Example) -> None:
    match topic:
        case "customer-actions":
            decode_action(_value(example))
        case "badge-decisions":
            decode_decisions(_value(example))
        case "badge-issued":
            decode_issued(_value(example))
        case _:
            READ[topic](example)


def test_every_topic_that_is_written_has_good_odd_and_bad_examples_of_its_version() -> None:
    for topic in topics():
        if topic.base_name in LATER:
            continue
        folder = topic.examples
        numbers = _versions(topic.schema_name)
        assert sorted(one.name for one in folder.iterdir()) == numbers
        for number in numbers:
            assert {file.stem for file in (folder / number).iterdir()} == {"good", "odd", "bad"}


def _versions(schema: str | None) -> list[str]:
    if schema is None:
        return ["1"]
    return sorted(Path(file).stem for file in (FOLDER / "history" / schema).glob("*.avsc"))


def test_there_are_no_examples_of_topics_outside_the_catalogue() -> None:
    assert {folder.name for folder in EXAMPLES.iterdir()} <= {topic.base_name for topic in topics()}
