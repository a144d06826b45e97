"""Agents: their states, and what they wish for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from acd.center import devices
from acd.center import state as states
from acd.center.estimates import is_there
from acd.center.facts import (
    AgentForwarded,
    AgentSeated,
    AgentStateChanged,
    AgentUnreachable,
    AgentWished,
    AnyFact,
    FeatureAnswered,
    PhoneFreed,
    PhoneTaken,
    WrapUpExtended,
)
from acd.center.folding import lanes
from acd.center.model import Agent, AgentState, Presence
from acd.center.reach import Failures

if TYPE_CHECKING:
    from acd.center.state import State


def _agent_state_changed(state: State, fact: AgentStateChanged) -> None:
    agent = state.agents[fact.agent]
    was_there = is_there(agent)
    _end_handling(state, agent, fact)
    for name in agent.queues:
        queue = state.queues[name]
        queue.in_states[fact.was] -= 1
        queue.in_states[fact.state] = queue.in_states.get(fact.state, 0) + 1
        if queue.rules.stay_needs is not Presence.NOBODY:
            state.doors.add(name)
    agent.state = fact.state
    agent.reason = fact.reason
    agent.since = fact.at
    agent.until = fact.until
    agent.idle_since = fact.idle_since
    agent.wrap_up_queue = fact.queue
    if fact.state is AgentState.NO_ANSWER:
        agent.missed_in_a_row += 1
    if fact.state is AgentState.PAUSED:
        agent.missed_in_a_row = 0
    if fact.state is not AgentState.CONNECTING:
        agent.tried.clear()
    if fact.state in (AgentState.AVAILABLE, AgentState.PAUSED, AgentState.LOGGED_OUT):
        agent.wish = agent.wish_reason = None
    if fact.state is AgentState.LOGGED_OUT and agent.seat:
        leave_phone(state, agent)
        agent.seat = None
        come_to_phone(state, agent)
        note_reach(state, agent)
    state.watch(fact.until, states.Timer.AGENT, agent.name)
    if is_there(agent) != was_there:
        lanes.came_or_went(state, agent, is_there(agent) - was_there)
    lanes.settle(state, agent, fact.at)


def _end_handling(state: State, agent: Agent, fact: AgentStateChanged) -> None:
    """From the ring to the end of the wrap-up."""
    if fact.state is AgentState.CONNECTING:
        agent.taken_at = fact.at
    if fact.was is AgentState.WRAP_UP and agent.wrap_up_queue in state.queues:
        state.queues[agent.wrap_up_queue].handling.took(fact.at - agent.taken_at)


def _wrap_up_extended(state: State, fact: WrapUpExtended) -> None:
    agent = state.agents[fact.agent]
    agent.until = fact.until
    state.watch(fact.until, states.Timer.AGENT, agent.name)


# ---- Their telephones


def _agent_seated(state: State, fact: AgentSeated) -> None:
    agent = state.agents[fact.agent]
    leave_phone(state, agent)
    agent.seat = fact.device
    come_to_phone(state, agent)
    note_reach(state, agent)


def _agent_forwarded(state: State, fact: AgentForwarded) -> None:
    agent = state.agents[fact.agent]
    agent.forward, agent.forward_chosen = fact.forward, fact.chosen
    note_reach(state, agent)


def note_reach(state: State, agent: Agent) -> None:
    """Whether he needs a trunk may be otherwise by now."""
    if devices.is_by_trunk(agent):
        state.by_trunk.add(agent.name)
    elif agent.name in state.by_trunk:
        state.by_trunk.discard(agent.name)
        lanes.look_again(state, agent)


def come_to_phone(state: State, agent: Agent) -> None:
    if agent.desk:
        state.agents_at.setdefault(agent.desk.dial, []).append(agent.name)


def leave_phone(state: State, agent: Agent) -> None:
    if agent.desk:
        there = state.agents_at[agent.desk.dial]
        there.remove(agent.name)
        if not there:
            del state.agents_at[agent.desk.dial]


def _phone_taken(state: State, fact: PhoneTaken) -> None:
    state.phones.setdefault(fact.dial, set()).add((fact.pbx, fact.channel))
    state.phone_of_channel[fact.pbx, fact.channel] = fact.dial


def _phone_freed(state: State, fact: PhoneFreed) -> None:
    del state.phone_of_channel[fact.pbx, fact.channel]
    channels = state.phones[fact.dial]
    channels.discard((fact.pbx, fact.channel))
    if not channels:
        del state.phones[fact.dial]


def _feature_answered(state: State, fact: FeatureAnswered) -> None:
    """An order to the edge; what it means for the agent is a fact of its own."""


# ---- What they wish, and how they were reached


def _agent_wished(state: State, fact: AgentWished) -> None:
    agent = state.agents[fact.agent]
    agent.wish, agent.wish_reason = fact.wish, fact.reason


def _agent_unreachable(state: State, fact: AgentUnreachable) -> None:
    agent = state.agents[fact.agent]
    agent.failures.pop(fact.device, None)
    if fact.in_a_row:
        agent.failures[fact.device] = Failures(fact.in_a_row, fact.until)
        state.watch(fact.until, states.Timer.DEVICE, agent.name)
    note_reach(state, agent)


FOLDS: dict[type[AnyFact], Callable[[State, Any], None]] = {
    AgentStateChanged: _agent_state_changed,
    WrapUpExtended: _wrap_up_extended,
    AgentSeated: _agent_seated,
    AgentForwarded: _agent_forwarded,
    PhoneTaken: _phone_taken,
    PhoneFreed: _phone_freed,
    FeatureAnswered: _feature_answered,
    AgentWished: _agent_wished,
    AgentUnreachable: _agent_unreachable,
}
