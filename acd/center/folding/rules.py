"""New rules, and servers that can be steered or no longer can."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from acd.center import state as states
from acd.center.facts import (
    AnyFact,
    CalendarChanged,
    CallersFellBack,
    ChangeMade,
    ContradictionFound,
    DayChanged,
    PbxStateChanged,
    QueueDrained,
    RulesChanged,
)
from acd.center.folding import agents as phones
from acd.center.folding import lanes
from acd.center.line import Line, place_key
from acd.center.model import CALLS_BACK, Agent, AgentRules, PbxName, QueueName, RequestState

if TYPE_CHECKING:
    from acd.center.state import State


def _rules_changed(state: State, fact: RulesChanged) -> None:
    state.rules = fact.rules
    state.seats = {seat.dial for seat in fact.rules.seats}
    for rules in fact.rules.queues:
        queue = state.queues.setdefault(rules.name, states.Queue(rules=rules))
        queue.rules = rules
    _close_queues_but(state, {rules.name for rules in fact.rules.queues})
    for agent_rules in fact.rules.agents:
        _set_up_agent(state, agent_rules)
    known = {rules.name for rules in fact.rules.agents}
    for gone in [name for name in state.agents if name not in known]:
        _take_down_agent(state, state.agents[gone])
    set_members(state)
    order_lines(state)
    lanes.rebuild(state, fact.at)
    state.doors.update(state.queues)


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
    else:
        phones.leave_phone(state, agent)
    agent.queues, agent.devices, agent.retired = rules.queues, rules.devices, False
    agent.skills = rules.skills | ({CALLS_BACK.skill: CALLS_BACK.level} if rules.callbacks else {})
    agent.forwarding = rules.forwarding
    agent.wrap_up_seconds = rules.wrap_up_seconds
    agent.offered_at = {name: at for name, at in agent.offered_at.items() if name in rules.queues}
    phones.come_to_phone(state, agent)
    phones.note_reach(state, agent)


def _take_down_agent(state: State, agent: Agent) -> None:
    """One who is on a call keeps it; he serves no queue any more, and is forgotten when he is next left in peace."""
    agent.queues, agent.retired = {}, True
    if not agent.offers:
        forget(state, agent)


def forget(state: State, agent: Agent) -> None:
    phones.leave_phone(state, agent)
    state.by_trunk.discard(agent.name)
    del state.agents[agent.name]


def set_members(state: State) -> None:
    for queue in state.queues.values():
        queue.members, queue.in_states = set(), {}
    for agent in state.agents.values():
        for queue in (state.queues[name] for name in agent.queues):
            queue.members.add(agent.name)
            queue.in_states[agent.state] = queue.in_states.get(agent.state, 0) + 1


def order_lines(state: State) -> None:
    for queue in state.queues.values():
        queue.line = Line()
    for request in state.requests.values():
        queue = state.queues[request.queue]
        request.place_key = place_key(request, queue.rules)
        if request.state in (RequestState.WAITING, RequestState.OFFERED) and not request.is_outgoing:
            queue.line.enter(request.place_key)


def _day_changed(state: State, fact: DayChanged) -> None:
    state.day = fact.day
    for agent in state.agents.values():
        agent.taken_today = 0
    lanes.rebuild(state, fact.at)


def _queue_drained(state: State, fact: QueueDrained) -> None:
    state.queues[fact.queue].drained = fact.drained


def _calendar_changed(state: State, fact: CalendarChanged) -> None:
    state.calendars[fact.calendar] = fact.open
    state.doors.update(name for name, queue in state.queues.items() if queue.rules.calendar == fact.calendar)
    for request in (state.requests[name] for name in state.callbacks.values()):
        lanes.leave(state, request)
        lanes.enter(state, request, fact.at)


# ---- Asterisk servers


def _pbx_state_changed(state: State, fact: PbxStateChanged) -> None:
    of_it = [request for request in state.requests.values() if request.pbx == fact.pbx]
    if fact.up:
        state.steered.add(fact.pbx)
        state.hung_up.discard(fact.pbx)
        if fact.started not in ("", state.started.get(fact.pbx)):
            state.started[fact.pbx] = fact.started
            state.fell_back.pop(fact.pbx, None)
        _watch_all_on(state, fact.pbx)
        state.doors.update(state.queues)
        for request in of_it:
            lanes.enter(state, request, fact.at)
    else:
        state.steered.discard(fact.pbx)
        if fact.hung_up:
            state.hung_up.add(fact.pbx)
        for request in of_it:
            lanes.leave(state, request)


def _callers_fell_back(state: State, fact: CallersFellBack) -> None:
    counted = state.fell_back.setdefault(fact.pbx, {})
    counted[fact.queue] = counted.get(fact.queue, 0) + fact.callers


def _contradiction_found(state: State, fact: ContradictionFound) -> None:
    """For those who read; what follows from it are facts of their own."""


def _watch_all_on(state: State, pbx: PbxName) -> None:
    """Deadlines were on hold while nobody steered the server."""
    for request in state.requests.values():
        if request.pbx == pbx:
            state.watch_wait(request)
    for offer in state.offers.values():
        if offer.pbx == pbx:
            state.watch(offer.deadline, states.Timer.OFFER, offer.id)


def _nothing(state: State, fact: ChangeMade) -> None:
    """It tells of a change that the facts before it have made."""


FOLDS: dict[type[AnyFact], Callable[[State, Any], None]] = {
    RulesChanged: _rules_changed,
    ChangeMade: _nothing,
    DayChanged: _day_changed,
    QueueDrained: _queue_drained,
    CalendarChanged: _calendar_changed,
    PbxStateChanged: _pbx_state_changed,
    CallersFellBack: _callers_fell_back,
    ContradictionFound: _contradiction_found,
}
