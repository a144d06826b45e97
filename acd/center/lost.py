"""Callers whose Asterisk server was told to stop, or has started anew: all that lived there is gone.

Who talked has had his turn. Who waited keeps it as a callback, if his queue says so and he may be called.
"""

from __future__ import annotations

from collections.abc import Iterator

from acd.center import agents, calls, offers, phones
from acd.center.facts import CallbackPromised
from acd.center.inputs import ChannelGone, PbxSurveyed
from acd.center.model import CALLS_BACK, Kind, Outcome, PbxName, Request, RequestState
from acd.center.state import State
from acd.center.turn import Turn


def is_everything(state: State, pbx: PbxName, started: str) -> bool:
    """It has hung up on everybody, or is not the Asterisk that was known there; `started` is the moment that it names,
    empty if it names none."""
    known = state.started.get(pbx, "")
    return pbx in state.hung_up or (bool(known) and started not in ("", known))


def numbers(state: State, pbx: PbxName) -> Iterator[str]:
    """At which those could be called back who wait on this server in queues that would keep their places."""
    return (number for request in _callers(state, pbx) if (number := _number(state, request)))


def end_everything(turn: Turn, told: PbxSurveyed) -> None:
    for request in _callers(turn.state, told.pbx):
        if request.state is not RequestState.ONGOING:
            _end_wait(turn, request, told)
    end_talks(turn, told.pbx)


def end_talks(turn: Turn, pbx: PbxName) -> None:
    """And whatever else agents' telephones did there. Who waits, waits on."""
    for request in _callers(turn.state, pbx):
        if request.state is RequestState.ONGOING:
            _end_talk(turn, request)
    for offer in [offer for offer in turn.state.offers.values() if offer.pbx == pbx]:
        offers.leg_lost(turn, offer)
    for channel in [channel for where, channel in turn.state.phone_of_channel if where == pbx]:
        phones.channel_gone(turn, ChannelGone(pbx=pbx, channel=channel))


def _end_talk(turn: Turn, request: Request) -> None:
    offer = turn.state.offers.get(request.accepted) if request.accepted else None
    calls.end(turn, request, Outcome.PBX_LOST, ended_by="pbx")
    if offer:
        agents.wrap_up(turn, turn.state.agents[offer.agent], turn.state.queues[offer.queue].rules)


def _callers(state: State, pbx: PbxName) -> list[Request]:
    """Of two with one number the first in line comes first: the place that is kept is the older one."""
    callers = (one for one in state.requests.values() if one.pbx == pbx and one.kind == Kind.CALL)
    return sorted(callers, key=lambda request: request.place_key)


def _number(state: State, request: Request) -> str:
    """Empty if he is not to be called back."""
    queue, waits = state.queues[request.queue], request.state is not RequestState.ONGOING
    keeps = queue.rules.callbacks is not None and queue.rules.callbacks.after_pbx_lost and not queue.closing
    return (request.number or request.caller.e164) if waits and keeps else ""


def _end_wait(turn: Turn, request: Request, told: PbxSurveyed) -> None:
    offers.vanished(turn, request)
    number = _number(turn.state, request)
    if number not in told.may_call:
        calls.end(turn, request, Outcome.PBX_LOST, ended_by="pbx")
    elif (request.queue, number) in turn.state.callbacks:
        calls.end(turn, request, Outcome.CALLBACK, ended_by="pbx")
    else:
        _keep(turn, request, number, told.may_call[number])


def _keep(turn: Turn, request: Request, number: str, hours: str | None) -> None:
    turn.tell(
        CallbackPromised(
            at=turn.now,
            request=request.id,
            queue=request.queue,
            pbx=request.pbx,
            channel=request.channel,
            number=number,
            message=None,
            hours=hours,
            needs=(CALLS_BACK, *request.needs),
        )
    )
