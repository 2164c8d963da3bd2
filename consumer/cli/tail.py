"""`badges tail issued|decisions|dead-letters`"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.options import ExitAtEnd, FromBeginning, Overrides
from consumer.cli.output import emit, flush, say

if TYPE_CHECKING:
    from confluent_kafka import Message

    from schemas.framing import SchemaSource


class Stream(StrEnum):
    """What can be followed."""

    ISSUED = "issued"
    DECISIONS = "decisions"
    DEAD_LETTERS = "dead-letters"


_TOPICS = {
    Stream.ISSUED: "badge-issued",
    Stream.DECISIONS: "badge-decisions",
    Stream.DEAD_LETTERS: "customer-actions.dead-letters",
}


def tail(
    what: Annotated[Stream, typer.Argument(help="What to follow.")],
    from_beginning: FromBeginning = False,
    exit_at_end: ExitAtEnd = False,
    overrides: Overrides = None,
) -> None:
    """Print records as they come, one JSON object a line (committed ones only)."""
    from consumer.broker import Broker
    from consumer.cli.schema_source import schema_source
    from consumer.reading import follow, read_to_end
    from consumer.settings import load_settings

    settings = load_settings(overrides or ())
    broker = Broker(settings)
    lines = _printer(what, schema_source(settings))
    topic = _TOPICS[what]
    if exit_at_end:
        broker.partitions(topic)  # says so where the topic is missing
        # Without --from-beginning there is nothing between now and now.
        _print(read_to_end(broker, topic) if from_beginning else (), lines)
    else:
        _print(follow(broker, topic, from_beginning=from_beginning), lines)


def _print(messages: Iterable[Message | None], lines: Callable[[Message], list[str]]) -> None:
    for message in messages:
        if message is None:
            flush()
            continue
        for line in lines(message):
            emit(line)
    flush()


def _printer(what: Stream, schemas: SchemaSource | None) -> Callable[[Message], list[str]]:
    from consumer.cli.record_lines import dead_letter_lines, decision_record_lines, issued_lines
    from consumer.reading import decoded
    from schemas.errors import UnreadableRecord

    if what is Stream.DEAD_LETTERS:
        return dead_letter_lines
    decode = issued_lines if what is Stream.ISSUED else decision_record_lines

    def lines(message: Message) -> list[str]:
        try:
            return decoded(message, decode, schemas)
        except UnreadableRecord as error:
            say(str(error))
            return []

    return lines
