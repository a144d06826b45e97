"""Transfers: a talk goes on without the agent who passed it on, with somebody else or in another line.

How Asterisk does it differs from one kind of transfer to the next (docs/asterisk-notes.md). What it comes to is one of
two: the caller's own request has a new party, or his channel takes the place of another one that has a request.
"""

from __future__ import annotations

from acd.center import agents, calls, customers, offers, phones
from acd.center.facts import LegGone, RequestHandedOver, RequestPassedOn
from acd.center.inputs import CallPassedOn, LegSentOn, NewParty, PhoneUsed, PlaceTaken, TalksTogether
from acd.center.model import AgentName, AgentState, Caller, ChannelId, Kind, Offer, PbxName, Request, RequestState
from acd.center.turn import Turn


def passed_on(turn: Turn, told: CallPassedOn) -> None:
    offer = turn.state.offers.get(told.offer)
    request = _talk_of(turn, offer)
    if offer is None or request is None:
        return
    if request.kind != Kind.CALL:
        customers.passed_on(turn, request)
        return
    place = turn.state.request_on(told.pbx, told.place) if told.place else None
    if place is not None and place is not request:
        _take_place(turn, place, told.pbx, request.channel)
        return
    turn.tell(RequestPassedOn(at=turn.now, request=request.id, was=offer.agent, agent=None, queue=request.queue))
    agents.wrap_up(turn, turn.state.agents[offer.agent], turn.state.queues[offer.queue].rules)
    offers.let_leg_end(turn, offer)


def talks_together(turn: Turn, told: TalksTogether) -> None:
    """A talk of ours has another caller than it had: he was put into the first one's place."""
    request = _talk_of(turn, turn.state.offers.get(told.offer))
    if request and request.kind == Kind.CALL and request.pbx == told.pbx and request.channel != told.channel:
        _take_place(turn, request, told.pbx, told.channel)


def leg_sent_on(turn: Turn, told: LegSentOn) -> None:
    """For the agent the talk is over. He is on the phone for as long as what follows lasts: it is none of our requests,
    unless he was sent into a queue."""
    offer = turn.state.offers.get(told.offer)
    if offer is None or offer.connected_at is None:
        return
    phones.used(turn, PhoneUsed(pbx=told.pbx, dial=offer.device.dial, channel=offer.channel, talks=True))
    calls.talk_ended(turn, offer, ended_by="caller")
    turn.tell(LegGone(at=turn.now, offer=offer.id))


def place_taken(turn: Turn, told: PlaceTaken) -> None:
    places = (turn.state.request_on(told.pbx, channel) for channel in told.places)
    for place in places:
        if place and place.kind == Kind.CALL and place.state is not RequestState.ONGOING:
            _take_place(turn, place, told.pbx, told.channel, told.caller)
            return


def has_new_party(turn: Turn, told: NewParty) -> None:
    request = turn.state.request_on(told.pbx, told.channel)
    if request is None or request.state is not RequestState.ONGOING or request.accepted is not None:
        return
    agent = _agent_at(turn, told.dial)
    if agent != request.agent:
        turn.tell(RequestPassedOn(at=turn.now, request=request.id, was=request.agent, agent=agent, queue=request.queue))


def _take_place(turn: Turn, place: Request, pbx: PbxName, channel: ChannelId, newcomer: Caller | None = None) -> None:
    """The request that this channel had is over, and it has that of the place that it takes."""
    caller, entered_at = newcomer or place.caller, place.entered_at
    own = turn.state.request_on(pbx, channel)
    if own is place:
        return
    if own is not None:
        caller = own.caller
        if turn.state.queues[place.queue].rules.transfers_keep_entry and place.state is not RequestState.ONGOING:
            entered_at = min(entered_at, own.entered_at)
        calls.end_talk_passed_on(turn, own)
    turn.tell(
        RequestHandedOver(
            at=turn.now,
            request=place.id,
            pbx=pbx,
            was=place.channel,
            channel=channel,
            caller=caller,
            entered_at=entered_at,
            queue=place.queue,
        )
    )


def _talk_of(turn: Turn, offer: Offer | None) -> Request | None:
    """The request whose caller talks on this offer's leg."""
    if offer is None or offer.connected_at is None:
        return None
    request = turn.state.requests.get(offer.request)
    return request if request and request.accepted == offer.id else None


def _agent_at(turn: Turn, dial: str) -> AgentName | None:
    there = (turn.state.agents[name] for name in turn.state.agents_at.get(dial, ()))
    return next((agent.name for agent in there if agent.state is not AgentState.LOGGED_OUT), None)
