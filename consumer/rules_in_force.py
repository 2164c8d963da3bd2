"""From which record on rules are in force: each partition's changelog says it, before any record is decided
by them. So every owner, and every reader of the log, knows by which rules a record was decided.
"""

from __future__ import annotations

from consumer.batch import Committer
from consumer.clock import Clock
from consumer.errors import Paused
from consumer.feeds import Feeds
from consumer.input import InputGroup
from consumer.introductions import Introductions
from consumer.ownership import Ownership
from consumer.view_checks import ViewMoved


class RulesInForce:
    """Compares the rules that were read with those of each owned partition's position."""

    def __init__(
        self,
        group: InputGroup,
        ownership: Ownership,
        feeds: Feeds,
        committer: Committer,
        introductions: Introductions | None,
        clock: Clock,
    ) -> None:
        self._group = group
        self._ownership = ownership
        self._feeds = feeds
        self._committer = committer
        self._introductions = introductions
        self._clock = clock

    def check(self) -> None:
        """Raises Paused where an owner before decided by rules that are not read here yet."""
        rules, settings = self._feeds.offsets
        for own in self._ownership.owned.values():
            if own.position.rules_offset > rules or own.position.settings_offset > settings:
                raise Paused("the rules that the last owner decided by are not read yet")

    def cut_over(self) -> None:
        """Rules that changed are in force from the next record on; the changelog says from which. Raises
        ViewMoved, and what a commit raises.
        """
        feeds = self._feeds.offsets
        behind = [
            own
            for own in self._ownership.owned.values()
            if not own.passing
            and ((own.position.rules_offset, own.position.settings_offset) != feeds or own.moved)
        ]
        if behind:
            at = max(self._clock.now(), self._feeds.accepted_at)
            introduced = self._introductions.of(behind) if self._introductions is not None else {}
            broken = self._committer.cut_over(behind, feeds, at, self._group.metadata(), introduced)
            if broken:
                raise ViewMoved(broken)
