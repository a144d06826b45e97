"""Legs: signs of life before the answer, and what a survey finds: what was not heard of an offer, and offers of which
nothing was written down.
"""

from __future__ import annotations

from collections.abc import Mapping

from acd.center import agents, customers, offers
from acd.center.agents import Happening
from acd.center.facts import BridgeRepeated, LegReleased, OfferProgressed
from acd.center.inputs import LegAccepted, LegBegan, LegProgressed, LiveChannel
from acd.center.model import Agent, AgentState, ChannelId, Offer, OfferId, PbxName, Request, RequestState
from acd.center.reach import MOBILE
from acd.center.state import State
from acd.center.turn import Turn

Alive = Mapping[ChannelId, LiveChannel]


# ---- What the telephone tells


def began(turn: Turn, told: LegBegan) -> None:
    """What was asked for over a connection that broke may still be carried out, when its offer has been given up."""
    if told.offer not in turn.state.offers:
        turn.tell(
            LegReleased(
                at=turn.now,
                offer=told.offer,
                pbx=told.pbx,
                channel=offers.leg_channel(told.offer),
                deadline=turn.now + offers.HANG_UP_SECONDS,
            )
        )


def progressed(turn: Turn, told: LegProgressed) -> None:
    """Whether a mobile rings tells its owner's doing from his carrier's; nobody asks it of a desk phone."""
    offer = offers.ringing(turn, told.offer)
    if offer and offer.device.kind == MOBILE and not (offer.rang or (offer.progressed and not told.rings)):
        turn.tell(OfferProgressed(at=turn.now, offer=offer.id, rings=told.rings))


# ---- What a survey finds


def is_further(state: State, offer: Offer, live: LiveChannel, alive: Alive) -> bool:
    """Whether its leg shows what was not heard of it: the answer, that he takes the call, the bridge. (While somebody
    steers, an order to bridge that is not carried out has its deadline.)"""
    if live.bridged and customers.is_dialling(state, offer):
        return True
    if offer.outcome is None:
        return live.accepted or (live.talks and offer.answered_at is None) or _talks(state, offer, live, alive)
    is_owed_a_bridge = offer.connected_at is None and not offers.is_over(state, offer)
    return is_owed_a_bridge and (live.bridged or offer.pbx not in state.steered)


def heed(turn: Turn, offer: Offer, live: LiveChannel, alive: Alive) -> None:
    """This is what was not heard of it."""
    talks = _talks(turn.state, offer, live, alive)
    if offer.outcome is None and talks:
        offers.accept(turn, offer, found_bridged=True)
    if live.bridged:
        offers.connect(turn, offer)
        customers.found_talking(turn, offer)
    elif live.talks and offer.connected_at is None:
        _was_kept_waiting(turn, offer, live)


def is_of_no_use(state: State, offer: Offer) -> bool:
    return offer.outcome is not None and offers.is_over(state, offer)


def _talks(state: State, offer: Offer, live: LiveChannel, alive: Alive) -> bool:
    request = state.requests.get(offer.request)
    caller = alive.get(request.channel) if request else None
    return live.bridged and caller is not None and caller.bridged


def _was_kept_waiting(turn: Turn, offer: Offer, live: LiveChannel) -> None:
    """He has answered, and taken the call perhaps, and nobody listened."""
    if offer.outcome is None or offers.to_be_bridged(turn, offer):
        offers.answer(turn, offer, unheard=True)
    _bridge_again(turn, offer)
    if live.accepted:
        offers.accepted(turn, LegAccepted(offer=offer.id))


def _bridge_again(turn: Turn, offer: Offer) -> None:
    """The order may have been lost with the link. (Two who are in a bridge already would be torn out of it.)"""
    if request := offers.to_be_bridged(turn, offer):
        turn.tell(
            BridgeRepeated(
                at=turn.now,
                offer=offer.id,
                pbx=offer.pbx,
                channel=offer.channel,
                caller_channel=request.channel,
                deadline=turn.now + offers.BRIDGE_SECONDS,
                comes_back_if_dropped=turn.state.queues[offer.queue].rules.dropped_come_back,
            )
        )


def adopt(turn: Turn, pbx: PbxName, live: LiveChannel, offer: OfferId) -> bool:
    """A leg of an offer that the journal did not keep: it is the same as if it had, if both are still without one."""
    request = turn.state.request_on(pbx, live.rings_for) if live.rings_for else None
    agent = turn.state.agents.get(live.agent) if live.agent else None
    if request is None or agent is None or request.queue not in agent.queues or not _may_ring(request, agent):
        return False
    device = next((one for one in (agent.seat, *agent.devices) if one and one.name == live.device), None)
    if device is None or any(turn.state.offers[name].device.name == device.name for name in agent.offers):
        return False
    was_free = agent.free_since is not None
    shared = request.shared if request.offers else offers.rings_all(turn, request)
    offers.ring(turn, request, agent, device, ready_at=turn.now, shared=shared, found=offer)
    if was_free:
        agents.happens(turn, agent, Happening.OFFERED)
    return True


def _may_ring(request: Request, agent: Agent) -> bool:
    """He is free and it is open; or it rings for him already, at another device."""
    if request.accepted or request.state is RequestState.ONGOING or request.aside:
        return False
    if agent.free_since is None:
        return agent.state is AgentState.CONNECTING and agent.request == request.id
    return request.state is RequestState.WAITING or request.shared


def spelt(offer: Offer) -> str:
    """For those who read."""
    if offer.connected_at is not None:
        return f"{offer.agent} talks"
    if offer.outcome is not None:
        return f"{offer.agent}: {offer.outcome.value}"
    return f"{offer.agent} has answered" if offer.answered_at is not None else f"{offer.agent} is rung"
