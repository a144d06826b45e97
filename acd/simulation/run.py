"""A day of a call centre in seconds: the real center and the real Calls (and AMI link), in time that jumps.

Only the telephones, the people and the clock are ours. The same seed gives the same facts, byte for byte. What breaks a
law ends the run with LawBroken, which names the seed that shows it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from acd.asterisk.callbacks import Means
from acd.asterisk.calls import WANTED_EVENTS, Calls
from acd.asterisk.link import AmiServer, Link, Patience
from acd.center import Center
from acd.center.facts import AnyFact
from acd.center.inputs import (
    DaemonStarted,
    DayBegan,
    Input,
    LogIn,
    LogOut,
    MakeAvailable,
    Pause,
    RulesLoaded,
    TimePassed,
)
from acd.center.model import AgentRules, Refused, SiteRules
from acd.dialling import Dialling
from acd.simulation import ami
from acd.simulation.arrivals import Agents, Callers
from acd.simulation.clock import VirtualLoop
from acd.simulation.direct import DirectLink
from acd.simulation.pbx import SimulatedPbx
from acd.simulation.people import Manner, Visitor
from acd.simulation.report import Report
from acd.simulation.watch import LawBroken, Watch

BEGINS_AT, DAY = 1_764_576_000.0, "2025-12-01"
"""A Monday, 8:00 UTC."""
WATCH_SECONDS = 60.0
SETTLE_SECONDS = 1.0
PING_SECONDS = 600.0
"""More often there is nothing to learn: this Asterisk does not freeze. It would be half of the work."""
LONGEST_EVENING_SECONDS = 4 * 3600.0
"""How long after the last call everybody must be gone."""
PORT = 5038
SECRET = "nobody is kept out"  # noqa: S105
AGENTS = Agents()
_ENCODE = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Day:
    rules: SiteRules
    callers: Callers
    agents: Agents = AGENTS
    hours: float = 8
    seed: int = 1
    pbxs: tuple[str, ...] = ("main",)
    over_the_wire: bool = False
    """With the real AMI link in between: the same day, only slower."""


@dataclass(frozen=True, slots=True)
class Result:
    report: Report
    sha256: str
    """Of all facts, each a line of JSON."""


def simulate(day: Day, on_fact: Callable[[AnyFact], None] = lambda _: None) -> Result:
    """Lives through a day. LawBroken."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(BEGINS_AT)) as runner:
        try:
            return runner.run(_live(day, on_fact))
        except LawBroken as broken:
            raise LawBroken(f"seed {day.seed}: {broken}") from broken


async def _live(day: Day, on_fact: Callable[[AnyFact], None]) -> Result:
    site = Site(day, on_fact)
    await _or_break(site, site.open())
    people = People(day, site)
    people.come()
    await _or_break(site, asyncio.sleep(day.hours * 3600))
    await _or_break(site, people.everybody_leaves())
    await site.close()
    return Result(site.report, site.digest.hexdigest())


async def _or_break(site: Site, living: Coroutine[Any, Any, None]) -> None:
    """What goes wrong in the middle of the day goes wrong in callbacks, whose callers survive it."""
    task = asyncio.ensure_future(living)
    await asyncio.wait([task, site.broken], return_when=asyncio.FIRST_COMPLETED)
    if site.broken.done():
        task.cancel()
        site.broken.result()
    await task


async def _at_once() -> bool:
    """There is no journal to wait for."""
    return True


