"""Which org, which badge: the questions of commands about one of them."""

from __future__ import annotations

from difflib import get_close_matches

from consumer.definitions_store import Definitions
from consumer.failure import USAGE, Failure
from schemas.rules_feed import StoredBadge


def the_org(definitions: Definitions, given: int | None) -> int:
    """The given org, else the only one that is known."""
    if given is not None:
        return given
    known = definitions.orgs()
    if len(known) == 1:
        return known[0]
    if not known:
        raise Failure(USAGE, "no org is known yet; publish a badge with `badges define FILE`")
    raise Failure(USAGE, f"orgs {', '.join(map(str, known))} are known; say which with --org N")


def the_badge(definitions: Definitions, org: int | None, badge_id: str) -> StoredBadge:
    """The badge of the given org, or of the only org that has one of this name."""
    if org is None:
        orgs = [one for one, name in definitions.badges if name == badge_id]
        if len(orgs) == 1:
            org = orgs[0]
    org = the_org(definitions, org)
    stored = definitions.badges.get((org, badge_id))
    if stored is None:
        known = [name for one, name in definitions.badges if one == org]
        close = get_close_matches(badge_id, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else "; `badges list` shows all"
        raise Failure(USAGE, f"org {org} has no badge {badge_id}{hint}")
    return stored
