"""A customer whose pages are loaded only on demand is decided like one that is whole in memory."""

from __future__ import annotations

import random
from hashlib import sha256
from typing import Any

import pytest

from badges.actions import CustomerAction
from badges.calendar import parse_instant
from badges.customer import CustomerState, PageKey, PageMissing, bucket_of, split_of
from badges.decide import decide
from badges.decisions import Verdict
from badges.definitions import (
    BadgeDefinition,
    BadgeRecord,
    Criterion,
    Expiry,
    FixedWindow,
    LevelLimits,
    Measure,
    OrgSettings,
    Rolling,
    Shape,
)
from badges.edits import accept
from badges.evolve import evolve
from badges.rulebook import OrgRules, compile_org
from tests.states import copied

DAY = 86_400_000


def _instant(text: str) -> int:
    instant = parse_instant(text)
    assert instant is not None
    return instant


START = _instant("2023-01-01T00:00:00Z")


def _rules() -> OrgRules:
    settings = OrgSettings(7, "Europe/Berlin", retro_max_age_days=3650)
    limits = {
        "window": LevelLimits(fixed=FixedWindow(3, Shape("DAYS", 5))),
        "rolling": LevelLimits(rolling=(Rolling(9, 3, "DAYS"), Rolling(40, 2, "WEEKS")), overall=4_000),
        "free": LevelLimits(),
    }
    records: dict[str, BadgeRecord] = {}
    for badge_id, customer_limits in limits.items():
        definition = BadgeDefinition(
            7,
            badge_id,
            badge_id,
            "DIRECT",
            START,
            START + 2_000 * DAY,
            Expiry("NEVER"),
            issue_on=Criterion(("PURCHASE",)),
            customer_limits=customer_limits,
        )
        records[badge_id] = accept(definition, None, records, settings, START)
    counted = BadgeDefinition(
        7,
        "sum",
        "sum",
        "DIRECT",
        START,
        START + 2_000 * DAY,
        Expiry("NEVER"),
        issue_on=Criterion(
            ("PURCHASE",), measure=Measure(None, Shape("MONTHS")), reaches=3_000_000, repeat=True
        ),
    )
    records["sum"] = accept(counted, None, records, settings, START)
    return compile_org(settings, records)


class _Paged:
    """Keeps the pages outside the state between actions, as a view does, and counts what was demanded."""

    def __init__(self) -> None:
        self.state = CustomerState(7, "c")
        self.stored: dict[PageKey, Any] = {}
        self.demands = 0

    def decide(self, action: CustomerAction, rules: OrgRules, at: int) -> Verdict:
        while True:
            before = copied(self.state.pages)
            try:
                verdict = decide(action, self.state, rules, at)
                evolve(self.state, action, verdict, rules, at)
            except PageMissing as missing:
                assert self.state.pages == before or set(self.state.pages) == set(before)
                self.demands += 1
                for key in missing.keys:
                    self.state.pages[key] = self.stored[key]
                continue
            for key in self.state.dirty:
                self.stored[key] = self.state.pages[key]
            unsaved = set(self.state.pages) - set(self.stored)
            assert not unsaved, "a page that was made is marked as changed"
            self.state.dirty.clear()
            self.state.pages.clear()
            return verdict


def _actions(count: int, seed: int) -> list[tuple[int, CustomerAction]]:
    chance = random.Random(seed)
    at = START
    actions = []
    for number in range(count):
        at += chance.randrange(DAY // 2)
        event_date = at - chance.randrange(90) * DAY if chance.random() < 0.5 else at
        event_id = f"e{chance.randrange(number + 1) if chance.random() < 0.1 else number}"
        kind = "PURCHASE" if chance.random() < 0.93 else "REGISTER"
        actions.append((at, CustomerAction(7, event_id, "c", kind, max(event_date, START))))
    return actions


@pytest.mark.parametrize("seed", range(3))
def test_pages_loaded_on_demand_give_the_same_verdicts_as_a_state_held_whole(seed: int) -> None:
    rules = _rules()
    whole, paged = CustomerState(7, "c"), _Paged()
    chance = random.Random(seed)
    issued: list[tuple[str, str]] = []
    for at, made in _actions(600, seed):
        action = made
        if issued and chance.random() < 0.08:
            badge_id, issuance_id = issued.pop(chance.randrange(len(issued)))
            action = action._replace(action="REVOKE_ISSUE", badge_id=badge_id, issuance_id=issuance_id)
        expected = decide(action, whole, rules, at)
        evolve(whole, action, expected, rules, at)
        assert paged.decide(action, rules, at) == expected
        issued += [
            (d.badge_id, d.issuance_id) for d in expected.decisions if d.outcome == "ISSUED" and d.issuance_id
        ]
    assert paged.demands > 100
    assert whole.seen_buckets > 10
    assert max(badge.sealed for badge in whole.badges.values()) > 5
    assert max(len(badge.blocks) for badge in whole.badges.values()) > 2


@pytest.mark.parametrize("buckets", [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33])
def test_one_more_bucket_moves_digests_out_of_the_split_bucket_only(buckets: int) -> None:
    chance = random.Random(buckets)
    for _ in range(500):
        digest = chance.randbytes(16)
        before, after = bucket_of(digest, buckets), bucket_of(digest, buckets + 1)
        assert 0 <= before < buckets
        assert after == before or (before == split_of(buckets) and after == buckets)


@pytest.mark.parametrize(
    ("number", "buckets", "bucket"),
    [(1, 1, 0), (2, 3, 2), (3, 1_000, 907), (4, 1_000_003, 860_102), (5, 1 << 31, 1_669_043_243)],
)
def test_a_digest_has_the_bucket_that_stored_states_put_it_into(
    number: int, buckets: int, bucket: int
) -> None:
    assert bucket_of(sha256(b"%d" % number).digest()[:16], buckets) == bucket
