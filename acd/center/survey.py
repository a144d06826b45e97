"""Reconciliation: what an Asterisk server says lives on it, held against what the center believes.

It runs whenever the link to the server comes up: what happened while nobody listened is found out, not assumed. And it
runs from time to time while the link is up; then, only what was found twice, some seconds apart, is believed, for what
Asterisk lists and what it tells may cross on their way. Each contradiction is told with both views, and put right by
the same rules as if it had been heard just now.

Callers come first: what becomes of a leg depends on what became of its caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from typing import Any, NamedTuple

from acd.center import announcements, callbacks, calls, customers, legs, lost, offers, phones
from acd.center.facts import CallersFellBack, ContradictionFound, IdentitiesSkipped, LegReleased, PbxStateChanged
from acd.center.inputs import (
    CallerJoined,
    ChannelGone,
    Contradiction,
    DaemonStarted,
    LiveChannel,
    PbxContradicted,
    PbxLost,
    PbxShutDown,
    PbxSurveyed,
    PhoneUsed,
)
from acd.center.model import ChannelId, Difference, PbxName, Request, RequestState
from acd.center.state import State
from acd.center.turn import Turn

ANSWERED = "ANSWERED"
"""Our own mark on a caller's channel, set just before his bridge."""
NO_CHANNEL = "no such channel"


def nothing_is_known(turn: Turn, told: DaemonStarted) -> None:
    for pbx in sorted(turn.state.steered):
        turn.tell(PbxStateChanged(at=turn.now, pbx=pbx, up=False))
    if upto := turn.state.ids_to_skip(turn.now):
        turn.tell(IdentitiesSkipped(at=turn.now, upto=upto))


def link_lost(turn: Turn, told: PbxLost) -> None:
    """Its callers keep their places and are offered to nobody until it is back."""
    if told.pbx in turn.state.steered:
        turn.tell(PbxStateChanged(at=turn.now, pbx=told.pbx, up=False))


def shut_down(turn: Turn, told: PbxShutDown) -> None:
    """What becomes of those who waited is decided when it is back. (On its way down it may be surveyed once more.)"""
    turn.tell(PbxStateChanged(at=turn.now, pbx=told.pbx, up=False, hung_up=True))
    lost.end_talks(turn, told.pbx)


def surveyed(turn: Turn, told: PbxSurveyed) -> None:
    if lost.is_everything(turn.state, told.pbx, told.started):
        lost.end_everything(turn, told)
    for name, how in told.attempts.items():
        if offer := turn.state.offers.get(name):
            customers.found(turn, offer, how)
    released = {offer.id for offer in turn.state.offers.values() if offer.pbx == told.pbx and offer.released}
    _put_right(turn, told.pbx, told.channels)
    for offer in [offer for offer in turn.state.offers.values() if offer.pbx == told.pbx]:
        if offer.id in released or (legs.is_of_no_use(turn.state, offer) and not offer.released):
            offers.release_leg(turn, offer)  # it was not told so, or did not hear it
    for live in told.channels:
        request = turn.state.request_on(told.pbx, live.channel)
        if request and live.hears_music:
            announcements.hears_music(turn, request)
    is_news = told.started not in ("", turn.state.started.get(told.pbx))
    if told.pbx not in turn.state.steered or is_news:
        turn.tell(PbxStateChanged(at=turn.now, pbx=told.pbx, up=True, started=told.started))
    _count_who_fell_back(turn, told)


def contradicted(turn: Turn, told: PbxContradicted) -> None:
    if told.pbx in turn.state.steered:
        _put_right(turn, told.pbx, told.channels, told.believed)


def contradictions(state: State, pbx: PbxName, channels: tuple[LiveChannel, ...]) -> frozenset[Contradiction]:
    """In what these channels are not as the center has them."""
    here = _Here(state, pbx, {live.channel: live for live in channels})
    return frozenset(Contradiction(found.kind, found.channel) for find in _FINDERS for found in find(here))


def _put_right(
    turn: Turn, pbx: PbxName, channels: tuple[LiveChannel, ...], believed: Set[Contradiction] | None = None
) -> None:
    here, comparing = _Here(turn.state, pbx, {live.channel: live for live in channels}), believed is not None
    for find in _FINDERS:
        for found in list(find(here)):
            if believed is None or Contradiction(found.kind, found.channel) in believed:
                _tell_of(turn, pbx, found, comparing)
                if not (comparing and _is_yet_to_be_heard(here, found)):
                    found.rule(turn, *found.about)


