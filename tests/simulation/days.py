"""Small simulated days, and the rules under which they are lived."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from acd.center.model import AgentName, AgentRules, CallbackRules, QueueName, QueueRules, SiteRules
from acd.center.reach import Device
from acd.simulation.arrivals import Callers
from acd.simulation.run import Day

QUEUES = (QueueName("sales"), QueueName("support"))


def office(agents: int, **rules: Any) -> SiteRules:
    return SiteRules(
        queues=tuple(QueueRules(name=name, **rules) for name in QUEUES),
        agents=tuple(
            AgentRules(
                name=AgentName(f"agent-{number}"),
                queues=dict.fromkeys(QUEUES, 1 + number % 2),
                devices=(Device(kind="desk", dial=f"PJSIP/agent-{number}"),),
            )
            for number in range(agents)
        ),
    )


def office_that_calls_back(agents: int, **rules: Any) -> SiteRules:
    """Whoever has waited for a while is told that he may leave a message; all agents call back."""
    told = office(agents, callbacks=CallbackRules(offer_after_seconds=20, **rules))
    return replace(told, agents=tuple(replace(agent, callbacks=True) for agent in told.agents))


def day(agents: int = 10, calls_per_hour: float = 120, hours: float = 2, seed: int = 1, **more: Any) -> Day:
    rules = more.pop("rules", None) or office(agents)
    return Day(rules, Callers(calls_per_hour), hours=hours, seed=seed, **more)
