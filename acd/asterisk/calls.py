"""Calls on one Asterisk server: its events become inputs for the center, the center's facts become AMI actions.

It knows channels and nothing of queues' rules. From the moment the link is up until the server has been surveyed,
events are held back and then told in their order: a survey is a picture of one instant, and what is heard around it
must not be judged by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import permutations
from typing import Any

import structlog

from acd.asterisk import reading
from acd.asterisk.link import ActionFailed, ActionRefused, Answer, Event, Link, UnsafeValue
from acd.center.facts import (
    AnyFact,
    CallerReleased,
    FeatureAnswered,
    LegReleased,
    OfferEnded,
    OfferMade,
    RequestMoved,
    RequestQueued,
    RequestRequeued,
)
from acd.center.inputs import (
    BridgeFailed,
    CallBridged,
    CallPassedOn,
    ChannelGone,
    Input,
    LegAccepted,
    LegAnswered,
    LegEnd,
    LegEnded,
    LegHungUp,
    NewParty,
    PbxLost,
    PbxSurveyed,
    PhoneUsed,
    TalksTogether,
)
from acd.center.model import ChannelId, OfferId, OfferOutcome, PbxName, QueueName
from acd.center.offers import offer_of

log = structlog.get_logger()

HEARTBEAT_SECONDS = 5.0
"""A third of the age at which the dialplan sends callers to `acd-fallback`."""
SURVEY_AGAIN_SECONDS = 1.0
PARTIES = ("Transferee", "TransferTarget")
ANSWERED_ELSEWHERE = "26"
"""AST_CAUSE_ANSWERED_ELSEWHERE: the phone shows no missed call (the Reason header of RFC 3326)."""
RING_MARGIN_SECONDS = 5.0
"""How much longer than the center Asterisk lets a phone ring: for the case that nobody tells it to stop."""


class Calls:
    def __init__(
        self, link: Link, tell: Callable[[Input], object], now: Callable[[], float], country: str | None = None
    ) -> None:
        """`country` is where callers' numbers without one belong."""
        self.pbx = PbxName(link.name)
        self._link = link
        self._tell = tell
        self._now = now
        self.country = country
        self._held: list[Event] | None = None
        """Events heard while the survey is under way; None at other times."""
        self._name_of: dict[ChannelId, str] = {}
        """Channel names of callers and legs: Bridge alone looks a Uniqueid up by prefix, and could take another's."""
        self._to_bridge: dict[ChannelId, tuple[ChannelId, OfferId]] = {}
        """Of callers and legs on their way into a common bridge: with whom, and by which offer."""
        self._bridge_of: dict[ChannelId, str] = {}
        self._parties: dict[str, dict[ChannelId, str]] = {}
        """Who is in which bridge, each with his channel's name."""
        self._party_of: dict[ChannelId, str] = {}
        self._passed_on: set[ChannelId] = set()
        """Callers whom an agent has transferred."""
        self._legs: dict[ChannelId, str] = {}
        """Legs that live, each with the reason for which its Originate failed, if it has."""
        self._marked: set[ChannelId] = set()
        """Callers whose dialplan has been told that they are answered."""
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- The link

    def link_up(self) -> None:
        self._held = []
        self._start(self._beat())
        self._start(self._survey())

    def link_down(self, why: str) -> None:
        self.stop()
        self._held = None
        for memory in (self._to_bridge, self._bridge_of, self._parties, self._party_of, self._passed_on):
            memory.clear()
        self._tell(PbxLost(pbx=self.pbx))

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat(self) -> None:
        while True:
            self._send("Setvar", {"Variable": "ACD_HEARTBEAT", "Value": str(int(self._now()))})
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _survey(self) -> None:
        while True:
            try:
                channels = await self._link.ask("Status", {"Variables": ",".join(reading.VARIABLES)})
                break
            except ActionFailed as error:
                log.warning("pbx.survey_failed", pbx=self.pbx, why=str(error))
                await asyncio.sleep(SURVEY_AGAIN_SECONDS)
        live = tuple(reading.live_channel(channel, self.country) for channel in channels)
        self._name_of = {ChannelId(channel["Uniqueid"]): channel["Channel"] for channel in channels}
        self._legs = {channel.channel: "" for channel in live if offer_of(channel.channel)}
        self._marked = {channel.channel for channel in live if channel.status == "ANSWERED"}
        self._tell(PbxSurveyed(pbx=self.pbx, channels=live))
        held, self._held = self._held or [], None
        for event in held:
            self.on_event(event)

    # ---- Events to inputs

    def on_event(self, event: Event) -> None:
        if self._held is not None:
            self._held.append(event)
        elif handle := _HANDLERS.get(event.name):
            handle(self, event)

    def _user_event(self, event: Event) -> None:
        channel = ChannelId(event["Uniqueid"])
        if event["UserEvent"] == "AcdJoin":
            self._name_of[channel] = event["Channel"]
            self._tell(reading.joined(self.pbx, event, self.country))
        elif event["UserEvent"] == "AcdFeature":
            self._tell(reading.feature(self.pbx, event))
        elif event["UserEvent"] == "AcdAccept" and (offer := offer_of(channel)):
            self._name_of[channel] = event["Channel"]
            self._tell(LegAccepted(offer=offer))

    def _new_channel(self, event: Event) -> None:
        channel = ChannelId(event["Uniqueid"])
        if offer_of(channel):
            self._legs[channel] = ""
        else:
            self._tell_of_phone(channel, event)

    def _new_state(self, event: Event) -> None:
        channel = ChannelId(event["Uniqueid"])
        if event["ChannelState"] != reading.UP:
            return
        if offer := offer_of(channel):
            self._tell(LegAnswered(offer=offer))
        else:
            self._tell_of_phone(channel, event)

    def _tell_of_phone(self, channel: ChannelId, event: Event) -> None:
        dial = reading.phone_of(event["Channel"])
        self._tell(PhoneUsed(pbx=self.pbx, dial=dial, channel=channel, talks=reading.talks(event)))

    def _renamed(self, event: Event) -> None:
        channel = ChannelId(event["Uniqueid"])
        if channel in self._name_of:
            self._name_of[channel] = event["Newname"]

    def _entered_bridge(self, event: Event) -> None:
        channel, bridge = ChannelId(event["Uniqueid"]), event["BridgeUniqueid"]
        self._note_party(channel, bridge, event["Channel"])
        if channel not in self._to_bridge:
            return
        partner, offer = self._to_bridge[channel]
        self._bridge_of[channel] = bridge
        if self._bridge_of.get(partner) == bridge:
            self._forget_bridging(channel)
            self._tell(CallBridged(offer=offer))

    def _note_party(self, channel: ChannelId, bridge: str, name: str) -> None:
        """Tells of those who are together in a bridge now, and were not brought together by us."""
        self._leave_party(channel)
        if name.startswith("Local/"):
            return  # half of a way to somebody, and none of those who talk
        party = self._parties.setdefault(bridge, {})
        self._party_of[channel] = bridge
        for other, other_name in party.items():
            for leg, partner in ((channel, other), (other, channel)):
                if (offer := offer_of(leg)) and not offer_of(partner):
                    self._name_of[partner] = name if partner == channel else other_name
                    self._tell(TalksTogether(pbx=self.pbx, offer=offer, channel=partner))
            if channel in self._passed_on:
                self._tell(NewParty(pbx=self.pbx, channel=channel, dial=reading.phone_of(other_name)))
            if other in self._passed_on:
                self._tell(NewParty(pbx=self.pbx, channel=other, dial=reading.phone_of(name)))
        party[channel] = name

    def _leave_party(self, channel: ChannelId) -> None:
        bridge = self._party_of.pop(channel, None)
        if bridge is not None:
            self._parties[bridge].pop(channel, None)
            if not self._parties[bridge]:
                del self._parties[bridge]

    def _transferred(self, event: Event) -> None:
        """The agent's channels are the transferers, his leg among them; who is left is transferee and target."""
        transferers = [event.get(f"{which}TransfererUniqueid", "") for which in ("", "Orig", "Second")]
        leg = next((channel for channel in transferers if offer_of(channel)), "")
        offer = offer_of(leg)
        if event.get("Result") != "Success" or offer is None:
            return
        left = {ChannelId(event.get(f"{who}Uniqueid", "")): event.get(f"{who}Channel", "") for who in PARTIES}
        left.pop(ChannelId(""), None)
        self._passed_on |= left.keys()
        self._name_of |= left
        if event.get("DestType") == "App":
            self._marked -= left.keys()  # he has the variables of the channel whose place he takes
        place = next((ChannelId(channel) for channel in transferers if channel and channel != leg), None)
        self._tell(CallPassedOn(pbx=self.pbx, offer=offer, place=place))
        for caller, other in permutations(left, 2):
            self._tell(NewParty(pbx=self.pbx, channel=caller, dial=reading.phone_of(left[other])))

    def _hung_up(self, event: Event) -> None:
        channel = ChannelId(event["Uniqueid"])
        self._leave_party(channel)
        self._passed_on.discard(channel)
        self._name_of.pop(channel, None)
        self._marked.discard(channel)
        self._forget_bridging(channel)
        offer = offer_of(channel)
        if offer:
            how, cause = reading.how_it_ended(event, originate_reason=self._legs.pop(channel, ""))
            self._tell(LegEnded(offer=offer, how=how, cause=cause))
        else:
            self._tell(ChannelGone(pbx=self.pbx, channel=channel))

    def _hangs_up(self, event: Event) -> None:
        """Its telephone has: first here of the two that talked, whichever channel ends first."""
        channel = ChannelId(event["Uniqueid"])
        if offer := offer_of(channel):
            self._tell(LegHungUp(offer=offer))
        else:
            self._tell(ChannelGone(pbx=self.pbx, channel=channel))

    def _originated(self, event: Event) -> None:
        """A dial failed. If it had come to a channel, that channel's end, heard next, knows better why."""
        channel = ChannelId(event["Uniqueid"])
        offer = offer_of(channel)
        if event["Response"] != "Failure" or offer is None:
            return
        if channel in self._legs:
            self._legs[channel] = event["Reason"]
        else:
            how, cause = reading.why_not_originated(event["Reason"])
            self._tell(LegEnded(offer=offer, how=how, cause=cause))

    def _forget_bridging(self, channel: ChannelId) -> None:
        partner, _ = self._to_bridge.pop(channel, (channel, None))
        self._to_bridge.pop(partner, None)
        self._bridge_of.pop(channel, None)
        self._bridge_of.pop(partner, None)

    # ---- Facts to actions

    def on_fact(self, fact: AnyFact) -> None:
        carry_out = _ORDERS.get(type(fact))
        if carry_out and getattr(fact, "pbx", None) == self.pbx:  # every order names the server that it is for
            carry_out(self, fact)

    def _ring(self, fact: OfferMade) -> None:
        headers = {
            "ChannelId": fact.channel,
            "Channel": fact.device.dial,
            "Context": "acd-agent",
            "Exten": "s",
            "Priority": "1",
            "Timeout": str(int((fact.ring_seconds + RING_MARGIN_SECONDS) * 1000)),
            "Variable": f"ACD_QUEUE={fact.queue}",
        }
        if caller_id := reading.caller_id(fact.caller):
            headers["CallerID"] = caller_id
        self._send(
            "Originate",
            headers,
            otherwise=lambda why: LegEnded(offer=fact.offer, how=LegEnd.UNREACHABLE, cause=why),
        )

    def _offer_ended(self, fact: OfferEnded) -> None:
        if fact.outcome is OfferOutcome.ACCEPTED:
            self._bridge(fact)

    def _bridge(self, fact: OfferEnded) -> None:
        caller, leg = fact.caller_channel, fact.channel
        self._to_bridge[caller] = (leg, fact.offer)
        self._to_bridge[leg] = (caller, fact.offer)
        # The mark comes first: whatever the caller's dialplan does next, it knows. One connection keeps the order.
        if fact.comes_back_if_dropped:
            self._send("Setvar", {"Channel": caller, "Variable": "ACD_COMES_BACK", "Value": "yes"})
        self._mark(caller, "ANSWERED")
        self._marked.add(caller)
        self._send(
            "Bridge",
            {"Channel1": self._name_of.get(caller, caller), "Channel2": self._name_of.get(leg, leg)},
            otherwise=lambda why: BridgeFailed(offer=fact.offer, cause=why),
        )

    def _requeue(self, fact: RequestRequeued) -> None:
        self._forget_bridging(fact.channel)
        if fact.channel in self._marked:
            # A bridge that was on its way may have stopped his music.
            self._marked.discard(fact.channel)
            self._mark(fact.channel, "")
            self._redirect(fact.channel, "acd-wait", "s", "again")

    def _queued(self, fact: RequestQueued) -> None:
        if fact.came_to:
            self._note_queue(fact.channel, fact.queue)

    def _moved(self, fact: RequestMoved) -> None:
        self._note_queue(fact.channel, fact.queue)

    def _note_queue(self, channel: ChannelId, queue: QueueName) -> None:
        """The channel's own memory: a survey reads it, and the fallback goes by it."""
        self._send("Setvar", {"Channel": channel, "Variable": "ACD_QUEUE", "Value": queue})

    def _release_caller(self, fact: CallerReleased) -> None:
        self._mark(fact.channel, fact.status)
        where = (fact.context, fact.queue, "1") if fact.context else ("acd-wait", "s", "leave")
        self._redirect(fact.channel, *where)

    def _redirect(self, channel: ChannelId, context: str, extension: str, priority: str) -> None:
        self._send("Redirect", {"Channel": channel, "Context": context, "Exten": extension, "Priority": priority})

    def _hang_up_leg(self, fact: LegReleased) -> None:
        headers: dict[str, str] = {"Channel": fact.channel}
        if fact.answered_elsewhere:
            headers["Cause"] = ANSWERED_ELSEWHERE
        self._send("Hangup", headers)

    def _answer_feature(self, fact: FeatureAnswered) -> None:
        self._send("Setvar", {"Channel": fact.channel, "Variable": "ACD_RESULT", "Value": fact.result})

    def _mark(self, channel: ChannelId, status: str) -> None:
        self._send("Setvar", {"Channel": channel, "Variable": "ACD_STATUS", "Value": status})

    def _send(self, action: str, headers: dict[str, str], *, otherwise: Callable[[str], Input] | None = None) -> None:
        """Sends an action without waiting; what follows from its failure, if anything does, is told to the center.

        A link that is down changes nothing here: what became of the calls is found out by the survey after it.
        """
        try:
            answer = self._link.send(action, headers)
        except UnsafeValue as unsafe:
            answer = asyncio.get_running_loop().create_future()
            answer.set_exception(ActionRefused(str(unsafe)))
        answer.add_done_callback(lambda done: self._answered(action, headers, done, otherwise))

    def _answered(
        self,
        action: str,
        headers: dict[str, str],
        answer: asyncio.Future[Answer],
        otherwise: Callable[[str], Input] | None,
    ) -> None:
        error = None if answer.cancelled() else answer.exception()
        if error is None:
            return
        log.info("pbx.action_failed", pbx=self.pbx, action=action, channel=headers.get("Channel"), why=str(error))
        if otherwise and isinstance(error, ActionRefused):
            self._tell(otherwise(str(error)))


_HANDLERS: dict[str, Callable[[Calls, Event], None]] = {
    "UserEvent": Calls._user_event,
    "Newchannel": Calls._new_channel,
    "Newstate": Calls._new_state,
    "Rename": Calls._renamed,
    "BridgeEnter": Calls._entered_bridge,
    "BlindTransfer": Calls._transferred,
    "AttendedTransfer": Calls._transferred,
    "HangupRequest": Calls._hangs_up,
    "Hangup": Calls._hung_up,
    "OriginateResponse": Calls._originated,
}
WANTED_EVENTS = frozenset(_HANDLERS)

_ORDERS: dict[type[AnyFact], Callable[[Calls, Any], None]] = {
    OfferMade: Calls._ring,
    OfferEnded: Calls._offer_ended,
    RequestQueued: Calls._queued,
    RequestMoved: Calls._moved,
    RequestRequeued: Calls._requeue,
    CallerReleased: Calls._release_caller,
    LegReleased: Calls._hang_up_leg,
    FeatureAnswered: Calls._answer_feature,
}
