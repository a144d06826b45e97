"""The laws that hold at any moment, whatever happens; the daemon asks after them all the time."""

from __future__ import annotations

from collections import Counter

from acd.center.line import Lane
from acd.center.model import QueueName
from acd.center.state import State


def idle_waste(state: State) -> list[QueueName]:
    """Queues in which a caller who may be served and an agent who may serve him both wait: there are none."""
    return [name for name, queue in state.queues.items() if any(_wastes(state, lane) for lane in queue.all_lanes())]


def _wastes(state: State, lane: Lane) -> bool:
    if not len(lane.pool):
        return False
    return any(lane.agent_for(state.requests[request], lambda n: 0) for _, _, request in lane.open)


def unconserved(state: State) -> list[QueueName]:
    """Queues whose requests do not add up (entered = ended + those that live): there are none."""
    alive = Counter(request.queue for request in state.requests.values())
    return [name for name, queue in state.queues.items() if queue.entered != sum(queue.ended.values()) + alive[name]]
