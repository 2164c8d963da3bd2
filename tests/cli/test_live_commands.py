"""Commands against real Kafka and Redis, from topics to a repaired view (contract.md section 1)."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from consumer import reading
from consumer.settings import load_settings
from state.redis_view import RedisView
from tests.cli.conftest import Badges, Ran

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

PATIENCE_S = 120.0
TODAY = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=20)

Process = Callable[..., Ran]


def instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def definition(**changes: Any) -> dict[str, Any]:
    body = {
        "org_id": 7,
        "badge_id": "gold",
        "name": "Gold",
        "type": "DIRECT",
        "starts_at": instant(START),
        "ends_at": instant(TODAY + timedelta(days=60)),
        "issue_expiry": {"type": "RELATIVE", "value": 2, "unit": "DAYS"},
        "issue_on": {"action": "PURCHASE", "sum": "amount", "reaches": 500, "repeat": True},
        "customer_limits": [{"type": "FIXED_WINDOW", "max": 2, "duration": "DAYS", "refresh_rate": 3}],
        **changes,
    }
    return {"badge": {name: value for name, value in body.items() if value is not None}}


def purchase(number: int, customer: str, *, days: int = 5, amount: str = "300") -> dict[str, Any]:
    return {
        "event_id": f"e-{number}",
        "org_id": 7,
        "customer_id": customer,
        "action": "PURCHASE",
        "event_date": instant(TODAY - timedelta(days=days)),
        "amount": amount,
    }


def write(path: Path, *values: Any) -> str:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return str(path)


@pytest.fixture
def prefix(stack: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The addresses of the stack, and topics and a group of the test's own."""
    name = f"cli-{uuid4().hex[:8]}."
    monkeypatch.setenv("BADGES_KAFKA__BOOTSTRAP_SERVERS", stack.bootstrap_servers)
    monkeypatch.setenv("BADGES_REDIS__URL", stack.redis_url)
    monkeypatch.setenv("BADGES_TOPICS__PREFIX", name)
    monkeypatch.setenv("BADGES_CONSUMER__GROUP", f"{name}group")
    return name


@pytest.fixture
def topics(prefix: str, badges: Badges) -> str:
    assert badges("topics", "create", "--partitions", "3").code == 0
    return prefix


