"""`badges customer CUSTOMER`"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from consumer.cli.clock import now_ms
from consumer.cli.options import AsJson, CustomerArgument, Org, Overrides
from consumer.cli.output import console, emit, emit_json, say
from consumer.failure import UNREACHABLE, Failure

if TYPE_CHECKING:
    from badges.customer import CustomerState
    from badges.rulebook import OrgRules
    from consumer.broker import Broker
    from state.marker import RedisMarker
    from state.view import View

WAIT_S: Final = 5
PAUSE_S: Final = 0.1
MARKER_MOVES: Final = 50
"""How often a read may meet a marker that has just moved on."""


def customer(
    customer: CustomerArgument, org: Org = None, as_json: AsJson = False, overrides: Overrides = None
) -> None:
    """Show one customer: registration, enrolments, progress, counters, issuances."""
    from badges.questions import customer_answer
    from consumer.broker import Broker
    from consumer.cli.counters import counters_of
    from consumer.cli.lookup import the_org
    from consumer.definitions_store import read_definitions
    from consumer.settings import load_settings, redis_address
    from state.redis_view import RedisView

    settings = load_settings(overrides or ())
    broker = Broker(settings)
    definitions = read_definitions(broker)
    org_id = the_org(definitions, org)
    rules = definitions.rules(org_id)
    view = RedisView(redis_address(settings).get_secret_value(), prefix=settings.topics.prefix)
    try:
        partition = _partition(broker, org_id, customer)
        current = _wait_until_current(broker, view, partition)
        state = _complete(view, partition, org_id, customer, rules)
    finally:
        view.close()
    at = now_ms()
    answer = {**customer_answer(state, rules, at), "counters": counters_of(state, rules, at)}
    if as_json:
        emit_json(answer)
    else:
        _page(answer)
    if not current:
        say("as of the last batch in Redis; the log is ahead of it")


def _partition(broker: Broker, org_id: int, customer: str) -> int:
    from confluent_kafka import murmur2

    from schemas.catalogue import CUSTOMER_STATE
    from schemas.customer_action import customer_key

    return murmur2(customer_key(org_id, customer), broker.partitions(CUSTOMER_STATE))


def _wait_until_current(broker: Broker, view: View, partition: int) -> bool:
    """Whether the view has all that the changelog held when the command began; waits a moment for it."""
    from confluent_kafka import OFFSET_BEGINNING

    from consumer.reading import read_until, stable_ends
    from schemas.catalogue import CUSTOMER_STATE

    topic = broker.topic(CUSTOMER_STATE)
    reader = broker.reader()
    deadline = time.monotonic() + WAIT_S
    try:
        ends = stable_ends(reader, topic, [partition])
        while True:
            marker = view.marker(partition)
            start = {partition: marker.changelog_offset if marker and not marker.token else OFFSET_BEGINNING}
            # Control records of transactions lie behind the last record, so offsets alone do not tell.
            if start[partition] >= ends[partition] or not any(
                True for _ in read_until(reader, topic, start, ends)
            ):
                return True
            if time.monotonic() > deadline:
                return _stale(marker)
            time.sleep(PAUSE_S)
    finally:
        reader.close()


def _stale(marker: RedisMarker | None) -> bool:
    if marker is None or marker.token:
        message = "the view in Redis is being rebuilt, or no worker runs"
        raise Failure(
            UNREACHABLE, f"{message}; start `badges consume`, or run `badges rebuild`, then ask again"
        )
    return False


def _complete(view: View, partition: int, org_id: int, customer: str, rules: OrgRules) -> CustomerState:
    """The customer with all pages, of one marker."""
    from state.errors import MarkerMoved

    for _ in range(MARKER_MOVES):
        try:
            return _read(view, partition, org_id, customer, rules)
        except MarkerMoved:
            time.sleep(PAUSE_S / 10)
    raise Failure(UNREACHABLE, "the view in Redis is being written all the time; ask again")


def _read(view: View, partition: int, org_id: int, customer: str, rules: OrgRules) -> CustomerState:
    from badges.customer import PageMissing
    from badges.questions import customer_answer
    from consumer.cli.counters import counters_of
    from state.errors import ViewError
    from state.loader import Wanted, WantedPages, load_pages, load_states

    marker = view.marker(partition)
    found = load_states(view, [Wanted(partition, marker, [(org_id, customer)])])[partition]
    if isinstance(found, ViewError):
        raise found
    [state] = found
    while True:
        try:
            at = now_ms()
            customer_answer(state, rules, at)
            counters_of(state, rules, at)
        except PageMissing as missing:
            error = load_pages(view, [WantedPages(partition, marker, [(state, missing.keys)])])[partition]
            if error is not None:
                raise error from None
        else:
            return state


def _page(answer: dict[str, Any]) -> None:
    emit(f"customer {answer['customer_id']} of org {answer['org_id']}")
    emit(f"registered {answer['registered_at'] or '-'}")
    for title in ("enrolments", "issuances", "progress", "counters"):
        rows = answer[title]
        emit(f"\n{title}{'' if rows else ': none'}")
        if rows:
            _table(rows)


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in rows[0]:
        table.add_column(name.upper().replace("_", " "), no_wrap=name.endswith("_id"))
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return " to ".join(_cell(part) for part in value)
    return str(value)
