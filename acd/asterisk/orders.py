"""The center's facts become AMI actions on one Asterisk server. None of them is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from acd.asterisk import reading
from acd.asterisk.channels import Channels
from acd.asterisk.link import ActionRefused, Answer, Link, UnsafeValue
from acd.asterisk.means import Means
from acd.center.facts import (
    AnnouncementMade,
    AnyFact,
    BridgeRepeated,
    CallerReleased,
    FeatureAnswered,
    LegReleased,
    OfferEnded,
    OfferMade,
    RequestMoved,
    RequestQueued,
    RequestRequeued,
)
from acd.center.inputs import NOT_DIALLED, BridgeFailed, Input, LegEnd, LegEnded
from acd.center.model import Caller, ChannelId, OfferOutcome, PbxName, QueueName
from acd.center.reach import DESK, MOBILE
from acd.dialling import DialRefused, NoTrunk, Purpose

log = structlog.get_logger()

ANSWERED_ELSEWHERE = "26"
"""AST_CAUSE_ANSWERED_ELSEWHERE: the phone shows no missed call (the Reason header of RFC 3326)."""
NOWHERE = "acd-forwarded"
"""The context in which a number is looked up that a telephone wants to be called in its place (do_forward() in dial.c):
there is none in it."""
DIALPLAN_BEGINS_SECONDS = 0.2
"""After its answer a leg is redirected no sooner: a channel whose dialplan is just beginning may miss it."""
RING_MARGIN_SECONDS = 5.0
"""How much longer than the center Asterisk lets a phone ring: for the case that nobody tells it to stop."""
SETTLES_SECONDS = 0.01
"""So long a channel that was redirected is let alone before it is bridged: the two in one breath took Asterisk 22 down
and cost a caller of 16 his call (docs/asterisk-notes.md)."""


class Orders:
    def __init__(self, link: Link, tell: Callable[[Input], object], channels: Channels, means: Means) -> None:
        self.pbx = PbxName(link.name)
        self._link = link
        self._tell = tell
        self._channels = channels
        self._means = means

    def use(self, means: Means) -> None:
        """From now on these."""
        self._means = means

    def on_fact(self, fact: AnyFact) -> None:
        carry_out = _ORDERS.get(type(fact))
        if carry_out and getattr(fact, "pbx", None) == self.pbx:  # every order names the server that it is for
            carry_out(self, fact)

    def _ring(self, fact: OfferMade) -> None:
        if fact.found:
            return
        try:
            dial, shown = self._way_to(fact)
        except (DialRefused, NoTrunk) as refused:
            why = refused.rule if isinstance(refused, DialRefused) else "no trunk"
            log.warning("offer.not_dialled", pbx=self.pbx, offer=fact.offer, agent=fact.agent, rule=why)
            failed = LegEnded(offer=fact.offer, how=LegEnd.UNREACHABLE, cause=f"{NOT_DIALLED}: {why}")
            asyncio.get_running_loop().call_soon(self._tell, failed)  # in a turn of its own
            return
        headers = {
            "ChannelId": fact.channel,
            "Channel": dial,
            "Context": "acd-agent",
            "Exten": "s",
            "Priority": "1",
            "Timeout": str(int((fact.ring_seconds + RING_MARGIN_SECONDS) * 1000)),
            "Variable": _variables(fact, self._means.zone),
        }
        if caller_id := reading.caller_id(shown):
            headers["CallerID"] = caller_id
        if fact.device.kind == MOBILE:
            self._channels.mobiles.add(fact.channel)
        self.send("Originate", headers, otherwise=lambda why: self._not_rung(fact, why))

    def _not_rung(self, fact: OfferMade, why: str) -> LegEnded:
        self._channels.forget(fact.channel)
        return LegEnded(offer=fact.offer, how=LegEnd.UNREACHABLE, cause=why)

    def _way_to(self, fact: OfferMade) -> tuple[str, Caller]:
        """What is dialled, and whom the telephone shows. Raises DialRefused, NoTrunk."""
        if fact.device.kind == DESK:
            return fact.device.dial, fact.caller
        dial = self._means.dialling.dial_string(self.pbx, fact.device.number, Purpose.MOBILE)
        shown = self._means.mobile_caller_id
        if shown == "caller":
            return dial, fact.caller
        return dial, Caller(number=fact.queue_number if shown == "queue" else shown)

    def _offer_ended(self, fact: OfferEnded) -> None:
        if fact.outcome is OfferOutcome.ACCEPTED and fact.caller_channel and not fact.found_bridged:
            self._bridge(fact)

    def _bridge(self, fact: OfferEnded | BridgeRepeated) -> None:
        caller, leg = fact.caller_channel, fact.channel
        self._channels.expect_bridge(caller, leg, fact.offer)
        # The mark comes first: whatever the caller's dialplan does next, it knows. One connection keeps the order.
        if fact.comes_back_if_dropped:
            self.send("Setvar", {"Channel": caller, "Variable": "ACD_COMES_BACK", "Value": "yes"})
        self._mark(caller, "ANSWERED")
        self._channels.marked.add(caller)
        loop = asyncio.get_running_loop()
        settled_at = self._channels.settled_at.get(caller, 0.0)
        if settled_at > loop.time():
            loop.call_at(settled_at, self._bring_together, fact)
        else:
            self._bring_together(fact)

    def _bring_together(self, fact: OfferEnded | BridgeRepeated) -> None:
        caller, leg = fact.caller_channel, fact.channel
        if self._channels.to_bridge.get(caller) != (leg, fact.offer):
            return  # it has come to nothing meanwhile
        self.send(
            "Bridge",
            {"Channel1": self._channels.name_of.get(caller, caller), "Channel2": self._channels.name_of.get(leg, leg)},
            otherwise=lambda why: BridgeFailed(offer=fact.offer, cause=why),
        )

    def note_talk(self, caller: ChannelId) -> None:
        """Somebody was with him in the bridge: he is none of those whose agents hung up before they came together."""
        self.send("Setvar", {"Channel": caller, "Variable": "ACD_TALKED", "Value": "yes"})

    def _requeue(self, fact: RequestRequeued) -> None:
        self._channels.forget_bridging(fact.channel)
        if fact.channel in self._channels.marked:
            # A bridge that was on its way may have stopped his music.
            self._channels.marked.discard(fact.channel)
            self._mark(fact.channel, "")
            self._redirect(fact.channel, "acd-wait", "s", "again")

    def _queued(self, fact: RequestQueued) -> None:
        if fact.came_to:
            self._note_queue(fact.channel, fact.queue)

    def _moved(self, fact: RequestMoved) -> None:
        self._note_queue(fact.channel, fact.queue)

    def _note_queue(self, channel: ChannelId, queue: QueueName) -> None:
        """The channel's own memory: a survey reads it, and the fallback goes by it."""
        self.send("Setvar", {"Channel": channel, "Variable": "ACD_QUEUE", "Value": queue})

    def _announce(self, fact: AnnouncementMade) -> None:
        """Between the redirect and a bridge the later one wins, and nobody is told anything once he is accepted."""
        said = {"ACD_PLACE": fact.place, "ACD_MINUTES": fact.minutes, "ACD_PROMPT": fact.prompt}
        for variable, value in said.items():
            told = {"Channel": fact.channel, "Variable": variable, "Value": "" if value is None else str(value)}
            self.send("Setvar", told)
        self._redirect(fact.channel, "acd-announce", "s", "1")

    def _release_caller(self, fact: CallerReleased) -> None:
        self._mark(fact.channel, fact.status)
        where = (fact.context, fact.queue, "1") if fact.context else ("acd-wait", "s", "leave")
        self._redirect(fact.channel, *where)

    def _redirect(self, channel: ChannelId, context: str, extension: str, priority: str) -> None:
        self.send("Redirect", {"Channel": channel, "Context": context, "Exten": extension, "Priority": priority})

    def _release_leg(self, fact: LegReleased) -> None:
        """Who has picked up hears why nobody is there."""
        if not fact.answered_elsewhere:
            self.send("Hangup", {"Channel": fact.channel})
        elif fact.channel in self._channels.answered:
            self._mark_elsewhere(fact.channel)
            self.say_why_soon(fact.channel)
        elif fact.linger_seconds:
            self._mark_elsewhere(fact.channel)
            self._channels.linger(fact.channel, fact.linger_seconds, self._hang_up_elsewhere)
        else:
            self._hang_up_elsewhere(fact.channel)

    def _mark_elsewhere(self, channel: ChannelId) -> None:
        """For the dialplan, if it has not begun yet."""
        self.send("Setvar", {"Channel": channel, "Variable": "ACD_ELSEWHERE", "Value": "yes"})

    def say_why_soon(self, channel: ChannelId) -> None:
        """To a leg that has been picked up, unless its dialplan has seen the mark and does so by itself."""
        self._channels.linger(channel, DIALPLAN_BEGINS_SECONDS, self._say_why)

    def _say_why(self, channel: ChannelId) -> None:
        self._redirect(channel, "acd-agent", "s", "elsewhere")

    def _hang_up_elsewhere(self, channel: ChannelId) -> None:
        self.send("Hangup", {"Channel": channel, "Cause": ANSWERED_ELSEWHERE})

    def _answer_feature(self, fact: FeatureAnswered) -> None:
        self.send("Setvar", {"Channel": fact.channel, "Variable": "ACD_RESULT", "Value": fact.result})

    def _mark(self, channel: ChannelId, status: str) -> None:
        self.send("Setvar", {"Channel": channel, "Variable": "ACD_STATUS", "Value": status})

    def send(self, action: str, headers: dict[str, str], *, otherwise: Callable[[str], Input] | None = None) -> None:
        """Sends an action without waiting; what follows from its failure, if anything does, is told to the center.

        A link that is down changes nothing here: what became of the calls is found out by the survey after it.
        """
        try:
            answer = self._link.send(action, headers)
        except UnsafeValue as unsafe:
            answer = asyncio.get_running_loop().create_future()
            answer.set_exception(ActionRefused(str(unsafe)))
        answer.add_done_callback(lambda done: self._answered(action, headers, done, otherwise))
        if action == "Redirect":
            settled_at = asyncio.get_running_loop().time() + SETTLES_SECONDS
            self._channels.settled_at[ChannelId(headers["Channel"])] = settled_at

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


