"""`badges why CUSTOMER BADGE`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.options import AsJson, BadgeArgument, CustomerArgument, Org, Overrides
from consumer.cli.output import emit, say
from consumer.failure import USAGE, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from badges.customer import CustomerState
    from consumer.broker import Broker
    from consumer.definitions_store import Definitions
    from schemas.decisions import DecidedAction
    from schemas.rules_feed import StoredBadge

Date = Annotated[
    str | None,
    typer.Option("--date", metavar="DAY", help="Only acts of this day (YYYY-MM-DD).", show_default=False),
]

Explain = Annotated[
    bool, typer.Option("--explain", help="Also say why acts that the badge could count yielded nothing.")
]


def why(
    customer: CustomerArgument,
    badge: BadgeArgument,
    date: Date = None,
    explain: Explain = False,
    org: Org = None,
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Tell every decision about a customer and a badge in words: rule, dates, limit, count."""
    from badges.calendar import parse_day
    from consumer.broker import Broker
    from consumer.cli.decision_words import told
    from consumer.cli.lookup import the_badge
    from consumer.definitions_store import read_definitions
    from consumer.settings import load_settings
    from schemas.json_decision import decision_lines

    wanted = parse_day(date) if date is not None else None
    if date is not None and wanted is None:
        raise Failure(USAGE, f"--date {date}: write a day as YYYY-MM-DD")
    broker = Broker(load_settings(overrides or ()))
    definitions = read_definitions(broker)
    stored = the_badge(definitions, org, badge)
    org_id = stored.record.definition.org_id
    rules = definitions.rules(org_id)
    versions = {record.version: record for record in (*stored.earlier_records(), stored.record)}
    found = False
    for act in _decided(broker, org_id, customer):
        mine = [decision for decision in act.decisions if decision.badge_id == badge]
        if not mine or wanted not in (None, rules.zone.day(act.event_date)):
            continue
        found = True
        lines = decision_lines(act.as_action(), mine, act.processed_at, act.run_id)
        for line in lines if as_json else told(act, mine, versions, rules):
            emit(line)
    if explain:
        for line in _silent(broker, definitions, stored, customer, wanted, as_json):
            found = True
            emit(line)
    if stored.record.definition.badge_limits.any:
        waiting = _waiting(broker, org_id, customer, badge)
        found = found or bool(waiting)
        for event_id in waiting:
            say(f"act {event_id}: waiting for the badge's limit; its owner is asked whether a place is left")
    if not found:
        say(
            "no decision: no act of this customer met the badge's criteria, or the acts are not decided yet; "
            "--explain looks at each, `badges show` names the criteria, `badges customer` the customer"
        )


def _silent(
    broker: Broker,
    definitions: Definitions,
    stored: StoredBadge,
    customer: str,
    day: int | None,
    as_json: bool,
) -> Iterator[str]:
    """The acts that yielded nothing, as `simulate --explain` prints them, or in words."""
    from consumer.cli.decision_words import silence
    from consumer.cli.schema_source import schema_source
    from consumer.silent_acts import silent_acts
    from schemas.json_decision import noise_line

    org_id, badge_id = stored.record.definition.org_id, stored.record.definition.badge_id
    rules, settings = definitions.rules(org_id), definitions.settings.get(org_id)
    for action, at, noise in silent_acts(broker, stored, settings, customer, schema_source(broker.settings)):
        if day in (None, rules.zone.day(action.event_date)):
            yield from [noise_line(action, badge_id, noise, at)] if as_json else silence(action, noise)


def _waiting(broker: Broker, org_id: int, customer: str, badge: str) -> list[str]:
    """The acts whose decision waits for the owner of the badge's places."""
    from consumer.customer_reading import ask_about

    def question(state: CustomerState) -> list[str]:
        own = state.badges.get(badge)
        return [one.action.event_id for one in own.reserved] if own is not None else []

    return ask_about(broker, org_id, customer, question)[0]


def _decided(broker: Broker, org_id: int, customer: str) -> Iterator[DecidedAction]:
    """What was decided about a customer, in the order of processing."""
    from confluent_kafka import murmur2

    from consumer.cli.schema_source import schema_source
    from consumer.reading import decoded, read_partitions
    from schemas.catalogue import BADGE_DECISIONS
    from schemas.customer_action import customer_key
    from schemas.decisions import decode_decisions

    key = customer_key(org_id, customer)
    partition = murmur2(key, broker.partitions(BADGE_DECISIONS))
    schemas = schema_source(broker.settings)
    for message in read_partitions(broker, BADGE_DECISIONS, [partition]):
        if message.key() == key:
            yield decoded(message, decode_decisions, schemas)
