"""The one with the fewest requests now, then with the fewest today; among equals, the one idle longest."""

from __future__ import annotations

from acd.center.model import Agent, QueueName
from acd.center.strategies.pool import Rank, Strategy


def rank(agent: Agent, queue: QueueName) -> Rank:
    return (agent.load, agent.taken_today, agent.idle_since)


STRATEGY = Strategy(rank)
