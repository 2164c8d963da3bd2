"""`badges topics create`"""

from __future__ import annotations

from typing import Annotated

import typer

from consumer.cli.options import AsJson, Overrides
from consumer.cli.output import emit, emit_json
from consumer.failure import DIFFERENT, Failure

DEFAULT_PARTITIONS = 12
PARTITIONS_AT_MOST = 1000

commands = typer.Typer(help="Kafka topics.", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """Kafka topics."""


@commands.command()
def create(
    partitions: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=PARTITIONS_AT_MOST,
            metavar="N",
            help=f"{DEFAULT_PARTITIONS} unless the topics exist. Cannot change once there is data.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Create the topics with the right partitions, compaction and retention; name what differs."""
    from consumer.broker import Broker
    from consumer.settings import load_settings
    from consumer.topics import create_topics, known_partitions

    broker = Broker(load_settings(overrides or ()))
    wanted = partitions or known_partitions(broker) or DEFAULT_PARTITIONS
    results = create_topics(broker, wanted)
    for one in results:
        if as_json:
            emit_json({"topic": one.topic, "result": one.result, "differs": one.differs or None})
        else:
            told = "; ".join(f"{name} {what}" for name, what in one.differs.items())
            emit(f"{one.result:8}{one.topic}{'  ' + told if told else ''}")
    if any(one.result == "DIFFERS" for one in results):
        message = (
            "topics differ: change retention and compaction with Kafka's tools; the number of partitions"
        )
        raise Failure(DIFFERENT, f"{message} cannot change once there is data, use another topics.prefix")