class Site:
    """What a daemon is inside, without its doors: no journal, no HTTP, no clock but the loop's."""

    def __init__(self, day: Day, on_fact: Callable[[AnyFact], None]) -> None:
        self.center = Center()
        self.report = Report()
        self.digest = hashlib.sha256()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)  # noqa: S101
        loop.set_exception_handler(lambda _, context: self._break(context.get("exception")))
        self.broken: asyncio.Future[None] = loop.create_future()
        """Ends by the exception of whatever went wrong inside."""
        self._loop = loop
        self._rules, self._over_the_wire = day.rules, day.over_the_wire
        self._on_fact = on_fact
        self._chance = lots("center", day.seed)
        self.pbxs = {name: self._pbx(self._loop, name, day.seed) for name in day.pbxs}
        self._links = {name: self._link(name) for name in day.pbxs}
        means = Means(self.center.state, Dialling(None, {}), None, on_disk=_at_once, can_promise=lambda: True)
        self._calls = {
            name: Calls(link, tell=self.tell, now=self._loop.time, means=means) for name, link in self._links.items()
        }
        self._watch = Watch(self.center.state, self.pbxs)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._rounds = self._loop.call_later(WATCH_SECONDS, self._look_around)

    async def open(self) -> None:
        self.tell(DaemonStarted())
        self.tell(RulesLoaded(rules=self._rules))
        self.tell(DayBegan(day=DAY))
        for link in self._links.values():
            await link.start()
        while len(self.center.state.steered) < len(self._links):  # noqa: ASYNC110 - waiting costs nothing here
            await asyncio.sleep(SETTLE_SECONDS)

    async def close(self) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        self._watch.at_the_end()
        self._rounds.cancel()
        for calls in self._calls.values():
            await calls.stop()
        for link in self._links.values():
            await link.stop()
        for pbx in self.pbxs.values():
            pbx.close()
        if self._timer:
            self._timer.cancel()

    def is_busy(self) -> bool:
        return bool(self.center.state.offers) or any(pbx.channels for pbx in self.pbxs.values())

    def tell(self, told: Input) -> list[AnyFact]:
        try:
            return self._tell(told)
        except Refused:
            raise
        except Exception as error:
            self._break(error)
            raise

    def _break(self, error: Exception | None) -> None:
        if not self.broken.done():
            self.broken.set_exception(error or RuntimeError("something broke, and did not say what"))

    def _tell(self, told: Input) -> list[AnyFact]:
        facts = self.center.decide(told, self._loop.time(), self._chance.getrandbits(64))
        for fact in facts:
            for calls in self._calls.values():
                calls.on_fact(fact)
            self._watch.on_fact(fact)
            self.report.on_fact(fact)
            self.digest.update(_ENCODE(fact))
            self.digest.update(b"\n")
            self._on_fact(fact)
        if facts:
            self._watch.after_a_turn()
        self._set_timer()
        return facts

    def _set_timer(self) -> None:
        at = self.center.next_deadline()
        if at == self._timer_at:
            return
        if self._timer:
            self._timer.cancel()
        self._timer_at = at
        self._timer = None if at is None else self._loop.call_at(at, self._time_passed)

    def _time_passed(self) -> None:
        self._timer_at = None
        self.tell(TimePassed())

    def _look_around(self) -> None:
        self._watch.from_time_to_time()
        self._rounds = self._loop.call_later(WATCH_SECONDS, self._look_around)

    def _pbx(self, loop: VirtualLoop, name: str, seed: int) -> SimulatedPbx:
        pbx = SimulatedPbx(loop.time, lots(f"pbx {name}", seed), told=WANTED_EVENTS)
        loop.listen(name, PORT, lambda: ami.WireSession(pbx, "acd", SECRET))
        return pbx

    def _link(self, name: str) -> Link:
        handlers: dict[str, Any] = {
            "on_event": lambda event: self._calls[name].on_event(event),
            "on_up": lambda: self._calls[name].link_up(),
            "on_down": lambda why: self._calls[name].link_down(why),
        }
        if not self._over_the_wire:
            return cast(Link, DirectLink(name, self.pbxs[name], **handlers, wanted=WANTED_EVENTS))
        return Link(
            AmiServer(name=name, host=name, port=PORT, username="acd", secret=SECRET),
            **handlers,
            wanted=WANTED_EVENTS,
            patience=Patience(ping_seconds=PING_SECONDS),
        )


def lots(what: str, seed: int) -> random.Random:
    """One source of chance for each thing that happens by chance: a change in one of them changes no other."""
    return random.Random(f"{what} {seed}")  # noqa: S311 - nothing secret about it


class People:
    """Everybody outside: those who call in, and the agents."""

    def __init__(self, day: Day, site: Site) -> None:
        self._day = day
        self._site = site
        self._loop = asyncio.get_running_loop()
        self._chance = lots("people", day.seed)
        self._callers = 0
        queues = [queue.name for queue in day.rules.queues]
        self._members = [sum(queue in agent.queues for agent in day.rules.agents) for queue in queues]
        self._queues = queues

    def come(self) -> None:
        self._moments = self._day.callers.moments(self._day.hours, lots("arrivals", self._day.seed))
        self._next_caller()
        for agent in self._day.rules.agents:
            self._agent_comes(agent)

    def _next_caller(self) -> None:
        at = next(self._moments, None)
        if at is not None:
            self._loop.call_at(BEGINS_AT + at, self._calls_in)

    def _calls_in(self) -> None:
        self._callers += 1
        day, chance = self._day, self._chance
        (queue,) = chance.choices(self._queues, self._members)
        pbx = day.pbxs[self._callers % len(day.pbxs)]
        self._site.pbxs[pbx].call(
            Visitor(
                queue=queue,
                number=f"+3161{self._callers:07}",
                priority=day.callers.priority(chance),
                patience_seconds=day.callers.patience(chance),
                talk_seconds=day.callers.talk(chance),
            )
        )
        self._next_caller()

    def _agent_comes(self, agent: AgentRules) -> None:
        chance = lots(f"agent {agent.name}", self._day.seed)
        for pbx in self._site.pbxs.values():
            pbx.phones[agent.devices[0].dial] = lambda: self._manner(chance)
        habits = self._day.agents
        self._loop.call_later(chance.uniform(0, habits.late_seconds), self._ask, LogIn(agent.name))
        for begins, ends in habits.breaks(self._day.hours, chance):
            self._loop.call_later(begins, self._ask, Pause(agent.name, reason="break"))
            self._loop.call_later(ends, self._ask, MakeAvailable(agent.name))

    def _manner(self, chance: random.Random) -> Manner:
        return self._day.agents.manner(chance, self._day.callers.talk(chance))

    def _ask(self, asked: Input) -> None:
        with suppress(Refused):  # a break before he came
            self._site.tell(asked)

    async def everybody_leaves(self) -> None:
        """The line is served to its end, then agents go home."""
        async with asyncio.timeout(LONGEST_EVENING_SECONDS):
            while self._site.is_busy():  # noqa: ASYNC110 - waiting costs nothing here
                await asyncio.sleep(SETTLE_SECONDS)
        for agent in self._day.rules.agents:
            self._ask(LogOut(agent.name))
