"""Decisions in words, and what they add up to."""

from __future__ import annotations

from io import StringIO
from typing import get_args

import pytest
from rich.console import Console

from badges.actions import CustomerAction
from badges.calendar import zone
from badges.decisions import Decision, LimitFact, Reason
from consumer.demo.screen import bar
from consumer.demo.tally import tally_of
from consumer.demo.words import REASONS, sentences
from schemas.decisions import encode_decisions

NEW_YORK = zone("America/New_York")
NAMES = {"regular": "Regular"}
DAY = 739_782  # Mon 15 Jun 2026


def test_every_reason_has_words() -> None:
    assert set(REASONS) == set(get_args(Reason))


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (
            Decision("regular", "REFUSED", "BADGE_UPCOMING"),
            "no Regular: badge has not begun",
        ),
        (
            Decision("regular", "COUNTED", progress=120_500_000, reaches=500_000_000),
            "Regular moves on (120.5 of 500)",
        ),
        (
            Decision("regular", "ISSUED", limits=(LimitFact("CUSTOMER", "OVERALL", 3, 2, None, None),)),
            "earns Regular (2 of 3 in all)",
        ),
        (
            Decision("regular", "ISSUED", limits=(LimitFact("BADGE", "OVERALL", 500, 37, None, None),)),
            "earns Regular (place 37 of 500 in all)",
        ),
        (
            Decision(
                "regular",
                "REFUSED",
                "LIMIT_OVERALL",
                limit=LimitFact("BADGE", "OVERALL", 500, 500, None, None),
            ),
            "no Regular: all places are given, 500 of 500 in all",
        ),
        (Decision("regular", "ENROLLED"), "joins Regular"),
        (Decision("regular", "REVOKED"), "Regular: revoked"),
    ],
)
def test_a_decision_is_one_sentence(decision: Decision, sentence: str) -> None:
    assert sentences((decision,), NAMES, NEW_YORK) == [sentence]


def test_several_issues_of_one_act_are_told_once_and_good_news_first() -> None:
    issued = Decision("regular", "ISSUED", limits=())
    told = sentences((Decision("a", "COUNTED"), issued, issued), NAMES, NEW_YORK)
    assert told == ["earns Regular 2 times", "a moves on"]


def test_a_full_window_is_told_with_its_days() -> None:
    full = LimitFact("CUSTOMER", "FIXED_WINDOW", 2, 2, DAY - 1, DAY + 1)
    refused = Decision("regular", "REFUSED", "LIMIT_FIXED_WINDOW", limit=full)
    (told,) = sentences((refused,), NAMES, NEW_YORK)
    assert told.startswith("no Regular: window full, 2 of 2 from ")


def test_the_tally_counts_only_its_org() -> None:
    issued = Decision("b", "ISSUED", issuance_id="c626a67b-d336-5a39-b0b0-96908daa238c", limits=())
    refused = Decision("b", "REFUSED", "BADGE_UPCOMING")
    values = [
        encode_decisions(CustomerAction(org, f"e-{org}", "c", "PURCHASE", 0), (issued, refused), 0)
        for org in (7, 8)
    ]
    tally = tally_of(values, 7, "c")
    assert (tally.actions, tally.decisions, tally.issued) == (1, 2, 1)
    assert tally.badges["b"].holders == {"c"}
    assert tally.badges["b"].refused == {("BADGE_UPCOMING", None): 1}
    assert [record.event_id for record in tally.story] == ["e-7"]


def test_an_act_whose_place_was_waited_for_is_one_act_with_both_records_decisions() -> None:
    act = CustomerAction(7, "e", "c", "PURCHASE", 0)
    full = LimitFact("BADGE", "OVERALL", 500, 500, None, None)
    values = [
        encode_decisions(act, (Decision("a", "COUNTED", progress=1, reaches=2),), 0),
        encode_decisions(act, (Decision("b", "REFUSED", "LIMIT_OVERALL", limit=full),), 5),
    ]
    tally = tally_of(values, 7, "c")
    assert (tally.actions, tally.decisions) == (1, 2)
    assert tally.badges["b"].refused == {("LIMIT_OVERALL", "BADGE"): 1}
    assert [[one.badge_id for one in record.decisions] for record in tally.story] == [["a", "b"]]


def test_without_a_terminal_progress_is_plain_lines() -> None:
    text = StringIO()
    with bar(Console(file=text, force_terminal=False), "decided", 1_000) as progress:
        progress.advance(1_000)
        progress.note("a note")
    assert text.getvalue() == "a note\n  decided 1,000 of 1,000\n"
