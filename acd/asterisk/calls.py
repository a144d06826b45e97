"""Calls on one Asterisk server: its events become inputs for the center (what the center orders is in `orders`).

It knows channels and nothing of queues' rules. From the moment the link is up until the server has been surveyed,
events are held back and then told in their order: a survey is a picture of one instant, and what is heard around it
must not be judged by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import NamedTuple, TypeGuard

import structlog

from acd.asterisk import reading
from acd.asterisk.callbacks import Callbacks
from acd.asterisk.channels import Channels
from acd.asterisk.link import SHUTTING_DOWN, ActionFailed, Event, Link, LinkDown
from acd.asterisk.means import Means
from acd.asterisk.orders import Orders
from acd.asterisk.tasks import Tasks
from acd.asterisk.watch import Contradictions, Watch
from acd.center.facts import AnyFact
from acd.center.inputs import (
    CallBridged,
    CallerWaits,
    CallPassedOn,
    CallPickedUp,
    ChannelGone,
    CustomerAnswered,
    Input,
    KeyPressed,
    LegAccepted,
    LegAnswered,
    LegBegan,
    LegEnded,
    LegHungUp,
    LegProgressed,
    LegRejected,
    LegSentOn,
    NewParty,
    PbxLost,
    PbxShutDown,
    PbxSurveyed,
    PhoneUsed,
    PlaceTaken,
    TalksTogether,
)
from acd.center.model import ChannelId, OfferId, PbxName
from acd.center.offers import offer_of

log = structlog.get_logger()

MOST_HELD = 100_000
"""Some 200 MB of events: beyond it the survey begins anew, with a new connection."""
LONGEST_SHOWN = 80
PARTIES = ("Transferee", "TransferTarget")
SHUTDOWN = "4"
"""Cause of the SoftHangupRequest that each channel gets when Asterisk stops: AST_SOFTHANGUP_SHUTDOWN in channel.h."""

FORWARDS_WITHIN_SECONDS = 1.0
"""A telephone's "call that one instead" is heard so soon after that one has been dialled, or much sooner."""


class _StrangeLeg(NamedTuple):
    """Dialled by an Originate, and no leg of ours."""

    channel: ChannelId
    technology: str
    began_at: float


