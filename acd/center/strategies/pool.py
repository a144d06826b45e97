"""The available agents among whom a strategy chooses, kept in its order; a step costs O(log n) comparisons.

A strategy is a `rank`: in which order agents stand, the lowest first. One that does not take the first in that order
has a `choose` of its own.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterator, Set
from typing import NamedTuple, Protocol

from acd.center.model import Agent, AgentName, QueueName

NOBODY: Set[AgentName] = frozenset()
Rank = tuple[float, ...]
Draw = Callable[[int], int]
"""`draw(n)` is a number from 0 to n - 1, each as likely as the others."""


class Choice(Protocol):
    """Those to choose from, in their order."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[AgentName]: ...

    def __getitem__(self, at: int, /) -> AgentName: ...


def the_first(pool: Choice, avoid: Collection[AgentName], draw: Draw) -> AgentName:
    """Of those to be avoided only if there is nobody else."""
    return next((name for name in pool if name not in avoid), pool[0])


class Strategy(NamedTuple):
    rank: Callable[[Agent, QueueName], Rank]
    choose: Callable[[Choice, Collection[AgentName], Draw], AgentName] = the_first
    rings_all: bool = False
    """One request is offered to everybody in the pool at once."""


class Pool:
    def __init__(self, strategy: Strategy, queue: QueueName) -> None:
        self._strategy = strategy
        self._queue = queue
        self._ranked: list[tuple[Rank, AgentName]] = []
        self._rank_of: dict[AgentName, Rank] = {}

    def __len__(self) -> int:
        return len(self._ranked)

    def __iter__(self) -> Iterator[AgentName]:
        return (name for _, name in self._ranked)

    def __getitem__(self, at: int) -> AgentName:
        return self._ranked[at][1]

    def __contains__(self, name: object) -> bool:
        return name in self._rank_of

    def enter(self, agent: Agent) -> None:
        self.leave(agent.name)
        rank = self._strategy.rank(agent, self._queue)
        self._rank_of[agent.name] = rank
        insort(self._ranked, (rank, agent.name))

    def leave(self, name: AgentName) -> None:
        rank = self._rank_of.pop(name, None)
        if rank is not None:
            del self._ranked[bisect_left(self._ranked, (rank, name))]

    def choose(
        self, avoid: Collection[AgentName], draw: Draw, beyond_reach: Set[AgentName] = NOBODY
    ) -> AgentName | None:
        """Rather one who is not to be avoided, and nobody who is beyond reach."""
        within = self.within_reach(beyond_reach) if beyond_reach else self
        return self._strategy.choose(within, avoid, draw) if len(within) else None

    def within_reach(self, beyond: Set[AgentName]) -> list[AgentName]:
        return [name for name in self if name not in beyond]