def _tell_of(turn: Turn, pbx: PbxName, found: _Found, comparing: bool) -> None:
    turn.tell(
        ContradictionFound(
            at=turn.now,
            pbx=pbx,
            kind=found.kind,
            channel=found.channel,
            believed=found.believed,
            found=found.is_so,
            comparing=comparing,
        )
    )


def _count_who_fell_back(turn: Turn, told: PbxSurveyed) -> None:
    counted = turn.state.fell_back.get(told.pbx, {})
    for queue, callers in told.fell_back.items():
        if (more := callers - counted.get(queue, 0)) > 0:
            turn.tell(CallersFellBack(at=turn.now, pbx=told.pbx, queue=queue, callers=more))


def _is_yet_to_be_heard(here: _Here, found: _Found) -> bool:
    """Who is gone in the middle of his message has perhaps left it: that shows when it is heard, and he is told of once
    more then. (Before a survey is told, it is.)"""
    request = here.state.request_on(here.pbx, found.channel)
    return found.kind is Difference.CALLER_GONE and request is not None and request.aside


# ---- What is found


class _Here(NamedTuple):
    """One server: what is believed of it, and what lives there."""

    state: State
    pbx: PbxName
    alive: dict[ChannelId, LiveChannel]

    def callers(self) -> Iterator[tuple[LiveChannel, Request | None]]:
        """Those who are nobody's legs. (One that another telephone has picked up has any name.)"""
        ours = self.legs()
        for live in self.alive.values():
            if live.channel not in ours and offers.offer_of(live.channel) is None:
                yield live, self.state.request_on(self.pbx, live.channel)

    def legs(self) -> Set[ChannelId]:
        return {offer.channel for offer in self.state.offers.values() if offer.pbx == self.pbx}


class _Found(NamedTuple):
    kind: Difference
    channel: ChannelId
    believed: str
    is_so: str
    rule: Callable[..., None]
    about: tuple[Any, ...]
    """What the rule that puts it right is to be told besides the turn."""


def _callers_gone(here: _Here) -> Iterator[_Found]:
    for request in here.state.requests.values():
        if request.pbx == here.pbx and request.channel and request.channel not in here.alive:
            gone = ChannelGone(pbx=here.pbx, channel=request.channel)
            yield _Found(
                Difference.CALLER_GONE,
                request.channel,
                _spelt(request),
                NO_CHANNEL,
                calls.left,
                (gone,),
            )


def _callers_elsewhere(here: _Here) -> Iterator[_Found]:
    """He must not be torn out of what he does there by an offer."""
    for live, request in here.callers():
        if request is None or request.state is RequestState.ONGOING:
            continue
        if live.queue != request.queue or live.status not in ("", ANSWERED):
            yield _Found(
                Difference.CALLER_WENT_ON,
                live.channel,
                _spelt(request),
                f"left {live.queue or 'the line'} with {live.status or 'no status'}",
                calls.went_on,
                (request, live.status),
            )
        elif live.status == ANSWERED and not live.bridged and not live.never_bridged:
            yield _Found(
                Difference.CALLER_HAS_TALKED,
                live.channel,
                _spelt(request),
                "was bridged and goes on in his dialplan",
                calls.talked_unheard,
                (request,),
            )


def _callers_unknown(here: _Here) -> Iterator[_Found]:
    """Who leaves a message, or has left one and is not told so yet, asks himself what he is to do next."""
    for live, request in here.callers():
        if request is not None and request.state is not RequestState.ONGOING:
            continue
        waits = not live.bridged and not live.aside
        if live.queue and waits and (not live.status or _is_marked_in_vain(live)):
            yield _Found(
                Difference.CALLER_UNKNOWN,
                live.channel,
                _spelt(request),
                f"waits in {live.queue}",
                calls.joined,
                (_joined(here.pbx, live),),
            )


def _callers_back(here: _Here) -> Iterator[_Found]:
    """Who wanted to leave a message has thought better of it."""
    for live, request in here.callers():
        if request is not None and request.aside and not live.aside:
            yield _Found(
                Difference.CALLER_BACK,
                live.channel,
                "leaves a message",
                "waits",
                callbacks.resume,
                (request,),
            )


def _legs_gone(here: _Here) -> Iterator[_Found]:
    for offer in here.state.offers.values():
        if offer.pbx == here.pbx and offer.channel not in here.alive:
            yield _Found(
                Difference.LEG_GONE,
                offer.channel,
                legs.spelt(offer),
                NO_CHANNEL,
                offers.leg_lost,
                (offer,),
            )


