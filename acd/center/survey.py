"""Reconciliation: what an Asterisk server says lives on it, held against what the center believes.

It runs whenever the link to the server comes up. What happened while nobody listened is found out, not assumed: it is
told to the same rules as if it had been heard just now.
"""

from __future__ import annotations

from acd.center import calls, offers
from acd.center.facts import LegReleased, PbxStateChanged
from acd.center.inputs import (
    CallBridged,
    CallerJoined,
    CallerLeft,
    DaemonStarted,
    LegEnd,
    LegEnded,
    LiveChannel,
    PbxLost,
    PbxSurveyed,
)
from acd.center.model import ChannelId, OfferId, PbxName
from acd.center.turn import Turn

_LEG = "acd-"


def nothing_is_known(turn: Turn, told: DaemonStarted) -> None:
    for pbx in sorted(turn.state.steered):
        turn.tell(PbxStateChanged(at=turn.now, pbx=pbx, up=False))


def lost(turn: Turn, told: PbxLost) -> None:
    """Its callers keep their places and are offered to nobody until it is back."""
    if told.pbx in turn.state.steered:
        turn.tell(PbxStateChanged(at=turn.now, pbx=told.pbx, up=False))


def surveyed(turn: Turn, told: PbxSurveyed) -> None:
    alive = {live.channel: live for live in told.channels}
    _end_what_is_gone(turn, told.pbx, set(alive))
    for live in told.channels:
        if live.channel.startswith(_LEG):
            _recognise_leg(turn, told.pbx, live)
        elif live.queue and not live.status:
            _recognise_caller(turn, told.pbx, live)
    if told.pbx not in turn.state.steered:
        turn.tell(PbxStateChanged(at=turn.now, pbx=told.pbx, up=True))


def _end_what_is_gone(turn: Turn, pbx: PbxName, alive: set[ChannelId]) -> None:
    for request in list(turn.state.requests.values()):
        if request.pbx == pbx and request.channel not in alive:
            calls.left(turn, CallerLeft(pbx=pbx, channel=request.channel))
    for offer in list(turn.state.offers.values()):
        if offer.pbx == pbx and offer.channel not in alive:
            offers.leg_ended(turn, LegEnded(offer=offer.id, how=LegEnd.UNREACHABLE, cause="gone when surveyed"))


def _recognise_leg(turn: Turn, pbx: PbxName, live: LiveChannel) -> None:
    name = OfferId(live.channel.removeprefix(_LEG))
    if name not in turn.state.offers:
        turn.tell(
            LegReleased(
                at=turn.now, offer=name, pbx=pbx, channel=live.channel, deadline=turn.now + offers.HANG_UP_SECONDS
            )
        )
    elif live.bridged:
        offers.bridged(turn, CallBridged(offer=name))


def _recognise_caller(turn: Turn, pbx: PbxName, live: LiveChannel) -> None:
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
        ),
    )
