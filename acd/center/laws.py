"""The laws that hold at any moment, whatever happens; the daemon asks after them all the time."""

from __future__ import annotations

from collections import Counter

from acd.center import devices
from acd.center.line import Lane
from acd.center.model import QueueName
from acd.center.state import State


def idle_waste(state: State) -> list[QueueName]:
    """Queues in which a caller who may be served and an agent who may serve him both wait: there are none."""
    found: list[QueueName] = []
    for name, queue in state.queues.items():
        for lane in queue.all_lanes():
            if lane.open and _wastes(state, lane):
                found.append(name)
                break
    return found


def _wastes(state: State, lane: Lane) -> bool:
    if not len(lane.pool):
        return False
    beyond = {pbx: devices.beyond_reach(state, pbx) for pbx in state.steered}
    reached = {pbx for pbx, names in beyond.items() if not names or lane.pool.within_reach(names)}
    open_there = (state.requests[name] for _, _, name in lane.open if state.requests[name].pbx in reached)
    return any(lane.agent_for(request, lambda n: 0, beyond[request.pbx]) for request in open_there)


def unconserved(state: State) -> list[QueueName]:
    """Queues whose requests do not add up (entered = ended + those that live): there are none."""
    alive = Counter(request.queue for request in state.requests.values() if not request.is_outgoing)
    return [name for name, queue in state.queues.items() if queue.entered != sum(queue.ended.values()) + alive[name]]
