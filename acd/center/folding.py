"""What each fact changes. Nothing here decides: the same facts give the same state on any later release."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from acd.center import state as states
from acd.center.facts import (
    AgentStateChanged,
    AgentUnreachable,
    AgentWished,
    AnyFact,
    CallerReleased,
    LegGone,
    LegReleased,
    OfferAnswered,
    OfferEnded,
    OfferMade,
    PbxStateChanged,
    RequestConnected,
    RequestEnded,
    RequestQueued,
    RequestRequeued,
    RulesChanged,
)
from acd.center.line import Line
from acd.center.model import (
    Agent,
    AgentRules,
    AgentState,
    Offer,
    PbxName,
    QueueName,
    Request,
    RequestState,
)
from acd.center.strategies import Pool

if TYPE_CHECKING:
    from acd.center.state import State


def fold(state: State, fact: AnyFact) -> None:
    _FOLDS[type(fact)](state, fact)


# ---- Rules


def _rules_changed(state: State, fact: RulesChanged) -> None:
    state.rules = fact.rules
    for rules in fact.rules.queues:
        queue = state.queues.get(rules.name)
        if queue is None:
            state.queues[rules.name] = states.Queue(rules=rules, line=Line(), pool=Pool(rules.strategy))
        else:
            queue.rules = rules
    _close_queues_but(state, {rules.name for rules in fact.rules.queues})
    for agent_rules in fact.rules.agents:
        _set_up_agent(state, agent_rules)
    known = {rules.name for rules in fact.rules.agents}
    for gone in [name for name in state.agents if name not in known]:
        _take_down_agent(state, state.agents[gone])
    _fill_pools(state, fact.at)


def _close_queues_but(state: State, kept: set[QueueName]) -> None:
    """A queue that is taken away finishes the calls that it has, and is forgotten at the next change of rules."""
    in_use = {request.queue for request in state.requests.values()} | {offer.queue for offer in state.offers.values()}
    for name, queue in list(state.queues.items()):
        queue.closing = name not in kept
        if queue.closing and name not in in_use:
            del state.queues[name]


def _set_up_agent(state: State, rules: AgentRules) -> None:
    agent = state.agents.get(rules.name)
    if agent is None:
        agent = state.agents[rules.name] = Agent(name=rules.name, queues={}, devices=())
    agent.queues, agent.devices, agent.retired = rules.queues, rules.devices, False


def _take_down_agent(state: State, agent: Agent) -> None:
    """One who is on a call keeps it; he serves no queue any more, and is forgotten when he is next left in peace."""
    agent.queues, agent.retired = {}, True
    if agent.offer is None:
        del state.agents[agent.name]


def _fill_pools(state: State, at: float) -> None:
    for queue in state.queues.values():
        queue.pool = Pool(queue.rules.strategy)
        queue.members = set()
    for agent in state.agents.values():
        for name in agent.queues:
            state.queues[name].members.add(agent.name)
        agent.free_since = None
        _settle(state, agent, at)


# ---- Asterisk servers


def _pbx_state_changed(state: State, fact: PbxStateChanged) -> None:
    (state.steered.add if fact.up else state.steered.discard)(fact.pbx)
    for request in state.requests.values():
        if request.pbx == fact.pbx and request.state is RequestState.WAITING:
            if fact.up:
                _open(state, request, fact.at)
            else:
                _close(state, request)
    if fact.up:
        _watch_all_on(state, fact.pbx)


def _watch_all_on(state: State, pbx: PbxName) -> None:
    """Deadlines were on hold while nobody steered the server."""
    for request in state.requests.values():
        if request.pbx == pbx:
            state.watch(request.leave_at, states.Timer.REQUEST, request.id)
    for offer in state.offers.values():
        if offer.pbx == pbx:
            state.watch(offer.deadline, states.Timer.OFFER, offer.id)


# ---- Agents


def _agent_state_changed(state: State, fact: AgentStateChanged) -> None:
    agent = state.agents[fact.agent]
    agent.state = fact.state
    agent.reason = fact.reason
    agent.since = fact.at
    agent.until = fact.until
    agent.idle_since = fact.idle_since
    if fact.state in (AgentState.AVAILABLE, AgentState.PAUSED, AgentState.LOGGED_OUT):
        agent.wish = agent.wish_reason = None
    state.watch(fact.until, states.Timer.AGENT, agent.name)
    _settle(state, agent, fact.at)


def _agent_wished(state: State, fact: AgentWished) -> None:
    agent = state.agents[fact.agent]
    agent.wish, agent.wish_reason = fact.wish, fact.reason


def _agent_unreachable(state: State, fact: AgentUnreachable) -> None:
    state.agents[fact.agent].unreachable_in_a_row = fact.in_a_row


def _settle(state: State, agent: Agent, at: float) -> None:
    """Puts an agent into the pools of his queues, or takes him out, as his state and his telephone are now."""
    free = agent.state is AgentState.AVAILABLE and agent.offer is None
    if free == (agent.free_since is not None):
        return
    agent.free_since = at if free else None
    for name in agent.queues:
        queue = state.queues[name]
        if free:
            queue.pool.enter(agent, name)
            state.touched.add(name)
        else:
            queue.pool.leave(agent.name)


# ---- Requests


def _request_queued(state: State, fact: RequestQueued) -> None:
    state.remember_id(fact.request)
    request = state.requests[fact.request] = Request(
        id=fact.request,
        kind=fact.kind,
        queue=fact.queue,
        priority=fact.priority,
        entered_at=fact.entered_at,
        caller=fact.caller,
        pbx=fact.pbx,
        channel=fact.channel,
        leave_at=fact.leave_at,
    )
    state.request_of_channel[fact.pbx, fact.channel] = request.id
    queue = state.queues[fact.queue]
    queue.entered += 1
    queue.line.enter(request.place_key)
    state.watch(request.leave_at, states.Timer.REQUEST, request.id)
    if fact.pbx in state.steered:
        _open(state, request, fact.at)


def _request_requeued(state: State, fact: RequestRequeued) -> None:
    request = state.requests[fact.request]
    _leave_agent(state, request)
    request.state = RequestState.WAITING
    request.offer = request.agent = None
    state.watch(request.leave_at, states.Timer.REQUEST, request.id)
    if fact.pbx in state.steered:
        _open(state, request, fact.at)


def _request_connected(state: State, fact: RequestConnected) -> None:
    request = state.requests[fact.request]
    request.state = RequestState.ONGOING
    request.agent = fact.agent
    request.connected_at = fact.at
    offer = state.offers[fact.offer]
    offer.connected_at = fact.at
    offer.deadline = None
    queue = state.queues[fact.queue]
    queue.line.leave(request.place_key)
    queue.connected += 1
    queue.in_service_level += fact.in_service_level


def _request_ended(state: State, fact: RequestEnded) -> None:
    request = state.requests.pop(fact.request)
    del state.request_of_channel[fact.pbx, fact.channel]
    _leave_agent(state, request)
    queue = state.queues[fact.queue]
    queue.line.leave(request.place_key)
    queue.ended[fact.outcome] = queue.ended.get(fact.outcome, 0) + 1


def _caller_released(state: State, fact: CallerReleased) -> None:
    """An order to the edge; what it means for the request is a fact of its own."""


def _leave_agent(state: State, request: Request) -> None:
    agent = state.agents.get(request.agent) if request.agent else None
    if agent and agent.request == request.id:
        agent.request = None


def _open(state: State, request: Request, at: float) -> None:
    request.open_since = at
    state.queues[request.queue].line.open(request.place_key)
    state.touched.add(request.queue)


def _close(state: State, request: Request) -> None:
    state.queues[request.queue].line.close(request.place_key)


# ---- Offers


def _offer_made(state: State, fact: OfferMade) -> None:
    state.remember_id(fact.offer)
    offer = state.offers[fact.offer] = Offer(
        id=fact.offer,
        request=fact.request,
        queue=fact.queue,
        agent=fact.agent,
        pbx=fact.pbx,
        channel=fact.channel,
        device=fact.device,
        made_at=fact.at,
        deadline=fact.at + fact.ring_seconds,
    )
    state.watch(offer.deadline, states.Timer.OFFER, offer.id)
    request = state.requests[fact.request]
    request.state = RequestState.OFFERED
    request.offer, request.agent = offer.id, fact.agent
    request.offers += 1
    _close(state, request)
    agent = state.agents[fact.agent]
    agent.offer, agent.request = offer.id, request.id


def _offer_answered(state: State, fact: OfferAnswered) -> None:
    offer = state.offers[fact.offer]
    offer.answered_at = fact.at
    offer.deadline = fact.deadline
    state.watch(offer.deadline, states.Timer.OFFER, offer.id)


def _offer_ended(state: State, fact: OfferEnded) -> None:
    offer = state.offers[fact.offer]
    offer.outcome = fact.outcome
    offer.deadline = fact.deadline
    state.watch(offer.deadline, states.Timer.OFFER, offer.id)


def _leg_released(state: State, fact: LegReleased) -> None:
    offer = state.offers.get(fact.offer)
    if offer is not None:
        offer.deadline = fact.deadline
        state.watch(offer.deadline, states.Timer.OFFER, offer.id)


def _leg_gone(state: State, fact: LegGone) -> None:
    offer = state.offers.pop(fact.offer)
    agent = state.agents[offer.agent]
    agent.offer = agent.request = None
    if agent.retired:
        del state.agents[agent.name]
    else:
        _settle(state, agent, fact.at)


_FOLDS: dict[type[AnyFact], Callable[[State, Any], None]] = {
    RulesChanged: _rules_changed,
    PbxStateChanged: _pbx_state_changed,
    AgentStateChanged: _agent_state_changed,
    AgentWished: _agent_wished,
    AgentUnreachable: _agent_unreachable,
    RequestQueued: _request_queued,
    RequestRequeued: _request_requeued,
    RequestConnected: _request_connected,
    RequestEnded: _request_ended,
    CallerReleased: _caller_released,
    OfferMade: _offer_made,
    OfferAnswered: _offer_answered,
    OfferEnded: _offer_ended,
    LegReleased: _leg_released,
    LegGone: _leg_gone,
}
