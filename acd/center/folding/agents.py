"""Agents: their states, and what they wish for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from acd.center import state as states
from acd.center.facts import AgentStateChanged, AgentUnreachable, AgentWished, AnyFact
from acd.center.folding import lanes
from acd.center.model import AgentState

if TYPE_CHECKING:
    from acd.center.state import State


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
    lanes.settle(state, agent, fact.at)


def _agent_wished(state: State, fact: AgentWished) -> None:
    agent = state.agents[fact.agent]
    agent.wish, agent.wish_reason = fact.wish, fact.reason


def _agent_unreachable(state: State, fact: AgentUnreachable) -> None:
    state.agents[fact.agent].unreachable_in_a_row = fact.in_a_row


FOLDS: dict[type[AnyFact], Callable[[State, Any], None]] = {
    AgentStateChanged: _agent_state_changed,
    AgentWished: _agent_wished,
    AgentUnreachable: _agent_unreachable,
}
