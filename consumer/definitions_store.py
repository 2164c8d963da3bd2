"""Definitions and settings in Kafka: reading what is in force, and publishing edits in one transaction.

Whoever edits holds the one transactional id `<prefix>define`, reads both feeds to their end, judges all
documents by what is there, and publishes all results or none. A second editor fences the first, whose edit
then fails as a whole: no edit is judged by rules that another one has replaced (design.md section 6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from confluent_kafka import KafkaError, KafkaException, Producer

from badges.definitions import BadgeDefinition, BadgeRecord, OrgSettings
from badges.edits import Refused, accept, accept_settings
from badges.rulebook import OrgRules, compile_org
from consumer.broker import TRANSACTION_S, Broker
from consumer.failure import UNREACHABLE, Failure
from consumer.reading import read_everything
from consumer.rights import denied
from schemas.catalogue import BADGE_DEFINITIONS, ORG_SETTINGS
from schemas.documents import Document
from schemas.errors import Malformed
from schemas.rules_feed import (
    StoredBadge,
    StoredSettings,
    badge_key,
    decode_record,
    decode_settings,
    encode_record,
    encode_settings,
    settings_key,
)

TRANSACTIONAL_ID: Final = "define"
_FENCED: Final = frozenset(
    {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
)

EditResult = Literal["CREATED", "CHANGED", "UNCHANGED", "REFUSED"]


@dataclass
class Definitions:
    """What is in force: badges by org and id, settings by org."""

    badges: dict[tuple[int, str], StoredBadge] = field(default_factory=dict)
    settings: dict[int, StoredSettings] = field(default_factory=dict)

    def orgs(self) -> list[int]:
        """All orgs that have a badge or settings, ascending."""
        return sorted({org_id for org_id, _ in self.badges} | set(self.settings))

    def org_settings(self, org_id: int) -> OrgSettings:
        """Those in force; the defaults of S91 until an org has its own."""
        stored = self.settings.get(org_id)
        return stored.settings if stored else OrgSettings(org_id)

    def records(self, org_id: int) -> dict[str, BadgeRecord]:
        """The badges of an org by id."""
        of_org = [(key[1], stored) for key, stored in sorted(self.badges.items()) if key[0] == org_id]
        return {badge_id: stored.record for badge_id, stored in of_org}

    def rules(self, org_id: int) -> OrgRules:
        """The rules of an org, compiled."""
        return compile_org(self.org_settings(org_id), self.records(org_id))

    def last_acceptance(self) -> int:
        """The greatest instant at which anything here was accepted; 0 if there is nothing."""
        instants = [stored.record.accepted_at for stored in self.badges.values()]
        instants += [stored.accepted_at for stored in self.settings.values()]
        return max(instants, default=0)


@dataclass(frozen=True)
class Edited:
    """What became of one document. `before` and `after` are a badge's records, `error` comes with REFUSED."""

    result: EditResult
    org_id: int | None
    badge_id: str | None
    place: str
    before: BadgeRecord | None = None
    after: BadgeRecord | None = None
    error: dict[str, Any] | None = None

    @property
    def definition_version(self) -> int | None:
        """The version that is in force afterwards; None for settings, and for a badge that is unknown."""
        record = self.after or self.before
        return record.version if record else None


@dataclass(frozen=True)
class Edit:
    """The results in the order of the documents, and whether they were published."""

    results: list[Edited]
    at: int
    published: bool

    @property
    def refused(self) -> bool:
        """Whether any document was refused; then nothing was published."""
        return any(one.result == "REFUSED" for one in self.results)


def read_definitions(broker: Broker) -> Definitions:
    """What both feeds hold now."""
    found = Definitions()
    for message in read_everything(broker, ORG_SETTINGS):
        settings = decode_settings(message.value() or b"")
        found.settings[settings.settings.org_id] = settings
    for message in read_everything(broker, BADGE_DEFINITIONS):
        badge = decode_record(message.value() or b"")
        definition = badge.record.definition
        found.badges[definition.org_id, definition.badge_id] = badge
    return found


def rehearse(broker: Broker, documents: Sequence[Document], author: str, now: int) -> Edit:
    """What `publish` would do now; nothing is published, nobody is fenced."""
    draft = _Draft(read_definitions(broker), author, now)
    return Edit(draft.judge(documents), draft.at, published=False)


