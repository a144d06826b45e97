"""Offers: from the ring to the end of the agent's leg."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from acd.center import devices
from acd.center import state as states
from acd.center.facts import (
    AnyFact,
    BridgeRepeated,
    LegEnding,
    LegGone,
    LegReleased,
    OfferAnswered,
    OfferEnded,
    OfferMade,
    OfferPickedUp,
    OfferProgressed,
)
from acd.center.folding import lanes
from acd.center.folding.rules import forget
from acd.center.model import Agent, Offer, OfferId, OfferOutcome, PbxName, RequestState
from acd.center.reach import MOBILE

if TYPE_CHECKING:
    from acd.center.state import State


def _offer_made(state: State, fact: OfferMade) -> None:
    state.remember_id(fact.offer)
    state.offers[fact.offer] = Offer(
        id=fact.offer,
        request=fact.request,
        queue=fact.queue,
        agent=fact.agent,
        pbx=fact.pbx,
        channel=fact.channel,
        device=fact.device,
        made_at=fact.at,
        deadline=None,
    )
    _set_deadline(state, fact.offer, fact.at + fact.ring_seconds)
    if fact.device.kind == MOBILE:
        state.trunk_legs[fact.pbx] = state.trunk_legs.get(fact.pbx, 0) + 1
    request = state.requests[fact.request]
    if request.state is RequestState.WAITING and not request.is_outgoing:
        state.queues[request.queue].offered += 1
        lanes.take_hands(state, request, fact.at)
    request.state = RequestState.OFFERED
    request.offers.append(fact.offer)
    request.shared = fact.shared
    request.offers_made += 1
    if not fact.shared:
        lanes.leave(state, request)
    _give(state.offers[fact.offer], state.agents[fact.agent], fact.at)


def _offer_progressed(state: State, fact: OfferProgressed) -> None:
    offer = state.offers[fact.offer]
    offer.progressed = True
    offer.rang |= fact.rings


def _offer_answered(state: State, fact: OfferAnswered) -> None:
    offer = state.offers[fact.offer]
    offer.answered_at, offer.kept_waiting = fact.at, fact.unheard
    _set_deadline(state, fact.offer, fact.deadline)


def _offer_picked_up(state: State, fact: OfferPickedUp) -> None:
    offer = state.offers[fact.offer]
    if offer.device.kind == MOBILE:
        _trunk_leg_gone(state, offer.pbx, fact.at)
    offer.channel, offer.device, offer.answered_at = fact.channel, fact.device, fact.at
    offer.picked_up, offer.by_stranger = True, fact.agent is None
    _set_deadline(state, fact.offer, fact.deadline)
    lanes.leave(state, state.requests[fact.request])
    if fact.agent is not None:
        if not _rings_elsewhere(state, offer):
            state.agents[fact.was].request = None
        _let_go_of(state, offer, fact.at)
        _give(offer, state.agents[fact.agent], fact.at)


def _give(offer: Offer, agent: Agent, at: float) -> None:
    offer.agent = agent.name
    agent.offers.append(offer.id)
    agent.tried.add(offer.device.name)
    agent.request = offer.request
    agent.offered_at[offer.queue] = at


def _let_go_of(state: State, offer: Offer, at: float) -> None:
    agent = state.agents[offer.agent]
    agent.offers.remove(offer.id)
    if agent.retired and not agent.offers:
        forget(state, agent)
    else:
        lanes.settle(state, agent, at)


def _offer_ended(state: State, fact: OfferEnded) -> None:
    offer, request = state.offers[fact.offer], state.requests[fact.request]
    offer.outcome = fact.outcome
    _set_deadline(state, fact.offer, fact.deadline)
    if fact.outcome not in (OfferOutcome.CANCELLED, OfferOutcome.NO_ANSWER) and not offer.by_stranger:
        state.agents[fact.agent].missed_in_a_row = 0
    if fact.outcome is OfferOutcome.ACCEPTED:
        lanes.leave(state, request)
        request.accepted, request.agent = fact.offer, fact.agent
        return
    request.offers.remove(fact.offer)
    if offer.picked_up and request.offers:
        lanes.enter(state, request, fact.at)
    if _rings_elsewhere(state, offer):
        return
    if fact.outcome is not OfferOutcome.CANCELLED:
        request.turned_down_by.add(fact.agent)
    state.agents[fact.agent].request = None


def _rings_elsewhere(state: State, offer: Offer) -> bool:
    """Another device of the same agent rings for the request, or he has taken it there."""
    others = (state.offers[name] for name in state.requests[offer.request].offers if name != offer.id)
    return any(other.agent == offer.agent for other in others)


def _bridge_repeated(state: State, fact: BridgeRepeated) -> None:
    _set_deadline(state, fact.offer, fact.deadline)


def _leg_released(state: State, fact: LegReleased) -> None:
    if fact.offer in state.offers:
        state.offers[fact.offer].released = True
        _set_deadline(state, fact.offer, fact.deadline)


def _leg_ending(state: State, fact: LegEnding) -> None:
    _set_deadline(state, fact.offer, fact.deadline)


def _set_deadline(state: State, name: OfferId, at: float) -> None:
    state.offers[name].deadline = at
    state.watch(at, states.Timer.OFFER, name)


def _leg_gone(state: State, fact: LegGone) -> None:
    offer = state.offers.pop(fact.offer)
    if offer.device.kind == MOBILE:
        _trunk_leg_gone(state, offer.pbx, fact.at)
    _let_go_of(state, offer, fact.at)


def _trunk_leg_gone(state: State, pbx: PbxName, at: float) -> None:
    was_full = devices.trunk_room(state, pbx) < 1
    state.trunk_legs[pbx] -= 1
    if was_full:
        state.trunk_room_since[pbx] = at
        lanes.look_everywhere_again(state)


FOLDS: dict[type[AnyFact], Callable[[State, Any], None]] = {
    OfferMade: _offer_made,
    OfferProgressed: _offer_progressed,
    OfferAnswered: _offer_answered,
    OfferPickedUp: _offer_picked_up,
    OfferEnded: _offer_ended,
    BridgeRepeated: _bridge_repeated,
    LegReleased: _leg_released,
    LegEnding: _leg_ending,
    LegGone: _leg_gone,
}
