"""Brings the two together: looks for pairs wherever a request or an agent has become free.

Between two turns no request that may be served and no agent who may serve it are both free, so each pair to be made has
one side in a lane that was touched in this turn. Agents who can be reached by a trunk alone, and it is full, stay where
they are: the lanes are touched again when there is room.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from acd.center import devices, offers
from acd.center.line import Lane
from acd.center.model import PbxName, PlaceKey
from acd.center.turn import Turn

Head = tuple[PlaceKey, Lane, int]
"""The next in a lane to look for an agent for: his place, the lane, and where in it he stands. No places are equal."""


def match(turn: Turn) -> None:
    """Offers requests in the order of their places, over all touched lanes, each to the agent its strategy names."""
    state = turn.state
    heads: list[Head] = [(lane.open[0], lane, 0) for lane in state.touched if lane.open and len(lane.pool)]
    state.touched.clear()
    heapify(heads)
    dry: set[tuple[Lane, PbxName]] = set()
    while heads:
        key, lane, at = heappop(heads)
        if lane.open[at : at + 1] == [key]:  # and has not been closed by an offer made just now
            request = state.requests[key[-1]]
            beyond = devices.beyond_reach(state, request.pbx)
            agent = None if (lane, request.pbx) in dry else lane.agent_for(request, turn.draw, beyond)
            if agent is not None:
                offers.make(turn, request, state.agents[agent])
            else:
                at += 1
                if beyond and not lane.pool.within_reach(beyond):
                    dry.add((lane, request.pbx))
        if at < len(lane.open) and len(lane.pool) and not all((lane, pbx) in dry for pbx in state.steered):
            heappush(heads, (lane.open[at], lane, at))
