"""An agent's devices: at which of them he is rung now, at which next, and which of them are out of order.

Where his calls are forwarded to names stages: those of the first stage ring, those of the next one when they have rung
in vain. One that cannot be reached makes way for another at once, and is left alone for a while that doubles with each
failure in a row: whatever his carrier does is never his own doing.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from math import inf
from typing import TYPE_CHECKING

from acd.center.facts import AgentUnreachable
from acd.center.model import Agent, AgentName, PbxName
from acd.center.reach import DESK, MOBILE, Device, Failures, Forward
from acd.center.strategies.pool import NOBODY

if TYPE_CHECKING:
    from acd.center.state import State
    from acd.center.turn import Turn

MOST_DOUBLINGS = 32
"""Of a pause after failures: more than any limit needs, and no number grows without end."""


# ---- Where he is rung


def stages(agent: Agent) -> list[list[Device]]:
    """Those that ring at once, in the order of their turns. Who is forwarded to what he has not got is rung at what he
    has."""
    desk, mobiles = [agent.desk] if agent.desk else [], agent.mobiles
    planned = {
        Forward.DESK: [desk],
        Forward.MOBILE: [mobiles],
        Forward.DESK_THEN_MOBILE: [desk, mobiles],
        Forward.BOTH: [[*desk, *mobiles]],
    }[agent.forward]
    return [stage for stage in planned if stage] or [[*desk, *mobiles]]


def at_his_desk(agent: Agent) -> bool:
    return any(device.kind == DESK for stage in stages(agent) for device in stage)


def _reserve(agent: Agent) -> list[Device]:
    """What rings only where nothing else can."""
    return agent.mobiles if agent.forward is Forward.DESK and agent.forwarding.mobile_if_unreachable else []


def _all(agent: Agent) -> list[Device]:
    return [*(device for stage in stages(agent) for device in stage), *_reserve(agent)]


def first(state: State, agent: Agent, pbx: PbxName) -> list[Device]:
    """Those that ring for a request that came in there."""
    ways = (_ringable(state, agent, pbx, stage) for stage in [*stages(agent), _reserve(agent)])
    return next((way for way in ways if way), [])


def instead(state: State, agent: Agent, pbx: PbxName) -> list[Device]:
    """Those that may ring in place of one that could not be reached."""
    return _ringable(state, agent, pbx, _all(agent))


def following(state: State, agent: Agent, pbx: PbxName) -> list[Device]:
    """Those whose turn it is when the first have rung in vain."""
    return _ringable(state, agent, pbx, agent.mobiles) if has_following(agent) else []


def has_following(agent: Agent) -> bool:
    """His mobiles, whether they can be rung or not."""
    waits_for_his_desk = agent.forward is Forward.DESK_THEN_MOBILE
    mobiles = {device.name for device in agent.mobiles}
    return waits_for_his_desk and bool(mobiles) and mobiles.isdisjoint(agent.tried)


def rings_for_so_long(agent: Agent, device: Device, ring_seconds: float) -> float:
    waits_for_his_desk = agent.forward is Forward.DESK_THEN_MOBILE and device.kind == DESK and agent.mobiles
    return agent.forwarding.mobile_after_seconds if waits_for_his_desk else ring_seconds


def _ringable(state: State, agent: Agent, pbx: PbxName, devices: Iterable[Device]) -> list[Device]:
    """Of these, those that have not rung for him yet, are in order, and have a way to them."""
    fit = [device for device in devices if device.name not in agent.tried and _is_in_order(agent, device)]
    his = sum(state.offers[name].device.kind == MOBILE for name in agent.offers)
    room = max(0, min(trunk_room(state, pbx), state.rules.offers.mobile_legs_per_agent - his))
    mobiles = [device for device in fit if device.kind == MOBILE]
    left = mobiles[int(room) :] if room < len(mobiles) else []
    return [device for device in fit if device not in left]


# ---- Trunks


def trunk_room(state: State, pbx: PbxName) -> float:
    """How many more mobiles may be dialled from this server."""
    trunk = state.rules.trunks.get(pbx)
    if trunk is None:
        return 0
    return inf if trunk.mobile_legs is None else trunk.mobile_legs - state.trunk_legs.get(pbx, 0)


def beyond_reach(state: State, pbx: PbxName) -> Set[AgentName]:
    """Available agents who cannot be rung from this server just now, and others: all who are reached by trunk alone."""
    return state.by_trunk if state.by_trunk and trunk_room(state, pbx) < 1 else NOBODY


def is_by_trunk(agent: Agent) -> bool:
    return not any(device.kind == DESK and _is_in_order(agent, device) for device in _all(agent))


# ---- Out of order


def _is_in_order(agent: Agent, device: Device) -> bool:
    return agent.failures.get(device.name, Failures()).until is None


def any_in_order(agent: Agent) -> bool:
    return any(_is_in_order(agent, device) for device in _all(agent))


def in_order_again_at(agent: Agent) -> float | None:
    """When the first of them may be tried again; None if one of them may be now, or he has none."""
    pauses = [agent.failures.get(device.name, Failures()).until for device in _all(agent)]
    known = [until for until in pauses if until is not None]
    return min(known) if known and len(known) == len(pauses) else None


def failed(turn: Turn, agent: Agent, device: Device, cause: str) -> None:
    rules, before = turn.state.rules.offers, agent.failures.get(device.name, Failures())
    doublings = min(before.in_a_row, MOST_DOUBLINGS)
    seconds = min(rules.unreachable_first_seconds * 2**doublings, rules.unreachable_limit_seconds)
    _tell(turn, agent, device.name, before.in_a_row + 1, cause, until=turn.now + seconds)


def was_reached(turn: Turn, agent: Agent, device: Device) -> None:
    if device.name in agent.failures:
        _tell(turn, agent, device.name, 0)


def recover(turn: Turn, agent: Agent, *, early: bool = False) -> None:
    """Those that have been left alone for long enough (or, early, all of them) may be tried again."""
    for name, failures in list(agent.failures.items()):
        if failures.until is not None and (early or failures.until <= turn.now):
            _tell(turn, agent, name, failures.in_a_row)


def _tell(turn: Turn, agent: Agent, device: str, in_a_row: int, cause: str = "", until: float | None = None) -> None:
    turn.tell(
        AgentUnreachable(at=turn.now, agent=agent.name, in_a_row=in_a_row, cause=cause, device=device, until=until)
    )
