"""The places of a badge: judged in order, counted by day and instant, whole before anything is granted."""

from __future__ import annotations

import pytest

from badges.calendar import parse_instant
from badges.customer import PageMissing
from badges.definitions import BadgeDefinition, BadgeRecord, OrgSettings
from badges.edits import accept
from badges.places import DAY_MS, Answer, BadgePlaces, Release, Report, Request
from badges.rulebook import CompiledBadge, compile_org
from schemas.documents import definition_from_json
from state.places import changed_places, day_key, decode_day, decode_places, places_key
from tests.builders import badge, every, overall, rolling

AT = parse_instant("2023-10-20T10:00:00Z") or 0
TODAY = 738_813
PARTITIONS = 3


def definition(*limits: object) -> BadgeDefinition:
    found = definition_from_json(badge(badge_limits=list(limits))["badge"])
    assert isinstance(found, BadgeDefinition)
    return found


def compiled(*limits: object, number: int = 0) -> CompiledBadge:
    made = definition(*limits)
    record = accept(made, None, {}, OrgSettings(made.org_id), AT - 30 * DAY_MS)
    record = BadgeRecord(record.definition, 1, AT, record.configurations, record.created, limit_number=number)
    return compile_org(OrgSettings(made.org_id), {made.badge_id: record}).badges[made.badge_id]


def request(number: int, at: int = AT, day: int = TODAY, introduction: int = 0) -> Request:
    return Request(7, "b", str(number), number.to_bytes(16, "big"), day, at, 1, introduction)


def granted(answers: list[Answer]) -> list[bool]:
    return [answer.reason is None for answer in answers]


def ask(places: BadgePlaces, one: CompiledBadge, *requests: Request) -> list[Answer]:
    return [answer for asked in requests for answer in places.request(asked, one, PARTITIONS)]


def test_places_are_given_in_order_until_there_are_none() -> None:
    places, one = BadgePlaces(7, "b"), compiled(overall(2))
    answers = ask(places, one, request(1), request(2), request(3))
    assert granted(answers) == [True, True, False]
    assert [fact.counted for answer in answers for fact in answer.facts] == [1, 2, 2]
    assert answers[2].reason == "LIMIT_OVERALL"


def test_the_instant_of_an_issuance_never_goes_back() -> None:
    places, one = BadgePlaces(7, "b"), compiled(overall(9))
    answers = ask(places, one, request(1, AT + 5), request(2, AT), request(3, AT + 7))
    assert [answer.at for answer in answers] == [AT + 5, AT + 5, AT + 7]


def test_a_rolling_limit_counts_by_processing_and_opens_again() -> None:
    places, one = BadgePlaces(7, "b"), compiled(rolling(1, 1))
    answers = ask(places, one, request(1), request(2, AT + DAY_MS - 1, TODAY - 5), request(3, AT + DAY_MS))
    assert granted(answers) == [True, False, True]


def test_a_fixed_window_counts_by_the_day_of_the_act() -> None:
    places, one = BadgePlaces(7, "b"), compiled(every(1, 1))
    answers = ask(places, one, request(1), request(2, day=TODAY - 1), request(3))
    assert granted(answers) == [True, True, False]


def test_a_release_frees_a_place_on_every_limit() -> None:
    places, one = BadgePlaces(7, "b"), compiled(overall(1), rolling(1, 3))
    assert granted(ask(places, one, request(1), request(2))) == [True, False]
    places.release(Release(7, "b", 0, TODAY, AT))
    assert granted(ask(places, one, request(3), request(4))) == [True, False]
    assert (places.total, sum(places.days.values()), sum(places.made.values())) == (1, 1, 1)


def report(partition: int, issued: int, number: int = 1, *, last: bool = True) -> Report:
    counts = {TODAY: issued} if issued else {}
    return Report(7, "b", number, partition, last, counts, {AT - DAY_MS: issued} if issued else {})


def test_nothing_is_granted_before_every_partition_has_reported() -> None:
    places, one = BadgePlaces(7, "b"), compiled(overall(5), number=1)
    places.report(report(0, 2))
    assert ask(places, one, request(1, introduction=1), request(2, introduction=1)) == []
    places.report(report(2, 0))
    places.report(report(1, 1, last=False))
    assert places.next_waited(one, PARTITIONS) is None
    places.report(report(1, 1))
    answers = []
    while (answer := places.next_waited(one, PARTITIONS)) is not None:
        answers.append(answer)
    assert granted(answers) == [True, False]
    assert not places.waiting


def test_a_new_introduction_forgets_what_the_one_before_counted_and_asked() -> None:
    places, one = BadgePlaces(7, "b"), compiled(overall(5), number=2)
    places.report(report(0, 4))
    assert ask(places, one, request(1, introduction=1)) == []
    places.report(report(0, 1, 2))
    assert (places.total, places.reported, places.waiting) == (1, {0}, [])
    places.report(report(1, 4))
    places.release(Release(7, "b", 1, TODAY, AT - DAY_MS))
    assert ask(places, one, request(1, introduction=1)) == []
    assert places.total == 1


def test_two_introductions_in_one_batch_leave_documents_of_the_last() -> None:
    store: dict[bytes, bytes] = {}
    places = BadgePlaces(7, "b")
    places.report(report(0, 4))
    places.report(report(0, 1, 2))
    places.report(Report(7, "b", 3, 0, True, {}, {}))
    again = stored(places, store)
    assert (again.total, again.limit_number) == (0, 3)
    assert decode_day(AT // DAY_MS - 1, store[day_key(7, "b", AT // DAY_MS - 1)]) == {}


def test_whoever_waits_gets_a_place_when_the_limits_are_taken_away() -> None:
    places = BadgePlaces(7, "b")
    places.report(report(0, 4))
    ask(places, compiled(overall(1), number=1), request(1, introduction=1))
    answer = places.next_waited(compiled(number=1), PARTITIONS)
    assert answer is not None
    assert answer.reason is None
    assert answer.facts == ()


def stored(places: BadgePlaces, store: dict[bytes, bytes]) -> BadgePlaces:
    """As it comes back from the changelog, without pages."""
    store.update(changed_places(places))
    return decode_places(7, "b", store[places_key(7, "b")])


def test_places_come_back_from_their_documents_and_pages_are_asked_for() -> None:
    store: dict[bytes, bytes] = {}
    places, one = BadgePlaces(7, "b"), compiled(overall(9), rolling(2, 1))
    ask(places, one, request(1, AT - DAY_MS), request(2, AT - 1))
    places.report(Report(7, "b", 0, 1, True, {TODAY: 1}, {AT - DAY_MS + 1: 1}))
    again = stored(places, store)
    with pytest.raises(PageMissing) as missing:
        ask(again, one, request(3))
    while True:
        for _, day in missing.value.keys:  # type: ignore[misc]  # these keys have two parts
            again.pages[day] = decode_day(day, store[day_key(7, "b", day)])
        try:
            answers = ask(again, one, request(3))
            break
        except PageMissing as more:
            missing.value.keys = more.keys
    assert granted(answers) == [False]
    assert answers[0].facts[0].counted == 2
    assert (again.days, again.total, again.last_at) == (places.days, places.total, places.last_at)


def test_a_request_that_waits_is_still_there_after_a_restart() -> None:
    store: dict[bytes, bytes] = {}
    places, one = BadgePlaces(7, "b"), compiled(overall(5), number=1)
    places.report(report(0, 2))
    ask(places, one, request(1, introduction=1))
    again = stored(places, store)
    assert again.waiting == places.waiting
    assert again.reported == {0}