@pytest.fixture
def process(prefix: str) -> Process:
    """A command in a process of its own: the consumer takes signals and the log."""

    def run(*words: str) -> Ran:
        program = "import sys; from consumer.cli.app import main; sys.exit(main())"
        done = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, timeout=600
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def decided(topics: str, badges: Badges, process: Process, folder: Path) -> str:
    """One badge, 36 purchases of six customers and three bad records, decided."""
    assert badges("define", write(folder / "gold.jsonl", definition())).code == 0
    acts = [purchase(n, f"c{n % 6}", days=2 + n // 6) for n in range(36)]
    assert badges("publish", write(folder / "acts.jsonl", *acts)).code == 0
    (folder / "bad.jsonl").write_text('nope\n{"org_id": 7, "customer_id": "c1"}\n{"a": 1}\n')
    assert badges("publish", "--raw", str(folder / "bad.jsonl")).code == 0
    ran = process("consume", "--exit-at-end")
    assert ran.code == 0, ran.err
    return topics


def test_topics_are_created_once_and_differences_are_named(prefix: str, badges: Badges) -> None:
    first = badges("topics", "create", "--partitions", "3", "--json")
    assert first.code == 0
    assert {line["result"] for line in first.lines} == {"CREATED"}
    assert f"{prefix}customer-state" in {line["topic"] for line in first.lines}
    again = badges("topics", "create", "--json")
    assert (again.code, {line["result"] for line in again.lines}) == (0, {"EXISTS"})
    other = badges("topics", "create", "--partitions", "4", "--json")
    assert other.code == 6
    differing = {line["topic"]: line["differs"] for line in other.lines if line["result"] == "DIFFERS"}
    assert differing[f"{prefix}customer-actions"] == {"partitions": "is 3, should be 4"}
    assert f"{prefix}badge-definitions" not in differing


def test_commands_before_the_topics_exist_exit_6_and_say_what_to_run(
    prefix: str, badges: Badges, folder: Path
) -> None:
    for words in (
        ["list"],
        ["publish", write(folder / "a.jsonl", purchase(1, "c"))],
        ["verify"],
        ["define", write(folder / "gold.jsonl", definition())],
        ["deactivate", "gold"],
        ["dead-letters", "replay", "0-0"],
        ["tail", "issued", "--exit-at-end"],
    ):
        ran = badges(*words)
        assert ran.code == 6
        assert "`badges topics create`" in ran.err


def test_status_names_both_addresses(prefix: str, badges: Badges) -> None:
    ran = badges("status", "--json")
    assert ran.code == 0
    assert ran.lines[0]["kafka"]["running"]
    assert ran.lines[0]["kafka"]["cluster_id"]
    assert ran.lines[0]["redis"]["running"]


def test_define_creates_changes_and_leaves_alone(topics: str, badges: Badges, folder: Path) -> None:
    settings = {"settings": {"org_id": 7, "timezone": "Asia/Kolkata"}}
    # Settings stand last and are applied first: the badge would fix the zone.
    file = write(folder / "a.jsonl", definition(), settings)
    first = badges("define", file, "--json")
    assert first.code == 0
    assert [line["result"] for line in first.lines] == ["CREATED", "CREATED"]
    assert [line["definition_version"] for line in first.lines] == [1, None]
    again = badges("define", file, "--json")
    assert [line["result"] for line in again.lines] == ["UNCHANGED", "UNCHANGED"]
    changed = badges("define", write(folder / "b.jsonl", definition(name="Golden")), "--json")
    assert [(line["result"], line["definition_version"]) for line in changed.lines] == [("CHANGED", 2)]


def test_a_default_written_out_is_no_change(topics: str, badges: Badges, folder: Path) -> None:
    badges("define", write(folder / "a.jsonl", definition()))
    ran = badges("define", write(folder / "b.jsonl", definition(active=True)), "--json")
    assert ran.lines[0]["result"] == "UNCHANGED"


def test_nothing_is_published_unless_all_documents_are_valid(
    topics: str, badges: Badges, folder: Path
) -> None:
    file = write(folder / "a.jsonl", definition(), definition(badge_id="b", name="B", ends_at=instant(START)))
    ran = badges("define", file, "--json")
    assert ran.code == 3
    assert ran.lines[1]["result"] == "REFUSED"
    assert ran.lines[1]["error"]["code"] == 720
    assert badges("list", "--json").out == ""


def test_limits_over_all_customers_are_accepted_from_the_first_version_on_and_later(
    topics: str, badges: Badges, folder: Path
) -> None:
    for number, limits in enumerate(([{"type": "OVERALL", "max": 10}], [], [{"type": "OVERALL", "max": 10}])):
        file = write(folder / f"{number}.jsonl", definition(badge_limits=limits))
        assert badges("define", file, "--json").lines[0]["result"] in ("CREATED", "CHANGED")


def test_a_dry_run_publishes_nothing(topics: str, badges: Badges, folder: Path) -> None:
    ran = badges("define", write(folder / "a.jsonl", definition()), "--dry-run", "--json")
    assert ran.lines[0]["result"] == "CREATED"
    assert badges("list", "--json").out == ""


def test_a_window_edit_says_when_it_takes_effect(topics: str, badges: Badges, folder: Path) -> None:
    badges("define", write(folder / "a.jsonl", definition()))
    weekly = [{"type": "FIXED_WINDOW", "max": 5, "duration": "WEEKS"}]
    ran = badges("define", write(folder / "b.jsonl", definition(customer_limits=weekly)))
    shown = badges("show", "gold", "--json").lines[0]
    upcoming = shown["configurations"]["CUSTOMER"][1]
    assert upcoming["status"] == "UPCOMING"
    assert f"5 per WEEK from MONDAY takes effect on {upcoming['starts_on']}" in ran.out


def test_an_edit_names_what_changes_and_what_a_line_can_hold_of_it(
    topics: str, badges: Badges, folder: Path
) -> None:
    badges("define", write(folder / "a.jsonl", definition()))
    changes = {
        "name": "Golden",
        "issue_on": {"action": "PURCHASE", "count": True, "reaches": 2},
        "benefits": [{"type": "COUPON"}],
    }
    ran = badges("define", write(folder / "b.jsonl", definition(**changes)), "--dry-run")
    assert [line.strip() for line in ran.out.splitlines()][1:] == [
        "name: Gold -> Golden",
        "issue_on: changed",
        "benefits: none -> set",
    ]


def test_list_and_show_know_the_badge(topics: str, badges: Badges, folder: Path) -> None:
    badges("define", write(folder / "a.jsonl", definition()))
    [row] = badges("list", "--json").lines
    assert (row["org_id"], row["badge_id"], row["status"], row["active"]) == (7, "gold", "LIVE", True)
    [page] = badges("show", "gold", "--json").lines
    assert page["definition_version"] == 1
    assert page["badge"] == definition()["badge"]
    assert [one["status"] for one in page["configurations"]["CUSTOMER"]] == ["ACTIVE"]
    assert "gold" in badges("show", "gold").out


def test_what_show_prints_defines_the_badge_that_is_in_force(
    topics: str, badges: Badges, folder: Path
) -> None:
    where = {"store": ["1.50", "on", "1e3"], "channel": 1.5, "amount": {"min": 0.25}}
    issue_on = {"action": "PURCHASE", "where": where}
    assert badges("define", write(folder / "a.jsonl", definition(issue_on=issue_on))).code == 0
    (folder / "shown.yaml").write_text(badges("show", "gold").out)
    assert badges("define", "shown.yaml", "--json").lines[0]["result"] == "UNCHANGED"


def test_activation_is_an_edit_of_one_field(topics: str, badges: Badges, folder: Path) -> None:
    badges("define", write(folder / "a.jsonl", definition()))
    assert badges("activate", "gold", "--json").lines[0]["result"] == "UNCHANGED"
    assert badges("deactivate", "gold", "--json").lines[0]["definition_version"] == 2
    assert not badges("list", "--json").lines[0]["active"]
    assert badges("activate", "gold", "--json").lines[0]["definition_version"] == 3


def test_the_org_may_be_left_out_only_where_one_is_known(topics: str, badges: Badges, folder: Path) -> None:
    file = write(folder / "a.jsonl", definition(), definition(org_id=8))
    assert badges("define", file).code == 0
    unclear = badges("show", "gold")
    assert unclear.code == 2
    assert "--org" in unclear.err
    assert badges("show", "gold", "--org", "8", "--json").lines[0]["badge"]["org_id"] == 8
    missing = badges("show", "golf", "--org", "8")
    assert (missing.code, "did you mean gold?" in missing.err) == (2, True)


def test_who_is_fenced_is_told_that_someone_else_is_defining(
    topics: str, badges: Badges, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from consumer import definitions_store

    judged = definitions_store._Draft.judge

    def slow(draft: Any, documents: Any) -> Any:
        other = Producer(
            {
                "bootstrap.servers": load_settings().kafka.bootstrap_servers,
                "transactional.id": f"{topics}define",
            }
        )
        other.init_transactions(PATIENCE_S)
        return judged(draft, documents)

    monkeypatch.setattr(definitions_store._Draft, "judge", slow)
    ran = badges("define", write(folder / "a.jsonl", definition()))
    assert ran.code == 4
    assert "someone else is defining" in ran.err
    monkeypatch.undo()


def test_rejected_rows_are_named_and_the_others_sent(topics: str, badges: Badges, folder: Path) -> None:
    file = folder / "a.jsonl"
    file.write_text(
        json.dumps(purchase(1, "c")) + "\nnope\n" + json.dumps({**purchase(2, "c"), "org_id": "7"})
    )
    ran = badges("publish", str(file), "--json")
    assert ran.code == 5
    [answer] = ran.lines
    assert answer["sent"] == 1
    assert [one["line"] for one in answer["rejected"]] == [2, 3]
    assert "line 2:" in ran.err


def test_a_raw_line_that_the_topic_cannot_take_is_named_and_the_others_sent(
    topics: str, badges: Badges, folder: Path
) -> None:
    file = folder / "a.jsonl"
    # The topic takes a mebibyte, the client sends ten: one is refused by the broker, one by the client.
    sizes = (1, 1_500_000, 12_000_000, 1)
    file.write_bytes(b"\n".join(random.Random(size).randbytes(size).hex().encode() for size in sizes))
    ran = badges("publish", "--raw", str(file), "--json")
    assert ran.code == 5
    [answer] = ran.lines
    assert answer["sent"] == 2
    assert [one["line"] for one in answer["rejected"]] == [2, 3]
    assert "max.message.bytes" in ran.err


def test_decisions_are_tailed_as_simulate_prints_them(decided: str, badges: Badges) -> None:
    ran = badges("tail", "decisions", "--from-beginning", "--exit-at-end")
    assert ran.code == 0
    assert len(ran.lines) == 36
    assert {line["outcome"] for line in ran.lines} == {"COUNTED", "ISSUED"}
    assert list(ran.lines[0])[:5] == ["at", "event_id", "org_id", "customer_id", "badge_id"]
    issued = badges("tail", "issued", "--from-beginning", "--exit-at-end").lines
    ids = [line["issuance_id"] for line in ran.lines if line["outcome"] == "ISSUED"]
    assert sorted(line["issuance_id"] for line in issued) == sorted(ids)
    assert badges("tail", "issued", "--exit-at-end").out == ""


def test_a_customer_is_shown_with_counters(decided: str, badges: Badges) -> None:
    [answer] = badges("customer", "c1", "--json").lines
    assert answer["customer_id"] == "c1"
    assert len(answer["issuances"]) == 3
    assert answer["progress"][0]["progress"] == "1800"
    [counter] = answer["counters"]
    assert (counter["badge_id"], counter["type"], counter["max"]) == ("gold", "FIXED_WINDOW", 2)
    [stranger] = badges("customer", "nobody", "--json").lines
    assert (stranger["registered_at"], stranger["issuances"]) == (None, [])


def test_windows_count_a_customers_issuances(decided: str, badges: Badges) -> None:
    customer_level, badge_level = badges("windows", "gold", "--customer", "c1", "--json").lines
    assert sum(cycle["count"] for cycle in customer_level["cycles"]) == 3
    assert badge_level["configurations"] == []


def test_why_tells_each_decision(decided: str, badges: Badges) -> None:
    ran = badges("why", "c1", "gold")
    assert ran.code == 0
    assert "ISSUED, retro" in ran.out
    [configuration] = badges("show", "gold", "--json").lines[0]["configurations"]["CUSTOMER"]
    assert f"3 DAYS since {START:%Y-%m-%d}, configuration {configuration['configuration_id']}" in ran.out
    assert len(badges("why", "c1", "gold", "--json").lines) == 6


def test_why_explains_on_request_what_yielded_nothing_by_the_rules_of_that_time(
    topics: str, badges: Badges, process: Process, folder: Path
) -> None:
    def selling(*channels: str) -> dict[str, Any]:
        issue_on = {"action": "PURCHASE", "where": {"channel": list(channels)}}
        return definition(issue_on=issue_on, customer_limits=[])

    def bought(number: int, channel: str, **fields: Any) -> dict[str, Any]:
        return {**purchase(number, "c", **fields), "attributes": {"channel": channel}}

    early = [
        bought(1, "shop"),
        bought(2, "web", days=40),
        bought(3, "web"),
        {**bought(4, "web"), "action": "VISIT"},
    ]
    for number, (rules, acts) in enumerate(((selling("web"), early), (selling("shop"), [bought(5, "shop")]))):
        assert badges("define", write(folder / f"{number}.jsonl", rules)).code == 0
        assert badges("publish", write(folder / f"acts-{number}.jsonl", *acts)).code == 0
        assert process("consume", "--exit-at-end").code == 0
    badges("publish", write(folder / "later.jsonl", bought(6, "web")))
    assert [line["event_id"] for line in badges("why", "c", "gold", "--json").lines] == ["e-3", "e-5"]
    explained = badges("why", "c", "gold", "--explain", "--json").lines[2:]
    assert [(line["event_id"], line["noise"]) for line in explained] == [
        ("e-1", "NO_MATCH"),
        ("e-2", "OUTSIDE_PERIOD"),
    ]
    assert list(explained[0]) == ["at", "event_id", "org_id", "customer_id", "badge_id", "noise"]
    day = f"{TODAY - timedelta(days=40):%Y-%m-%d}"
    words = badges("why", "c", "gold", "--explain", "--date", day).out
    assert "no record, OUTSIDE_PERIOD: the act lies outside the badge's period" in words
    assert "e-1" not in words


@pytest.mark.parametrize("words", [["why", "c", "gold"], ["verify", "--issued"]])
def test_a_decision_that_cannot_be_read_is_exit_6_with_its_place(
    topics: str, badges: Badges, folder: Path, words: list[str]
) -> None:
    badges("define", write(folder / "gold.jsonl", definition()))
    producer = Producer(
        {
            "bootstrap.servers": load_settings().kafka.bootstrap_servers,
            "partitioner": "murmur2_random",
        }
    )
    producer.produce(f"{topics}badge-decisions", key=b"7:c", value=b"\x00\x00\x00\x00\x01framed")
    producer.flush(PATIENCE_S)
    ran = badges(*words)
    assert ran.code == 6
    assert f"{topics}badge-decisions/" in ran.err
    assert "registry.url" in ran.err


def test_verify_agrees_after_a_run_and_finds_what_was_lost(decided: str, badges: Badges) -> None:
    [answer] = badges("verify", "--json").lines
    assert answer["equal"]
    assert sum(one["documents"] for one in answer["partitions"]) == 6
    settings = load_settings()
    assert settings.redis.url is not None
    view = RedisView(settings.redis.url.get_secret_value(), prefix=decided)
    partition = next(one["partition"] for one in answer["partitions"] if one["documents"])
    held = view.claim(partition, view.marker(partition))
    view.clear(partition, held)
    view.close()
    ran = badges("verify", "--json")
    assert ran.code == 6
    assert not ran.lines[0]["equal"]
    assert any(one["differences"] for one in ran.lines[0]["partitions"])
    assert "`badges rebuild`" in ran.err
    assert badges("rebuild").code == 0
    assert badges("verify", "--json").lines[0]["equal"]


def test_dead_letters_are_listed_replayed_and_discarded(
    decided: str, badges: Badges, process: Process, folder: Path
) -> None:
    letters = badges("dead-letters", "list", "--json").lines
    assert sorted(one["reason"] for one in letters) == ["MALFORMED_ACTION", "MALFORMED_ACTION", "UNDECODABLE"]
    assert {one["status"] for one in letters} == {"OPEN"}
    first = next(one["id"] for one in letters if one["reason"] == "UNDECODABLE")
    page = badges("dead-letters", "show", first, "--json").lines[0]
    assert (page["key"], page["value"]) == (None, "nope")
    assert badges("dead-letters", "replay", first).code == 0
    twice = badges("dead-letters", "replay", first)
    assert (twice.code, "REPLAYED already" in twice.err) == (5, True)
    assert process("consume", "--exit-at-end").code == 0
    after = badges("dead-letters", "list", "--json").lines
    assert len(after) == 4
    assert badges("dead-letters", "discard", "--all", "--yes").code == 0
    assert badges("dead-letters", "list", "--open", "--json").out == ""


def test_a_replayed_record_keeps_key_value_and_headers(topics: str, badges: Badges) -> None:
    settings = load_settings()
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap_servers})
    headers: list[tuple[str, str | bytes | None]] = [
        ("trace", b"\x00\xff"),
        ("trace", b"2"),
        ("dlq-reason", b"EMPTY"),
        ("dlq-offset", b"9"),
    ]
    producer.produce(
        f"{topics}customer-actions.dead-letters", key=b"7:c", value=b"\x01\x02", headers=headers, partition=1
    )
    producer.flush(PATIENCE_S)
    assert badges("dead-letters", "replay", "1-0").code == 0
    from consumer.broker import Broker
    from consumer.reading import read_everything

    [message] = read_everything(Broker(settings), "customer-actions")
    assert (message.key(), message.value()) == (b"7:c", b"\x01\x02")
    assert message.headers() == [("trace", b"\x00\xff"), ("trace", b"2")]
    tailed = badges("tail", "dead-letters", "--from-beginning", "--exit-at-end").lines
    assert tailed[0]["value"] == "\x01\x02"
    assert (tailed[1]["resolves"], tailed[1]["resolution"]) == ("1-0", "REPLAYED")


def test_headers_that_a_record_came_with_close_and_name_no_dead_letter(topics: str, badges: Badges) -> None:
    settings = load_settings()
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap_servers})
    came: list[tuple[str, str | bytes | None]] = [
        ("dlq-reason", b"EMPTY"),
        ("dlq-resolves", b"1-0"),
        ("dlq-resolution", b"DISCARDED"),
        ("dlq-stub", b"1"),
        ("dlq-id", b"9-9"),
    ]
    for headers in ([], came):
        producer.produce(
            f"{topics}customer-actions.dead-letters",
            key=b"7:c",
            value=b"\x01",
            headers=[*headers, ("dlq-reason", b"UNDECODABLE"), ("dlq-offset", b"9")],
            partition=1,
        )
    producer.flush(PATIENCE_S)
    listed = badges("dead-letters", "list", "--json").lines
    assert [(one["id"], one["status"], one["reason"]) for one in listed] == [
        ("1-0", "OPEN", "UNDECODABLE"),
        ("1-1", "OPEN", "UNDECODABLE"),
    ]
    tailed = badges("tail", "dead-letters", "--from-beginning", "--exit-at-end").lines
    assert [sorted(line) for line in tailed] == [["id", "key", "offset", "reason", "value"]] * 2
    assert [line["id"] for line in tailed] == ["1-0", "1-1"]
    assert badges("dead-letters", "replay", "1-1").code == 0
    from consumer.broker import Broker
    from consumer.reading import read_to_end

    [message] = read_to_end(Broker(settings), "customer-actions")
    assert message.headers() == came


