"""Simulation speed: calls of a simulated day by the second of real time."""

from __future__ import annotations

import asyncio
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from msgspec.structs import replace

from acd import logs
from acd.center.model import AgentName, AgentRules, QueueName, QueueRules, SiteRules
from acd.center.reach import Device
from acd.simulation.arrivals import Callers
from acd.simulation.run import Day, simulate

SKILLS = ("french", "german", "dutch", "billing", "contracts", "devices", "network", "returns")
LEVELS = 3
QUEUES = tuple(QueueName(name) for name in ("sales", "support", "billing", "returns"))


def office(agents: int, wrap_up_seconds: float = 15) -> SiteRules:
    return SiteRules(
        queues=tuple(QueueRules(name=name, wrap_up_seconds=wrap_up_seconds) for name in QUEUES),
        agents=tuple(_agent(number) for number in range(agents)),
    )


def _agent(number: int) -> AgentRules:
    """Each of them serves two of the queues."""
    name = AgentName(f"agent-{number:05}")
    queues = {QUEUES[number % 4]: 1, QUEUES[(number + 1) % 4]: 10}
    return AgentRules(name=name, queues=queues, devices=(Device(kind="desk", dial=f"PJSIP/{name}"),))


def skilled(rules: SiteRules) -> SiteRules:
    """The same office, where each agent has three of the skills, each at a level of his own."""
    return replace(rules, agents=tuple(_skilled(agent, number) for number, agent in enumerate(rules.agents)))


def _skilled(agent: AgentRules, number: int) -> AgentRules:
    chance = random.Random(number)
    return replace(agent, skills={skill: chance.randint(1, LEVELS) for skill in chance.sample(SKILLS, 3)})


async def measure(quick: bool) -> dict[str, float | str]:
    # A loop of its own runs in the simulation: it must have a thread of its own.
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> dict[str, float | str]:
    logs.set_up("error")
    figures: dict[str, float | str] = {}
    for agents, hours in ((50, 1 if quick else 8), (500, 0.1 if quick else 1)):
        day = Day(office(agents), Callers(calls_per_hour=agents * 12), hours=hours)
        began = time.perf_counter()
        result = simulate(day)
        took = time.perf_counter() - began
        figures[f"simulated calls/s, {agents} agents"] = round(result.report.calls / took)
        figures[f"simulated facts/s, {agents} agents"] = round(result.report.facts / took)
        figures[f"simulated time is faster than real by, {agents} agents"] = round(hours * 3600 / took)
    figures["simulated calls/s, 50 agents, a day on each core"] = round(_on_all_cores(quick))
    return figures


def _on_all_cores(quick: bool) -> float:
    """A day is lived through on one core; so many at a time as there are. Calls by the second, of all of them."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as workers:
        list(workers.map(_calls_of_a_day, [0.01] * cores))  # they have imported everything now
        began = time.perf_counter()
        calls = sum(workers.map(_calls_of_a_day, [1 if quick else 8] * cores))
        return calls / (time.perf_counter() - began)


def _calls_of_a_day(hours: float) -> int:
    logs.set_up("error")
    return simulate(Day(office(50), Callers(calls_per_hour=50 * 12), hours=hours)).report.calls
