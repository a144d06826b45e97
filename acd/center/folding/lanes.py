"""Keeps the lanes: puts requests and agents into those where they belong, and takes them out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acd.center.estimates import is_there
from acd.center.line import Lane
from acd.center.model import Agent, AgentName, AgentState, CallbackRules, Kind, Needs, Request, RequestState

if TYPE_CHECKING:
    from acd.center.state import Queue, State

LANES_KEPT = 32
"""Of a queue; more are forgotten when they are empty."""


def is_free(agent: Agent) -> bool:
    return agent.state is AgentState.AVAILABLE and not agent.offers and (agent.seat is not None or bool(agent.devices))


def is_open(state: State, request: Request) -> bool:
    """It could be offered to somebody (else)."""
    waits = request.state is RequestState.WAITING and not request.aside and _may_be_called(state, request)
    return (waits or _rings_for_more(state, request)) and request.pbx in state.steered


def _rings_for_more(state: State, request: Request) -> bool:
    """Nobody has taken it, or is about to since he has picked it up at a colleague's telephone."""
    if request.state is not RequestState.OFFERED or not request.shared or request.accepted is not None:
        return False
    return not any(state.offers[name].picked_up for name in request.offers)


def _may_be_called(state: State, request: Request) -> bool:
    """Of a callback: neither his hours nor those of the queue are over, and not too many are called back just now."""
    if request.kind != Kind.CALLBACK:
        return True
    queue = state.queues[request.queue]
    rules = queue.rules.callbacks or CallbackRules()
    if request.hours and not state.calendars.get(request.hours, False):
        return False
    if rules.calendar and not state.calendars.get(rules.calendar, True):
        return False
    return rules.at_once is None or queue.calling_back < rules.at_once


# ---- Requests


def enter(state: State, request: Request, at: float) -> None:
    """If it can be offered, it is in its lane, and somebody must look for an agent."""
    if not is_open(state, request):
        return
    if request.state is RequestState.WAITING:
        request.open_since = at
    lane = _lane_of(state, request)
    lane.enter(request.place_key)
    state.touched.add(lane)


def leave(state: State, request: Request) -> None:
    queue = state.queues[request.queue]
    if request.held_for is not None:
        if held := queue.held.get(request.held_for):
            held.leave(request.place_key)
            if not held.open:
                del queue.held[request.held_for]
    elif lane := queue.lanes.get(request.needs):
        lane.leave(request.place_key)
        if lane.needs and not lane.open and len(queue.lanes) > LANES_KEPT:
            del queue.lanes[lane.needs]


def _lane_of(state: State, request: Request) -> Lane:
    queue = state.queues[request.queue]
    if request.held_for is not None:
        if request.held_for not in queue.held:
            queue.held[request.held_for] = _new_lane(state, queue, (), request.held_for)
        return queue.held[request.held_for]
    if request.needs not in queue.lanes:
        queue.lanes[request.needs] = _new_lane(state, queue, request.needs)
    return queue.lanes[request.needs]


def _new_lane(state: State, queue: Queue, needs: Needs, held_for: AgentName | None = None) -> Lane:
    lane = Lane(needs, held_for, queue.pool())
    candidates = queue.members if held_for is None else {held_for} & queue.members
    for agent in (state.agents[name] for name in candidates):
        if agent.has(lane.needs):
            lane.able += is_there(agent)
            if is_free(agent):
                lane.pool.enter(agent)
    return lane


def take_hands(state: State, request: Request, at: float) -> None:
    """One more agent is at work on a callback."""
    _count_hands(state, request, 1, at)


def free_hands(state: State, request: Request, at: float) -> None:
    """One agent less is, if one was at work on this one."""
    if request.state in (RequestState.OFFERED, RequestState.ONGOING):
        _count_hands(state, request, -1, at)


def _count_hands(state: State, request: Request, by: int, at: float) -> None:
    if request.kind != Kind.CALLBACK:
        return
    queue = state.queues[request.queue]
    queue.calling_back += by
    if queue.rules.callbacks and queue.rules.callbacks.at_once is not None:
        for other in (state.requests[name] for name in state.callbacks.values()):
            if other.queue == request.queue and other is not request:
                leave(state, other)
                enter(state, other, at)


# ---- Agents


def settle(state: State, agent: Agent, at: float) -> None:
    """Puts an agent into his lanes, or takes him out, as his state and his telephone are now."""
    free = is_free(agent)
    if free == (agent.free_since is not None):
        return
    agent.free_since = at if free else None
    for name in agent.queues:
        for lane in state.queues[name].lanes_of(agent):
            if free:
                lane.pool.enter(agent)
                state.touched.add(lane)
            else:
                lane.pool.leave(agent.name)


def look_again(state: State, agent: Agent) -> None:
    """Nothing stands in his way any more."""
    if agent.free_since is not None:
        state.touched.update(lane for name in agent.queues for lane in state.queues[name].lanes_of(agent))


def look_everywhere_again(state: State) -> None:
    """There is room on a trunk that was full."""
    lanes = (lane for queue in state.queues.values() for lane in queue.all_lanes())
    state.touched.update(lane for lane in lanes if lane.open and len(lane.pool))


def came_or_went(state: State, agent: Agent, by: int) -> None:
    """One more (or less, -1) who could serve those in his lanes, sooner or later."""
    for name in agent.queues:
        for lane in state.queues[name].lanes_of(agent):
            lane.able += by


# ---- All of it anew


def rebuild(state: State, at: float) -> None:
    """For new rules: other orders, other strategies, other skills."""
    for agent in state.agents.values():
        agent.free_since = at if is_free(agent) else None
    fill(state)


def fill(state: State) -> None:
    """With those who are free and those who wait now. The lanes that there were are nobody's any more."""
    state.touched.clear()
    for queue in state.queues.values():
        queue.lanes, queue.held = {(): _new_lane(state, queue, ())}, {}
    for request in state.requests.values():
        if is_open(state, request):
            lane = _lane_of(state, request)
            lane.enter(request.place_key)
            state.touched.add(lane)
