"""The whole main job on real input: servers, topics, badges, purchases, consumer, summary.

Every step does only what is missing, so running it again changes nothing that was issued.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console

from badges.actions import CustomerAction
from badges.calendar import Zone, format_day, zone
from badges.definitions import BadgeDefinition
from consumer.broker import Broker
from consumer.cli.topics import DEFAULT_PARTITIONS
from consumer.definitions_store import Definitions, read_definitions
from consumer.definitions_store import publish as publish_definitions
from consumer.demo import book
from consumer.demo.consuming import consumer_process
from consumer.demo.feed import missing, publish
from consumer.demo.purchases import HERO, ORG, TIMEZONE, actions, first_shift, purchases
from consumer.demo.screen import Bar, bar
from consumer.demo.summary import show_badges, story_lines
from consumer.demo.tally import tally_of
from consumer.demo.watch import DECISIONS, Starts, ends_now, is_of_act, watch
from consumer.demo.words import day_text
from consumer.failure import DIFFERENT, INVALID, Failure
from consumer.local.stack import LocalStack, default_home
from consumer.reading import read_everything, read_to_end
from consumer.settings import Settings
from consumer.topics import create_topics, known_partitions
from schemas.badge_issued import IssuedBadge
from schemas.documents import Document

WORKERS: Final = 2


@dataclass(frozen=True)
class Pace:
    """How fast this run decided: `acts` in `seconds`."""

    acts: int
    seconds: float


class Demo:
    """One run. `screen` is stderr, `paper` stdout; `overrides` go on to the consumer as they came."""

    def __init__(self, settings: Settings, overrides: Sequence[str], screen: Console, paper: Console) -> None:
        self._settings = settings
        self._overrides = overrides
        self._screen = screen
        self._paper = paper
        self._zone: Zone = zone(TIMEZONE)

    def run(self) -> None:
        """All steps. Raises Failure, and what the local stack raises."""
        self._start_servers()
        broker = Broker(self._settings)
        self._create_topics(broker)
        definitions, shift = self._define(broker)
        due = list(actions(shift, self._zone))
        self._publish(broker, due)
        decided = sum(is_of_act(message) for message in read_to_end(broker, DECISIONS))
        pace = self._consume(broker, ends_now(broker), max(0, len(due) - decided))
        self._summarise(broker, definitions, pace)

    def _start_servers(self) -> None:
        kafka, redis = self._settings.kafka.bootstrap_servers is None, self._settings.redis.url is None
        if kafka or redis:
            LocalStack(default_home(), self._say).up(kafka=kafka, redis=redis)

    def _create_topics(self, broker: Broker) -> None:
        results = create_topics(broker, known_partitions(broker) or DEFAULT_PARTITIONS)
        different = [result.topic for result in results if result.result == "DIFFERS"]
        if different:
            message = f"{', '.join(different)} differ from what they should be"
            raise Failure(DIFFERENT, f"{message}; see `badges topics create`")
        made = sum(result.result == "CREATED" for result in results)
        self._say(f"Topics: {made} created, {len(results) - made} there already")

    def _define(self, broker: Broker) -> tuple[dict[str, BadgeDefinition], int]:
        """The demo org's badges by id, published now or by an earlier run, and that run's shift."""
        shift = first_shift(self._zone.day(_now()))

        def propose(found: Definitions) -> Sequence[Document]:
            earlier = book.published_shift(found.records(ORG), self._zone)
            return [] if earlier is not None else book.documents(shift, self._zone)

        edit = publish_definitions(broker, propose, "badges demo", _now())
        if edit.refused:
            refused = next(one for one in edit.results if one.error is not None)
            message = f"the badges of org {ORG} are somebody's own, the demo cannot add its"
            raise Failure(INVALID, f"{message} ({refused.error}); use another topics.prefix")
        # A commit returns a little before readers see it: what was published just now is known from the edit.
        made = {one.badge_id: one.after for one in edit.results if one.badge_id is not None and one.after}
        records = made if edit.published else read_definitions(broker).records(ORG)
        published = book.published_shift(records, self._zone)
        assert published is not None  # published now or found
        origin = "published" if edit.published else "there already, and they fix the dates"
        self._say(f"Badges: {len(records)} of org {ORG}, {origin}")
        order = [one.badge_id for one in book.definitions(published, self._zone)]
        ids = [*(one for one in order if one in records), *(one for one in records if one not in order)]
        return {badge_id: records[badge_id].definition for badge_id in ids}, published

    def _publish(self, broker: Broker, due: list[CustomerAction]) -> None:
        absent = missing(broker, due)
        if not absent:
            self._say(f"Purchases: all {len(due):,} actions are on the topic already")
            return
        days = [format_day(self._zone.day(action.event_date)) for action in (due[0], due[-1])]
        self._say(f"Purchases: {len(absent):,} actions from {days[0]} to {days[1]}, in order of time")
        with bar(self._screen, "published", len(absent)) as progress:
            done = 0

            def report(sent: int) -> None:
                nonlocal done
                progress.advance(sent - done)
                done = sent

            publish(broker, absent, report)

    def _consume(self, broker: Broker, starts: Starts, due: int) -> Pace:
        """Runs the consumer until everything is decided, and shows badges as they are issued."""
        log = default_home() / "demo-consumer.log"
        what = "badges as they are issued (a few of them):" if due else "is anything left to decide?"
        self._say(f"Consumer: {WORKERS} workers, exactly once; {what}")
        consumer = consumer_process(self._overrides, WORKERS, log, exit_at_end=True)
        with consumer as process, bar(self._screen, "decided", due) as progress:
            pace = self._follow(broker, starts, process.poll, progress)
            code = process.wait()
        if code:
            raise Failure(code, f"the consumer ended with {code}; its last words are in {log}")
        return pace

    def _follow(self, broker: Broker, starts: Starts, ended: Callable[[], int | None], progress: Bar) -> Pace:
        first = last = 0.0
        acts = before = 0
        for seen in watch(broker, starts, lambda: ended() is None):
            if seen.decided:
                last = time.monotonic()
                first = first or last
                before = before or seen.decided
                acts += seen.decided
                progress.advance(seen.decided)
            if seen.sample is not None:
                progress.note(self._sample(seen.sample))
        # What came with the first look was decided before the clock started.
        return Pace(acts - before, last - first)

    def _sample(self, badge: IssuedBadge) -> str:
        day = day_text(self._zone.day(badge.event_date))
        return f"  [bold]{badge.badge_name:16}[/] customer {badge.customer_id}, for what happened on {day}"

    def _summarise(self, broker: Broker, definitions: Mapping[str, BadgeDefinition], pace: Pace) -> None:
        # The last commit returned a little before readers see it.
        values = (message.value() or b"" for message in read_everything(broker, DECISIONS))
        tally = tally_of(values, ORG, HERO)
        paper = self._paper
        paper.print()
        paper.print(
            f"[bold]{tally.actions:,}[/] acts of [bold]{len(tally.customers):,}[/] customers became "
            f"[bold]{tally.issued:,}[/] badges; {tally.decisions:,} decisions say why, one by one."
        )
        if pace.seconds > 0:
            paper.print(
                f"This run decided {pace.acts / pace.seconds:,.0f} acts a second with {WORKERS} workers, "
                "exactly once, beside the broker on the same machine."
            )
        else:
            paper.print("This run found everything decided already: nothing was issued twice.")
        paper.print()
        show_badges(paper, tally, definitions)
        rows = {str(row.line): row for row in purchases()}
        paper.print()
        paper.print(f"[bold]The story of customer {HERO}[/]")
        for line in story_lines(tally, definitions, rows, self._zone):
            paper.print(line, markup=False)
        paper.print()
        _show_next(paper)

    def _say(self, line: str) -> None:
        self._screen.print(line, markup=False, soft_wrap=True)


def _now() -> int:
    return time.time_ns() // 1_000_000


_NEXT: Final = (
    ("customer " + HERO, "all that is known of this customer"),
    ("list", "the badges and their status"),
    ("show regular", "a badge with its windows"),
    ("tail issued --from-beginning --exit-at-end | head", "the events that set off rewards"),
    ("verify", "Redis equals the log"),
    ("demo", "again: nothing is issued twice"),
    ("down", "stop the servers; the data stays"),
)


def _show_next(paper: Console) -> None:
    """Commands to try, written so that they work where they are pasted."""
    program = "badges" if shutil.which("badges") else sys.argv[0]
    paper.print("[bold]Now try[/]")
    width = max(len(command) for command, _ in _NEXT)
    for command, what in _NEXT:
        paper.print(f"  {program} {command:{width}}  [dim]{what}[/]", soft_wrap=True)
