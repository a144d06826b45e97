"""Who gets it: the strategies, and the pool of one queue's available agents in which they look.

A strategy is two small answers: `rank` (in which order agents stand in the pool; the lowest first) and `choose` (which
of them it is this time). To add one, write them and name it in `STRATEGIES`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import NamedTuple

from acd.center.model import Agent, AgentName, QueueName

Rank = tuple[float, ...]
Draw = Callable[[int], int]
"""`draw(n)` is a number from 0 to n - 1, each as likely as the others."""


class Strategy(NamedTuple):
    rank: Callable[[Agent, QueueName], Rank]
    choose: Callable[[Pool, Draw], AgentName]


class Pool:
    """The available agents of one queue, ordered by its strategy's rank; a step costs O(log n) comparisons."""

    def __init__(self, strategy: str) -> None:
        self._strategy = STRATEGIES[strategy]
        self._ranked: list[tuple[Rank, AgentName]] = []
        self._rank_of: dict[AgentName, Rank] = {}

    def __len__(self) -> int:
        return len(self._ranked)

    def __getitem__(self, at: int) -> AgentName:
        return self._ranked[at][1]

    def enter(self, agent: Agent, queue: QueueName) -> None:
        self.leave(agent.name)
        rank = self._strategy.rank(agent, queue)
        self._rank_of[agent.name] = rank
        insort(self._ranked, (rank, agent.name))

    def leave(self, name: AgentName) -> None:
        rank = self._rank_of.pop(name, None)
        if rank is not None:
            del self._ranked[bisect_left(self._ranked, (rank, name))]

    def choose(self, draw: Draw) -> AgentName | None:
        return self._strategy.choose(self, draw) if self._ranked else None


def by_priority(agent: Agent, queue: QueueName) -> Rank:
    """The best priority (1 = highest) first; among equals, the one idle longest."""
    return (agent.queues[queue], agent.idle_since)


def in_no_order(agent: Agent, queue: QueueName) -> Rank:
    return ()


def the_first(pool: Pool, draw: Draw) -> AgentName:
    return pool[0]


def any_of_them(pool: Pool, draw: Draw) -> AgentName:
    return pool[draw(len(pool))]


STRATEGIES = {
    "priority": Strategy(rank=by_priority, choose=the_first),
    "random": Strategy(rank=in_no_order, choose=any_of_them),
}
