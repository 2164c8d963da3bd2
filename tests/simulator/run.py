"""One seed, from the first record to the judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from consumer.errors import MISCONFIGURED, REFUSED, Fenced, Paused, Stopped
from schemas.catalogue import BADGE_HOPS, CUSTOMER_ACTIONS
from state.errors import ViewError
from tests.simulator.host import Host
from tests.simulator.log import Broker
from tests.simulator.log import Refused as BrokerRefused
from tests.simulator.oracle import Verdicts, Violation, fold, judge
from tests.simulator.plan import Plan
from tests.simulator.schedule import Killed, Over, Process, Schedule, WorkerHost
from tests.simulator.seams import seams
from tests.simulator.view import RedisServer
from tests.simulator.worker import GROUP, Worker
from tests.simulator.world import START, World, topics

RESTART_S = 1.0
PLACES = "places"
"""As a focus: there is a badge with limits over all customers, which come and go."""
TWINS = "twins"
"""As a focus: the first two workers have the same transactional id."""
HOUR = 3_600_000
HEAL_S = 600.0
HEAL_STEPS = 15_000
LOOK_EVERY = 20
FINAL = frozenset({2, MISCONFIGURED, REFUSED})


NOTHING = Verdicts(0, 0, 0, 0, Counter())


@dataclass
class Outcome:
    """What a schedule came to. `failure` None: everything held."""

    seed: int
    failure: str | None = None
    trace: list[str] = field(default_factory=list)
    points: frozenset[str] = frozenset()
    verdicts: Verdicts = NOTHING
    steps: int = 0
    faults: int = 0
    healing_s: float = 0.0
    exits: Counter[str] = field(default_factory=Counter)


class Simulation:
    """A world, its servers and its workers, all of one seed."""

    def __init__(self, seed: int, focus: Sequence[str] = (), *, traced: bool = False) -> None:
        self.random = Random(seed)
        self.plan = Plan.of_seed(seed, self.random, focus)
        self.broker = Broker(topics(self.plan.partitions))
        self.server = RedisServer()
        if PLACES in focus:
            self.plan.edits = max(self.plan.edits, 0.01)
        self.world = World(self.broker, self.random, self.plan.partitions, places=PLACES in focus)
        self.schedule = Schedule(self.plan, self.random, self._environment, self.broker.expire)
        self.schedule.processes = [Process(n, self._live) for n in range(self.plan.workers)]
        self.schedule.trace = [] if traced else None
        self.exits: Counter[str] = Counter()
        self.healed_at: float | None = None
        self._restart_at = 0.0
        self._twins = TWINS in focus
        for process in self.schedule.processes:
            process.skew = self.random.choice((0, 0, -1500, 4000))
        self._hosts: dict[int, WorkerHost] = {}

    def run(self) -> Outcome:
        self.schedule.tell(str(self.plan))
        self.world.begin()
        failure = None
        verdicts = NOTHING
        with seams(self.broker, self._host, self._reached, small=self.plan.small):
            try:
                self.schedule.run()
                verdicts = judge(self.broker, self.server)
            except Violation as violation:
                failure = str(violation)
        schedule = self.schedule
        healing = schedule.now - (self.healed_at or schedule.now)
        return Outcome(
            self.plan.seed,
            failure,
            schedule.trace or [],
            frozenset(schedule.points),
            verdicts,
            schedule.steps,
            schedule.faults,
            healing,
            self.exits,
        )

    # A worker's slot

    def _live(self, process: Process) -> None:
        process.baton.acquire()
        self.schedule.current = process
        try:
            while True:
                if not process.retired:
                    self._one_life(process)
                self.schedule.wait(process, max(RESTART_S, self._restart_at - self.schedule.now))
        except Over:
            return
        except BaseException as error:  # noqa: BLE001 -- a defect of the simulator: told by the main thread
            self.schedule.end(error)

    def _one_life(self, process: Process) -> None:
        process.lives += 1
        process.running, process.draining = True, False
        host = WorkerHost(self.schedule, process)
        self._hosts[process.number] = host
        how = "?"
        try:
            number = process.number
            worker = Worker(
                self.broker,
                self.server,
                host,
                str(number),
                process.lives,
                lambda: process.skew,
                self.schedule.tell,
                identity="0" if self._twins and number == 1 else None,
                accept_reset="reset" in self.plan.rates,
            )
            worker.run(lambda: process.draining)
            how = "drained"
        except Killed:
            how = "killed"
        except Stopped as error:
            how = f"stopped {error.exit_code}"
            self.schedule.tell(f"worker {process.number}: {error}")
            if self._twins and isinstance(error, Fenced):
                how = "gave up"
                process.retired = True
            elif error.exit_code in FINAL:
                self._fail(f"I6: worker {process.number} refuses to go on: {error}")
        except (Paused, ViewError) as error:
            how = f"unreachable {type(error).__name__}"
        except Exception as error:  # noqa: BLE001 -- the worker's defect, whatever it is
            self._fail(f"worker {process.number}: unexpected {type(error).__name__}: {error}")
        finally:
            process.running = process.doomed = False
        self.exits[how] += 1
        self.schedule.tell(f"worker {process.number}.{process.lives} ended: {how}")

    def _fail(self, what: str) -> None:
        self.schedule.tell(f"!!! {what}")
        self.schedule.finish(Violation(what))

    def _host(self) -> Host:
        """The surroundings of whoever runs now."""
        assert self.schedule.current is not None
        return self._hosts[self.schedule.current.number]

    def _reached(self, point: str) -> None:
        assert self.schedule.current is not None
        self.schedule.passage(self.schedule.current, point)

    # What happens between two steps

    def _environment(self) -> None:
        schedule = self.schedule
        self.broker.expire(schedule.now)
        if schedule.chance_of(self.plan.markers) or schedule.calm:
            self.broker.mark_one(self.random.randrange)
        if schedule.calm:
            self._heal()
            return
        if schedule.steps > self.plan.steps:
            self._begin_healing()
            return
        self._publish()
        self._break()

    def _publish(self) -> None:
        schedule, now = self.schedule, self._wall()
        if schedule.chance_of(self.plan.actions):
            schedule.tell(f"    published: {self.world.act(now)}")
        if schedule.chance_of(self.plan.edits):
            schedule.tell(f"    published: {self.world.edit(now)}")
        if schedule.in_flight and schedule.chance_of(self.plan.arrivals):
            self._deliver_one()
        if schedule.chance_of(0.02):
            self.server.save()

    def _wall(self) -> int:
        return START + int(self.schedule.now * 1000)

    def _deliver_one(self) -> None:
        what, deliver = self.schedule.in_flight.pop(self.random.randrange(len(self.schedule.in_flight)))
        self.schedule.fault(f"a late {what} arrives")
        try:
            deliver()
        except BrokerRefused:
            self.schedule.tell("    and is refused")

    def _break(self) -> None:
        schedule, random = self.schedule, self.random
        if schedule.chance("rebalance"):
            schedule.fault("the group rebalances")
            self.broker.group(GROUP).rebalance()
        if schedule.chance("wipe"):
            schedule.fault("Redis is wiped")
            self.server.wipe()
        if schedule.chance("roll back") and self.server.roll_back(random.randrange):
            schedule.fault("Redis goes back to an older state")
        if schedule.chance("lose marker"):
            partition = random.randrange(self.plan.partitions)
            schedule.fault(f"the view's marker of partition {partition} is deleted")
            self.server.lose_marker(partition)
        if schedule.chance("lose page") and self.server.lose_page(
            random.randrange(self.plan.partitions), random.randrange
        ):
            schedule.fault("a page is deleted from Redis")
        if schedule.chance("clock"):
            process = schedule.processes[random.randrange(len(schedule.processes))]
            process.skew = random.choice((-HOUR, -60_000, 0, 60_000, HOUR))
            schedule.fault(f"the clock of worker {process.number} is {process.skew} ms off")
        if schedule.chance("reset"):
            self._reset_group()
        for name in ("kafka", "redis"):
            if schedule.chance(f"{name} down"):
                seconds = random.choice((0.5, 5.0, 12.0, 50.0))
                schedule.fault(f"{name} does not answer for {seconds} s")
                schedule.down_until[name] = schedule.now + seconds

    def _reset_group(self) -> None:
        """Everybody dies, and before they are back an operator resets the group or deletes its offsets."""
        schedule, group = self.schedule, self.broker.group(GROUP)
        schedule.fault("all workers die, and the group is reset")
        for process in schedule.processes:
            process.doomed = process.running
        self._restart_at = schedule.now + 12.0
        for member_id in list(group.members):
            group.leave(member_id)
        for place, offset in list(group.offsets.items()):
            match self.random.randrange(4):
                case 0:
                    del group.offsets[place]
                case 1:
                    group.offsets[place] = self.random.randint(0, offset)
                case 2:
                    group.offsets[place] = self.random.randint(offset, self.broker.logs[place].high)

    # The end

    def _begin_healing(self) -> None:
        schedule = self.schedule
        schedule.tell("    all faults end")
        schedule.calm = True
        self.healed_at = schedule.now
        for process in schedule.processes:
            process.wake_at = min(process.wake_at, schedule.now)
            process.stopped = False
        while schedule.in_flight:
            self._deliver_one()
        for partition in self.server.holes:
            self.server.lose_marker(partition)  # `badges rebuild`: a page that nobody asks for is not missed
        self.world.act_everywhere(self._wall())

    def _heal(self) -> None:
        schedule = self.schedule
        assert self.healed_at is not None
        if schedule.steps % LOOK_EVERY == 0 and self._is_quiet():
            schedule.finish()
        if schedule.now - self.healed_at > HEAL_S or schedule.steps > self.plan.steps + HEAL_STEPS:
            self._fail("I6: lag did not return to zero")

    def _is_quiet(self) -> bool:
        """Everything is decided, the markers are written, and the view stands where the changelog ends."""
        broker = self.broker
        if any(one.transaction for one in broker.ids.values()):
            return False
        feeds = tuple(broker.logs[name, 0].high for name in ("badge-definitions", "org-settings"))
        for partition in range(self.plan.partitions):
            ends = [offset for offset, _ in broker.logs[CUSTOMER_ACTIONS, partition].committed()]
            decided = broker.group(GROUP).offsets.get((CUSTOMER_ACTIONS, partition), 0)
            if ends and decided <= ends[-1]:
                return False
            stands = self.server.data.marker(partition)
            positions = fold(broker, partition).positions
            if (
                not positions
                or stands is None
                or stands.token
                or stands.sequence != positions[-1][1].sequence
            ):
                return False
            if stands.feeds[:2] != feeds:
                return False
            messages = broker.logs[BADGE_HOPS, partition].committed()
            if messages and positions[-1][1].hops_offset <= messages[-1][0]:
                return False
        return True


def simulate(seed: int, focus: Sequence[str] = (), *, traced: bool = False) -> Outcome:
    """Runs one seed, with some faults more often than it would have them."""
    return Simulation(seed, focus, traced=traced).run()
