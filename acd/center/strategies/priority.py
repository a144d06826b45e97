"""The best priority (1 = highest) gets it; among equals, the one idle longest."""

from __future__ import annotations

from acd.center.model import Agent, QueueName
from acd.center.strategies.pool import Rank, Strategy


def rank(agent: Agent, queue: QueueName) -> Rank:
    return (agent.queues[queue], agent.idle_since)


STRATEGY = Strategy(rank)
