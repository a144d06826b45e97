"""Callbacks, the caller's side: he leaves a message instead of waiting, and keeps his place.

The callback is his request, the same one: with its priority, its moment of entry and its place. One that is due later
leaves the line until its moment, and has the place of that.
"""

from __future__ import annotations

from acd.center import announcements, calls, estimates, offers, preferred
from acd.center.facts import (
    CallbackDue,
    CallbackOffered,
    CallbackPromised,
    CallbackReassigned,
    CallbackRenewed,
    CallbackScheduled,
    CallbackTakenToLine,
    CallerAnswered,
    CallerAsked,
    MessageDeleted,
    NumberGiven,
    OfferPutOff,
    RequestQueued,
    RequestResumed,
    RequestSetAside,
)
from acd.center.inputs import (
    AskForCallback,
    CallbackChosen,
    CallerJoined,
    DeleteMessage,
    MessageBegun,
    MessageDropped,
    MessageLeft,
    NumberTyped,
    Reassign,
)
from acd.center.model import (
    CALLS_BACK,
    MIDDLE_PRIORITY,
    AgentName,
    CallbackRules,
    Caller,
    ChannelId,
    Kind,
    Message,
    NotAllowed,
    Outcome,
    PbxName,
    Refused,
    Request,
    RequestId,
    RequestState,
    UnknownName,
)
from acd.center.state import Queue
from acd.center.turn import Turn

LOOK_AGAIN_SECONDS = 30.0
"""How often a caller who is not thought to wait for long is looked at again."""
LINE, CANCEL = "line", "cancel"
CHOICES = ("keep", LINE, CANCEL)
"""Of one who calls again."""
GONE = "gone"


# ---- He is told that he may


def first_offer_at(now: float, rules: CallbackRules | None) -> float | None:
    """When a caller who joins is to be told of it; None if never."""
    if rules is None:
        return None
    if rules.offer_above_seconds is not None:
        return now
    return None if rules.offer_after_seconds is None else now + rules.offer_after_seconds


def offer(turn: Turn, request: Request) -> None:
    """Its moment has come."""
    rules = turn.state.queues[request.queue].rules.callbacks
    if rules is None or not _is_time(turn, request, rules):
        turn.tell(OfferPutOff(at=turn.now, request=request.id, offer_at=_look_again_at(turn.now, request, rules)))
        return
    turn.tell(
        CallbackOffered(
            at=turn.now,
            request=request.id,
            queue=request.queue,
            pbx=request.pbx,
            channel=request.channel,
            key=rules.key,
        )
    )


def _look_again_at(now: float, request: Request, rules: CallbackRules | None) -> float:
    """No later than the moment at which he is told in any case."""
    if rules is None or rules.offer_after_seconds is None:
        return now + LOOK_AGAIN_SECONDS
    return min(now + LOOK_AGAIN_SECONDS, request.entered_at + rules.offer_after_seconds)


def _is_time(turn: Turn, request: Request, rules: CallbackRules) -> bool:
    if rules.offer_after_seconds is not None and turn.now >= request.entered_at + rules.offer_after_seconds:
        return True
    wait = estimates.of_request(turn.state, request)
    return rules.offer_above_seconds is not None and wait is not None and wait.p50 > rules.offer_above_seconds


# ---- He leaves a message


def begun(turn: Turn, told: MessageBegun) -> None:
    """Whoever rings for him is called off: the next one is served meanwhile."""
    request = turn.state.request_on(told.pbx, told.channel)
    if request is None or request.kind != Kind.CALL or _is_taken(request) or request.aside:
        return
    if turn.state.queues[request.queue].rules.callbacks is None:
        return
    offers.withdraw_all(turn, request)
    turn.tell(
        RequestSetAside(
            at=turn.now,
            request=request.id,
            queue=request.queue,
            pbx=told.pbx,
            channel=told.channel,
            message=turn.state.next_id(turn.now),
            number=told.number,
        )
    )


def number_typed(turn: Turn, told: NumberTyped) -> None:
    if request := _leaving_a_message(turn, told.pbx, told.channel):
        turn.tell(NumberGiven(at=turn.now, request=request.id, number=told.number))


