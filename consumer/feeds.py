"""Rules as values: badge-definitions and org-settings, tailed without a group (design.md section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from badges.definitions import BadgeRecord, OrgSettings
from badges.rulebook import OrgRules, compile_org
from consumer.clock import Clock
from consumer.draining import drain
from consumer.errors import REFUSED, Paused, Stopped
from consumer.rights import denied
from schemas.catalogue import BADGE_DEFINITIONS, ORG_SETTINGS
from schemas.rules_feed import decode_record, decode_settings

END_S: Final = 30.0
"""How long the end of a feed is waited for at the start."""


@dataclass(slots=True)
class _Org:
    settings: OrgSettings | None = None
    records: dict[str, BadgeRecord] = field(default_factory=dict)


class Feeds:
    """The rules in force. `offsets` are the next ones of (definitions, settings); they grow only in
    `refresh`, which the loop calls between batches. `accepted_at` is the latest acceptance of anything in
    force.
    """

    def __init__(self, config: Mapping[str, Any], prefix: str, logger: Any, clock: Clock) -> None:
        self._consumer = Consumer(dict(config), logger=logger)
        self._clock = clock
        self._topics = (prefix + BADGE_DEFINITIONS, prefix + ORG_SETTINGS)
        self._orgs: dict[int, _Org] = {}
        self._compiled: dict[int, OrgRules] = {}
        self.offsets = (0, 0)
        self.accepted_at = 0

    def read_to_end(self) -> None:
        """From the beginning to the end there is now. Raises Paused where the broker does not answer in
        time.
        """
        self._consumer.assign([TopicPartition(topic, 0, 0) for topic in self._topics])
        pending = set(self._topics)
        deadline = self._clock.monotonic() + END_S
        while pending:
            if self._clock.monotonic() > deadline:
                raise Paused("the definitions could not be read to their end")
            for message in drain(self._consumer, 500, 0.1):
                if self._take(message):
                    pending.discard(str(message.topic()))

    def refresh(self) -> bool:
        """Takes over what was published since, without waiting; whether anything was."""
        before = self.offsets
        messages = self._consumer.consume(500, 0)
        for message in messages:
            self._take(message)
        return self.offsets != before

    def _take(self, message: Message) -> bool:
        """Whether the message says that its feed was read to the end."""
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self._advance(message)
                return True
            if error.retriable() or error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
                return False
            told = f"{message.topic()}: {error.name()}; run `badges topics create`"
            raise denied(error, message.topic() or "") or Stopped(told, REFUSED)
        value = message.value()
        if value is not None:
            if message.topic() == self._topics[0]:
                self._take_badge(value)
            else:
                self._take_settings(value)
        self._advance(message, 1)
        return False

    def _advance(self, message: Message, step: int = 0) -> None:
        offset = (message.offset() or 0) + step
        definitions, settings = self.offsets
        if message.topic() == self._topics[0]:
            self.offsets = (max(definitions, offset), settings)
        else:
            self.offsets = (definitions, max(settings, offset))

    def _take_badge(self, value: bytes) -> None:
        record = decode_record(value).record
        definition = record.definition
        self._org(definition.org_id).records[definition.badge_id] = record
        self.accepted_at = max(self.accepted_at, record.accepted_at)

    def _take_settings(self, value: bytes) -> None:
        stored = decode_settings(value)
        self._org(stored.settings.org_id).settings = stored.settings
        self.accepted_at = max(self.accepted_at, stored.accepted_at)

    def _org(self, org_id: int) -> _Org:
        self._compiled.pop(org_id, None)
        return self._orgs.setdefault(org_id, _Org())

    def rules(self, org_id: int) -> OrgRules:
        """The rules of an org, compiled when they are first asked for; those of S91 where it has none."""
        rules = self._compiled.get(org_id)
        if rules is None:
            org = self._orgs.get(org_id)
            settings = org.settings if org else None
            rules = compile_org(settings or OrgSettings(org_id), org.records if org else {})
            if org is not None:
                self._compiled[org_id] = rules
        return rules

    def introduced(self) -> list[BadgeRecord]:
        """The badges that were given badge-level limits after they had none."""
        return [one for org in self._orgs.values() for one in org.records.values() if one.limit_number]

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()
