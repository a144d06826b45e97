"""Brings the two together: looks for pairs wherever a request or an agent has become free.

Between two turns no request that may be served and no agent who may serve it are both free, so each pair to be made has
one side in a queue that was touched in this turn.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from acd.center import offers
from acd.center.model import PlaceKey, QueueName
from acd.center.turn import Turn


def match(turn: Turn) -> None:
    """Offers requests in the order of their places, over all touched queues, each to the agent its strategy names."""
    state = turn.state
    heads: list[tuple[PlaceKey, QueueName]] = []
    while state.touched:
        name = state.touched.pop()
        queue = state.queues.get(name)
        if queue and (head := queue.line.first_open()):
            heads.append((head, name))
    heapify(heads)
    while heads:
        (_, _, request), name = heappop(heads)
        queue = state.queues[name]
        agent = queue.pool.choose(turn.draw)
        if agent is None:
            continue
        offers.make(turn, state.requests[request], state.agents[agent])
        if head := queue.line.first_open():
            heappush(heads, (head, name))
