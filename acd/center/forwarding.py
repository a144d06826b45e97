"""Forwarding: where an agent's calls go, at his desk, to his mobiles, or both.

What he switched himself holds until he logs out; before it and after it goes what his calendars say, and else what
stands in the rules.
"""

from __future__ import annotations

from acd.center.facts import AgentForwarded
from acd.center.inputs import SwitchForward
from acd.center.model import Agent, Refused
from acd.center.reach import Forward
from acd.center.turn import Turn


def settle(turn: Turn, agent: Agent) -> None:
    """To be called when something has changed by which it goes."""
    chosen = agent.forward if agent.forward_chosen and _why_not(agent, agent.forward) is None else None
    _to(turn, agent, chosen or _by_rules(turn, agent), chosen is not None)


def let_go(turn: Turn, agent: Agent) -> None:
    """He has logged out."""
    _to(turn, agent, _by_rules(turn, agent), chosen=False)


def switch(turn: Turn, asked: SwitchForward) -> Agent:
    """Raises UnknownName, or Refused for one who has no such device."""
    agent = turn.state.agent(asked.agent)
    if why := _why_not(agent, asked.forward):
        raise Refused(why)
    _to(turn, agent, asked.forward, chosen=True)
    return agent


def _by_rules(turn: Turn, agent: Agent) -> Forward:
    for hours in agent.forwarding.by:
        if turn.state.calendars.get(hours.calendar, False):
            return hours.forward
    return agent.forwarding.forward or (Forward.DESK if agent.desk or not agent.mobiles else Forward.MOBILE)


def _why_not(agent: Agent, forward: Forward) -> str | None:
    if forward is not Forward.DESK and not agent.mobiles:
        return f"{agent.name} has no mobile"
    if forward is not Forward.MOBILE and agent.desk is None:
        return f"{agent.name} has no desk phone and sits at no seat"
    return None


def _to(turn: Turn, agent: Agent, forward: Forward, chosen: bool) -> None:
    if (forward, chosen) != (agent.forward, agent.forward_chosen):
        turn.tell(AgentForwarded(at=turn.now, agent=agent.name, forward=forward, was=agent.forward, chosen=chosen))
