"""Offers: one request presented to one agent, from the ring to the moment when his telephone is free again.

An offer ends accepted, rejected, no_answer, cancelled or failed. Its leg, the channel to the agent's phone, ends for
itself: only when that is gone can the agent be offered the next request. Everything in between has a deadline.
"""

from __future__ import annotations

from collections.abc import Sequence

from acd.center import agents, calls, customers, devices, in_vain
from acd.center.agents import Happening
from acd.center.facts import (
    LegEnding,
    LegGone,
    LegReleased,
    OfferAnswered,
    OfferEnded,
    OfferMade,
    RequestConnected,
)
from acd.center.inputs import (
    BridgeFailed,
    CallBridged,
    LegAccepted,
    LegAnswered,
    LegEnded,
    LegHungUp,
    LegRejected,
)
from acd.center.model import Agent, ChannelId, Kind, Offer, OfferId, OfferOutcome, Request
from acd.center.reach import MOBILE, Device
from acd.center.state import ID_LENGTH, State
from acd.center.strategies import STRATEGIES
from acd.center.turn import Turn

BRIDGE_SECONDS = 5.0
"""An accepted offer that is not bridged by then has failed; it takes Asterisk some 2 ms."""
HANG_UP_SECONDS = 5.0
"""A leg of which nothing is heard for so long after its use is given up for gone."""
LEG_ENDS_SECONDS = 2.0
"""A leg whose talk is over and that has not ended by then is told to."""
ACCEPT_SECONDS = 30.0
"""How long an agent who has picked up may listen to a whisper, or look for the key that he is asked for."""
LINGER_SECONDS = 0.5
"""How long a leg rings on that has lost, where somebody may be picking up: longer than his answer takes to us."""
SAY_WHY_SECONDS = 15.0
"""How long who has picked up too late may be told why."""
_LEG = "acd-"
_ID_DIGITS = frozenset("0123456789abcdef")


def leg_channel(offer: OfferId) -> ChannelId:
    return ChannelId(_LEG + offer)


def offer_of(channel: str) -> OfferId | None:
    """The offer whose leg this channel is; None if it is nobody's leg. (With `systemname = acd` in asterisk.conf all
    channels' ids begin with `acd-`.)"""
    name = channel.removeprefix(_LEG)
    is_leg = len(name) == ID_LENGTH and len(channel) == len(_LEG) + ID_LENGTH and _ID_DIGITS.issuperset(name)
    return OfferId(name) if is_leg else None


def make(turn: Turn, request: Request, agent: Agent) -> None:
    """At the first of his devices that ring at once; of an agent who can be reached from the request's server."""
    assert agent.free_since is not None  # noqa: S101 - only such agents stand in a pool
    ready_at = max(request.open_since, agent.free_since)
    if agent.name in turn.state.by_trunk:
        ready_at = max(ready_at, turn.state.trunk_room_since.get(request.pbx, ready_at))
    shared = request.shared if request.offers else rings_all(turn, request)
    for device in devices.first(turn.state, agent, request.pbx):
        ring(turn, request, agent, device, ready_at, shared)
    agents.happens(turn, agent, Happening.OFFERED)


def ring(
    turn: Turn,
    request: Request,
    agent: Agent,
    device: Device,
    ready_at: float,
    shared: bool,
    found: OfferId | None = None,
) -> None:
    """`found` is an offer whose leg lives already."""
    offer = found or OfferId(turn.state.next_id(turn.now))
    rules = turn.state.queues[request.queue].rules
    turn.tell(
        OfferMade(
            at=turn.now,
            offer=offer,
            request=request.id,
            queue=request.queue,
            agent=agent.name,
            device=device,
            caller=request.caller,
            pbx=request.pbx,
            channel=leg_channel(offer),
            ring_seconds=devices.rings_for_so_long(agent, device, rules.ring_seconds),
            ready_at=ready_at,
            queue_number=rules.caller_id,
            name_sound=rules.name_sound,
            shared=shared,
            whisper=rules.whisper,
            kind=request.kind,
            message=request.message,
            caller_channel=request.channel,
            found=found is not None,
        )
    )


def rings_all(turn: Turn, request: Request) -> bool:
    strategy = turn.state.queues[request.queue].rules.strategy
    return STRATEGIES[strategy].rings_all and request.held_for is None


# ---- What the telephone tells


def answered(turn: Turn, told: LegAnswered) -> None:
    offer = ringing(turn, told.offer)
    if offer and offer.answered_at is None:
        answer(turn, offer)


def answer(turn: Turn, offer: Offer, unheard: bool = False) -> None:
    seconds = turn.state.rules.offers.accept_seconds if offer.device.accept_key else ACCEPT_SECONDS
    turn.tell(
        OfferAnswered(
            at=turn.now,
            offer=offer.id,
            deadline=turn.now + seconds,
            queue=offer.queue,
            agent=offer.agent,
            unheard=unheard,
        )
    )
    devices.was_reached(turn, turn.state.agents[offer.agent], offer.device)