class Calls:
    def __init__(
        self,
        link: Link,
        tell: Callable[[Input], Sequence[AnyFact]],
        now: Callable[[], float],
        means: Means,
        contradictions: Contradictions | None = None,
    ) -> None:
        """`contradictions` holds what lives here against what the center believes; without it that is not done while
        the link is up."""
        self.pbx = PbxName(link.name)
        self._link = link
        self._tell = tell
        self._means = means
        self._watch = Watch(link, now, means, contradictions)
        self._held: list[Event] | None = None
        """Events heard while the survey, or a doubt, is under way; None at other times."""
        self._hangs_up_on_all = False
        """So it seems."""
        self._channels = Channels()
        self._orders = Orders(link, tell, self._channels, means)
        self._callbacks = Callbacks(
            self.pbx, self._orders.send, tell, now, means, self._channels, Tasks(link.handler_failed)
        )
        self._parties: dict[str, dict[ChannelId, str]] = {}
        """Who is in which bridge, each with his channel's name."""
        self._party_of: dict[ChannelId, str] = {}
        self._passed_on: set[ChannelId] = set()
        """Callers whom an agent has transferred."""
        self._accepted_early: set[ChannelId] = set()
        """Channels in the place of legs of which it has not been told yet that they picked up."""
        self._consulted: set[ChannelId] = set()
        """Legs that have been in a bridge without their callers: to hang up completes a transfer by feature code."""
        self._strange_leg: _StrangeLeg | None = None
        """The last one."""
        self._tasks = Tasks(self._neglected)

    def on_fact(self, fact: AnyFact) -> None:
        self._orders.on_fact(fact)
        self._callbacks.on_fact(fact)

    # ---- The link

    def link_up(self) -> None:
        self._held = []
        self._tasks.start("heartbeat", self._watch.beat_for_ever())
        self._tasks.start("survey", self._look_after())

    def link_down(self, why: str) -> None:
        self._tasks.cancel()
        has_shut_down = self._hangs_up_on_all and why == SHUTTING_DOWN
        self._held, self._hangs_up_on_all = None, False
        self._channels.forget_all_bridging()
        self._channels.stop_all_lingering()
        for memory in (self._parties, self._party_of, self._passed_on, self._accepted_early, self._consulted):
            memory.clear()
        self._tell(PbxShutDown(pbx=self.pbx) if has_shut_down else PbxLost(pbx=self.pbx))

    async def stop(self) -> None:
        self._tasks.cancel()
        self._channels.stop_all_lingering()
        await self._callbacks.stop()

    def use(self, means: Means) -> None:
        """From now on these."""
        self._means = means
        self._orders.use(means)
        self._callbacks.use(means)
        self._watch.means = means

    def _neglected(self, what: str, error: Exception) -> None:
        """A server that nobody looks after is not steered: with a new connection everything begins anew."""
        self._link.handler_failed(what, error)
        self._link.cut(f"its {what} failed")

    async def _look_after(self) -> None:
        picture = await self._watch.picture()
        may_call = await self._callbacks.catch_up(picture.live, picture.started)
        self._channels.name_of = {ChannelId(channel["Uniqueid"]): channel["Channel"] for channel in picture.channels}
        self._channels.keep(self._channels.name_of.keys())
        self._channels.legs = {channel.channel: "" for channel in picture.live if offer_of(channel.channel)}
        up = (one for one in picture.channels if one["ChannelState"] == reading.UP)
        self._channels.answered = {ChannelId(one["Uniqueid"]) for one in up}
        # Who is in a bridge is marked rightly: whatever becomes of an offer to him, he is not to be taken out of it.
        marked = (one for one in picture.live if one.status == "ANSWERED" and not one.bridged)
        self._channels.marked = {one.channel for one in marked}
        self._tell(PbxSurveyed(self.pbx, picture.live, picture.started, picture.fell_back, may_call, picture.attempts))
        self._go_on_with_held()
        await self._watch.compare_for_ever(self._tell)

    async def _doubt(self) -> None:
        """Whether it really stops: events wait until it has said that it goes on, or (the link is cut then) that it is
        shutting down. On the word of one event nobody's call is ended."""
        try:
            await self._link.send("Ping", {})
        except LinkDown:
            return
        except ActionFailed as error:
            log.info("pbx.action_failed", pbx=self.pbx, action="Ping", channel=None, why=str(error))
        self._hangs_up_on_all = False
        self._go_on_with_held()

    def _go_on_with_held(self) -> None:
        held, self._held = self._held or [], None
        for event in held:
            self._hear_late(event)

    def _hear_late(self, event: Event) -> None:
        try:
            self.on_event(event)
        except Exception as error:  # noqa: BLE001 - the others are to be heard nevertheless
            self._link.handler_failed(event.name, error, event.get("Uniqueid"))

    # ---- Events to inputs

    def on_event(self, event: Event) -> None:
        if self._held is not None:
            self._hold(event)
        elif handle := _HANDLERS.get(event.name):
            handle(self, event)

    def _hold(self, event: Event) -> None:
        assert self._held is not None  # noqa: S101
        self._held.append(event)
        if len(self._held) > MOST_HELD:
            self._link.cut(f"{MOST_HELD:,} events came while it was surveyed")

    def _user_event(self, event: Event) -> None:
        channel = ChannelId(event.get("Uniqueid", ""))  # an operator's, of a channel that is just gone, has none
        if event["UserEvent"] == "AcdJoin":
            if offer_of(channel):
                self._channels.sent_on.add(channel)
            self._channels.name_of[channel] = event["Channel"]
            self._tell(reading.joined(self.pbx, event, self._means.country))
        elif event["UserEvent"] == "AcdWaits":
            self._tell(CallerWaits(pbx=self.pbx, channel=channel))
        elif event["UserEvent"] == "AcdKey":
            self._tell(KeyPressed(pbx=self.pbx, channel=channel))
        elif event["UserEvent"] == "AcdFeature":
            self._tell(reading.feature(self.pbx, event))
        elif event["UserEvent"] == "AcdAccept":
            self._accepted(channel, event["Channel"])
        elif event["UserEvent"] == "AcdElsewhere":
            self._channels.stop_lingering(channel)
        elif event["UserEvent"] == "AcdReject" and (offer := self._channels.offer_of(channel)):
            self._tell(LegRejected(offer=offer, pause=event.get("Pause") == "yes"))
        else:
            self._callbacks.on_user_event(event)

    def _accepted(self, channel: ChannelId, name: str) -> None:
        self._channels.name_of[channel] = name
        if offer := self._channels.offer_of(channel):
            self._tell(LegAccepted(offer=offer))
        else:
            self._accepted_early.add(channel)

    def _new_channel(self, event: Event) -> None:
        channel = ChannelId(event["Uniqueid"])
        if offer := offer_of(channel):
            self._channels.legs[channel] = ""
            self._tell(LegBegan(pbx=self.pbx, offer=offer))
        else:
            self._tell_of_phone(channel, event)

    def _dial_progressed(self, event: Event) -> None:
        """A dial rings, or is told to be at it; of desk phones nobody asks the latter."""
        channel, status = ChannelId(event.get("DestUniqueid", "")), event.get("DialStatus", "")
        offer = offer_of(channel)
        if offer is None or status not in ("RINGING", "PROGRESS"):
            return
        if status == "RINGING":
            self._channels.rang.add(channel)
        if channel in self._channels.mobiles:
            self._tell(LegProgressed(offer=offer, rings=status == "RINGING"))

    def _new_state(self, event: Event) -> None:
        channel = ChannelId(event["Uniqueid"])
        if event["ChannelState"] != reading.UP:
            return
        if offer := offer_of(channel):
            self._channels.answered.add(channel)
            if channel in self._channels.lingering:
                self._orders.say_why_soon(channel)
            self._tell(LegAnswered(offer=offer))
        else:
            self._tell_of_phone(channel, event)

    def _tell_of_phone(self, channel: ChannelId, event: Event) -> None:
        dial = reading.phone_of(event["Channel"])
        self._tell(PhoneUsed(pbx=self.pbx, dial=dial, channel=channel, talks=reading.talks(event)))

    def _picked_up(self, event: Event) -> None:
        """Another telephone's channel takes the place of a leg that rings."""
        channel = ChannelId(event["Uniqueid"])
        if offer := offer_of(event.get("TargetUniqueid", "")):
            self._channels.picked_up[channel] = offer
            dial = reading.phone_of(event["Channel"])
            self._tell(CallPickedUp(pbx=self.pbx, offer=offer, channel=channel, dial=dial))
            if channel in self._accepted_early:
                self._tell(LegAccepted(offer=offer))

    def _renamed(self, event: Event) -> None:
        channel = ChannelId(event["Uniqueid"])
        if channel in self._channels.name_of:
            self._channels.name_of[channel] = event["Newname"]

    def _entered_bridge(self, event: Event) -> None:
        channel, bridge = ChannelId(event["Uniqueid"]), event["BridgeUniqueid"]
        self._leave_party(ChannelId(event.get("SwapUniqueid", "")))  # whose place he takes
        self._note_party(channel, bridge, event["Channel"])
        if channel not in self._channels.to_bridge:
            return
        partner, offer = self._channels.to_bridge[channel]
        self._channels.bridge_of[channel] = bridge
        if self._channels.bridge_of.get(partner) == bridge:
            self._channels.forget_bridging(channel)
            self._orders.note_talk(channel if channel in self._channels.marked else partner)
            self._tell(CallBridged(offer=offer))

    def _note_party(self, channel: ChannelId, bridge: str, name: str) -> None:
        """Tells of those who are together in a bridge now, and were not brought together by us."""
        was_in_one = self._leave_party(channel)
        if name.startswith("Local/"):
            return  # half of a way to somebody, and none of those who talk
        party = self._parties.setdefault(bridge, {})
        if was_in_one and not party and self._channels.offer_of(channel):
            self._consulted.add(channel)
        self._party_of[channel] = bridge
        for other, other_name in party.items():
            for leg, partner in ((channel, other), (other, channel)):
                if (offer := self._channels.offer_of(leg)) and not self._channels.offer_of(partner):
                    self._channels.name_of[partner] = name if partner == channel else other_name
                    self._tell(TalksTogether(pbx=self.pbx, offer=offer, channel=partner))
            if channel in self._passed_on:
                self._tell(NewParty(pbx=self.pbx, channel=channel, dial=reading.phone_of(other_name)))
            if other in self._passed_on:
                self._tell(NewParty(pbx=self.pbx, channel=other, dial=reading.phone_of(name)))
        party[channel] = name

    def _leave_party(self, channel: ChannelId) -> bool:
        """Answers whether it was in one."""
        bridge = self._party_of.pop(channel, None)
        if bridge is None:
            return False
        self._parties[bridge].pop(channel, None)
        if not self._parties[bridge]:
            del self._parties[bridge]
        return True

    def _transferred(self, event: Event) -> None:
        """Transferee and target are left; who transfers is an agent, by his leg or another call of his, or a caller.
        From a conference of three nobody has gone."""
        if event.get("Result") != "Success" or event.get("DestType") == "Threeway":
            return
        named = (ChannelId(event.get(f"{which}TransfererUniqueid", "")) for which in ("", "Orig", "Second"))
        transferers = [channel for channel in named if channel]
        left = {ChannelId(event.get(f"{who}Uniqueid", "")): event.get(f"{who}Channel", "") for who in PARTIES}
        left.pop(ChannelId(""), None)
        self._channels.name_of |= left
        if event.get("DestType") == "App":
            self._channels.marked -= left.keys()  # he has the variables of the channel whose place he takes
        if leg := next(filter(self._channels.offer_of, transferers), None):
            self._passed_on_by_agent(transferers, leg, left)
        else:
            self._passed_on_by_caller(event, transferers, left)

    def _passed_on_by_agent(self, transferers: list[ChannelId], leg: ChannelId, left: dict[ChannelId, str]) -> None:
        offer = self._channels.offer_of(leg)
        assert offer is not None  # noqa: S101 - it is one
        self._passed_on |= left.keys()
        place = next((channel for channel in transferers if channel != leg), None)
        self._tell(CallPassedOn(pbx=self.pbx, offer=offer, place=place))
        for caller, other in permutations(left, 2):
            self._tell(NewParty(pbx=self.pbx, channel=caller, dial=reading.phone_of(left[other])))

    def _passed_on_by_caller(self, event: Event, transferers: list[ChannelId], left: dict[ChannelId, str]) -> None:
        """Of two calls that he has put together, only one may have been with an agent: the other's party is then in
        his place, which is told by their bridge."""
        takes_a_place = event.get("DestType") == "App"
        legs = [channel for channel in left if self._channels.offer_of(channel)]
        if takes_a_place or len(legs) == len(left):
            for leg in legs:
                self._send_on(leg)
        if takes_a_place:
            for who in PARTIES:
                if channel := event.get(f"{who}Uniqueid", ""):
                    caller = reading.caller(event, self._means.country, who)
                    self._tell(PlaceTaken(self.pbx, tuple(transferers), ChannelId(channel), caller))

    def _send_on(self, leg: ChannelId) -> None:
        if offer := self._channels.offer_of(leg):
            self._tell(LegSentOn(pbx=self.pbx, offer=offer))
            self._channels.sent_on.add(leg)

    def _hung_up(self, event: Event) -> None:
        channel = ChannelId(event["Uniqueid"])
        self._leave_party(channel)
        self._passed_on.discard(channel)
        self._consulted.discard(channel)
        self._accepted_early.discard(channel)
        offer, of_a_phone = self._channels.offer_of(channel), self._channels.is_of_a_phone(channel)
        rang, forwarded = channel in self._channels.rang, channel in self._channels.forwarded
        why_not_originated = self._channels.forget(channel)
        if offer:
            how, cause = reading.how_it_ended(event, why_not_originated, rang, forwarded)
            self._tell(LegEnded(offer=offer, how=how, cause=cause))
        if self._callbacks.holds(channel):
            self._callbacks.gone(channel)
        elif of_a_phone:
            self._tell(ChannelGone(pbx=self.pbx, channel=channel))

    def _hangs_up(self, event: Event) -> None:
        """Its telephone has: first here of the two that talked, whichever channel ends first."""
        channel = ChannelId(event["Uniqueid"])
        offer = self._channels.offer_of(channel)
        if offer is None:
            if not self._callbacks.holds(channel):
                self._tell(ChannelGone(pbx=self.pbx, channel=channel))
        elif channel not in self._consulted:  # else a transfer may follow; if not, the leg's end tells
            self._tell(LegHungUp(offer=offer))

    def _told_to_hang_up(self, event: Event) -> None:
        """All channels are, when Asterisk stops; what their ends would mean otherwise is not to be believed then."""
        if event.get("Cause") == SHUTDOWN:
            self._held, self._hangs_up_on_all = [], True
            self._tasks.start("doubt", self._doubt())

    def _originated(self, event: Event) -> None:
        """A dial failed. If it had come to a channel, that channel's end, heard next, knows better why."""
        channel = ChannelId(event["Uniqueid"])
        offer = self._channels.offer_of(channel)
        if event["Response"] != "Failure" or offer is None:
            return
        if channel in self._channels.legs:
            self._channels.legs[channel] = event["Reason"]
        else:
            self._channels.forget(channel)
            how, cause = reading.why_not_originated(event["Reason"])
            self._tell(LegEnded(offer=offer, how=how, cause=cause))

    def _dial_began(self, event: Event) -> None:
        dialled = ChannelId(event["DestUniqueid"])
        if not event.get("Uniqueid") and offer_of(dialled) is None:
            began_at = asyncio.get_running_loop().time()
            self._strange_leg = _StrangeLeg(dialled, _technology(event["DestChannel"]), began_at)

    def _dial_ended(self, event: Event) -> None:
        """An agent's leg has called a customer, who has picked up; or its own telephone wants another one to be called
        in its place."""
        if (leg := ChannelId(event.get("DestUniqueid", ""))) in self._channels.legs and event.get("Forward"):
            self._forwarded(leg, event["Forward"])
        offer = self._channels.offer_of(ChannelId(event.get("Uniqueid", "")))
        if offer and event.get("DialStatus") == "ANSWER":
            self._tell(CustomerAnswered(offer=offer, channel=ChannelId(event["DestUniqueid"])))

    def _forwarded(self, leg: ChannelId, to: str) -> None:
        """The dial policy has not seen who that is. A number leads nowhere (`NOWHERE` in orders.py), but a whole dial
        string is dialled as it stands (docs/asterisk-notes.md), by a channel that has begun just before."""
        self._channels.forwarded.add(leg)
        if offer := self._means.state.offers.get(self._channels.offer_of(leg) or OfferId("")):
            who = {"offer": offer.id, "agent": offer.agent, "device": offer.device.name}
            log.warning("offer.forwarded", pbx=self.pbx, to=to[:LONGEST_SHOWN], **who)
        if _is_for(self._strange_leg, to):
            self._orders.send("Hangup", {"Channel": self._strange_leg.channel})
            self._strange_leg = None


def _is_for(leg: _StrangeLeg | None, to: str) -> TypeGuard[_StrangeLeg]:
    """Not what somebody else happened to dial some time before."""
    if leg is None or "/" not in to or leg.technology != _technology(to):
        return False
    return asyncio.get_running_loop().time() - leg.began_at < FORWARDS_WITHIN_SECONDS


def _technology(dialled: str) -> str:
    return dialled.partition("/")[0].casefold()


_HANDLERS: dict[str, Callable[[Calls, Event], None]] = {
    "UserEvent": Calls._user_event,
    "Newchannel": Calls._new_channel,
    "DialState": Calls._dial_progressed,
    "Newstate": Calls._new_state,
    "Pickup": Calls._picked_up,
    "Rename": Calls._renamed,
    "BridgeEnter": Calls._entered_bridge,
    "BlindTransfer": Calls._transferred,
    "AttendedTransfer": Calls._transferred,
    "HangupRequest": Calls._hangs_up,
    "SoftHangupRequest": Calls._told_to_hang_up,
    "Hangup": Calls._hung_up,
    "OriginateResponse": Calls._originated,
    "DialBegin": Calls._dial_began,
    "DialEnd": Calls._dial_ended,
}
WANTED_EVENTS = frozenset(_HANDLERS)
