"""Anyone, each as likely as the others."""

from __future__ import annotations

from collections.abc import Collection

from acd.center.model import Agent, AgentName, QueueName
from acd.center.strategies.pool import Choice, Draw, Rank, Strategy


def rank(agent: Agent, queue: QueueName) -> Rank:
    return ()


def choose(pool: Choice, avoid: Collection[AgentName], draw: Draw) -> AgentName:
    if avoid and (others := [name for name in pool if name not in avoid]):
        return others[draw(len(others))]
    return pool[draw(len(pool))]


STRATEGY = Strategy(rank, choose)
