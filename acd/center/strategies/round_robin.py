"""Everybody in turn: the one whose last offer from this queue is the longest ago."""

from __future__ import annotations

from acd.center.model import Agent, QueueName
from acd.center.strategies.pool import Rank, Strategy


def rank(agent: Agent, queue: QueueName) -> Rank:
    return (agent.offered_at.get(queue, 0.0),)


STRATEGY = Strategy(rank)
