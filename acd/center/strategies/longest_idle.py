"""The one idle longest gets it, whatever his priority."""

from __future__ import annotations

from acd.center.model import Agent, QueueName
from acd.center.strategies.pool import Rank, Strategy


def rank(agent: Agent, queue: QueueName) -> Rank:
    return (agent.idle_since,)


STRATEGY = Strategy(rank)
