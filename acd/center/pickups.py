"""Call pickup: another telephone takes a call that rings at an agent's.

Asterisk puts that telephone's channel in the place of the leg, which ends at once. If an agent sits there, the offer is
his from then on. If nobody does, it stays with the agent whose telephone rang until caller and stranger hear each
other; then the talk goes on without an agent. In neither case is anything counted against him.
"""

from __future__ import annotations

from acd.center import agents, in_vain, offers
from acd.center.agents import Happening
from acd.center.facts import LegReleased, OfferPickedUp
from acd.center.inputs import CallPickedUp
from acd.center.model import Agent, AgentState, Kind, Offer
from acd.center.reach import DESK, Device
from acd.center.turn import Turn


def picked_up(turn: Turn, told: CallPickedUp) -> None:
    offer = turn.state.offers.get(told.offer)
    if offer is None or offer.released:
        _came_too_late(turn, told)
    if offer is None or offer.outcome is not None or offer.picked_up:
        return
    was, agent = turn.state.agents[offer.agent], _agent_at(turn, told.dial)
    if agent:
        _take_from(turn, was, offer)
    turn.tell(
        OfferPickedUp(
            at=turn.now,
            offer=offer.id,
            request=offer.request,
            queue=offer.queue,
            was=offer.agent,
            agent=agent.name if agent else None,
            device=Device(kind=DESK, dial=told.dial),
            pbx=told.pbx,
            channel=told.channel,
            deadline=turn.now + offers.ACCEPT_SECONDS,
        )
    )
    if agent:
        agents.picks_up(turn, agent)
    elif turn.state.requests[offer.request].kind != Kind.CALL:
        in_vain.given_back(turn, offer)  # only an agent can call a customer
        offers.release_leg(turn, offer)


def _take_from(turn: Turn, agent: Agent, offer: Offer) -> None:
    """His other devices fall silent, too: a colleague has the call."""
    if others := in_vain.others_to_him(turn, offer):
        offers.withdraw(turn, [other.id for other in others], answered_elsewhere=True)
    else:
        agents.happens(turn, agent, Happening.WITHDRAWN)


def _came_too_late(turn: Turn, told: CallPickedUp) -> None:
    """There is nobody for him to talk with."""
    deadline = turn.now + offers.HANG_UP_SECONDS
    turn.tell(LegReleased(at=turn.now, offer=told.offer, pbx=told.pbx, channel=told.channel, deadline=deadline))


def _agent_at(turn: Turn, dial: str) -> Agent | None:
    """Who sits there and is on no call of ours."""
    there = (turn.state.agents[name] for name in turn.state.agents_at.get(dial, ()))
    return next((agent for agent in there if agent.state is not AgentState.LOGGED_OUT and not agent.is_on_a_call), None)
