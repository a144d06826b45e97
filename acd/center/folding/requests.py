"""Requests: from their entry into a line to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from acd.center import state as states
from acd.center.facts import (
    AnyFact,
    CallerReleased,
    HoldEnded,
    RequestConnected,
    RequestEased,
    RequestEnded,
    RequestHandedOver,
    RequestMoved,
    RequestPassedOn,
    RequestQueued,
    RequestReprioritized,
    RequestRequeued,
)
from acd.center.folding import lanes
from acd.center.folding.callbacks import forget_agent, nobody_wants
from acd.center.line import place_key
from acd.center.model import Kind, Outcome, Request, RequestState

if TYPE_CHECKING:
    from acd.center.state import Queue, State

NUMBERS_KEPT = 10_000
DAY_SECONDS = 86_400.0
T = TypeVar("T")


def _request_queued(state: State, fact: RequestQueued) -> None:
    state.remember_id(fact.request)
    request = state.requests[fact.request] = Request(
        id=fact.request,
        kind=fact.kind,
        queue=fact.queue,
        priority=fact.priority,
        entered_at=fact.entered_at,
        caller=fact.caller,
        pbx=fact.pbx,
        channel=fact.channel,
        leave_at=fact.leave_at,
        needs=fact.needs,
        ease_at=fact.ease_at,
        held_for=fact.held_for,
        held_until=fact.held_until,
        estimated_seconds=fact.estimated_seconds,
        offer_at=fact.offer_at,
        announce_at=fact.announce_at,
        prompt_at=fact.prompt_at,
        number=fact.number,
        hours=fact.hours,
        comment=fact.comment,
        preferred=fact.held_for,
    )
    if fact.channel:
        state.request_of_channel[fact.pbx, fact.channel] = request.id
    if fact.kind == Kind.CALLBACK:
        state.callbacks[fact.queue, fact.number] = request.id
    queue = state.queues[fact.queue]
    queue.gave_up.pop(fact.caller.key, None)
    request.place_key = place_key(request, queue.rules)
    if not request.is_outgoing:
        queue.entered += 1
        queue.line.enter(request.place_key)
    state.watch_wait(request)
    state.watch(request.ease_at, states.Timer.EASING, request.id)
    state.watch(request.held_until, states.Timer.HOLD, request.id)
    lanes.enter(state, request, fact.at)


def _request_eased(state: State, fact: RequestEased) -> None:
    request = state.requests[fact.request]
    lanes.leave(state, request)
    request.needs, request.ease_at = fact.needs, fact.ease_at
    state.watch(request.ease_at, states.Timer.EASING, request.id)
    lanes.enter(state, request, fact.at)


def _hold_ended(state: State, fact: HoldEnded) -> None:
    request = state.requests[fact.request]
    lanes.leave(state, request)
    request.held_for = request.held_until = None
    lanes.enter(state, request, fact.at)


def _request_reprioritized(state: State, fact: RequestReprioritized) -> None:
    request = state.requests[fact.request]
    line = state.queues[fact.queue].line
    lanes.leave(state, request)
    line.leave(request.place_key)
    request.priority = fact.priority
    request.estimated_seconds = None
    request.place_key = place_key(request, state.queues[fact.queue].rules)
    if request.state is RequestState.SCHEDULED or request.is_outgoing:
        return
    line.enter(request.place_key)
    lanes.enter(state, request, fact.at)


def _request_passed_on(state: State, fact: RequestPassedOn) -> None:
    request = state.requests[fact.request]
    forget_agent(state, request)
    request.accepted, request.offers = None, []
    request.agent = fact.agent


def _request_handed_over(state: State, fact: RequestHandedOver) -> None:
    request = state.requests[fact.request]
    line = state.queues[request.queue].line
    waits = request.state is not RequestState.ONGOING
    lanes.leave(state, request)
    line.leave(request.place_key)
    del state.request_of_channel[fact.pbx, fact.was]
    state.request_of_channel[fact.pbx, fact.channel] = request.id
    request.channel, request.caller, request.entered_at = fact.channel, fact.caller, fact.entered_at
    request.estimated_seconds = None
    request.place_key = place_key(request, state.queues[request.queue].rules)
    if waits:
        line.enter(request.place_key)
        lanes.enter(state, request, fact.at)


def _request_moved(state: State, fact: RequestMoved) -> None:
    request = state.requests[fact.request]
    was, queue = state.queues[fact.was], state.queues[fact.queue]
    lanes.leave(state, request)
    was.line.leave(request.place_key)
    _count_ending(was, Outcome.OVERFLOWED)
    if request.state is RequestState.OFFERED:
        was.offered -= 1
        queue.offered += 1
    request.queue, request.leave_at = fact.queue, fact.leave_at
    request.announce_at, request.prompt_at, request.prompts_heard = fact.announce_at, fact.prompt_at, 0
    request.estimated_seconds = None
    request.held_for = request.held_until = None
    request.place_key = place_key(request, queue.rules)
    queue.entered += 1
    queue.line.enter(request.place_key)
    state.watch_wait(request)
    lanes.enter(state, request, fact.at)


def _request_requeued(state: State, fact: RequestRequeued) -> None:
    request = state.requests[fact.request]
    lanes.leave(state, request)  # a shared one has stayed there, and may not be offered any more
    forget_agent(state, request)
    _end_offering(state, request)
    lanes.free_hands(state, request, fact.at)
    request.state = RequestState.WAITING
    request.agent = request.accepted = None
    request.offers = []
    if request.shared:
        request.turned_down_by.clear()  # everybody has been asked: the next round is a new one
    request.shared = False
    state.watch_wait(request)
    lanes.enter(state, request, fact.at)


def _request_connected(state: State, fact: RequestConnected) -> None:
    request = state.requests[fact.request]
    _end_offering(state, request)
    request.state = RequestState.ONGOING
    state.ongoing[request.id] = None
    request.connected_at = fact.at
    request.ease_at = request.held_until = None
    offer = state.offers[fact.offer]
    offer.connected_at = fact.at
    offer.deadline = None
    if fact.agent is None:
        forget_agent(state, request)
        request.accepted, request.agent, request.offers = None, None, []
    else:
        state.agents[fact.agent].taken_today += 1
    if request.is_outgoing:
        return
    queue = state.queues[fact.queue]
    queue.line.leave(request.place_key)
    queue.connected += 1
    queue.in_service_level += fact.in_service_level


def _request_ended(state: State, fact: RequestEnded) -> None:
    request = state.requests.pop(fact.request)
    state.ongoing.pop(fact.request, None)
    state.request_of_channel.pop((request.pbx, request.channel), None)
    if state.callbacks.get((fact.queue, request.number)) == request.id:
        del state.callbacks[fact.queue, request.number]
    lanes.free_hands(state, request, fact.at)
    if fact.message and fact.kind == Kind.CALLBACK:
        state.kept_messages[fact.request] = states.KeptMessage(fact.message.name, fact.pbx, fact.queue, fact.at)
    elif fact.message and state.callback_with(fact.message.name) is None:  # else it has joined an earlier one
        nobody_wants(state, fact.message, fact.pbx)
    forget_agent(state, request)
    _end_offering(state, request)
    queue = state.queues[fact.queue]
    lanes.leave(state, request)
    queue.line.leave(request.place_key)
    if not request.is_outgoing:
        _count_ending(queue, fact.outcome)
    if fact.caller.key and fact.outcome is Outcome.ABANDONED and queue.rules.redial_seconds:
        _remember(queue.gave_up, fact.caller.key, states.GaveUp(fact.entered_at, fact.at))
    if fact.outcome is Outcome.ANSWERED and fact.kind == Kind.CALL and queue.rules.dropped_come_back:
        talk = states.LastTalk(fact.entered_at, fact.priority, request.needs)
        _remember(state.last_talks, f"{fact.pbx} {fact.channel}", talk)
    if fact.caller.key and fact.agent and queue.rules.last_agent_days:
        until = fact.at + queue.rules.last_agent_days * DAY_SECONDS
        _remember(state.last_agents, fact.caller.key, (fact.agent, until))


def _end_offering(state: State, request: Request) -> None:
    if request.state is RequestState.OFFERED and not request.is_outgoing:
        state.queues[request.queue].offered -= 1


def _count_ending(queue: Queue, outcome: Outcome) -> None:
    queue.ended[outcome] = queue.ended.get(outcome, 0) + 1


def _remember(memory: dict[str, T], number: str, what: T) -> None:
    """The latest last; of more than NUMBERS_KEPT the oldest is forgotten."""
    memory.pop(number, None)
    memory[number] = what
    if len(memory) > NUMBERS_KEPT:
        del memory[next(iter(memory))]


def _caller_released(state: State, fact: CallerReleased) -> None:
    """An order to the edge; what it means for the request is a fact of its own."""


FOLDS: dict[type[AnyFact], Callable[[State, Any], None]] = {
    RequestQueued: _request_queued,
    RequestEased: _request_eased,
    HoldEnded: _hold_ended,
    RequestReprioritized: _request_reprioritized,
    RequestPassedOn: _request_passed_on,
    RequestHandedOver: _request_handed_over,
    RequestMoved: _request_moved,
    RequestRequeued: _request_requeued,
    RequestConnected: _request_connected,
    RequestEnded: _request_ended,
    CallerReleased: _caller_released,
}
