"""`badges customer CUSTOMER`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.cli.clock import now_ms
from consumer.cli.options import AsJson, CustomerArgument, Org, Overrides
from consumer.cli.output import emit, emit_json, print_table, say

if TYPE_CHECKING:
    from badges.customer import CustomerState


def customer(
    customer: CustomerArgument, org: Org = None, as_json: AsJson = False, overrides: Overrides = None
) -> None:
    """Show one customer: registration, enrolments, progress, counters, issuances."""
    from badges.questions import customer_answer
    from consumer.broker import Broker
    from consumer.cli.counters import counters_of
    from consumer.cli.lookup import the_org
    from consumer.customer_reading import ask_about
    from consumer.definitions_store import read_definitions
    from consumer.settings import load_settings

    broker = Broker(load_settings(overrides or ()))
    definitions = read_definitions(broker)
    org_id = the_org(definitions, org)
    rules = definitions.rules(org_id)

    def question(state: CustomerState) -> dict[str, Any]:
        at = now_ms()
        return {**customer_answer(state, rules, at), "counters": counters_of(state, rules, at)}

    answer, current = ask_about(broker, org_id, customer, question)
    if as_json:
        emit_json(answer)
    else:
        _page(answer)
    if not current:
        say("as of the last batch in Redis; the log is ahead of it")


def _page(answer: dict[str, Any]) -> None:
    emit(f"customer {answer['customer_id']} of org {answer['org_id']}")
    emit(f"registered {answer['registered_at'] or '-'}")
    for title in ("enrolments", "issuances", "progress", "counters"):
        rows = answer[title]
        emit(f"\n{title}{'' if rows else ': none'}")
        if rows:
            _table(rows)
    if "waiting" in answer:
        emit("\nwaiting for the badge's limit")
        _table(answer["waiting"])


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for name in rows[0]:
        table.add_column(name.upper().replace("_", " "), no_wrap=True)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    print_table(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return " to ".join(_cell(part) for part in value)
    return str(value)
