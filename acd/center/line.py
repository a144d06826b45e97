"""The waiting line of one queue: who is in it and in which order, and the lanes of those who can be offered now.

A request keeps its place while it is offered, so that a refusal costs it nothing; only its lane leaves it out. All of
it are sorted lists searched by bisection: a step costs O(log n) comparisons (the move of the pointers behind it, at
100,000 waiting, a few microseconds).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Set

from acd.center.model import (
    LOWEST_PRIORITY,
    MIDDLE_PRIORITY,
    AgentName,
    Kind,
    Needs,
    PlaceKey,
    QueueRules,
    Request,
    RequestId,
)
from acd.center.strategies import Draw, Pool

BEHIND_ALL = LOWEST_PRIORITY + 1
"""Nobody is told another place because an agent makes a call."""


def place_key(request: Request, rules: QueueRules) -> PlaceKey:
    """With `head_start`, all have the middle priority and an earlier or later moment for their own: so the two orders
    can be compared where one agent serves queues of both, and nobody waits longer than his head start allows."""
    if request.is_outgoing:
        return (BEHIND_ALL, request.entered_at, request.id)
    moment = request.entered_at if request.placed_at is None else request.placed_at
    return key_for(request.priority, moment, request.id, rules)


def key_for(priority: int, entered_at: float, request: RequestId, rules: QueueRules) -> PlaceKey:
    if rules.order == "strict":
        return (priority, entered_at, request)
    steps = priority - MIDDLE_PRIORITY
    return (MIDDLE_PRIORITY, entered_at + steps * rules.head_start_seconds, request)


class Line:
    def __init__(self) -> None:
        self._everyone: list[PlaceKey] = []

    def __len__(self) -> int:
        return len(self._everyone)

    def enter(self, key: PlaceKey) -> None:
        insort(self._everyone, key)

    def leave(self, key: PlaceKey) -> None:
        _discard(self._everyone, key)

    def place_of(self, key: PlaceKey) -> int:
        """1 = next."""
        return bisect_left(self._everyone, key) + 1

    def in_order(self) -> list[RequestId]:
        return [request for _, _, request in self._everyone]


class Lane:
    """Those of a line who could be offered now and can be served by the same agents, and those of these agents who are
    available. Either of them is empty, but for the moment between a change and the looking for pairs."""

    def __init__(self, needs: Needs, held_for: AgentName | None, pool: Pool) -> None:
        self.needs = needs
        self.held_for = held_for
        """The one agent whom they wait for; None: anyone who has what they need."""
        self.pool = pool
        self.open: list[PlaceKey] = []
        self.able = 0
        """How many agents could serve them, those taken just now included, but for those paused or logged out."""

    def ahead_of(self, key: PlaceKey) -> int:
        return bisect_left(self.open, key)

    def enter(self, key: PlaceKey) -> None:
        at = bisect_left(self.open, key)
        if self.open[at : at + 1] != [key]:
            self.open.insert(at, key)

    def leave(self, key: PlaceKey) -> None:
        _discard(self.open, key)

    def agent_for(self, request: Request, draw: Draw, beyond_reach: Set[AgentName]) -> AgentName | None:
        """A callback goes to its preferred agent, if he is free. Who turned a request down is not asked again while
        another one may still take it."""
        preferred = request.preferred if request.kind == Kind.CALLBACK else None
        if preferred in self.pool and preferred not in request.turned_down_by | beyond_reach:
            return preferred
        agent = self.pool.choose(request.turned_down_by, draw, beyond_reach)
        return None if request.offers and agent in request.turned_down_by else agent


def _discard(keys: list[PlaceKey], key: PlaceKey) -> None:
    at = bisect_left(keys, key)
    if at < len(keys) and keys[at] == key:
        del keys[at]
