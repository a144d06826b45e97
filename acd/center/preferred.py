"""The preferred agent: a caller who is meant for somebody waits for him for a while, if he is there at all."""

from __future__ import annotations

from acd.center.facts import HoldEnded
from acd.center.inputs import CallerJoined
from acd.center.model import AgentName, AgentState, KnownCaller, Request, RequestState
from acd.center.state import Queue
from acd.center.turn import Turn


def agent_for(turn: Turn, told: CallerJoined, known: KnownCaller, queue: Queue) -> AgentName | None:
    """The dialplan's word goes before the operator's list, and that before who talked with this number last."""
    last, until = turn.state.last_agents.get(told.caller.key, (None, 0.0))
    candidates = (
        told.preferred_agent,
        known.agent,
        last if turn.now <= until and queue.rules.last_agent_days else None,
    )
    wanted = next((name for name in candidates if name), None)
    return wanted if is_worth_waiting_for(turn, wanted, queue) else None


def is_worth_waiting_for(turn: Turn, name: AgentName | None, queue: Queue) -> bool:
    agent = turn.state.agents.get(name) if name else None
    return agent is not None and agent.name in queue.members and agent.state is not AgentState.LOGGED_OUT


def let_go(turn: Turn, request: Request) -> None:
    """Anyone may have him."""
    turn.tell(HoldEnded(at=turn.now, request=request.id, queue=request.queue))


def let_go_in_vain(turn: Turn, request: Request) -> None:
    """Who waits for an agent that has turned him down, cannot be reached, or is gone, waits for nobody."""
    queue = turn.state.queues[request.queue]
    name = request.held_for
    if name is None:
        return
    if name in request.turned_down_by or not is_worth_waiting_for(turn, name, queue):
        let_go(turn, request)


def let_go_of_all(turn: Turn, name: AgentName) -> None:
    """He has logged out."""
    for queue_name in list(turn.state.agents[name].queues):
        lane = turn.state.queues[queue_name].held.get(name)
        for _, _, request in list(lane.open) if lane else ():
            let_go(turn, turn.state.requests[request])


def let_go_after_new_rules(turn: Turn) -> None:
    for request in list(turn.state.requests.values()):
        if request.state is not RequestState.ONGOING:
            let_go_in_vain(turn, request)