def test_an_open_transaction_is_neither_printed_nor_waited_for(topics: str, badges: Badges) -> None:
    topic = f"{topics}customer-actions.dead-letters"
    producer = transaction(topics)
    producer.produce(topic, value=b"committed", partition=0)
    producer.commit_transaction(PATIENCE_S)
    producer.begin_transaction()
    producer.produce(topic, value=b"open", partition=0)
    producer.flush(PATIENCE_S)
    tailed = badges("tail", "dead-letters", "--from-beginning", "--exit-at-end")
    assert [line["value"] for line in tailed.lines] == ["committed"]
    producer.abort_transaction(PATIENCE_S)
    assert [line["id"] for line in badges("dead-letters", "list", "--json").lines] == ["0-0"]


def test_what_was_committed_a_moment_ago_is_printed_although_it_still_looks_open(
    topics: str, badges: Badges, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker confirms a commit before it has written the markers that readers wait for."""
    producer = transaction(topics)
    producer.produce(f"{topics}customer-actions.dead-letters", value=b"just now", partition=0)
    producer.flush(PATIENCE_S)
    ends = reading.stable_ends

    def before_the_markers(*asked: Any) -> dict[int, int]:
        found = ends(*asked)
        monkeypatch.setattr(reading, "stable_ends", ends)
        producer.commit_transaction(PATIENCE_S)
        return found

    monkeypatch.setattr(reading, "stable_ends", before_the_markers)
    tailed = badges("tail", "dead-letters", "--from-beginning", "--exit-at-end")
    assert [line["value"] for line in tailed.lines] == ["just now"]


def transaction(topics: str) -> Producer:
    """A producer with a transaction that has begun."""
    servers = load_settings().kafka.bootstrap_servers
    identity = {"transactional.id": f"{topics}test", "transaction.timeout.ms": 900_000}
    producer = Producer({"bootstrap.servers": servers, **identity})
    producer.init_transactions(PATIENCE_S)
    producer.begin_transaction()
    return producer
