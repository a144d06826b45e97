"""Where an agent is reached: at a device of his own, or at a seat that belongs to nobody (hot desking)."""

from __future__ import annotations

from acd.center.facts import AgentSeated
from acd.center.model import Agent, AgentState, NotAllowed, Refused
from acd.center.reach import DESK, Device
from acd.center.turn import Turn


def take(turn: Turn, agent: Agent, name: str | None) -> None:
    """Raises NotAllowed for a device that is neither his nor anybody's, Refused for one where somebody else is."""
    device = agent.desk if name is None else _device(turn, agent, name)
    if device is None and agent.mobiles:
        return
    if device is None:
        raise Refused(f"{agent.name} has no device of his own; log in at a seat")
    for other in (turn.state.agents[there] for there in turn.state.agents_at.get(device.dial, ())):
        if other is not agent and other.state is not AgentState.LOGGED_OUT:
            raise Refused(f"{name or device.dial} is taken by {other.name}")
    if device == agent.desk:
        return
    if agent.is_on_a_call:
        raise Refused(f"{agent.name} is on a call; he can move after it")
    turn.tell(AgentSeated(at=turn.now, agent=agent.name, device=device))


def _device(turn: Turn, agent: Agent, name: str) -> Device:
    for device in agent.devices:
        if device.kind == DESK and name == device.dial:
            return device
    for seat in turn.state.rules.seats:
        if name == seat.name:
            return Device(kind=DESK, dial=seat.dial)
    allowed = [device.dial for device in agent.devices if device.kind == DESK] + [
        seat.name for seat in turn.state.rules.seats
    ]
    raise NotAllowed(f"there is no device {name!r} for {agent.name}; allowed: {', '.join(allowed)}")
