"""How an offer comes to nothing, and what follows for its agent: another of his devices rings, or he is left alone.

What he did himself ends it at all of his devices. What a device or its carrier did is never laid at his door.
"""

from __future__ import annotations

from collections.abc import Callable

from acd.center import agents, calls, devices, offers
from acd.center.agents import Happening
from acd.center.inputs import LegEnd, LegEnded
from acd.center.model import Agent, Offer, OfferOutcome, PbxName
from acd.center.reach import MOBILE, Device
from acd.center.state import State
from acd.center.turn import Turn

NO_SIGN_OF_LIFE = "no sign of life"
"""The cause of an end that no network told."""


def rang_for_long_enough(turn: Turn, offer: Offer) -> None:
    """A mobile of which its network told nothing at all has not rung."""
    if offer.picked_up:
        given_back(turn, offer)
    elif offer.device.kind == MOBILE and not offer.progressed and offer.answered_at is None:
        failed(turn, offer, NO_SIGN_OF_LIFE)
    else:
        missed(turn, offer)


def was_not_taken(turn: Turn, offer: Offer, told: LegEnded) -> None:
    if offer.picked_up:
        given_back(turn, offer)
    elif offer.answered_at is not None and offer.device.accept_key:
        missed(turn, offer, told.cause)  # whoever it was, a person or his mailbox, did not take it
    elif offer.answered_at is not None:
        refused(turn, offer, told.cause)  # he picked up and hung up: whatever cause the network gives it
    elif told.how is LegEnd.UNREACHABLE or _is_his_carrier_s_doing(offer, told.how):
        failed(turn, offer, told.cause)
    elif told.how is LegEnd.NO_ANSWER:
        missed(turn, offer, told.cause)
    elif told.how is LegEnd.BUSY:
        _was_busy(turn, offer, told.cause)
    else:
        refused(turn, offer, told.cause)


def _is_his_carrier_s_doing(offer: Offer, how: LegEnd) -> bool:
    """A mobile that has not rung was not refused by its owner, nor left alone. (Some carriers refuse with the cause of
    a refusal.) Only that he talks on it is his own doing."""
    return offer.device.kind == MOBILE and not offer.rang and how is not LegEnd.BUSY


def missed(turn: Turn, offer: Offer, cause: str = "") -> None:
    agent = turn.state.agents[offer.agent]
    offers.end(turn, offer, OfferOutcome.NO_ANSWER, cause)
    devices.was_reached(turn, agent, offer.device)
    cannot_ring_on = devices.has_following(agent)
    if _rings_on(turn, offer):
        return
    if cannot_ring_on:
        agents.happens(turn, agent, Happening.WITHDRAWN)
    else:
        agents.missed(turn, agent)
    requeue_if_last(turn, offer)


def _was_busy(turn: Turn, offer: Offer, cause: str) -> None:
    agent = turn.state.agents[offer.agent]
    offers.end(turn, offer, OfferOutcome.REJECTED, cause)
    devices.was_reached(turn, agent, offer.device)
    if not _rings_on(turn, offer):
        agents.was_busy(turn, agent)
        requeue_if_last(turn, offer)


def _rings_on(turn: Turn, offer: Offer) -> bool:
    """At another of his devices, or at those whose turn comes next."""
    return bool(others_to_him(turn, offer)) or _ring_besides(turn, offer, devices.following)


def _ring_besides(turn: Turn, offer: Offer, which: Callable[[State, Agent, PbxName], list[Device]]) -> bool:
    """Answers whether there is another device to ring for it. Who has asked to be left alone after it is."""
    agent, request = turn.state.agents[offer.agent], turn.state.requests[offer.request]
    if agent.wish or agent.retired:
        return False
    more = which(turn.state, agent, request.pbx)
    for device in more:
        offers.ring(turn, request, agent, device, ready_at=turn.now, shared=request.shared)
    return bool(more)


def refused(turn: Turn, offer: Offer, cause: str) -> None:
    """By himself: none of his devices need ring for it any more."""
    agent = turn.state.agents[offer.agent]
    offers.end(turn, offer, OfferOutcome.REJECTED, cause)
    devices.was_reached(turn, agent, offer.device)
    for other in others_to_him(turn, offer):
        offers.end(turn, other, OfferOutcome.CANCELLED, "refused at another device")
        offers.release_leg(turn, other)
    agents.refused(turn, agent)
    requeue_if_last(turn, offer)


def failed(turn: Turn, offer: Offer, cause: str) -> None:
    agent = turn.state.agents[offer.agent]
    offers.end(turn, offer, OfferOutcome.FAILED, cause)
    devices.failed(turn, agent, offer.device, cause)
    if not _ring_besides(turn, offer, devices.instead) and not others_to_him(turn, offer):
        agents.could_not_be_reached(turn, agent)
        requeue_if_last(turn, offer)


def given_back(turn: Turn, offer: Offer, why: str = "picked up by another telephone, which did not take it") -> None:
    """Nobody is blamed."""
    offers.end(turn, offer, OfferOutcome.CANCELLED, why)
    if not others_to_him(turn, offer):
        agents.happens(turn, turn.state.agents[offer.agent], Happening.WITHDRAWN)
        requeue_if_last(turn, offer)


def others_to_him(turn: Turn, offer: Offer) -> list[Offer]:
    """What else rings for the same request at the same agent's devices."""
    alive = (turn.state.offers[name] for name in turn.state.requests[offer.request].offers)
    return [other for other in alive if other.agent == offer.agent and other is not offer]


def requeue_if_last(turn: Turn, offer: Offer) -> None:
    """Where several phones ring for one request, it has been in vain when the last one stops."""
    request = turn.state.requests[offer.request]
    if not request.offers:
        calls.requeue(turn, request)
