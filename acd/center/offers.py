"""Offers: one request presented to one agent, from the ring to the moment when his telephone is free again.

An offer ends accepted, rejected, no_answer, cancelled or failed. Its leg, the channel to the agent's phone, ends for
itself: only when that is gone can the agent be offered the next request. Everything in between has a deadline.
"""

from __future__ import annotations

from acd.center import agents, calls
from acd.center.agents import Happening
from acd.center.facts import LegGone, LegReleased, OfferAnswered, OfferEnded, OfferMade, RequestConnected
from acd.center.inputs import BridgeFailed, CallBridged, LegAccepted, LegAnswered, LegEnd, LegEnded
from acd.center.model import Agent, ChannelId, Offer, OfferId, OfferOutcome, Request
from acd.center.turn import Turn

BRIDGE_SECONDS = 5.0
"""An accepted offer that is not bridged by then has failed; it takes Asterisk some 2 ms."""
HANG_UP_SECONDS = 5.0
"""A leg of which nothing is heard for so long after its use is given up for gone."""


def leg_channel(offer: OfferId) -> ChannelId:
    return ChannelId(f"acd-{offer}")


def make(turn: Turn, request: Request, agent: Agent) -> None:
    offer = OfferId(turn.state.next_id(turn.now))
    assert agent.free_since is not None  # noqa: S101 - only free agents stand in a pool
    turn.tell(
        OfferMade(
            at=turn.now,
            offer=offer,
            request=request.id,
            queue=request.queue,
            agent=agent.name,
            device=agent.devices[0],
            caller=request.caller,
            pbx=request.pbx,
            channel=leg_channel(offer),
            ring_seconds=turn.state.queues[request.queue].rules.ring_seconds,
            ready_at=max(request.open_since, agent.free_since),
        )
    )
    agents.happens(turn, agent, Happening.OFFERED)


# ---- What the telephone tells


def answered(turn: Turn, told: LegAnswered) -> None:
    offer = _ringing(turn, told.offer)
    if offer and offer.answered_at is None:
        turn.tell(OfferAnswered(at=turn.now, offer=offer.id))
        agents.was_reached(turn, turn.state.agents[offer.agent])


def accepted(turn: Turn, told: LegAccepted) -> None:
    offer = _ringing(turn, told.offer)
    if offer:
        _end(turn, offer, OfferOutcome.ACCEPTED)


def bridged(turn: Turn, told: CallBridged) -> None:
    offer = turn.state.offers.get(told.offer)
    request = _to_be_bridged(turn, offer)
    if offer is None or request is None:
        return
    waited = turn.now - request.entered_at
    turn.tell(
        RequestConnected(
            at=turn.now,
            request=request.id,
            kind=request.kind,
            queue=request.queue,
            agent=offer.agent,
            offer=offer.id,
            waited_seconds=waited,
            connect_seconds=turn.now - (offer.answered_at or turn.now),
            in_service_level=waited <= turn.state.queues[request.queue].rules.service_level_seconds,
        )
    )
    agents.happens(turn, turn.state.agents[offer.agent], Happening.CONNECTED)


def bridge_failed(turn: Turn, told: BridgeFailed) -> None:
    offer = turn.state.offers.get(told.offer)
    request = _to_be_bridged(turn, offer)
    if offer and request:
        _never_connected(turn, offer, request)


def leg_ended(turn: Turn, told: LegEnded) -> None:
    offer = turn.state.offers.get(told.offer)
    if offer is None:
        return
    if offer.outcome is None:
        _was_not_taken(turn, offer, told)
    elif offer.connected_at is not None:
        calls.talk_ended(turn, offer, ended_by="agent")
    elif request := _to_be_bridged(turn, offer):
        _changed_his_mind(turn, offer, request)
    turn.tell(LegGone(at=turn.now, offer=offer.id))


# ---- What the center itself does with an offer


def withdraw(turn: Turn, offer: Offer) -> None:
    """Its request is gone, whatever became of the offer so far: the agent is free for the next one."""
    if offer.outcome is None:
        _end(turn, offer, OfferOutcome.CANCELLED)
    agents.happens(turn, turn.state.agents[offer.agent], Happening.WITHDRAWN)
    release_leg(turn, offer)


