"""All of them at once: the first to accept has it, and the others' phones stop ringing."""

from __future__ import annotations

from acd.center.model import Agent, QueueName
from acd.center.strategies.pool import Rank, Strategy


def rank(agent: Agent, queue: QueueName) -> Rank:
    return (agent.queues[queue], agent.idle_since)


STRATEGY = Strategy(rank, rings_all=True)
