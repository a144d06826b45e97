"""Part 1, against app_queue: the same phones and the same arrivals for each in turn, block after block, in one run."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench import machine
from bench.daemon import BenchError, Daemon
from bench.figures import Spread, percentile, spread
from bench.office import ACD, CONTESTANTS, EXTENSION, Office, names
from bench.phones import Agents, Callers
from bench.story import Delay, Story

Say = Callable[[str], None]

TICK_SECONDS = 0.05
FILL_SECONDS = 90.0
SETTLE_SECONDS = 3.0
"""Until the first phones have been hung up again and everything is under way."""
FINISH_SECONDS = 60.0
NOTICEABLE_SECONDS = 1.0
"""A rate is carried while an idle agent is dialled within that."""
CARRIED_PERCENT = 99


@dataclass(frozen=True)
class Crowd:
    """More callers than agents, all the time: whoever becomes free is owed the next one."""

    agents: int
    waiting: int
    talk_seconds: float
    rate: float
    """At which it fills up."""
    seconds: float
    rounds: int

    @property
    def title(self) -> str:
        return f"{self.agents} agents, {self.waiting} callers waiting"


@dataclass(frozen=True)
class Flow:
    """More agents than callers: whoever joins is owed an agent."""

    agents: int
    rate: float
    talk_seconds: float
    seconds: float
    rounds: int

    @property
    def title(self) -> str:
        return f"{self.rate:g} calls/s, {self.agents} agents, some idle"


@dataclass(frozen=True)
class Steps:
    """Ever more calls a second, until an idle agent is left waiting."""

    agents: int
    rates: tuple[float, ...]
    talk_seconds: float
    seconds: float


@dataclass(frozen=True)
class Plan:
    crowds: tuple[Crowd, ...]
    flow: Flow
    steps: Steps

    @property
    def sizes(self) -> tuple[int, ...]:
        return (*(crowd.agents for crowd in self.crowds), self.flow.agents, self.steps.agents)


ANSWER_SECONDS = 0.2
FULL = Plan(
    crowds=(
        Crowd(agents=5, waiting=20, talk_seconds=0.8, rate=20, seconds=30, rounds=2),
        Crowd(agents=50, waiting=100, talk_seconds=1.8, rate=60, seconds=20, rounds=2),
        Crowd(agents=400, waiting=500, talk_seconds=15.8, rate=60, seconds=25, rounds=1),
    ),
    flow=Flow(agents=100, rate=25, talk_seconds=1.8, seconds=20, rounds=2),
    steps=Steps(agents=400, rates=(25, 50, 75, 100, 125, 150, 200), talk_seconds=0.8, seconds=6),
)
QUICK = Plan(
    crowds=(
        Crowd(agents=5, waiting=20, talk_seconds=0.8, rate=20, seconds=8, rounds=1),
        Crowd(agents=50, waiting=100, talk_seconds=1.8, rate=60, seconds=8, rounds=1),
    ),
    flow=Flow(agents=100, rate=25, talk_seconds=1.8, seconds=8, rounds=1),
    steps=Steps(agents=100, rates=(25, 50), talk_seconds=0.8, seconds=4),
)


@dataclass
class Measured:
    """One contestant in one setting, over all its rounds."""

    seconds: float = 0.0
    calls: int = 0
    lost: int = 0
    rung_twice: int = 0
    asterisk_cpu_seconds: float = 0.0
    daemon_cpu_seconds: float = 0.0
    free_to_dial: list[float] = field(default_factory=list)
    join_to_dial: list[float] = field(default_factory=list)
    answer_to_bridge: list[float] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def spreads(self) -> dict[str, Spread | None]:
        return {name: spread(getattr(self, name)) for name in ("free_to_dial", "join_to_dial", "answer_to_bridge")}

    def ms_per_call(self, cpu_seconds: float) -> float | None:
        return round(1000 * cpu_seconds / self.calls, 2) if self.calls else None


@dataclass(frozen=True)
class Step:
    rate: float
    carried: bool
    wait_ms: float | None
    """From joining to the dial, while an agent was idle: the 99th percentile."""
    lost: int


@dataclass
class Comparison:
    settings: dict[str, dict[str, Measured]]
    steps: dict[str, list[Step]]

    def carried(self, contestant: str) -> float:
        return max((step.rate for step in self.steps[contestant] if step.carried), default=0.0)


async def compare(office: Office, plan: Plan, say: Say) -> Comparison:
    settings: dict[str, dict[str, Measured]] = defaultdict(lambda: defaultdict(Measured))
    for setting, contestant in _turns((*plan.crowds, plan.flow)):
        say(f"{setting.title}: {contestant}")
        measured = settings[setting.title][contestant]
        if isinstance(setting, Crowd):
            await measure_crowd(office, setting, contestant, measured)
        else:
            await measure_flow(office, setting, contestant, measured)
    steps = {}
    for contestant in CONTESTANTS:
        say(f"ever more calls a second: {contestant}")
        steps[contestant] = await _steps(office, plan.steps, contestant)
    return Comparison({title: dict(of) for title, of in settings.items()}, steps)


def _turns(settings: tuple[Crowd | Flow, ...]) -> Iterator[tuple[Crowd | Flow, str]]:
    for setting in settings:
        for _ in range(setting.rounds):
            for contestant in CONTESTANTS:
                yield setting, contestant


async def measure_crowd(office: Office, crowd: Crowd, contestant: str, measured: Measured) -> None:
    at_work = Agents(ANSWER_SECONDS, crowd.talk_seconds)
    callers = Callers(crowd.rate, EXTENSION[contestant], at_once=crowd.agents + crowd.waiting, jitter_seconds=0)
    # Less than all: SIPp's next caller takes a moment to come, and Asterisk half a second to answer him.
    backlog = crowd.waiting * 3 // 4
    async with block(office, crowd.agents, at_work, contestant, backlog) as (story, daemon), office.callers(callers):
        await until(lambda: story.waiting >= backlog, FILL_SECONDS, f"{crowd.title}: the line did not fill up")
        await asyncio.sleep(SETTLE_SECONDS)
        await _measure(office, story, daemon, measured, crowd.seconds)


async def measure_flow(office: Office, flow: Flow, contestant: str, measured: Measured) -> None:
    at_work = Agents(ANSWER_SECONDS, flow.talk_seconds)
    callers = Callers(flow.rate, EXTENSION[contestant])
    async with block(office, flow.agents, at_work, contestant) as (story, daemon), office.callers(callers):
        await until(lambda: story.connected > 0, FILL_SECONDS, f"{flow.title}: nobody was connected")
        await asyncio.sleep(SETTLE_SECONDS)
        await _measure(office, story, daemon, measured, flow.seconds)


async def _steps(office: Office, steps: Steps, contestant: str) -> list[Step]:
    done: list[Step] = []
    for rate in steps.rates:
        at_work = Agents(ANSWER_SECONDS, steps.talk_seconds)
        callers = Callers(rate, EXTENSION[contestant], total=round(rate * steps.seconds))
        async with (
            block(office, steps.agents, at_work, contestant) as (story, _),
            office.callers(callers) as calling,
        ):
            try:
                await asyncio.wait_for(calling.done(), FINISH_SECONDS)
            except TimeoutError:
                lost = round(rate * steps.seconds) - story.connected
            else:
                lost = calling.counts()["failed"] + story.left_unconnected
            done.append(_step(rate, story, lost))
        if not done[-1].carried:
            break
    return done


def _step(rate: float, story: Story, lost: int) -> Step:
    waits = sorted(delay.seconds for delay in story.join_to_dial)
    wait = percentile(waits, CARRIED_PERCENT) if waits else None
    carried = wait is not None and wait <= NOTICEABLE_SECONDS and not lost
    return Step(rate, carried, None if wait is None else round(1000 * wait, 1), lost)


@asynccontextmanager
async def block(
    office: Office, agents: int, at_work: Agents, contestant: str, backlog: int = 0
) -> AsyncIterator[tuple[Story, Daemon | None]]:
    """One contestant alone in the office; the daemon does not even run while it is the other's turn."""
    async with office.agents(at_work):
        if contestant == ACD:
            async with office.daemon(names(agents)) as daemon:
                yield await office.watch(names(agents), backlog), daemon
                await office.clear()
        else:
            await office.use_native_queue(agents)
            yield await office.watch(names(agents), backlog), None
            await office.clear()


