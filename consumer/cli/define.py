"""`badges define FILE…`, `badges activate BADGE`, `badges deactivate BADGE`"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.clock import now_ms
from consumer.cli.options import AsJson, BadgeArgument, Files, Org, Overrides
from consumer.cli.output import emit, emit_json, say
from consumer.cli.person import author
from consumer.failure import INVALID, USAGE, Failure

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.definitions_store import Edit, Edited
    from schemas.documents import Document


def define(
    files: Files,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: AsJson = False,
    overrides: Overrides = None,
) -> None:
    """Validate and publish badge definitions and settings: all of them, or none."""
    from consumer.broker import Broker
    from consumer.definitions_store import publish, rehearse
    from consumer.settings import load_settings

    settings = load_settings(overrides or ())
    documents = [document for file in files for document in _documents(file)]
    broker = Broker(settings)
    if dry_run:
        edit = rehearse(broker, documents, author(), now_ms())
    else:
        edit = publish(broker, lambda _: documents, author(), now_ms())
    _tell(edit, as_json, dry_run)


def activate(
    badge: BadgeArgument, org: Org = None, as_json: AsJson = False, overrides: Overrides = None
) -> None:
    """Let a badge enrol and issue again."""
    _set_active(badge, org, True, as_json, overrides)


def deactivate(
    badge: BadgeArgument, org: Org = None, as_json: AsJson = False, overrides: Overrides = None
) -> None:
    """Stop a badge: enrolments and issues are refused with BADGE_INACTIVE until it is activated."""
    _set_active(badge, org, False, as_json, overrides)


def _set_active(badge: str, org: int | None, active: bool, as_json: bool, overrides: Overrides) -> None:
    from consumer.broker import Broker
    from consumer.cli.lookup import the_badge
    from consumer.definitions_store import Definitions, publish
    from consumer.settings import load_settings
    from schemas.documents import Document

    def switched(definitions: Definitions) -> list[Document]:
        stored = the_badge(definitions, org, badge)
        return [Document("badge", {**stored.body, "active": active}, badge)]

    broker = Broker(load_settings(overrides or ()))
    _tell(publish(broker, switched, author(), now_ms()), as_json, dry_run=False)


def _documents(file: Path) -> list[Document]:
    from schemas.documents import load_documents
    from schemas.errors import Malformed

    try:
        text = (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode()
    except UnicodeDecodeError:
        raise Failure(INVALID, f"{file}: not UTF-8; nothing was published") from None
    except OSError as error:
        raise Failure(USAGE, f"{file}: {error.strerror}") from None
    try:
        return load_documents(text, str(file))
    except Malformed as error:
        raise Failure(INVALID, f"{error.message}; nothing was published") from None


def _tell(edit: Edit, as_json: bool, dry_run: bool) -> None:
    from consumer.cli.edit_words import words_of

    for one in edit.results:
        if as_json:
            emit_json(_object(one))
            continue
        name = f"{one.org_id if one.org_id is not None else '?'}/{one.badge_id or 'settings'}"
        version = f"  version {one.definition_version}" if one.definition_version and not one.error else ""
        emit(f"{one.result:10}{name}{version}")
        for line in words_of(one, edit.at):
            emit(f"          {line}")
    if edit.refused:
        refused = [one for one in edit.results if one.error]
        places = "; ".join(one.place for one in refused)
        message = f"{len(refused)} of {len(edit.results)} documents refused ({places}); nothing was published"
        raise Failure(INVALID, f"{message}: correct them and run the command again")
    if dry_run:
        say("dry run: nothing was published")
    elif not edit.published:
        say("nothing to publish")


def _object(one: Edited) -> dict[str, object]:
    return {
        "org_id": one.org_id,
        "badge_id": one.badge_id,
        "result": one.result,
        "definition_version": one.definition_version,
        "error": one.error,
    }
