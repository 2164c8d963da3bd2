"""A customer kept as documents is decided like one in memory, and costs the same in old age as in youth."""

from __future__ import annotations

import random

import pytest

from badges.actions import CustomerAction
from badges.customer import CustomerState, PageMissing
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
from state.errors import ViewError
from state.loader import Wanted, WantedPages, changed_documents, load_pages, load_states
from state.marker import RedisMarker
from state.memory_view import MemoryView
from state.view import Document

DAY = 86_400_000
START = 19_000 * DAY


def rules() -> OrgRules:
    settings = OrgSettings(7, "Europe/Berlin", retro_max_age_days=3650)
    criteria = {
        "free": (Criterion(("PURCHASE",)), LevelLimits()),
        "window": (Criterion(("PURCHASE",)), LevelLimits(fixed=FixedWindow(3, Shape("DAYS", 5)))),
        "rolling": (Criterion(("PURCHASE",)), LevelLimits(rolling=(Rolling(9, 3, "DAYS"),))),
        "sum": (
            Criterion(("PURCHASE",), measure=Measure(None, Shape("MONTHS")), reaches=3_000_000, repeat=True),
            LevelLimits(),
        ),
    }
    records: dict[str, BadgeRecord] = {}
    for badge_id, (criterion, limits) in criteria.items():
        definition = BadgeDefinition(
            7,
            badge_id,
            badge_id,
            "DIRECT",
            START,
            START + 20_000 * DAY,
            Expiry("NEVER"),
            issue_on=criterion,
            customer_limits=limits,
        )
        records[badge_id] = accept(definition, None, records, settings, START)
    return compile_org(settings, records)


class Kept:
    """One customer in a view; between two events nothing of it stays in memory."""

    def __init__(self) -> None:
        self.view = MemoryView()
        self.marker: RedisMarker | None = None
        self.written = 0

    def state(self) -> CustomerState:
        found = load_states(self.view, [Wanted(0, self.marker, [(7, "c")])])[0]
        assert not isinstance(found, ViewError)
        return found[0]

    def decide(self, action: CustomerAction, book: OrgRules, at: int) -> Verdict:
        state = self.state()
        while True:
            try:
                verdict = decide(action, state, book, at)
                evolve(state, action, verdict, book, at)
                break
            except PageMissing as missing:
                pages = WantedPages(0, self.marker, [(state, missing.keys)])
                assert load_pages(self.view, [pages]) == {0: None}
        documents = [Document(key, 0, value) for key, value in changed_documents(state)]
        self.written += sum(len(document.key) + len(document.value or b"") for document in documents)
        sequence = self.marker.sequence + 1 if self.marker else 1
        following = RedisMarker(sequence, "c", "t", sequence, at, (), 0)
        self.view.apply(0, self.marker, documents, following)
        self.marker = following
        return verdict


def purchases(count: int, seed: int, late: float, hours: int = 12) -> list[tuple[int, CustomerAction]]:
    chance = random.Random(seed)
    at = START
    actions = []
    for number in range(count):
        at += chance.randrange(hours * 3_600_000)
        event_date = max(START, at - chance.randrange(90) * DAY if chance.random() < late else at)
        event_id = f"e{chance.randrange(number + 1) if chance.random() < 0.1 else number}"
        actions.append((at, CustomerAction(7, event_id, "c", "PURCHASE", event_date, 1_000_000)))
    return actions


@pytest.mark.parametrize("seed", [1, 2])
def test_a_customer_kept_as_documents_is_decided_like_one_in_memory(seed: int) -> None:
    book = rules()
    kept = Kept()
    whole = CustomerState(7, "c")
    for at, action in purchases(400, seed, late=0.5):
        verdict = decide(action, whole, book, at)
        evolve(whole, action, verdict, book, at)
        assert kept.decide(action, book, at) == verdict


@pytest.mark.slow
def test_once_a_customer_has_pages_the_bytes_written_an_event_stay_flat_to_ten_thousand_events() -> None:
    book = rules()
    kept = Kept()
    written = []
    for at, action in purchases(10_000, 3, late=0.1, hours=1):
        kept.written = 0
        kept.decide(action, book, at)
        written.append(kept.written)
    young, old = sum(written[1_000:2_000]) / 1_000, sum(written[9_000:]) / 1_000
    assert old <= 1.2 * young, f"{young:.0f} bytes an event at first, {old:.0f} later"