def _legs_unknown(here: _Here) -> Iterator[_Found]:
    for live in here.alive.values():
        name = offers.offer_of(live.channel)
        sent_on = (here.pbx, live.channel) in here.state.phone_of_channel
        if name is None or name in here.state.offers or sent_on or here.state.request_on(here.pbx, live.channel):
            continue
        yield _Found(
            Difference.LEG_UNKNOWN,
            live.channel,
            "nothing",
            f"{live.agent or live.dial} {_spelt_leg(live)}",
            _adopt_or_release,
            (here, live),
        )


def _legs_further(here: _Here) -> Iterator[_Found]:
    """Their answers, acceptances and bridges were not heard; or, of no further use, they were not told so."""
    for offer in here.state.offers.values():
        live = here.alive.get(offer.channel)
        if live and legs.is_further(here.state, offer, live, here.alive):
            yield _Found(
                Difference.LEG_FURTHER,
                offer.channel,
                legs.spelt(offer),
                _spelt_leg(live),
                legs.heed,
                (offer, live, here.alive),
            )


def _callers_marked_in_vain(here: _Here) -> Iterator[_Found]:
    """Nobody's leg is with him: his bridge never came, or he is in one with nobody of ours."""
    for live, request in here.callers():
        if request is None or request.state is not RequestState.WAITING or live.status != ANSWERED:
            continue
        if live.bridged or live.never_bridged:
            settle = calls.talked_unheard if live.bridged else calls.requeue
            yield _Found(
                Difference.CALLER_MARKED,
                live.channel,
                _spelt(request),
                "talks with somebody" if live.bridged else "waits, marked as answered",
                settle,
                (request,),
            )


def _phones_put_down(here: _Here) -> Iterator[_Found]:
    for (pbx, channel), dial in here.state.phone_of_channel.items():
        if pbx == here.pbx and channel not in here.alive:
            gone = ChannelGone(pbx=pbx, channel=channel)
            yield _Found(
                Difference.PHONE_PUT_DOWN,
                channel,
                f"{dial} in use",
                NO_CHANNEL,
                phones.channel_gone,
                (gone,),
            )


def _phones_in_use(here: _Here) -> Iterator[_Found]:
    """A leg of which nothing is known, and that is not gone yet, keeps its phone for itself."""
    ours = here.legs()
    for live in here.alive.values():
        at_agent = live.dial in here.state.agents_at or live.dial in here.state.seats
        known = (here.pbx, live.channel) in here.state.phone_of_channel
        if at_agent and not known and live.channel not in ours:
            used = PhoneUsed(pbx=here.pbx, dial=live.dial, channel=live.channel, talks=live.talks)
            yield _Found(
                Difference.PHONE_IN_USE,
                live.channel,
                f"{live.dial} not in use",
                "in use",
                phones.used,
                (used,),
            )


_FINDERS = (
    _callers_gone,
    _callers_elsewhere,
    _callers_back,
    _callers_unknown,
    _legs_gone,
    _legs_further,
    _legs_unknown,
    _callers_marked_in_vain,
    _phones_put_down,
    _phones_in_use,
)
"""In the order in which they are put right: each sees what those before it have changed. (A leg that is adopted is not
to be seen by the one that would order its bridge again: two orders tear them apart.)"""


def _is_marked_in_vain(live: LiveChannel) -> bool:
    """The mark arrived, and the bridge did not: he waits."""
    return live.status == ANSWERED and live.never_bridged


def _joined(pbx: PbxName, live: LiveChannel) -> CallerJoined:
    return CallerJoined(
        pbx=pbx,
        channel=live.channel,
        queue=live.queue,
        caller=live.caller,
        priority=live.priority,
        max_wait_seconds=live.max_wait_seconds,
        joined_at=live.joined_at,
        needs=live.needs,
        preferred_agent=live.preferred_agent,
    )


def _adopt_or_release(turn: Turn, here: _Here, live: LiveChannel) -> None:
    """Who talks on a leg of which nothing is known is not cut off."""
    name = offers.offer_of(live.channel)
    assert name is not None  # noqa: S101 - it was found as a leg
    if legs.adopt(turn, here.pbx, live, name):
        legs.heed(turn, turn.state.offers[name], live, here.alive)
    elif not live.bridged:
        deadline = turn.now + offers.HANG_UP_SECONDS
        turn.tell(LegReleased(at=turn.now, offer=name, pbx=here.pbx, channel=live.channel, deadline=deadline))


def _spelt(request: Request | None) -> str:
    return f"{request.state.value} in {request.queue}" if request else "nothing"


def _spelt_leg(live: LiveChannel) -> str:
    if live.bridged:
        return "talks"
    if live.accepted:
        return "has taken the call"
    return "has answered" if live.talks else "rings"
