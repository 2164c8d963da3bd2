"""`badges verify --issued`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from consumer.cli.output import emit_json, print_table, say
from consumer.failure import DIFFERENT, Failure

if TYPE_CHECKING:
    from consumer.issued_check import IssuedCheck, Place

SHOWN: Final = 20
"""Of each kind; --json has all of them."""


def verify_issued(*, as_json: bool, overrides: list[str] | None) -> None:
    """Is every decision ISSUED a record of badge-issued, once, and the other way round?"""
    from consumer.broker import Broker
    from consumer.cli.schema_source import schema_source
    from consumer.issued_check import check_issued
    from consumer.issued_topics import IssuedTopics
    from consumer.settings import load_settings
    from schemas.catalogue import BADGE_DECISIONS, BADGE_ISSUED

    broker = Broker(load_settings(overrides or ()))
    schemas = schema_source(broker.settings)
    # Both are asked: a right that is missing shows here by its name. Partitions are added to all topics.
    partitions = min(broker.partitions(name) for name in (BADGE_DECISIONS, BADGE_ISSUED))
    checks = [check_issued(IssuedTopics(broker, partition, schemas)) for partition in range(partitions)]
    equal = all(check.equal for check in checks)
    if as_json:
        emit_json({"equal": equal, "partitions": [_row(check) for check in checks]})
    else:
        _tell(checks, equal)
    if not equal:
        raise Failure(
            DIFFERENT,
            "badge-issued is not what was decided: a transaction was torn; stop the workers and see "
            '"A hanging transaction" in docs/operations.md',
        )


def _row(check: IssuedCheck) -> dict[str, Any]:
    return {
        "partition": check.partition,
        "decided": check.decided,
        "issued": check.issued,
        "missing": _listed(check.missing),
        "unknown": _listed(check.unknown),
        "twice": _listed(check.twice),
        "compared_after": _instant(check),
    }


def _instant(check: IssuedCheck) -> str | None:
    from badges.calendar import format_instant

    return None if check.compared_after is None else format_instant(check.compared_after)


def _listed(places: dict[str, Place]) -> list[dict[str, Any]]:
    return [
        {
            "issuance_id": identity,
            "topic": place.topic,
            "offset": place.offset,
            "customer": place.customer,
            "badge_id": place.badge_id,
        }
        for identity, place in places.items()
    ]


def _tell(checks: list[IssuedCheck], equal: bool) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("PARTITION", "DECIDED", "ISSUED", "MISSING", "UNKNOWN", "TWICE", "COMPARED AFTER"):
        table.add_column(title, justify="right")
    for check in checks:
        counts = (check.decided, check.issued, len(check.missing), len(check.unknown), len(check.twice))
        table.add_row(str(check.partition), *map(str, counts), _instant(check) or "the start")
    print_table(table)
    for kind in ("missing", "unknown", "twice"):
        lines = [_line(check, kind, *one) for check in checks for one in getattr(check, kind).items()]
        for line in lines[:SHOWN]:
            say(line)
        if len(lines) > SHOWN:
            say(f"{kind}: {len(lines) - SHOWN} more, see --json")
    say(f"{sum(check.decided for check in checks)} issuances compared: {'equal' if equal else 'NOT equal'}")


def _line(check: IssuedCheck, kind: str, identity: str, place: Place) -> str:
    where = f"{place.topic} partition {check.partition} offset {place.offset}"
    return f"{kind}: {where}: customer {place.customer}, badge {place.badge_id}, issuance {identity}"
