"""`badges verify`"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from consumer.cli.options import AsJson, Overrides
from consumer.cli.output import emit_json, print_table, say
from consumer.failure import DIFFERENT, Failure

if TYPE_CHECKING:
    from consumer.broker import Broker
    from consumer.state_reading import PartitionCheck
    from state.view import View

ROUNDS: Final = 20
"""How often what moves is looked at again, where workers are about."""
ROUNDS_ALONE: Final = 2
PAUSE_S: Final = 0.25


Issued = Annotated[bool, typer.Option("--issued", help="Compare badge-issued with badge-decisions instead.")]


def verify(issued: Issued = False, as_json: AsJson = False, overrides: Overrides = None) -> None:
    """Compare Redis with the log, document by document (exit 6 on differences)."""
    if issued:
        from consumer.cli.verify_issued import verify_issued

        verify_issued(as_json=as_json, overrides=overrides)
    else:
        _verify_view(as_json=as_json, overrides=overrides)


def _verify_view(*, as_json: bool, overrides: list[str] | None) -> None:
    from consumer.addresses import redis_address
    from consumer.broker import Broker
    from consumer.group import committed_offsets, member_count
    from consumer.settings import load_settings
    from state.redis_view import RedisView

    settings = load_settings(overrides or ())
    broker = Broker(settings)
    workers = member_count(broker)
    view = RedisView(redis_address(settings).get_secret_value(), prefix=settings.topics.prefix)
    try:
        checks = _looked(broker, view, ROUNDS if workers else ROUNDS_ALONE)
    finally:
        view.close()
    committed = committed_offsets(broker)
    # Under a running worker both move between the two questions.
    steady = workers > 0 or all(one.marker == committed.get(one.partition) for one in checks)
    equal = steady and all(one.equal for one in checks)
    rows = [_row(one, committed.get(one.partition)) for one in checks]
    if as_json:
        emit_json({"equal": equal, "partitions": rows})
    else:
        _tell(rows, equal)
    if not equal:
        raise Failure(DIFFERENT, _advice(checks, steady))


def _looked(broker: Broker, view: View, rounds: int) -> list[PartitionCheck]:
    from consumer.state_reading import Changelog, PartitionCheck
    from schemas.catalogue import CUSTOMER_STATE

    checks = [PartitionCheck(partition) for partition in range(broker.partitions(CUSTOMER_STATE))]
    changelog = Changelog(broker)
    try:
        for number in range(rounds):
            left = [check for check in checks if not check.settled]
            if not left:
                break
            if number:
                time.sleep(PAUSE_S)
            folded = changelog.fold([check.partition for check in left])
            for check in left:
                check.look(view, folded[check.partition])
    finally:
        changelog.close()
    return checks


def _advice(checks: list[PartitionCheck], steady: bool) -> str:
    if not all(one.equal for one in checks):
        return "Redis differs from the log; `badges rebuild` makes it anew from Kafka"
    assert not steady
    return (
        "the group's offsets are not those of the markers: someone moved them, or they expired; "
        "`badges consume --accept-reset` goes on at the markers"
    )


def _row(one: PartitionCheck, committed: int | None) -> dict[str, Any]:
    return {
        "partition": one.partition,
        "marker": one.marker,
        "committed": committed,
        "documents": one.documents,
        "differences": one.differences,
    }


def _tell(rows: list[dict[str, Any]], equal: bool) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("PARTITION", "MARKER", "COMMITTED", "DOCUMENTS", "DIFFERENCES"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(*("-" if cell is None else str(cell) for cell in row.values()))
    print_table(table)
    total = sum(row["documents"] for row in rows)
    say(f"{total} documents compared: {'equal' if equal else 'NOT equal'}")
