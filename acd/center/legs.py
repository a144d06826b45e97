"""Legs: signs of life before the answer, and what a survey finds: what was not heard of an offer, and offers of which
nothing was written down.
"""

from __future__ import annotations

from collections.abc import Mapping

from acd.center import agents, customers, offers
from acd.center.agents import Happening
from acd.center.facts import BridgeRepeated, LegReleased, OfferProgressed
from acd.center.inputs import LegAccepted, LegBegan, LegProgressed, LiveChannel
from acd.center.model import (
    Agent,
    AgentState,
    ChannelId,
    Missed,
    Offer,
    OfferId,
    PbxName,
    Reach,
    Request,
    RequestState,
)
from acd.center.reach import MOBILE
from acd.center.state import State
from acd.center.turn import Turn

Alive = Mapping[ChannelId, LiveChannel]
NEVER_MADE = Missed.FAILED
"""What became of an attempt that was written down, and of which its leg knows nothing."""


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
    """Whether its leg shows what was not heard of it: the answer, that he takes the call, the bridge; or of the
    customer. (While somebody steers, an order to bridge that is not carried out has its deadline.)"""
    if called := customers.being_called(state, offer):
        return _customer_is_further(state, called, offer, live)
    if offer.outcome is None:
        return live.accepted or (live.talks and offer.answered_at is None) or _talks(state, offer, live, alive)
    is_owed_a_bridge = offer.connected_at is None and not offers.is_over(state, offer)
    return is_owed_a_bridge and (live.bridged or offer.pbx not in state.steered)


def heed(turn: Turn, offer: Offer, live: LiveChannel, alive: Alive) -> None:
    """This is what was not heard of it."""
    if called := customers.being_called(turn.state, offer):
        _heed_customer(turn, called, offer, live)
        return
    talks = _talks(turn.state, offer, live, alive)
    if offer.outcome is None and talks:
        offers.accept(turn, offer, found_bridged=True)
    if live.bridged:
        offers.connect(turn, offer)
    elif live.talks and offer.connected_at is None:
        _was_kept_waiting(turn, offer, live)


def _customer_is_further(state: State, request: Request, offer: Offer, live: LiveChannel) -> bool:
    """That an attempt was never made is believed only where nobody steered: the order may be on its way; and so is that
    who talked is alone: he may be about to pass his customer on."""
    reach, unsteered = _reach(request, offer, live), offer.pbx not in state.steered
    if reach is Reach.TALKING:
        return request.reach in (Reach.DIALLING, Reach.MISSED)
    if request.reach is Reach.DIALLING:
        return reach is not Reach.DIALLING and (unsteered or reach is not None)
    return request.reach is Reach.TALKING and unsteered


def _heed_customer(turn: Turn, request: Request, offer: Offer, live: LiveChannel) -> None:
    reach = _reach(request, offer, live)
    if request.reach is not Reach.TALKING:
        customers.found(turn, offer, NEVER_MADE if reach is None else live.attempt_ended or customers.ANSWERED)
    if reach is not Reach.TALKING:
        customers.customer_left(turn, request)


def _reach(request: Request, offer: Offer, live: LiveChannel) -> Reach | None:
    """How far its agent has come with his customer, by what the leg shows; None: nobody was dialled."""
    if live.bridged:
        return Reach.TALKING
    if live.attempt != customers.attempt(offer.id, request.attempts):
        return None
    if not live.attempt_ended:
        return Reach.DIALLING
    return Reach.LEFT if live.attempt_ended == customers.ANSWERED else Reach.MISSED


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
    request = turn.state.request_on(pbx, live.rings_for) if live.rings_for else _to_be_called(turn.state, live)
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


def _to_be_called(state: State, live: LiveChannel) -> Request | None:
    """Who waits on no line: a callback, or a call that an agent makes."""
    request = state.requests.get(live.request) if live.request else None
    return request if request and not request.channel else None


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
