"""What is published: definitions and their edits, actions and what should not have been sent."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from confluent_kafka import murmur2

from badges.actions import CustomerAction
from badges.calendar import format_instant, parse_instant
from badges.definitions import BadgeRecord, OrgSettings
from badges.edits import Refused as EditRefused
from badges.edits import accept
from badges.identity import issuance_id
from schemas.catalogue import (
    BADGE_DECISIONS,
    BADGE_DEFINITIONS,
    BADGE_HOPS,
    BADGE_ISSUED,
    CUSTOMER_ACTIONS,
    CUSTOMER_STATE,
    DEAD_LETTERS,
    ORG_SETTINGS,
)
from schemas.customer_action import customer_key, encode_action
from schemas.documents import definition_from_json
from schemas.rules_feed import badge_key, encode_record, encode_settings, settings_key
from tests.simulator.log import Broker, Entry, Headers
from tests.simulator.log import Refused as BrokerRefused

ORG = 1
DAY = 86_400_000
LARGEST = 1500
"""Bytes of a record of badge-issued; more is what an act with a long attribute yields, if it issues."""
START = parse_instant("2024-03-30T22:00:00Z") or 0
REROUTED = "rerouted-from"
AUTHOR = "define"
FEEDS = (BADGE_DEFINITIONS, ORG_SETTINGS)
PARTITIONED = (CUSTOMER_ACTIONS, BADGE_ISSUED, BADGE_DECISIONS, DEAD_LETTERS, CUSTOMER_STATE, BADGE_HOPS)

Json = dict[str, Any]

_PERIOD: Json = {
    "org_id": ORG,
    "starts_at": "2024-03-20T00:00:00Z",
    "ends_at": "2024-04-20T00:00:00Z",
    "issue_expiry": {"type": "RELATIVE", "value": 3, "unit": "DAYS"},
}
BADGES: tuple[Json, ...] = (
    {
        **_PERIOD,
        "badge_id": "twice",
        "name": "Twice",
        "type": "DIRECT",
        "issue_on": {"action": "BUY", "count": True, "reaches": 2, "repeat": True},
        "customer_limits": [{"type": "FIXED_WINDOW", "max": 2, "duration": "DAYS", "refresh_rate": 2}],
    },
    {
        **_PERIOD,
        "badge_id": "spender",
        "name": "Spender",
        "type": "DIRECT",
        "issue_on": {"action": "BUY", "sum": "amount", "reaches": 100, "repeat": True},
        "customer_limits": [{"type": "ROLLING_WINDOW", "max": 3, "value": 1, "unit": "DAYS"}],
    },
    {
        **_PERIOD,
        "badge_id": "club",
        "name": "Club",
        "type": "ENROL_AND_ISSUE",
        "enrolment_expiry": {"type": "RELATIVE", "value": 4, "unit": "DAYS"},
        "enrol_on": {"action": ["REGISTER", "VISIT"]},
        "issue_on": {"action": ["BUY", "VISIT"]},
        "customer_limits": [{"type": "OVERALL", "max": 4}],
    },
)


FEW: Json = {
    **_PERIOD,
    "badge_id": "few",
    "name": "Few",
    "type": "DIRECT",
    "issue_on": {"action": "BUY"},
    "customer_limits": [{"type": "OVERALL", "max": 9}],
    "badge_limits": [{"type": "OVERALL", "max": 6}],
}
"""In the world of the focus `places` only."""
FEW_LIMITS: tuple[list[Json], ...] = (
    [],
    [{"type": "OVERALL", "max": 6}],
    [{"type": "OVERALL", "max": 20}],
    [{"type": "ROLLING_WINDOW", "max": 12, "value": 1, "unit": "DAYS"}],
)


def topics(partitions: int) -> dict[str, int]:
    return {**dict.fromkeys(PARTITIONED, partitions), **dict.fromkeys(FEEDS, 1)}


class World:
    """The producers upstream and the authors of definitions; all of it drawn from the seed."""

    def __init__(self, broker: Broker, random: Random, partitions: int, *, places: bool = False) -> None:
        self._broker = broker
        self._random = random
        self._partitions = partitions
        self._records: dict[str, BadgeRecord] = {}
        self._events = 0
        self._upstream = 0
        self._used: list[CustomerAction] = []
        self.customers = _customers(partitions)
        self._badges = (*BADGES, FEW) if places else BADGES
        if not places:
            broker.largest[BADGE_ISSUED] = LARGEST

    def begin(self) -> None:
        body = {"org_id": ORG, "timezone": "Europe/Berlin", "retro_max_age_days": 3}
        value = encode_settings(1, START - DAY, body, "seed", ())
        self._broker.append((ORG_SETTINGS, 0), settings_key(ORG), value)
        for badge in self._badges:
            self._publish(badge, START - DAY)

    # Actions

    def act(self, now: int) -> str:
        """Something arrives in customer-actions; what, in a word."""
        random = self._random
        kind = random.random()
        if kind < 0.82:
            action = self._action(now)
            self._append(self._home(action), action)
            return "action"
        if kind < 0.88:
            action = self._action(now)
            headers: Headers = [(REROUTED, b"elsewhere/0/0")] if random.random() < 0.3 else []
            self._append(random.randrange(self._partitions), action, headers)
            return "misrouted action"
        if kind < 0.94:
            self._poison(now)
            return "poison"
        self._transaction(now)
        return "upstream transaction"

    def act_everywhere(self, now: int) -> None:
        """One act in every partition, so that each is looked at once more."""
        for customer_id in self.customers:
            self._events += 1
            action = CustomerAction(ORG, f"last-{self._events}", customer_id, "BUY", now, 60_000_000)
            self._append(self._home(action), action)

    def _action(self, now: int) -> CustomerAction:
        random = self._random
        if self._used and random.random() < 0.15:
            known = random.choice(self._used)
            return known if random.random() < 0.5 else known._replace(event_date=now - DAY)
        self._events += 1
        customer_id = random.choice(self.customers)
        event_date = now - random.choice((0, 0, 0, 3_600_000, DAY, 2 * DAY, 5 * DAY))
        attributes = {"note": "!" * LARGEST} if random.random() < 0.02 else {}
        act = CustomerAction(ORG, f"e{self._events}", customer_id, "BUY", event_date, None, attributes)
        kind = random.random()
        if kind < 0.6:
            act = act._replace(amount=random.choice((10, 60, 120, 250)) * 1_000_000)
        elif kind < 0.75:
            act = act._replace(action="VISIT")
        elif kind < 0.82:
            act = act._replace(action="REGISTER")
        elif kind < 0.88:
            act = act._replace(action="ENROL", badge_id="club")
        elif kind < 0.94:
            act = act._replace(action="ISSUE", badge_id=random.choice(("twice", "club", "nobody's")))
        else:
            act = self._revocation(act)
        self._used.append(act)
        return act

    def _revocation(self, act: CustomerAction) -> CustomerAction:
        of_customer = [one.event_id for one in self._used if one.customer_id == act.customer_id] or ["none"]
        badge_id = self._random.choice([badge["badge_id"] for badge in self._badges])
        event_id = self._random.choice(of_customer)
        identity = issuance_id(ORG, badge_id, act.customer_id, event_id, 1)
        return act._replace(action="REVOKE_ISSUE", badge_id=badge_id, issuance_id=identity)

    def _home(self, action: CustomerAction) -> int:
        return int(murmur2(customer_key(action.org_id, action.customer_id), self._partitions))

    def _append(self, partition: int, action: CustomerAction, headers: Headers | None = None) -> None:
        key = customer_key(action.org_id, action.customer_id)
        self._broker.append((CUSTOMER_ACTIONS, partition), key, encode_action(action), headers)

    def _poison(self, now: int) -> None:
        random = self._random
        action = self._action(now)
        key, value = customer_key(ORG, action.customer_id), encode_action(action)
        bad = random.choice(
            (
                (key, b""),
                (key, None),
                (key, b"\xff\xfe"),
                (key, value[:-1]),
                (key, b'{"org_id": 1}'),
                (None, value),
                (b"1:somebody", value),
            )
        )
        self._broker.append((CUSTOMER_ACTIONS, random.randrange(self._partitions)), *bad)

    def _transaction(self, now: int) -> None:
        """An upstream transaction: committed, aborted, or open until its time is over."""
        self._upstream += 1
        broker, name = self._broker, f"upstream-{self._upstream}"
        epoch = broker.init(name, self._random.choice((2.0, 20.0)))
        for _ in range(self._random.randint(1, 3)):
            action = self._action(now)
            place = (CUSTOMER_ACTIONS, self._home(action))
            key = customer_key(ORG, action.customer_id)
            broker.add_place(name, epoch, place)
            broker.produce(name, epoch, place, [Entry(key, encode_action(action), [], None)])
        end = self._random.random()
        if end < 0.7:
            broker.end(name, epoch, commit=end < 0.4)

    # Definitions

    def edit(self, now: int) -> str:
        """An author changes a badge: committed, or the author dies before that."""
        random = self._random
        body = dict(random.choice(self._badges))
        if body["badge_id"] == "few":
            body["badge_limits"] = random.choice(FEW_LIMITS)
        match random.randrange(5):
            case 0:
                body["active"] = False
            case 1:
                body["ends_at"] = format_instant(now + random.choice((1, 5, 20)) * DAY)
            case 2 if "issue_on" in body and "reaches" in body["issue_on"]:
                body["issue_on"] = {**body["issue_on"], "reaches": random.choice((1, 3, 50))}
            case 3:
                body["customer_limits"] = [
                    {**limit, "max": random.choice((1, 3, 9))} for limit in body["customer_limits"]
                ]
        return self._publish(body, now)

    def _publish(self, body: Json, now: int) -> str:
        definition = definition_from_json(body)
        current = self._records.get(definition.badge_id)
        settings = OrgSettings(ORG, "Europe/Berlin", 3)
        try:
            record = accept(definition, current, self._records, settings, now)
        except EditRefused:
            return "refused edit"
        broker = self._broker
        epoch = broker.init(AUTHOR, 30.0)
        place = (BADGE_DEFINITIONS, 0)
        broker.add_place(AUTHOR, epoch, place)
        value = encode_record(record, body, "seed", ())
        broker.produce(AUTHOR, epoch, place, [Entry(badge_key(ORG, definition.badge_id), value, [], None)])
        if current is not None and self._random.random() < 0.15:
            return "edit whose author died"
        try:
            broker.end(AUTHOR, epoch, commit=True)
        except BrokerRefused:
            return "edit that came too late"
        self._records[definition.badge_id] = replace(record)
        return "edit"


def _customers(partitions: int) -> list[str]:
    """Two customers of each partition."""
    found: dict[int, list[str]] = {partition: [] for partition in range(partitions)}
    number = 0
    while any(len(of_partition) < 2 for of_partition in found.values()):
        number += 1
        of_partition = found[int(murmur2(customer_key(ORG, f"c{number}"), partitions))]
        if len(of_partition) < 2:
            of_partition.append(f"c{number}")
    return [customer_id for of_partition in found.values() for customer_id in of_partition]
