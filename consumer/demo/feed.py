"""Publishes those of the demo's actions that are not on the input topic yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from badges.actions import CustomerAction
from consumer.broker import Broker
from consumer.cli.action_files import Row
from consumer.cli.publishing import INPUT_TOPIC, publish_rows
from consumer.demo.purchases import ORG
from consumer.reading import read_to_end
from schemas.customer_action import customer_key, decode_action, encode_action
from schemas.errors import Malformed
from schemas.framing import Rejected


def published_ids(broker: Broker, org_id: int = ORG) -> set[str]:
    """The event ids of an org on the input topic; records that are no actions are passed over."""
    found = set()
    prefix = f"{org_id}:".encode()
    for message in read_to_end(broker, INPUT_TOPIC):
        if (message.key() or b"").startswith(prefix):
            try:
                found.add(decode_action(message.value()).event_id)
            except (Rejected, Malformed):
                continue
    return found


def missing(broker: Broker, actions: Iterable[CustomerAction]) -> list[CustomerAction]:
    """The actions whose event ids are not on the input topic, in their order.

    Right after a crash in the middle too: what is there are the first acts of each customer.
    """
    known = published_ids(broker)
    return [action for action in actions if action.event_id not in known]


def publish(broker: Broker, actions: Iterable[CustomerAction], report: Callable[[int], None]) -> None:
    """Sends actions in their order. `report` gets the number handed over so far. Raises Failure (4)."""
    publish_rows(broker, _rows(actions), report)


def _rows(actions: Iterable[CustomerAction]) -> Iterator[Row]:
    for number, action in enumerate(actions, 1):
        yield Row(number, customer_key(action.org_id, action.customer_id), encode_action(action))
