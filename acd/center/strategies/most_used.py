"""The fullest one with room left, so that others stay wholly free; among equals, the one idle longest."""

from __future__ import annotations

from acd.center.model import Agent, QueueName
from acd.center.strategies.pool import Rank, Strategy


def rank(agent: Agent, queue: QueueName) -> Rank:
    return (-agent.load, agent.idle_since)


STRATEGY = Strategy(rank)
