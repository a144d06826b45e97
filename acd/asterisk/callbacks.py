"""The dialogues of `acd-callbacks.conf`: with a caller who leaves a message or calls again, and with the agent who
calls him back.

The dialplan asks by a UserEvent and waits for ACD_RESULT. Nothing is promised to a caller before it is on disk, and no
customer is dialled before the attempt is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

import structlog

from acd import numbers
from acd.asterisk import reading
from acd.asterisk.channels import Channels
from acd.asterisk.link import Event
from acd.asterisk.means import Means
from acd.asterisk.tasks import Tasks
from acd.center import customers, lost
from acd.center.callbacks import GONE
from acd.center.facts import (
    AnyFact,
    CallbackOffered,
    CallerAnswered,
    CallerAsked,
    ContradictionFound,
    CustomerDialled,
)
from acd.center.inputs import (
    CallbackChosen,
    CallbackKey,
    ChannelGone,
    CustomerAnswered,
    CustomerHungUp,
    CustomerNotReached,
    Input,
    LiveChannel,
    MessageBegun,
    MessageDropped,
    MessageLeft,
    NumberTyped,
)
from acd.center.model import Caller, ChannelId, Difference, Kind, Missed, OfferId, PbxName, Reach, Request, RequestId
from acd.dialling import DialRefused, NoTrunk, Purpose
from acd.messages import NoMessage

log = structlog.get_logger()

NUMBERS_AT_ONCE = 20
"""Looked at in one go, in some 3 ms: nobody else is kept waiting by a line of thousands."""


class Send(Protocol):
    def __call__(self, action: str, headers: dict[str, str]) -> None: ...


Step = Callable[["Callbacks", ChannelId, Event], Awaitable[str]]
"""Of a caller: how it is seen to, and what he is answered."""


class Callbacks:
    def __init__(
        self,
        pbx: PbxName,
        send: Send,
        tell: Callable[[Input], Sequence[AnyFact]],
        now: Callable[[], float],
        means: Means,
        channels: Channels,
        tasks: Tasks,
    ) -> None:
        self._pbx = pbx
        self._send = send
        self._tell = tell
        self._now = now
        self._means = means
        self._channels = channels
        self._tasks = tasks
        self._seen_to: set[ChannelId] = set()
        """Who waits for an answer that is on its way."""

    def use(self, means: Means) -> None:
        """From now on these."""
        self._means = means

    async def stop(self) -> None:
        """What is being promised is finished, or will be found out."""
        await self._tasks.stop()

    # ---- What the dialplan says

    def on_user_event(self, event: Event) -> None:
        hears = _HEARS.get(event["UserEvent"])
        if hears:
            hears(self, ChannelId(event["Uniqueid"]), event)

    def _message(self, channel: ChannelId, event: Event) -> None:
        step = event.get("Step", "")
        if step == "back":
            self._back(channel)
        elif step in _STEPS:
            self._see_to(channel, event, _STEPS[step])

    def _see_to(self, channel: ChannelId, event: Event, step: Step) -> None:
        """He asks again and again until he is answered: the daemon may be a new one by then, or slow."""
        if channel not in self._seen_to:
            self._seen_to.add(channel)
            self._tasks.start(f"answering {event['UserEvent']}", self._answer_to(channel, event, step))

    async def _answer_to(self, channel: ChannelId, event: Event, step: Step) -> None:
        try:
            self._answer(channel, await step(self, channel, event))
        finally:
            self._seen_to.discard(channel)

    async def _begin(self, channel: ChannelId, event: Event) -> str:
        """He is given the name of his file when it is on disk: whatever becomes of him, the file is known."""
        self._begun(channel, reading.caller(event, self._means.country))
        if not await self._means.on_disk():
            return "no"
        request = self._leaving(channel)
        if request is None or request.message is None:
            return "no"
        self._set(channel, "ACD_MESSAGE", request.message.name)
        if not request.number:
            return "begun"
        self._set(channel, "ACD_DIGITS", spoken(numbers.national_digits(request.number, self._means.country)))
        return "number"

    def _begun(self, channel: ChannelId, caller: Caller) -> None:
        number = self._allowed(caller.e164) if caller.e164 else ""
        self._tell(MessageBegun(pbx=self._pbx, channel=channel, number=number))

    async def _number(self, channel: ChannelId, event: Event) -> str:
        number = self._allowed(unquote(event.get("Typed", "")))
        if not number:
            return "refused"
        self._tell(NumberTyped(pbx=self._pbx, channel=channel, number=number))
        return "number" if await self._means.on_disk() else "refused"

    def _allowed(self, text: str) -> str:
        """The number in E.164; empty if it may not be called."""
        try:
            return self._means.dialling.number(text, Purpose.CALLBACK, at_once=False)
        except DialRefused as refused:
            log.info("callback.number_refused", pbx=self._pbx, rule=refused.rule)
            return ""

    async def _judge(self, channel: ChannelId, event: Event) -> str:
        return "bad" if await self._heard(channel) is None else "good"

    async def _heard(self, channel: ChannelId) -> float | None:
        """How long the message is that he is leaving, in seconds; None if it is none."""
        request, messages = self._leaving(channel), self._means.messages
        if request is None or request.message is None or messages is None:
            return None
        try:
            return (await asyncio.to_thread(messages.judge, request.message.name)).seconds
        except NoMessage as none:
            log.info("callback.no_message", pbx=self._pbx, request=request.id, why=str(none))
            return None

    async def _promise(self, channel: ChannelId, event: Event) -> str:
        """He hears that his place is kept only when it is: by him who asks, or by who died before he could tell."""
        request = self._leaving(channel)
        message = request.message.name if request and request.message else event.get("Message", "")
        await self._keep(channel)
        if not self._is_kept(message) or not await self._means.on_disk():
            return "no"
        place = self._place_of(message)
        self._set(channel, "ACD_DIGITS", spoken(str(place)) if place else "")
        return "kept"

    def _is_kept(self, message: str) -> bool:
        """By a callback, which may be over by now."""
        state = self._means.state
        return state.callback_with(message) is not None or any(
            kept.name == message for kept in state.kept_messages.values()
        )

    def _place_of(self, message: str) -> int | None:
        request = self._means.state.callback_with(message)
        return self._means.state.place_of(request) if request else None

    async def _keep(self, channel: ChannelId) -> None:
        """The message, on disk; and then the fact that it is there."""
        seconds = await self._heard(channel)
        request, messages = self._leaving(channel), self._means.messages
        if seconds is None or request is None or request.message is None or messages is None:
            return
        if not request.number or not self._allowed(request.number) or not self._means.can_promise():
            return
        try:
            await asyncio.to_thread(messages.keep, request.message.name)
        except OSError as error:
            log.error("callback.not_kept", pbx=self._pbx, request=request.id, error=str(error))
            return
        hours = self._means.dialling.hours_of(request.number)
        self._tell(MessageLeft(pbx=self._pbx, channel=channel, seconds=seconds, hours=hours))

    def _back(self, channel: ChannelId) -> None:
        self._tell(MessageDropped(pbx=self._pbx, channel=channel))
        if self._means.state.request_on(self._pbx, channel) is None:
            # His message was kept, but he could not be told so in time: he joins, and is asked what he wants of it.
            self._redirect(channel, "acd-wait", "1")

    def _leaving(self, channel: ChannelId) -> Request | None:
        request = self._means.state.request_on(self._pbx, channel)
        return request if request and request.aside else None

    # ---- He hangs up

    def holds(self, channel: ChannelId) -> bool:
        """Whether it is only found out when his message is judged what his hanging up means."""
        return self._leaving(channel) is not None

    def gone(self, channel: ChannelId) -> None:
        """Whoever has spoken has left his message; his file is closed by now."""
        self._tasks.start("keeping a message", self._finish(channel))

    def _gone_unheard(self, fact: ContradictionFound) -> None:
        if fact.kind is Difference.CALLER_GONE and self.holds(fact.channel):
            self.gone(fact.channel)

    async def catch_up(self, live: Sequence[LiveChannel], started: str) -> dict[str, str | None]:
        """With those who hung up unheard, or, where all is lost that was on this server, went down with it; and with
        those who began unheard, before an agent is found for them. Answers with the numbers of all who went
        down with it that may be called, as the survey is to tell them."""
        alive, is_lost = {one.channel for one in live}, lost.is_everything(self._means.state, self._pbx, started)
        finish = self._keep if is_lost else self._finish
        for request in list(self._means.state.requests.values()):
            if request.aside and request.pbx == self._pbx and request.channel not in alive:
                await finish(request.channel)
        for one in live:
            if one.aside:
                self._begun(one.channel, one.caller)
        return await self._may_call() if is_lost else {}

    async def _may_call(self) -> dict[str, str | None]:
        may_call: dict[str, str | None] = {}
        if not self._means.can_promise():
            return may_call
        for count, number in enumerate(dict.fromkeys(lost.numbers(self._means.state, self._pbx)), 1):
            if self._allowed(number):
                may_call[number] = self._means.dialling.hours_of(number)
            if count % NUMBERS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return may_call

    async def _finish(self, channel: ChannelId) -> None:
        await self._keep(channel)
        self._tell(ChannelGone(pbx=self._pbx, channel=channel))

    # ---- He is told, or asked

    def _offered(self, fact: CallbackOffered) -> None:
        self._set(fact.channel, "ACD_MESSAGE_KEY", fact.key)
        self._redirect(fact.channel, "acd-wait", "offer")

    def _asked(self, fact: CallerAsked) -> None:
        self._set(fact.channel, "ACD_CALLBACK", fact.request)
        self._set(fact.channel, "ACD_DIGITS", spoken(str(fact.place)) if fact.place else "")
        self._redirect(fact.channel, "acd-callback-again", "1")

    def _chosen(self, channel: ChannelId, event: Event) -> None:
        self._see_to(channel, event, Callbacks._choose)

    async def _choose(self, channel: ChannelId, event: Event) -> str:
        told = self._tell(
            CallbackChosen(
                pbx=self._pbx,
                channel=channel,
                request=RequestId(unquote(event.get("Typed", ""))),
                choice=event.get("Step", ""),
                caller=reading.caller(event, self._means.country),
            )
        )
        result = next((fact.result for fact in told if isinstance(fact, CallerAnswered)), GONE)
        return result if await self._means.on_disk() else GONE

    # ---- The agent

    def _key(self, channel: ChannelId, event: Event) -> None:
        if offer := self._channels.offer_of(channel):
            when = reading.moment(event.get("When", ""), self._now(), self._means.zone)
            reason, with_me = event.get("Reason", ""), event.get("With") == "1"
            self._tell(CallbackKey(offer, event.get("Do", ""), at=when, with_me=with_me, reason=reason))

    def _customer_dialled(self, fact: CustomerDialled) -> None:
        self._tasks.start("dialling a customer", self._dial(fact))

    async def _dial(self, fact: CustomerDialled) -> None:
        if not await self._means.on_disk():
            self._not_dialled(fact, Missed.FAILED, "the attempt cannot be written down")
            return
        if not self._is_still_wanted(fact):
            return  # nobody steered for a moment, and it was found that nobody had been dialled
        try:
            purpose = Purpose.CALLBACK if fact.kind == Kind.CALLBACK else Purpose.CLICK
            dial = self._means.dialling.dial_string(self._pbx, fact.number, purpose)
        except DialRefused as refused:
            self._not_dialled(fact, Missed.REFUSED, refused.rule)
            return
        except NoTrunk as error:
            self._not_dialled(fact, Missed.FAILED, str(error))
            return
        self._set(fact.channel, "ACD_ATTEMPT", customers.attempt(fact.offer, fact.attempt))
        self._set(fact.channel, "ACD_KIND", fact.kind)
        self._set(fact.channel, "ACD_DIAL", dial)
        self._set(fact.channel, "ACD_CALLER_ID", fact.queue_number)
        self._set(fact.channel, "ACD_RING_SECONDS", str(int(fact.ring_seconds)))
        self._redirect(fact.channel, "acd-customer", "1")

    def _not_dialled(self, fact: CustomerDialled, how: Missed, cause: str) -> None:
        """Who has a callback hears so, and is asked what is to become of it."""
        self._tell(CustomerNotReached(fact.offer, how, cause))
        if fact.kind == Kind.CALLBACK:
            self._set(fact.channel, "ACD_DIALLED", how.upper())
            self._redirect(fact.channel, "acd-customer", "told")

    def _is_still_wanted(self, fact: CustomerDialled) -> bool:
        request = self._means.state.requests.get(fact.request)
        return request is not None and (request.accepted, request.attempts, request.reach) == (
            fact.offer,
            fact.attempt,
            Reach.DIALLING,
        )

    def _dialled(self, channel: ChannelId, event: Event) -> None:
        offer, status = self._channels.offer_of(channel), event.get("Status", "")
        if offer is None:
            return
        if status == "ANSWER":
            self._tell(CustomerAnswered(offer, ChannelId("")))  # if that was not heard
            self._tell(CustomerHungUp(offer))
            return
        cause = f"{status} {event.get('Cause', '')}".strip()
        self._tell(CustomerNotReached(OfferId(offer), reading.missed(status), cause))

    # ---- To the dialplan

    def on_fact(self, fact: AnyFact) -> None:
        carry_out = _ORDERS.get(type(fact))
        if carry_out and getattr(fact, "pbx", self._pbx) == self._pbx:
            carry_out(self, fact)

    def _answer(self, channel: ChannelId, result: str) -> None:
        self._set(channel, "ACD_RESULT", result)

    def _set(self, channel: ChannelId, variable: str, value: str) -> None:
        self._send("Setvar", {"Channel": channel, "Variable": variable, "Value": value})

    def _redirect(self, channel: ChannelId, context: str, priority: str) -> None:
        self._send("Redirect", {"Channel": channel, "Context": context, "Exten": "s", "Priority": priority})


def spoken(digits: str) -> str:
    """As the names of Asterisk's own sounds."""
    return "&".join(f"digits/{digit}" for digit in digits)


_STEPS: dict[str, Step] = {
    "begin": Callbacks._begin,
    "number": Callbacks._number,
    "recorded": Callbacks._judge,
    "left": Callbacks._promise,
}
_HEARS: dict[str, Callable[[Callbacks, ChannelId, Event], None]] = {
    "AcdMessage": Callbacks._message,
    "AcdChoice": Callbacks._chosen,
    "AcdCallback": Callbacks._key,
    "AcdDialled": Callbacks._dialled,
}
_ORDERS: dict[type[AnyFact], Callable[[Callbacks, Any], None]] = {
    CallbackOffered: Callbacks._offered,
    CallerAsked: Callbacks._asked,
    CustomerDialled: Callbacks._customer_dialled,
    ContradictionFound: Callbacks._gone_unheard,
}
