"""`badges verify`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.cli.options import AsJson, Overrides
from consumer.cli.output import emit, emit_json, say
from consumer.failure import DIFFERENT, Failure

if TYPE_CHECKING:
    from consumer.broker import Broker
    from consumer.state_reading import Comparison


def verify(as_json: AsJson = False, overrides: Overrides = None) -> None:
    """Compare Redis with the log, document by document (exit 6 on differences)."""
    from consumer.broker import Broker
    from consumer.group import committed_offsets
    from consumer.settings import load_settings, redis_address
    from state.redis_view import RedisView

    settings = load_settings(overrides or ())
    broker = Broker(settings)
    view = RedisView(redis_address(settings).get_secret_value(), prefix=settings.topics.prefix)
    try:
        compared = _compared(broker, view)
    finally:
        view.close()
    committed = committed_offsets(broker)
    rows = [_row(one, committed.get(one.partition)) for one in compared]
    equal = all(_agrees(one, committed.get(one.partition)) for one in compared)
    if as_json:
        emit_json({"equal": equal, "partitions": rows})
    else:
        _tell(rows, equal)
    if not equal:
        raise Failure(DIFFERENT, "Redis differs from the log; `badges rebuild` makes it anew from Kafka")


def _compared(broker: Broker, view: Any) -> list[Comparison]:
    import time

    from consumer.state_reading import PAUSE_S, ROUNDS, Changelog, compare
    from schemas.catalogue import CUSTOMER_STATE

    partitions = range(broker.partitions(CUSTOMER_STATE))
    reader = broker.reader()
    done: dict[int, Comparison] = {}
    try:
        changelog = Changelog(reader, broker.topic(CUSTOMER_STATE))
        left = list(partitions)
        for round_number in range(ROUNDS):
            if round_number:
                time.sleep(PAUSE_S)
            folded = changelog.fold(left)
            unsettled = []
            for partition in left:
                done[partition], final = compare(view, folded[partition], partition)
                if not final:
                    unsettled.append(partition)
            left = unsettled
            if not left:
                break
    finally:
        reader.close()
    return [done[partition] for partition in partitions]


def _agrees(one: Comparison, committed: int | None) -> bool:
    return not one.differences and not one.behind and (one.marker == committed or committed is None)


def _row(one: Comparison, committed: int | None) -> dict[str, Any]:
    return {
        "partition": one.partition,
        "marker": one.marker,
        "committed": committed,
        "documents": one.documents,
        "differences": one.differences,
    }


def _tell(rows: list[dict[str, Any]], equal: bool) -> None:
    for row in rows:
        cells = "  ".join(f"{name} {'-' if cell is None else cell}" for name, cell in row.items())
        emit(cells)
    total = sum(row["documents"] for row in rows)
    say(f"{total} documents compared: {'equal' if equal else 'NOT equal'}")