def accepted(turn: Turn, told: LegAccepted) -> None:
    if offer := ringing(turn, told.offer):
        accept(turn, offer)


def accept(turn: Turn, offer: Offer, found_bridged: bool = False) -> None:
    """The first to accept has it: who it is, is decided here and nowhere else."""
    end(turn, offer, OfferOutcome.ACCEPTED, found_bridged=found_bridged)
    request = turn.state.requests[offer.request]
    others = [name for name in request.offers if name != offer.id]
    withdraw(turn, others, answered_elsewhere=True)
    if request.kind != Kind.CALL:
        connect(turn, offer)  # with nobody yet: the customer is still to be called
    if request.kind == Kind.DIAL:
        customers.dial(turn, request)


def rejected(turn: Turn, told: LegRejected) -> None:
    """By a key; the dialplan hangs up behind it."""
    offer = ringing(turn, told.offer)
    if offer is None:
        return
    if offer.picked_up:
        in_vain.given_back(turn, offer)
    else:
        in_vain.refused(turn, offer, "by key")
    let_leg_end(turn, offer)
    if told.pause:
        agents.happens(turn, turn.state.agents[offer.agent], Happening.PAUSES, reason="rejected")


def bridged(turn: Turn, told: CallBridged) -> None:
    if offer := turn.state.offers.get(told.offer):
        connect(turn, offer)


def connect(turn: Turn, offer: Offer) -> None:
    request = to_be_bridged(turn, offer)
    if request is None:
        return
    waited = turn.now - request.entered_at
    agent = turn.state.agents[offer.agent]
    turn.tell(
        RequestConnected(
            at=turn.now,
            request=request.id,
            kind=request.kind,
            queue=request.queue,
            agent=None if offer.by_stranger else offer.agent,
            offer=offer.id,
            device=offer.device.kind,
            waited_seconds=waited,
            connect_seconds=turn.now - (offer.answered_at or turn.now),
            in_service_level=waited <= turn.state.queues[request.queue].rules.service_level_seconds,
            estimated_seconds=request.estimated_seconds,
        )
    )
    if offer.by_stranger:
        agents.happens(turn, agent, Happening.WITHDRAWN)
        turn.tell(LegGone(at=turn.now, offer=offer.id))
    else:
        agents.connected(turn, agent, request.kind)


def bridge_failed(turn: Turn, told: BridgeFailed) -> None:
    offer = turn.state.offers.get(told.offer)
    request = to_be_bridged(turn, offer)
    if offer and request:
        _never_connected(turn, offer, request)
        release_leg(turn, offer)


def hung_up(turn: Turn, told: LegHungUp) -> None:
    offer = turn.state.offers.get(told.offer)
    if offer and offer.connected_at is not None and not is_over(turn.state, offer):
        calls.talk_ended(turn, offer, ended_by="agent")
        let_leg_end(turn, offer)


def leg_ended(turn: Turn, told: LegEnded) -> None:
    offer = turn.state.offers.get(told.offer)
    if offer is None:
        return
    if offer.kept_waiting and offer.connected_at is None:
        leg_lost(turn, offer)
        return
    if offer.outcome is None:
        in_vain.was_not_taken(turn, offer, told)
    elif offer.connected_at is not None:
        calls.talk_ended(turn, offer, ended_by="agent")
    elif request := to_be_bridged(turn, offer):
        _changed_his_mind(turn, offer, request)
    turn.tell(LegGone(at=turn.now, offer=offer.id))


# ---- What the center itself does with an offer


def leg_lost(turn: Turn, offer: Offer) -> None:
    """Its leg ended while nobody listened: whose doing that was is not known, and nobody is blamed."""
    if offer.outcome is None:
        in_vain.given_back(turn, offer, "ended unheard")
    elif request := to_be_bridged(turn, offer):
        _never_connected(turn, offer, request)
    elif offer.connected_at is not None:
        customers.lost(turn, offer)
        calls.talk_ended(turn, offer, ended_by="agent")
    turn.tell(LegGone(at=turn.now, offer=offer.id))


def withdraw_all(turn: Turn, request: Request) -> None:
    """The request is gone, whatever became of its offers so far: their agents are free for the next one."""
    withdraw(turn, request.offers)


def give_way(turn: Turn, agent: Agent) -> None:
    """He has taken up his telephone for something else while it rang; who has picked up one of ours goes on with it."""
    ringing = [offer for offer in map(turn.state.offers.__getitem__, agent.offers) if offer.outcome is None]
    if not ringing or any(offer.answered_at is not None for offer in ringing):
        return
    for offer in ringing:
        end(turn, offer, OfferOutcome.CANCELLED, "the phone is used for something else")
        release_leg(turn, offer)
    agents.happens(turn, agent, Happening.WITHDRAWN)
    in_vain.requeue_if_last(turn, ringing[0])


