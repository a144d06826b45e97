"""Callbacks: from the first word of a message to the agent's verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from acd.center import state as states
from acd.center.facts import (
    AnyFact,
    CallbackDue,
    CallbackOffered,
    CallbackPromised,
    CallbackReassigned,
    CallbackRenewed,
    CallbackReturned,
    CallbackScheduled,
    CallbackTakenToLine,
    CallbackUnsettled,
    CallerAnswered,
    CallerAsked,
    CustomerDialled,
    CustomerLeft,
    CustomerMissed,
    CustomerReached,
    MessageDeleted,
    NumberGiven,
    OfferPutOff,
    RequestResumed,
    RequestSetAside,
)
from acd.center.folding import lanes
from acd.center.line import place_key
from acd.center.model import ChannelId, Kind, Message, PbxName, Reach, Request, RequestState

if TYPE_CHECKING:
    from acd.center.state import State

DAY_SECONDS = 86_400.0
MOST_DIALLED = 100_000

# ---- The caller


def _callback_offered(state: State, fact: CallbackOffered) -> None:
    request = state.requests[fact.request]
    request.offer_at, request.spoken_to = None, True


def _offer_put_off(state: State, fact: OfferPutOff) -> None:
    state.requests[fact.request].offer_at = fact.offer_at
    state.watch(fact.offer_at, states.Timer.MESSAGE, fact.request)


def _request_set_aside(state: State, fact: RequestSetAside) -> None:
    state.remember_id(fact.message)
    request = state.requests[fact.request]
    lanes.leave(state, request)
    _stop_offering(state, request)
    request.aside = request.spoken_to = True
    request.number = fact.number
    request.message = Message(fact.message, 0, fact.at)
    request.estimated_seconds = None


def _number_given(state: State, fact: NumberGiven) -> None:
    state.requests[fact.request].number = fact.number


def _request_resumed(state: State, fact: RequestResumed) -> None:
    request = state.requests[fact.request]
    nobody_wants(state, request.message, request.pbx)
    request.aside, request.message, request.number = False, None, ""
    state.watch_wait(request)
    lanes.enter(state, request, fact.at)


def _callback_promised(state: State, fact: CallbackPromised) -> None:
    request = state.requests[fact.request]
    if fact.message is None:
        nobody_wants(state, request.message, request.pbx)
    lanes.leave(state, request)
    _stop_offering(state, request)
    forget_agent(state, request)
    request.accepted = request.agent = None
    del state.request_of_channel[fact.pbx, fact.channel]
    request.kind, request.channel = Kind.CALLBACK, ChannelId("")
    request.aside = request.spoken_to = False
    request.number, request.message, request.hours = fact.number, fact.message, fact.hours
    request.leave_at = request.offer_at = request.announce_at = request.prompt_at = None
    request.needs = fact.needs
    state.callbacks[request.queue, fact.number] = request.id
    lanes.enter(state, request, fact.at)


def _callback_renewed(state: State, fact: CallbackRenewed) -> None:
    request = state.requests[fact.request]
    nobody_wants(state, fact.was, request.pbx)
    request.message, request.comment = fact.message, fact.comment


def _caller_asked(state: State, fact: CallerAsked) -> None:
    """An order to the edge; what he says to it is an input of its own."""


def _caller_answered(state: State, fact: CallerAnswered) -> None:
    """An order to the edge; what it means for a request is a fact of its own."""


def _callback_taken_to_line(state: State, fact: CallbackTakenToLine) -> None:
    request = state.requests[fact.request]
    lanes.free_hands(state, request, fact.at)
    leave_place(state, request)
    state.callbacks.pop((request.queue, request.number), None)
    nobody_wants(state, request.message, request.pbx)
    request.kind, request.state = Kind.CALL, RequestState.WAITING
    request.pbx, request.channel, request.caller = fact.pbx, fact.channel, fact.caller
    request.needs, request.message, request.due_at = fact.needs, None, None
    state.request_of_channel[fact.pbx, fact.channel] = request.id
    _take_place(state, request, fact.at)


# ---- Its moment


def _callback_scheduled(state: State, fact: CallbackScheduled) -> None:
    request = state.requests[fact.request]
    lanes.free_hands(state, request, fact.at)
    leave_place(state, request)
    _leave_agent(state, request)
    request.state = RequestState.SCHEDULED
    request.due_at = fact.due_at
    request.held_for, request.held_until = fact.reserved_for, None
    request.preferred = fact.reserved_for or request.preferred
    request.comment = fact.comment
    state.watch(fact.due_at, states.Timer.DUE, request.id)


def _callback_due(state: State, fact: CallbackDue) -> None:
    request = state.requests[fact.request]
    request.state, request.due_at, request.placed_at = RequestState.WAITING, None, fact.placed_at
    request.held_for, request.held_until = fact.held_for, fact.held_until
    request.turned_down_by.clear()
    state.watch(fact.held_until, states.Timer.HOLD, request.id)
    _take_place(state, request, fact.at)


def _callback_reassigned(state: State, fact: CallbackReassigned) -> None:
    request = state.requests[fact.request]
    lanes.leave(state, request)
    request.held_for, request.held_until = fact.held_for, fact.held_until
    request.preferred = fact.held_for
    state.watch(fact.held_until, states.Timer.HOLD, request.id)
    lanes.enter(state, request, fact.at)


# ---- The agent and the customer


def _customer_dialled(state: State, fact: CustomerDialled) -> None:
    request = state.requests[fact.request]
    request.attempts, request.reach = fact.attempt, Reach.DIALLING
    state.dialled.append((fact.at, fact.number))
    while state.dialled[0][0] < fact.at - DAY_SECONDS or len(state.dialled) > MOST_DIALLED:
        del state.dialled[0]


def _customer_reached(state: State, fact: CustomerReached) -> None:
    request = state.requests[fact.request]
    request.reach, request.talked_since, request.missed = Reach.TALKING, fact.at, None
    request.pbx, request.channel = fact.pbx, fact.channel
    if fact.channel:
        state.request_of_channel[fact.pbx, fact.channel] = request.id


def _customer_left(state: State, fact: CustomerLeft) -> None:
    request = state.requests[fact.request]
    _end_talk(state, request, fact.at)
    request.reach = Reach.LEFT


def _customer_missed(state: State, fact: CustomerMissed) -> None:
    request = state.requests[fact.request]
    request.reach, request.missed = Reach.MISSED, fact.how


def _callback_unsettled(state: State, fact: CallbackUnsettled) -> None:
    request = state.requests[fact.request]
    _end_talk(state, request, fact.at)
    if request.reach is Reach.TALKING:
        request.reach = Reach.LEFT
    request.accepted, request.offers = None, []
    state.unsettled[fact.agent] = request.id


def _callback_returned(state: State, fact: CallbackReturned) -> None:
    request = state.requests[fact.request]
    lanes.free_hands(state, request, fact.at)
    _leave_agent(state, request)
    request.state = RequestState.WAITING
    request.turned_down_by.add(fact.agent)
    _take_place(state, request, fact.at)


def nobody_wants(state: State, message: Message | None, pbx: PbxName) -> None:
    if message:
        state.unwanted[message.name] = pbx


def _message_deleted(state: State, fact: MessageDeleted) -> None:
    state.unwanted.pop(fact.message, None)
    for name in state.callbacks.values():
        request = state.requests[name]
        if request.message and request.message.name == fact.message:
            request.message = None
    for ended, kept in list(state.kept_messages.items()):
        if kept.name == fact.message:
            del state.kept_messages[ended]


def _end_talk(state: State, request: Request, at: float) -> None:
    if request.talked_since is None:
        return
    request.talked_seconds += at - request.talked_since
    request.talked_since = None
    state.request_of_channel.pop((request.pbx, request.channel), None)
    request.channel = ChannelId("")


# ---- Places and agents


def _take_place(state: State, request: Request, at: float) -> None:
    request.place_key = place_key(request, state.queues[request.queue].rules)
    state.queues[request.queue].line.enter(request.place_key)
    lanes.enter(state, request, at)


def leave_place(state: State, request: Request) -> None:
    lanes.leave(state, request)
    _stop_offering(state, request)
    state.queues[request.queue].line.leave(request.place_key)


def _stop_offering(state: State, request: Request) -> None:
    if request.state is RequestState.OFFERED:
        state.queues[request.queue].offered -= 1
        request.state = RequestState.WAITING
    request.offers = []


def _leave_agent(state: State, request: Request) -> None:
    """Nobody has it any more; how far the one who had it came is forgotten, but for the attempts."""
    state.ongoing.pop(request.id, None)
    forget_agent(state, request)
    if request.talked_since is not None:
        state.request_of_channel.pop((request.pbx, request.channel), None)
    request.channel, request.talked_since = ChannelId(""), None
    request.accepted, request.agent, request.offers, request.reach = None, None, [], None
    request.connected_at = None
    request.talked_seconds = 0


def forget_agent(state: State, request: Request) -> None:
    if request.agent is None:
        return
    if state.unsettled.get(request.agent) == request.id:
        del state.unsettled[request.agent]
    agent = state.agents.get(request.agent)  # he may stand in the rules no more
    if agent and agent.request == request.id:
        agent.request = None


FOLDS: dict[type[AnyFact], Callable[[State, Any], None]] = {
    CallbackOffered: _callback_offered,
    OfferPutOff: _offer_put_off,
    RequestSetAside: _request_set_aside,
    NumberGiven: _number_given,
    RequestResumed: _request_resumed,
    CallbackPromised: _callback_promised,
    CallbackRenewed: _callback_renewed,
    CallerAsked: _caller_asked,
    CallerAnswered: _caller_answered,
    CallbackTakenToLine: _callback_taken_to_line,
    CallbackScheduled: _callback_scheduled,
    CallbackDue: _callback_due,
    CallbackReassigned: _callback_reassigned,
    CustomerDialled: _customer_dialled,
    CustomerReached: _customer_reached,
    CustomerLeft: _customer_left,
    CustomerMissed: _customer_missed,
    CallbackUnsettled: _callback_unsettled,
    CallbackReturned: _callback_returned,
    MessageDeleted: _message_deleted,
}
