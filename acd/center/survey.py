"""Reconciliation: what an Asterisk server says lives on it, held against what the center believes.

It runs whenever the link to the server comes up. What happened while nobody listened is found out, not assumed: it is
told to the same rules as if it had been heard just now.
"""

from __future__ import annotations

from acd.center import callbacks, calls, offers, phones
from acd.center.facts import LegReleased, PbxStateChanged
from acd.center.inputs import (
    CallerJoined,
    ChannelGone,
    DaemonStarted,
    LiveChannel,
    PbxLost,
    PbxSurveyed,
)
from acd.center.model import ChannelId, OfferId, PbxName, Request, RequestState
from acd.center.turn import Turn


def nothing_is_known(turn: Turn, told: DaemonStarted) -> None:
    for pbx in sorted(turn.state.steered):
        turn.tell(PbxStateChanged(at=turn.now, pbx=pbx, up=False))


def lost(turn: Turn, told: PbxLost) -> None:
    """Its callers keep their places and are offered to nobody until it is back."""
    if told.pbx in turn.state.steered:
        turn.tell(PbxStateChanged(at=turn.now, pbx=told.pbx, up=False))


def surveyed(turn: Turn, told: PbxSurveyed) -> None:
    _end_what_is_gone(turn, told.pbx, {live.channel for live in told.channels})
    legs = {offer.channel: offer.id for offer in turn.state.offers.values() if offer.pbx == told.pbx}
    for live in told.channels:
        if offer := legs.get(live.channel) or offers.offer_of(live.channel):
            _recognise_leg(turn, told.pbx, live, offer)
        else:
            _recognise_caller(turn, told.pbx, live)
    phones.surveyed(turn, told.pbx, told.channels)
    if told.pbx not in turn.state.steered:
        turn.tell(PbxStateChanged(at=turn.now, pbx=told.pbx, up=True))


def _end_what_is_gone(turn: Turn, pbx: PbxName, alive: set[ChannelId]) -> None:
    for request in list(turn.state.requests.values()):
        if request.pbx == pbx and request.channel and request.channel not in alive:
            calls.left(turn, ChannelGone(pbx=pbx, channel=request.channel))
    for offer in list(turn.state.offers.values()):
        if offer.pbx == pbx and offer.channel not in alive:
            offers.leg_lost(turn, offer)


def _recognise_leg(turn: Turn, pbx: PbxName, live: LiveChannel, name: OfferId) -> None:
    offer = turn.state.offers.get(name)
    if offer:
        offers.leg_found(turn, offer, live.bridged)
        return
    deadline = turn.now + offers.HANG_UP_SECONDS
    turn.tell(LegReleased(at=turn.now, offer=name, pbx=pbx, channel=live.channel, deadline=deadline))


def _recognise_caller(turn: Turn, pbx: PbxName, live: LiveChannel) -> None:
    request = turn.state.request_on(pbx, live.channel)
    if request and request.state is not RequestState.ONGOING and _went_on(live, request):
        calls.went_on(turn, request)
    elif request and request.aside and not live.aside:
        callbacks.resume(turn, request)
    if live.queue and not live.status:
        calls.joined(
            turn,
            CallerJoined(
                pbx=pbx,
                channel=live.channel,
                queue=live.queue,
                caller=live.caller,
                priority=live.priority,
                max_wait_seconds=live.max_wait_seconds,
                joined_at=live.joined_at,
                needs=live.needs,
                preferred_agent=live.preferred_agent,
            ),
        )


def _went_on(live: LiveChannel, request: Request) -> bool:
    """`ANSWERED` is our own mark, set just before a bridge."""
    return live.queue != request.queue or live.status not in ("", "ANSWERED")