def vanished(turn: Turn, request: Request) -> None:
    """All its offers' legs are gone with their server."""
    offers = [turn.state.offers[name] for name in request.offers]
    for offer in offers:
        if offer.outcome is None:
            end(turn, offer, OfferOutcome.CANCELLED, "the server is gone")
    for name in dict.fromkeys(offer.agent for offer in offers):
        agents.happens(turn, turn.state.agents[name], Happening.WITHDRAWN)


def withdraw(turn: Turn, names: Sequence[OfferId], answered_elsewhere: bool = False) -> None:
    """Offers of one request; whose devices all fall silent, and who has not taken it himself, is free again."""
    offers = [turn.state.offers[name] for name in names]
    taken_by = turn.state.requests[offers[0].request].agent if answered_elsewhere and offers else None
    for offer in offers:
        if offer.outcome is None:
            end(turn, offer, OfferOutcome.CANCELLED)
        if answered_elsewhere:
            _say_why(turn, offer, by_himself=offer.agent == taken_by)
        else:
            release_leg(turn, offer)
    for name in dict.fromkeys(offer.agent for offer in offers if offer.agent != taken_by):
        agents.happens(turn, turn.state.agents[name], Happening.WITHDRAWN)


def release_leg(turn: Turn, offer: Offer) -> None:
    turn.tell(
        LegReleased(
            at=turn.now,
            offer=offer.id,
            pbx=offer.pbx,
            channel=offer.channel,
            deadline=turn.now + HANG_UP_SECONDS,
        )
    )


def _say_why(turn: Turn, offer: Offer, by_himself: bool) -> None:
    """Who has picked up too late hears that somebody else has the call, or another device of his own. Where the answer
    may still be on its way to us, the leg rings on for a moment: nobody waits for who talks already, and a mobile's
    network is slow."""
    lingers = offer.answered_at is None and (by_himself or offer.device.kind == MOBILE)
    turn.tell(
        LegReleased(
            at=turn.now,
            offer=offer.id,
            pbx=offer.pbx,
            channel=offer.channel,
            deadline=turn.now + (SAY_WHY_SECONDS if lingers or offer.answered_at is not None else HANG_UP_SECONDS),
            answered_elsewhere=True,
            linger_seconds=LINGER_SECONDS if lingers else 0,
        )
    )


def let_leg_end(turn: Turn, offer: Offer) -> None:
    """Who was bridged goes on in the dialplan, whose next line hangs up."""
    turn.tell(LegEnding(at=turn.now, offer=offer.id, deadline=turn.now + LEG_ENDS_SECONDS))


def time_is_up(turn: Turn, offer: Offer) -> None:
    """Its deadline has come: rung for long enough, or something that Asterisk owes us did not happen."""
    if offer.outcome is None:
        in_vain.rang_for_long_enough(turn, offer)
        release_leg(turn, offer)
    elif request := to_be_bridged(turn, offer):
        _never_connected(turn, offer, request)
        release_leg(turn, offer)
    elif not offer.released:
        release_leg(turn, offer)
    else:
        turn.tell(LegGone(at=turn.now, offer=offer.id, overdue=True))


# ---- Accepted, and nothing came of it


def _changed_his_mind(turn: Turn, offer: Offer, request: Request) -> None:
    """He took the call and hung up before he heard the caller."""
    if offer.picked_up:
        agents.happens(turn, turn.state.agents[offer.agent], Happening.WITHDRAWN)
    else:
        agents.refused(turn, turn.state.agents[offer.agent])
    calls.requeue(turn, request)


def _never_connected(turn: Turn, offer: Offer, request: Request) -> None:
    """He took the call and Asterisk did not bridge it: not his fault, and not the caller's."""
    agents.happens(turn, turn.state.agents[offer.agent], Happening.WITHDRAWN)
    calls.requeue(turn, request)


def ringing(turn: Turn, name: OfferId) -> Offer | None:
    offer = turn.state.offers.get(name)
    return offer if offer and offer.outcome is None else None


def is_over(state: State, offer: Offer) -> bool:
    """There is nobody (any more) for its leg to talk with."""
    request = state.requests.get(offer.request)
    return request is None or request.accepted != offer.id


def to_be_bridged(turn: Turn, offer: Offer | None) -> Request | None:
    """The request of an accepted offer that Asterisk has yet to bridge."""
    if offer is None or offer.outcome is not OfferOutcome.ACCEPTED or offer.connected_at is not None:
        return None
    return None if is_over(turn.state, offer) else turn.state.requests[offer.request]


def end(turn: Turn, offer: Offer, outcome: OfferOutcome, cause: str = "", *, found_bridged: bool = False) -> None:
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
            device=offer.device.kind,
            pbx=offer.pbx,
            channel=offer.channel,
            caller_channel=turn.state.requests[offer.request].channel,
            deadline=turn.now + seconds,
            found_bridged=found_bridged,
            comes_back_if_dropped=turn.state.queues[offer.queue].rules.dropped_come_back,
        )
    )