def publish(
    broker: Broker,
    propose: Callable[[Definitions], Sequence[Document]],
    author: str,
    now: int,
) -> Edit:
    """Judges the documents that `propose` makes of what is in force, and publishes all results or none.

    `now` is the instant of the edit; it never lies before an earlier acceptance. Raises Failure (4) where
    another editor has fenced this one.
    """
    broker.check_writable(BADGE_DEFINITIONS, ORG_SETTINGS)
    try:
        producer = broker.sole_producer(TRANSACTIONAL_ID)
        definitions = read_definitions(broker)
        draft = _Draft(definitions, author, now)
        results = draft.judge(propose(definitions))
        if any(one.result == "REFUSED" for one in results) or not draft.outputs:
            return Edit(results, draft.at, published=False)
        _commit(broker, producer, draft.outputs)
        return Edit(results, draft.at, published=True)
    except KafkaException as error:
        raise _explained(error) from None


def _commit(broker: Broker, producer: Producer, outputs: Sequence[tuple[str, bytes, bytes]]) -> None:
    producer.begin_transaction()
    for name, key, value in outputs:
        producer.produce(broker.topic(name), key=key, value=value, partition=0)
    producer.commit_transaction(TRANSACTION_S)


def _explained(error: KafkaException) -> Exception:
    cause = error.args[0]
    stop = denied(cause)
    if stop is not None:
        return stop
    if cause.code() in _FENCED:
        message = "someone else is defining at the same time, and nothing of this call was published"
        return Failure(UNREACHABLE, f"{message}; look at `badges list`, then run the command again")
    message = f"Kafka did not confirm the edit ({cause.str()})"
    return Failure(
        UNREACHABLE, f"{message}; look at `badges list`, and run the command again if it is not there"
    )


class _Draft:
    """The definitions as they become document by document, and the records that lead there."""

    def __init__(self, definitions: Definitions, author: str, now: int) -> None:
        self._definitions = Definitions(dict(definitions.badges), dict(definitions.settings))
        self._author = author
        self.at = max(now, definitions.last_acceptance())
        self.outputs: list[tuple[str, bytes, bytes]] = []

    def judge(self, documents: Sequence[Document]) -> list[Edited]:
        """All documents, settings before badges; the results in the order of the documents."""
        results: dict[int, Edited] = {}
        for kind in ("settings", "badge"):
            for index, document in enumerate(documents):
                if document.kind == kind:
                    results[index] = self._judged(document)
        return [results[index] for index in range(len(documents))]

    def _judged(self, document: Document) -> Edited:
        try:
            value = document.read()
            if isinstance(value, BadgeDefinition):
                return self._badge(value, document)
            return self._settings(value, document)
        except Malformed as error:
            return self._refused(document, 400, error.message, error.reference)
        except Refused as error:
            return self._refused(document, error.code, error.message, error.reference)

    def _refused(self, document: Document, code: int, message: str, reference: str | None) -> Edited:
        body = document.body if isinstance(document.body, dict) else {}
        org_id, badge_id = body.get("org_id"), body.get("badge_id")
        org_id = org_id if type(org_id) is int else None
        badge_id = badge_id if isinstance(badge_id, str) else None
        current = (
            self._definitions.badges.get((org_id, badge_id)) if org_id is not None and badge_id else None
        )
        error = {"code": code, "message": message, "reference": reference}
        record = current.record if current else None
        return Edited("REFUSED", org_id, badge_id, document.place, before=record, error=error)

    def _badge(self, definition: BadgeDefinition, document: Document) -> Edited:
        key = (definition.org_id, definition.badge_id)
        stored = self._definitions.badges.get(key)
        current = stored.record if stored else None
        if current is not None and current.definition == definition:
            return Edited("UNCHANGED", *key, document.place, current, current)
        org_id = definition.org_id
        settings = self._definitions.org_settings(org_id)
        record = accept(definition, current, self._definitions.records(org_id), settings, self.at)
        history = stored.followed() if stored else ()
        self._definitions.badges[key] = StoredBadge(record, document.body, self._author, history)
        value = encode_record(record, document.body, self._author, history)
        self.outputs.append((BADGE_DEFINITIONS, badge_key(*key), value))
        return Edited("CHANGED" if stored else "CREATED", *key, document.place, current, record)

    def _settings(self, settings: OrgSettings, document: Document) -> Edited:
        org_id = settings.org_id
        stored = self._definitions.settings.get(org_id)
        if stored is not None and stored.settings == settings:
            return Edited("UNCHANGED", org_id, None, document.place)
        has_badges = any(org == org_id for org, _ in self._definitions.badges)
        accepted = accept_settings(settings, stored.settings if stored else None, has_badges)
        version, history = (stored.version + 1, stored.followed()) if stored else (1, ())
        value = encode_settings(version, self.at, document.body, self._author, history)
        self._definitions.settings[org_id] = StoredSettings(
            accepted, version, self.at, document.body, self._author, history
        )
        self.outputs.append((ORG_SETTINGS, settings_key(org_id), value))
        return Edited("CHANGED" if stored else "CREATED", org_id, None, document.place)