def _variables(fact: OfferMade, zone: ZoneInfo | None) -> str:
    """Of the leg, in the form of AMI's Variable header; a survey recognises it by some of them. Nothing in them comes
    from outside."""
    variables = {
        "FORWARD_CONTEXT": NOWHERE,
        "ACD_QUEUE": fact.queue,
        "ACD_AGENT": fact.agent,
        "ACD_DEVICE": fact.device.name,
        "ACD_CALLER": fact.caller_channel,
        "ACD_REQUEST": fact.request,
        "ACD_KIND": fact.kind,
    }
    if fact.device.accept_key:
        variables["ACD_ACCEPT_KEY"] = fact.device.accept_key
    if fact.name_sound:
        variables["ACD_QUEUE_SOUND"] = fact.name_sound
    if fact.whisper:
        variables["ACD_WHISPER"] = fact.whisper
    if fact.message:
        variables |= {"ACD_MESSAGE": fact.message.name, "ACD_LEFT_AT": str(int(fact.message.left_at))}
        if zone:  # else that of the server
            variables["ACD_ZONE"] = zone.key
    return ",".join(f"{name}={value}" for name, value in variables.items())


_ORDERS: dict[type[AnyFact], Callable[[Orders, Any], None]] = {
    OfferMade: Orders._ring,
    OfferEnded: Orders._offer_ended,
    BridgeRepeated: Orders._bridge,
    RequestQueued: Orders._queued,
    RequestMoved: Orders._moved,
    RequestRequeued: Orders._requeue,
    AnnouncementMade: Orders._announce,
    CallerReleased: Orders._release_caller,
    LegReleased: Orders._release_leg,
    FeatureAnswered: Orders._answer_feature,
}
