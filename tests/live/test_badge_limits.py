"""Limits over all customers, on real servers: never exceeded, and all places are given."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from badges.actions import CustomerAction
from badges.identity import issuance_id
from consumer.local.stack import StackAddresses
from schemas.changelog import MARKER_KEY, decode_marker
from tests.live.places import (
    BADGE,
    buy,
    check,
    define,
    finish,
    of_badge,
    outcomes,
    request,
    running,
)
from tests.live.shop import Shop, open_shop

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

DATABASE = 13


def people(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def shop_of(stack: StackAddresses, name: str, folder: Path) -> Shop:
    return open_shop(stack, f"places-{name}", DATABASE, folder / "log")


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ("{type: OVERALL, max: 100}", "LIMIT_OVERALL"),
        ("{type: ROLLING_WINDOW, max: 100, value: 1, unit: DAYS}", "LIMIT_ROLLING"),
        ("{type: FIXED_WINDOW, max: 100, duration: DAYS, refresh_rate: 40}", "LIMIT_FIXED_WINDOW"),
    ],
)
def test_exactly_as_many_as_the_limit_are_issued(
    stack: StackAddresses, tmp_path: Path, limit: str, reason: str
) -> None:
    shop = shop_of(stack, reason.lower(), tmp_path)
    define(shop, limit)
    buy(shop, people(300))
    finish(shop, 2)
    assert check(shop, 300) == {"ISSUED": 100, reason: 200}
    counts = sorted(limits[0].counted for _, one in of_badge(shop) if (limits := one.limits))
    assert counts == list(range(1, 101))


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ("{type: OVERALL, max: 3}", "LIMIT_OVERALL"),
        ("{type: ROLLING_WINDOW, max: 3, value: 1, unit: DAYS}", "LIMIT_ROLLING"),
        ("{type: FIXED_WINDOW, max: 3, duration: DAYS, refresh_rate: 40}", "LIMIT_FIXED_WINDOW"),
    ],
)
def test_a_revoked_issuance_frees_its_place(
    stack: StackAddresses, tmp_path: Path, limit: str, reason: str
) -> None:
    shop = shop_of(stack, f"revoked-{reason.lower()}", tmp_path)
    define(shop, limit)
    with running(shop, 1):
        buy(shop, people(10))
        shop.until(lambda: outcomes(shop).total() == 10, lambda: str(outcomes(shop)))
        winner = next(act.customer_id for act, one in of_badge(shop) if one.outcome == "ISSUED")
        request(shop, revocation(winner))
        shop.until(lambda: outcomes(shop)["REVOKED"] == 1, lambda: str(outcomes(shop)))
        buy(shop, people(10), "again")
        shop.until(lambda: outcomes(shop).total() == 21, lambda: str(outcomes(shop)))
    finish(shop)
    assert check(shop, 21) == {"ISSUED": 4, "REVOKED": 1, reason: 16}


def test_badges_without_such_a_limit_leave_no_trace_of_one(stack: StackAddresses, tmp_path: Path) -> None:
    shop = shop_of(stack, "none", tmp_path)
    buy(shop, people(50))
    finish(shop, 2)
    assert len(shop.issued_to()) == 50
    assert shop.read("badge-hops") == []
    documents = {message.key(): message.value() for message in shop.read("customer-state")}
    formats = {value[1] for key, value in documents.items() if key and value and not key.startswith(b"!")}
    assert formats == {1}
    markers = [decode_marker(value) for key, value in documents.items() if key == MARKER_KEY and value]
    assert markers
    assert {one.hops_offset for one in markers} == {0}


def revocation(customer: str) -> CustomerAction:
    identity = issuance_id(7, BADGE, customer, f"e-{customer}", 1)
    now = time.time_ns() // 1_000_000
    return CustomerAction(
        7, f"revoke-{customer}", customer, "REVOKE_ISSUE", now, badge_id=BADGE, issuance_id=identity
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_issued_before_the_limit_counts_in_it(
    stack: StackAddresses, tmp_path: Path, workers: int
) -> None:
    shop = shop_of(stack, f"introduced-{workers}", tmp_path)
    define(shop, "")
    with running(shop, workers):
        buy(shop, people(60))
        shop.until(lambda: outcomes(shop)["ISSUED"] == 60, lambda: str(outcomes(shop)))
        request(shop, revocation("7"))
        shop.until(lambda: outcomes(shop)["REVOKED"] == 1, lambda: str(outcomes(shop)))
        define(shop, "{type: OVERALL, max: 100}, {type: ROLLING_WINDOW, max: 90, value: 2, unit: DAYS}")
        shop.until(lambda: _one_more_asks_for_a_place(shop), lambda: str(outcomes(shop)))
        acts = outcomes(shop).total() + 300
        buy(shop, people(300), "later")
        shop.until(lambda: outcomes(shop).total() == acts, lambda: str(outcomes(shop)))
    finish(shop)
    uncounted = sum(one.outcome == "ISSUED" and not one.limits for _, one in of_badge(shop))
    # An owner that had not seen the limit yet asked for no place: what it issued counts; one was revoked.
    assert outcomes(shop)["ISSUED"] - 1 == max(90, uncounted - 1)
    assert check(shop, acts)["REVOKED"] == 1


def _one_more_asks_for_a_place(shop: Shop) -> bool:
    """Whether the limit is in force in the partition of a new customer; an edit takes up to a second."""
    before = outcomes(shop).total()
    buy(shop, ["asks"], f"try-{before}")
    shop.until(lambda: outcomes(shop).total() > before, lambda: "not decided")
    tried = (one for act, one in of_badge(shop) if act.event_id == f"try-{before}-asks")
    return any(one.limits or one.limit for one in tried)  # refused, where many tries came before


def test_limits_taken_away_let_everybody_in(stack: StackAddresses, tmp_path: Path) -> None:
    shop = shop_of(stack, "gone", tmp_path)
    define(shop, "{type: OVERALL, max: 5}")
    with running(shop, 1):
        buy(shop, people(20))
        shop.until(lambda: outcomes(shop).total() == 20, lambda: str(outcomes(shop)))
        define(shop, "", ", description: no limit")
        # The edit is in force within a second; until then purchases are refused.
        shop.until(lambda: _one_more_is_issued(shop), lambda: str(outcomes(shop)))
        issued = outcomes(shop)["ISSUED"]
        define(shop, f"{{type: OVERALL, max: {issued + 2}}}")
        shop.until(lambda: _one_more_is_issued(shop) is False, lambda: str(outcomes(shop)))
    finish(shop)
    check(shop, outcomes(shop).total())


def _one_more_is_issued(shop: Shop) -> bool:
    before = outcomes(shop)
    buy(shop, ["one-more"], f"try-{before.total()}")
    shop.until(lambda: outcomes(shop).total() > before.total(), lambda: "not decided")
    return outcomes(shop)["ISSUED"] > before["ISSUED"]