def dropped(turn: Turn, told: MessageDropped) -> None:
    if request := _leaving_a_message(turn, told.pbx, told.channel):
        resume(turn, request)


def resume(turn: Turn, request: Request) -> None:
    turn.tell(RequestResumed(at=turn.now, request=request.id, queue=request.queue))


def left(turn: Turn, told: MessageLeft) -> None:
    """His place is kept from now on. (One callback a number and queue: a second message joins the first, which has the
    older place.)"""
    request = _leaving_a_message(turn, told.pbx, told.channel)
    if request is None or not request.number or request.message is None:
        return
    message = Message(request.message.name, told.seconds, turn.now)
    if earlier := turn.state.callbacks.get((request.queue, request.number)):
        _renew(turn, turn.state.requests[earlier], message, "")
        calls.end(turn, request, Outcome.CALLBACK, ended_by="caller")
        return
    turn.tell(
        CallbackPromised(
            at=turn.now,
            request=request.id,
            queue=request.queue,
            pbx=told.pbx,
            channel=told.channel,
            number=request.number,
            message=message,
            hours=told.hours,
            needs=(CALLS_BACK, *request.needs),
        )
    )


def _renew(turn: Turn, request: Request, message: Message | None, comment: str) -> None:
    turn.tell(
        CallbackRenewed(
            at=turn.now,
            request=request.id,
            message=message or request.message,
            was=request.message if message else None,
            comment=comment or request.comment,
        )
    )


def _leaving_a_message(turn: Turn, pbx: PbxName, channel: ChannelId) -> Request | None:
    request = turn.state.request_on(pbx, channel)
    return request if request and request.aside else None


def _is_taken(request: Request) -> bool:
    """An agent has picked up for it; until then his phone only rings."""
    return request.state is RequestState.ONGOING or request.accepted is not None


# ---- He calls again


def to_ask_about(turn: Turn, told: CallerJoined) -> Request | None:
    """The callback that he has coming, if no agent has taken it yet."""
    queue = turn.state.queues.get(told.queue)
    name = turn.state.callbacks.get((told.queue, told.caller.e164))
    if name is None or queue is None or queue.rules.callbacks is None:
        return None
    request = turn.state.requests[name]
    return None if _is_taken(request) else request


def ask(turn: Turn, told: CallerJoined, request: Request) -> None:
    turn.tell(
        CallerAsked(
            at=turn.now,
            request=request.id,
            queue=request.queue,
            pbx=told.pbx,
            channel=told.channel,
            place=turn.state.place_of(request),
        )
    )


def chosen(turn: Turn, told: CallbackChosen) -> None:
    """An agent may have taken it meanwhile, or it may have gone: then the caller is told `gone`, and joins anew; so he
    does, and is asked again, if his choice is none. Whose phone only rings for it is called off. What is over need not
    be cancelled."""
    request = turn.state.requests.get(told.request)
    result = told.choice if told.choice in CHOICES else GONE
    if request is None or request.kind != Kind.CALLBACK or _is_taken(request):
        result = CANCEL if request is None and told.choice == CANCEL else GONE
    elif told.choice == LINE:
        offers.withdraw_all(turn, request)
        turn.tell(
            CallbackTakenToLine(
                at=turn.now,
                request=request.id,
                queue=request.queue,
                pbx=told.pbx,
                channel=told.channel,
                caller=told.caller,
                needs=tuple(need for need in request.needs if need != CALLS_BACK),
            )
        )
        rules = turn.state.queues[request.queue].rules
        announcements.plan(turn, request, announcements.for_newcomer(rules, turn.now))
    elif told.choice == CANCEL:
        offers.withdraw_all(turn, request)
        calls.end(turn, request, Outcome.CANCELLED, ended_by="caller")
    turn.tell(CallerAnswered(at=turn.now, pbx=told.pbx, channel=told.channel, result=result))


# ---- Somebody asks for one without calling