def release_leg(turn: Turn, offer: Offer) -> None:
    turn.tell(
        LegReleased(
            at=turn.now, offer=offer.id, pbx=offer.pbx, channel=offer.channel, deadline=turn.now + HANG_UP_SECONDS
        )
    )


def time_is_up(turn: Turn, offer: Offer) -> None:
    """Its deadline has come: rung for long enough, or something that Asterisk owes us did not happen."""
    if offer.outcome is None:
        _missed(turn, offer)
        release_leg(turn, offer)
    elif request := _to_be_bridged(turn, offer):
        _never_connected(turn, offer, request)
    else:
        turn.tell(LegGone(at=turn.now, offer=offer.id, overdue=True))


# ---- How an offer comes to nothing


def _was_not_taken(turn: Turn, offer: Offer, told: LegEnded) -> None:
    if told.how is LegEnd.UNREACHABLE:
        _failed(turn, offer, told.cause)
    elif told.how is LegEnd.NO_ANSWER:
        _missed(turn, offer, told.cause)
    else:
        _rejected(turn, offer, told.cause)


def _missed(turn: Turn, offer: Offer, cause: str = "") -> None:
    agent = turn.state.agents[offer.agent]
    _end(turn, offer, OfferOutcome.NO_ANSWER, cause)
    agents.was_reached(turn, agent)
    agents.happens(turn, agent, Happening.MISSED, until=turn.now + turn.state.rules.offers.no_answer_seconds)
    calls.requeue(turn, turn.state.requests[offer.request])


def _rejected(turn: Turn, offer: Offer, cause: str) -> None:
    agent = turn.state.agents[offer.agent]
    _end(turn, offer, OfferOutcome.REJECTED, cause)
    agents.was_reached(turn, agent)
    _is_busy_after_refusing(turn, agent)
    calls.requeue(turn, turn.state.requests[offer.request])


def _failed(turn: Turn, offer: Offer, cause: str) -> None:
    _end(turn, offer, OfferOutcome.FAILED, cause)
    agents.could_not_be_reached(turn, turn.state.agents[offer.agent], cause)
    calls.requeue(turn, turn.state.requests[offer.request])


def _changed_his_mind(turn: Turn, offer: Offer, request: Request) -> None:
    """He took the call and hung up before he heard the caller."""
    _is_busy_after_refusing(turn, turn.state.agents[offer.agent])
    calls.requeue(turn, request)


def _never_connected(turn: Turn, offer: Offer, request: Request) -> None:
    """He took the call and Asterisk did not bridge it: not his fault, and not the caller's."""
    agents.happens(turn, turn.state.agents[offer.agent], Happening.WITHDRAWN)
    release_leg(turn, offer)
    calls.requeue(turn, request)


def _is_busy_after_refusing(turn: Turn, agent: Agent) -> None:
    until = turn.now + turn.state.rules.offers.rejected_seconds
    agents.happens(turn, agent, Happening.REJECTED, until=until, reason="rejected")


def _ringing(turn: Turn, name: OfferId) -> Offer | None:
    offer = turn.state.offers.get(name)
    return offer if offer and offer.outcome is None else None


def _to_be_bridged(turn: Turn, offer: Offer | None) -> Request | None:
    """The request of an accepted offer that Asterisk has yet to bridge."""
    if offer is None or offer.outcome is not OfferOutcome.ACCEPTED or offer.connected_at is not None:
        return None
    request = turn.state.requests.get(offer.request)
    return request if request and request.offer == offer.id else None


def _end(turn: Turn, offer: Offer, outcome: OfferOutcome, cause: str = "") -> None:
    seconds = BRIDGE_SECONDS if outcome is OfferOutcome.ACCEPTED else HANG_UP_SECONDS
    turn.tell(
        OfferEnded(
            at=turn.now,
            offer=offer.id,
            request=offer.request,
            queue=offer.queue,
            agent=offer.agent,
            outcome=outcome,
            cause=cause,
            pbx=offer.pbx,
            channel=offer.channel,
            caller_channel=turn.state.requests[offer.request].channel,
            deadline=turn.now + seconds,
        )
    )
