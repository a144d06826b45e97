"""Everybody of a simulated day: those who call in, those who are called back, and the agents."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from acd.center.inputs import CancelRequest, LogIn, LogOut, MakeAvailable, Pause
from acd.center.model import AgentRules, Request, RequestId
from acd.simulation.arrivals import lots
from acd.simulation.people import Manner, Visitor
from acd.simulation.process import AnyNumber
from acd.simulation.watch import LawBroken

if TYPE_CHECKING:
    from acd.simulation.run import Day, Site

SETTLE_SECONDS = 1.0
LONGEST_EVENING_SECONDS = 4 * 3600.0
"""How long after the last call everybody must be gone."""
TODAY_SECONDS = NOTHING_HAPPENS_SECONDS = 3 * 3600.0
BACK_AT_WORK_SECONDS = 60.0
"""In the evening agents who have gone astray come back after so long."""
CHOICES = ("keep", "keep", "line", "cancel")


class Crowd:
    def __init__(self, day: Day, site: Site, begins_at: float) -> None:
        self._day = day
        self._site = site
        self._begins_at = begins_at
        self._loop = asyncio.get_running_loop()
        self._chance = lots("people", day.seed)
        self._of_messages = lots("messages", day.seed)
        self._of_customers = lots("customers", day.seed)
        self._callers = 0
        queues = [queue.name for queue in day.rules.queues]
        self._members = [sum(queue in agent.queues for agent in day.rules.agents) for queue in queues]
        self._queues = queues
        self._leave_messages = any(queue.callbacks for queue in day.rules.queues)

    def come(self) -> None:
        self._moments = self._day.callers.moments(self._day.hours, lots("arrivals", self._day.seed))
        self._next_caller()
        for agent in self._day.rules.agents:
            self._agent_comes(agent)
        for server in self._site.servers.values():
            server.outside = self._customer

    # ---- Callers

    def _next_caller(self) -> None:
        at = next(self._moments, None)
        if at is not None:
            self._loop.call_at(self._begins_at + at, self._calls_in)

    def _calls_in(self) -> None:
        self._callers += 1
        day, chance = self._day, self._chance
        (queue,) = chance.choices(self._queues, self._members)
        pbx = day.pbxs[self._callers % len(day.pbxs)]
        visitor = Visitor(
            queue=queue,
            number=f"+3161{self._callers:07}",
            priority=day.callers.priority(chance),
            patience_seconds=day.callers.patience(chance),
            talk_seconds=day.callers.talk(chance),
        )
        self._site.servers[pbx].call(self._with_words(visitor, pbx) if self._leave_messages else visitor)
        self._next_caller()

    def _with_words(self, visitor: Visitor, pbx: str) -> Visitor:
        """That he may leave where he is told that he may; he may call again to ask what has become of them."""
        callers, chance = self._day.callers, self._of_messages
        words = callers.words(chance, visitor.number)
        if words is None:
            return visitor
        if chance.random() < callers.again_share:
            again = replace(visitor, chooses=chance.choice(CHOICES))
            self._loop.call_later(chance.expovariate(1 / callers.again_seconds), self._site.servers[pbx].call, again)
        is_withheld = chance.random() < callers.withheld_share
        return replace(visitor, words=words, number="" if is_withheld else visitor.number)

    def _customer(self, dial: str) -> Manner:
        chance = self._of_customers
        return self._day.customers.manner(chance, self._day.callers.talk(chance))

    # ---- Agents

    def _agent_comes(self, agent: AgentRules) -> None:
        chance, of_callbacks = (lots(f"{what} {agent.name}", self._day.seed) for what in ("agent", "callbacks of"))
        for server in self._site.servers.values():
            for device in agent.devices:
                server.phones[device.dial or AnyNumber.dialled(device.number)] = lambda: self._manner(
                    agent, chance, of_callbacks
                )
        habits = self._day.agents
        self._loop.call_later(chance.uniform(0, habits.late_seconds), self._site.asks, LogIn(agent.name))
        for begins, ends in habits.breaks(self._day.hours, chance):
            self._loop.call_later(begins, self._site.asks, Pause(agent.name, reason="break"))
            self._loop.call_later(ends, self._site.asks, MakeAvailable(agent.name))

    def _manner(self, agent: AgentRules, chance: random.Random, of_callbacks: random.Random) -> Manner:
        habits = self._day.agents
        manner = habits.manner(chance, self._day.callers.talk(chance))
        return replace(manner, calling_back=habits.calling_back(of_callbacks)) if agent.callbacks else manner

    # ---- The evening

    async def everybody_leaves(self) -> None:
        """The line is served to its end, and who is to be called back is, or is cancelled; then agents go home."""
        await self._until_all_is_quiet()
        await self._until_all_are_called_back()
        await self._until_all_is_quiet()
        for agent in self._day.rules.agents:
            self._site.asks(LogOut(agent.name))

    async def _until_all_is_quiet(self) -> None:
        async with asyncio.timeout(LONGEST_EVENING_SECONDS):
            while self._site.is_busy():  # noqa: ASYNC110 - waiting costs nothing here
                await asyncio.sleep(SETTLE_SECONDS)

    async def _until_all_are_called_back(self) -> None:
        """But for those whom nobody calls back today: a supervisor cancels them."""
        before: list[tuple[RequestId, int, int]] = []
        since = self._loop.time()
        while callbacks := self._callbacks():
            progress = [(one.id, one.offers_made, one.attempts) for one in callbacks]
            if progress != before:
                before, since = progress, self._loop.time()
            elif self._loop.time() - since > NOTHING_HAPPENS_SECONDS:
                raise LawBroken(f"they are promised, and nobody calls them: {callbacks}")
            for callback in callbacks:
                if self._is_in_vain(callback):
                    self._site.asks(CancelRequest(callback.id))
            for agent in self._day.rules.agents:
                self._site.asks(LogIn(agent.name))
                self._site.asks(MakeAvailable(agent.name))
            await asyncio.sleep(BACK_AT_WORK_SECONDS)

    def _callbacks(self) -> list[Request]:
        state = self._site.center.state
        return [state.requests[name] for name in state.callbacks.values()]

    def _is_in_vain(self, callback: Request) -> bool:
        """No agent calls his queue's customers back; or his appointment is another day, for clocks differ."""
        agents = (agent for agent in self._day.rules.agents if agent.callbacks)
        waits_seconds = (callback.due_at or 0) - self._site.daemon.now()
        return waits_seconds > TODAY_SECONDS or not any(callback.queue in agent.queues for agent in agents)