async def _measure(office: Office, story: Story, daemon: Daemon | None, measured: Measured, seconds: float) -> None:
    calls, lost, twice = story.connected, story.left_unconnected, story.rung_twice
    asterisk = machine.cpu_seconds(office.pid)
    own = machine.cpu_seconds(daemon.pid) if daemon else 0.0
    began = time.monotonic()
    await asyncio.sleep(seconds)
    ended = time.monotonic()
    measured.seconds += ended - began
    measured.asterisk_cpu_seconds += machine.cpu_seconds(office.pid) - asterisk
    if daemon:
        measured.daemon_cpu_seconds += machine.cpu_seconds(daemon.pid) - own
        measured.complaints += daemon.complaints()
    measured.calls += story.connected - calls
    measured.lost += story.left_unconnected - lost
    measured.rung_twice += story.rung_twice - twice
    for name in ("free_to_dial", "join_to_dial", "answer_to_bridge"):
        delays: list[Delay] = getattr(story, name)
        getattr(measured, name).extend(delay.seconds for delay in delays if began <= delay.at <= ended)


async def until(there: Callable[[], bool], seconds: float, otherwise: str) -> None:
    until = time.monotonic() + seconds
    while not there():
        if time.monotonic() > until:
            raise BenchError(otherwise)
        await asyncio.sleep(TICK_SECONDS)
