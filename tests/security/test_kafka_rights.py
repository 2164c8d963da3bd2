"""docs/rights.md, line by line: enough, and none too many. Row 55 of the fault matrix."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.customer_action import customer_key, encode_action
from tests.live.shop import customers_of, purchase, record_of
from tests.security.conftest import Command, Ground, Ran
from tests.security.guarded import Right
from tests.security.page import command_rights, worker_rights

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.row(55)]

READ = [right for right in worker_rights() if right.resource == "TOPIC" and right.operation == "READ"]


def feed(ground: Ground) -> str:
    """A good record, a malformed one and one in a wrong partition; the customer of the good one."""
    good = f"good-{next(ground.numbers)}"
    astray = customers_of(1, 1)[0]
    event = f"e{next(ground.numbers)}"
    with ground.shop.batch() as send:
        send(*record_of(good))
        send(0, b"7:x", b"no action")
        send(2, customer_key(7, astray), encode_action(purchase(astray, event)))
    return good


def denied(ran: Ran, right: Right) -> bool:
    """Exit 3, and the last line names what is denied."""
    last = (ran.err.splitlines() or [""])[-1]
    what = {"TOPIC": right.name.rstrip("*"), "GROUP": "group", "TRANSACTIONAL_ID": "transactional id"}
    return (
        ran.code == 3 and "Kafka denies" in last and what[right.resource] in last and "docs/rights.md" in last
    )


def test_a_worker_with_the_listed_rights_does_all_its_work(ground: Ground) -> None:
    user = ground.a_user()
    ground.kafka.grant(user, worker_rights())
    good = feed(ground)
    letters = len(ground.shop.read("customer-actions.dead-letters"))
    ran = ground.worker(ground.environment(ground.kafka.client(user)))
    assert ran.code == 0, ran.err[-2000:]
    assert good in ground.shop.issued_to()
    assert len(ground.shop.read("customer-actions.dead-letters")) > letters


@pytest.mark.thorough
@pytest.mark.parametrize("lacking", worker_rights(), ids=str)
def test_a_worker_without_one_right_ends_with_3_and_names_it(ground: Ground, lacking: Right) -> None:
    user = ground.a_user()
    ground.kafka.grant(user, [right for right in worker_rights() if right != lacking])
    feed(ground)
    ran = ground.worker(ground.environment(ground.kafka.client(user)))
    assert denied(ran, lacking), (ran.code, ran.err[-2000:])
    if lacking.resource == "TOPIC":
        assert (
            f"Kafka denies {lacking.operation} on topic {lacking.name}" in ran.err
            or "DESCRIBE" not in ran.err
        )


@pytest.mark.parametrize("lacking", READ, ids=str)
def test_a_worker_that_sees_a_topic_but_may_not_read_it_is_not_idle(ground: Ground, lacking: Right) -> None:
    user = ground.a_user()
    rights = [right for right in worker_rights() if right != lacking]
    ground.kafka.grant(user, [*rights, Right("TOPIC", lacking.name, "DESCRIBE")])
    feed(ground)
    ran = ground.worker(ground.environment(ground.kafka.client(user)))
    assert ran.code == 3
    assert f"Kafka denies READ on topic {lacking.name}: grant it" in ran.err.splitlines()[-1]


def decided(ground: Ground) -> None:
    """Something is in every topic."""
    feed(ground)
    root = ground.environment("{}", address=ground.kafka.open_address)
    assert ground.worker(root).code == 0


def lines_of(name: str, ground: Ground, folder: Path) -> list[list[str]]:
    """Command lines that need all rights of a row of the page."""
    action = {"event_id": f"p{next(ground.numbers)}", "org_id": 7, "customer_id": "p", "action": "PURCHASE"}
    action["event_date"] = ground.shop.a_day_ago()
    (folder / "actions.jsonl").write_text(json.dumps(action) + "\n")
    (folder / "badges.yaml").write_text(
        "settings: {org_id: 8}\n---\nbadge: {org_id: 8, badge_id: b, name: B, type: DIRECT, "
        f'description: "{next(ground.numbers)}", starts_at: "2026-01-01T00:00:00Z", '
        'ends_at: "2036-01-01T00:00:00Z", issue_expiry: {type: NEVER}}\n'
    )
    letter = f"0-{ground.shop.read('customer-actions.dead-letters')[0].offset()}"
    new = ["--set", f"topics.prefix=sec.n{next(ground.numbers)}."]
    end = ["--from-beginning", "--exit-at-end"]
    return {
        "topics create": [["topics", "create", "--partitions", "4", *new]] * 2,  # made, then compared
        "publish": [["publish", str(folder / "actions.jsonl")]],
        "define, activate, deactivate": [
            ["define", str(folder / "badges.yaml")],
            ["deactivate", "every", "--org", "7"],
            ["activate", "every", "--org", "7"],
        ],
        "list, show": [["list"], ["show", "every"]],
        "customer, windows": [["customer", "1", "--org", "7"], ["windows", "every", "--customer", "1"]],
        "why": [["why", "1", "every"]],
        "tail issued": [["tail", "issued", *end]],
        "tail decisions": [["tail", "decisions", *end]],
        "tail dead-letters, dead-letters list, dead-letters show": [
            ["tail", "dead-letters", *end],
            ["dead-letters", "list"],
            ["dead-letters", "show", letter],
        ],
        "dead-letters replay, dead-letters discard": [["dead-letters", "replay", "--all", "--yes"]],
        "verify": [["verify"]],
        "verify --issued": [["verify", "--issued"]],
        "rebuild": [["rebuild"]],
    }[name]


@pytest.mark.thorough
@pytest.mark.parametrize("name", command_rights())
def test_a_command_works_with_the_listed_rights_and_ends_with_3_without_any_one_of_them(
    ground: Ground, command: Command, tmp_path: Path, name: str
) -> None:
    rights = command_rights()[name]
    decided(ground)
    enough = ground.a_user()
    ground.kafka.grant(enough, rights)
    for words in lines_of(name, ground, tmp_path):
        ran = command(ground.kafka.client(enough), *words)
        assert ran.code == 0, (words, ran)
    if "replay" in name:
        decided(ground)  # dead letters that are open
    for lacking in rights:
        user = ground.a_user()
        ground.kafka.grant(user, [right for right in rights if right != lacking])
        refused = [command(ground.kafka.client(user), *words) for words in lines_of(name, ground, tmp_path)]
        assert any(denied(ran, lacking) for ran in refused), (str(lacking), refused)