def asked_for(turn: Turn, asked: AskForCallback) -> None:
    """Raises UnknownName, Refused."""
    queue = turn.state.queues.get(asked.queue)
    if queue is None or queue.closing:
        raise UnknownName(f"there is no queue {asked.queue!r}")
    if asked.agent is not None:
        may_call_back(turn, asked.agent, queue)
    if asked.due_at is not None and asked.due_at < turn.now:
        raise NotAllowed("at: the moment is in the past")
    known = turn.state.callbacks.get((asked.queue, asked.number))
    if known:
        _renew(turn, turn.state.requests[known], None, asked.comment)
        return
    request = RequestId(turn.state.next_id(turn.now))
    is_there = preferred.is_worth_waiting_for(turn, asked.agent, queue)
    held_for = asked.agent if asked.due_at is None and is_there else None
    turn.tell(
        RequestQueued(
            at=turn.now,
            request=request,
            kind=Kind.CALLBACK,
            queue=asked.queue,
            priority=asked.priority or MIDDLE_PRIORITY,
            entered_at=turn.now,
            caller=Caller(number=asked.number, name=asked.name, e164=asked.number),
            pbx=asked.pbx,
            channel=ChannelId(""),
            needs=(CALLS_BACK,),
            held_for=held_for,
            held_until=turn.now + _rules(queue).reserved_seconds if held_for else None,
            number=asked.number,
            hours=asked.hours,
            comment=asked.comment,
        )
    )
    if asked.due_at is not None:
        schedule(turn, turn.state.requests[request], asked.due_at, asked.agent)


# ---- Its moment


def schedule(
    turn: Turn, request: Request, due_at: float, reserved_for: AgentName | None = None, comment: str = ""
) -> None:
    turn.tell(
        CallbackScheduled(
            at=turn.now,
            request=request.id,
            queue=request.queue,
            due_at=due_at,
            reserved_for=reserved_for,
            comment=comment or request.comment,
        )
    )


def due(turn: Turn, request: Request) -> None:
    """Reserved for somebody who is not there, it is anyone's at once."""
    queue = turn.state.queues[request.queue]
    reserved = request.held_for if preferred.is_worth_waiting_for(turn, request.held_for, queue) else None
    turn.tell(
        CallbackDue(
            at=turn.now,
            request=request.id,
            queue=request.queue,
            placed_at=request.due_at if request.due_at is not None else turn.now,
            held_for=reserved,
            held_until=turn.now + _rules(queue).reserved_seconds if reserved else None,
        )
    )


def reassign(turn: Turn, asked: Reassign) -> None:
    """Raises UnknownName, Refused."""
    request = open_callback(turn, asked.request)
    if request.state not in (RequestState.WAITING, RequestState.SCHEDULED):
        raise Refused(f"{request.agent or 'an agent'} has it")
    queue = turn.state.queues[request.queue]
    if asked.agent is not None:
        may_call_back(turn, asked.agent, queue)
    held = asked.agent is not None
    turn.tell(
        CallbackReassigned(
            at=turn.now,
            request=request.id,
            held_for=asked.agent,
            held_until=turn.now + _rules(queue).reserved_seconds if held else None,
        )
    )


def may_call_back(turn: Turn, name: AgentName, queue: Queue) -> None:
    """Raises UnknownName, NotAllowed."""
    agent = turn.state.agent(name)
    if queue.rules.name not in agent.queues:
        raise NotAllowed(f"agent: {name} does not serve {queue.rules.name}")
    if not agent.calls_back:
        raise NotAllowed(f"agent: {name} takes no callbacks (`callbacks = true`)")


# ---- Its end


def cancel(turn: Turn, request: Request) -> None:
    """Raises Refused for one that an agent has."""
    if _is_taken(request):
        raise Refused(f"{request.agent} has it; settle it instead")
    offers.withdraw_all(turn, request)
    calls.end(turn, request, Outcome.CANCELLED, ended_by="acd")


def delete_message(turn: Turn, told: DeleteMessage) -> None:
    turn.tell(MessageDeleted(at=turn.now, message=told.message))


def open_callback(turn: Turn, name: RequestId) -> Request:
    """Raises UnknownName."""
    request = turn.state.requests.get(name)
    if request is None or request.kind != Kind.CALLBACK:
        raise UnknownName(f"there is no open callback {name!r}")
    return request


def _rules(queue: Queue) -> CallbackRules:
    return queue.rules.callbacks or CallbackRules()
