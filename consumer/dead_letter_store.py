"""Dead letters as an operator sees them: what was rejected, and what became of it (contract.md section 4).

Nothing in the topic is ever changed: a resolution is a record of its own that names what it closes, appended
in the same transaction that sends the original again, and whoever resolves holds the one
transactional id `<prefix>dead-letters` and has read the topic to its end: no dead letter is replayed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumer.broker import TRANSACTION_S, Broker
from consumer.failure import UNREACHABLE, USAGE, Failure
from consumer.reading import read_everything
from consumer.rights import denied
from schemas.catalogue import CUSTOMER_ACTIONS, DEAD_LETTERS

Status = Literal["OPEN", "REPLAYED", "DISCARDED"]
Resolution = Literal["REPLAYED", "DISCARDED"]

TRANSACTIONAL_ID: Final = "dead-letters"
REASON: Final = "dlq-reason"
RESOLVES: Final = "dlq-resolves"
RESOLUTION: Final = "dlq-resolution"
RESOLVED_BY: Final = "dlq-by"
STUB: Final = "dlq-stub"
OWN_HEADERS: Final = "dlq-"
_FENCED: Final = frozenset(
    {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
)

Headers = list[tuple[str, str | bytes | None]]


@dataclass
class DeadLetter:
    """One rejected record. `headers` are all of it, the original's and ours."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    status: Status = "OPEN"
    resolved_by: str | None = None

    @property
    def id(self) -> str:
        """`partition-offset` in the dead-letter topic."""
        return f"{self.partition}-{self.offset}"

    @property
    def why(self) -> dict[str, str]:
        """Our headers as text, named without `dlq-`: reason, message, topic, partition, offset, ..."""
        return texts_of(own_headers(self.headers))

    @property
    def original_headers(self) -> Headers:
        """The headers that the record came with, whatever their names."""
        return self.headers[: len(self.headers) - len(own_headers(self.headers))]

    @property
    def is_stub(self) -> bool:
        """Whether nothing was kept of a record that was too large."""
        return STUB in dict(own_headers(self.headers))


def own_headers(headers: Headers) -> Headers:
    """What was added to a record's own headers: from the last `dlq-reason` on; all of a resolution.

    By place and not by name: a record that comes with `dlq-` headers, as a copy of a dead letter does, speaks
    for itself in none of them.
    """
    places = [place for place, (name, _) in enumerate(headers) if name == REASON]
    return headers[places[-1] :] if places else headers


def texts_of(headers: Headers) -> dict[str, str]:
    """Headers as text, named without `dlq-`."""
    return {
        name.removeprefix(OWN_HEADERS).replace("-", "_"): _decoded(value)
        for name, value in headers
        if name.startswith(OWN_HEADERS)
    }


def read_dead_letters(broker: Broker) -> dict[str, DeadLetter]:
    """All dead letters by id, in the order of partition and offset, with what became of them."""
    letters: dict[str, DeadLetter] = {}
    resolutions: list[tuple[str, Any, str | None]] = []
    for message in read_everything(broker, DEAD_LETTERS):
        letter = _letter(message)
        headers = dict(own_headers(letter.headers))
        if RESOLVES in headers:
            resolutions.append(
                (_text(headers, RESOLVES), _text(headers, RESOLUTION), _text(headers, RESOLVED_BY))
            )
        else:
            letters[letter.id] = letter
    for identity, resolution, by in resolutions:
        if identity in letters:
            letters[identity].status, letters[identity].resolved_by = resolution, by
    return dict(sorted(letters.items(), key=lambda pair: (pair[1].partition, pair[1].offset)))


def _letter(message: Message) -> DeadLetter:
    headers: Any = message.headers() or []
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None  # a record that was read has a place
    return DeadLetter(partition, offset, message.key(), message.value(), list(headers))


def _text(headers: dict[str, str | bytes | None], name: str) -> str:
    return _decoded(headers.get(name))


def _decoded(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def resolve(
    broker: Broker, wanted: Sequence[str] | None, resolution: Resolution, author: str
) -> tuple[list[DeadLetter], list[tuple[str, str]]]:
    """Replays or discards dead letters by id, None: all that are open, in one transaction.

    Returns those that were resolved, and the ids that were not, each with its reason. Raises Failure (2) if
    an id is unknown, (4) where another command was resolving at the same time.
    """
    broker.check_writable(DEAD_LETTERS, *([CUSTOMER_ACTIONS] if resolution == "REPLAYED" else ()))
    try:
        producer = broker.sole_producer(TRANSACTIONAL_ID)
        letters = read_dead_letters(broker)
        ids = [one.id for one in letters.values() if one.status == "OPEN"] if wanted is None else wanted
        unknown = [identity for identity in ids if identity not in letters]
        if unknown:
            message = f"no dead letter {', '.join(unknown)}; `badges dead-letters list` shows all ids"
            raise Failure(USAGE, message)
        chosen = [letters[identity] for identity in dict.fromkeys(ids)]
        left = [(one.id, why) for one in chosen if (why := _refusal(one, resolution))]
        todo = [one for one in chosen if _refusal(one, resolution) is None]
        if todo:
            _commit(broker, producer, todo, resolution, author)
        return todo, left
    except KafkaException as error:
        raise _explained(error) from None


def _refusal(letter: DeadLetter, resolution: Resolution) -> str | None:
    if letter.status != "OPEN":
        return f"it is {letter.status} already"
    if resolution == "REPLAYED" and letter.is_stub:
        return "its value was too large to keep; publish the original again and discard this"
    return None


def _commit(
    broker: Broker, producer: Producer, letters: Sequence[DeadLetter], resolution: Resolution, author: str
) -> None:
    producer.begin_transaction()
    for letter in letters:
        if resolution == "REPLAYED":
            # Without a partition: a record with a key belongs where its key does.
            _produce(producer, broker.topic(CUSTOMER_ACTIONS), letter, letter.value, letter.original_headers)
        closing: Headers = [
            (RESOLVES, letter.id.encode()),
            (RESOLUTION, resolution.encode()),
            (RESOLVED_BY, author.encode()),
        ]
        _produce(producer, broker.topic(DEAD_LETTERS), letter, None, closing, letter.partition)
    producer.commit_transaction(TRANSACTION_S)


def _produce(
    producer: Producer,
    topic: str,
    letter: DeadLetter,
    value: bytes | None,
    headers: Headers,
    partition: int = -1,
) -> None:
    while True:
        try:
            producer.produce(topic, key=letter.key, value=value, headers=headers, partition=partition)
        except BufferError:
            producer.poll(0.1)
        else:
            return


def _explained(error: KafkaException) -> Exception:
    cause = error.args[0]
    stop = denied(cause)
    if stop is not None:
        return stop
    if cause.code() in _FENCED:
        message = "someone else is resolving dead letters at the same time, and this call changed nothing"
    else:
        message = f"Kafka did not confirm it ({cause.str()})"
    return Failure(UNREACHABLE, f"{message}; look at `badges dead-letters list`, then run the command again")
