"""Customers who are called: by an agent who has taken their callback, or who wants to call somebody.

The agent's own telephone has been picked up; from there Asterisk dials the customer. An attempt is written down before
it is made. How it ended, the agent says by a key or over the API, at the latest by the end of his wrap-up.
"""

from __future__ import annotations

from collections.abc import Callable

from acd.center import agents, callbacks, calls, devices, offers
from acd.center.facts import (
    CallbackReturned,
    CallbackUnsettled,
    CustomerDialled,
    CustomerLeft,
    CustomerMissed,
    CustomerReached,
    RequestQueued,
)
from acd.center.inputs import (
    CallbackKey,
    CallCustomer,
    CancelRequest,
    CustomerAnswered,
    CustomerHungUp,
    CustomerNotReached,
    PlaceCall,
    Reschedule,
    Settle,
)
from acd.center.model import (
    MIDDLE_PRIORITY,
    Agent,
    AgentState,
    CallbackRules,
    Caller,
    ChannelId,
    Kind,
    Missed,
    NotAllowed,
    Offer,
    OfferId,
    Outcome,
    Reach,
    Refused,
    Request,
    RequestId,
    UnknownName,
    Verdict,
)
from acd.center.state import State
from acd.center.turn import Turn

IN_TOUCH = (Reach.DIALLING, Reach.TALKING)
HAVE_TALKED = (Reach.TALKING, Reach.LEFT)
ANSWERED = "answered"
"""What an attempt came to that reached its customer."""

# ---- An agent wants to call somebody


def place(turn: Turn, asked: PlaceCall) -> None:
    """Raises UnknownName, NotAllowed, Refused."""
    agent = turn.state.agent(asked.agent)
    queue = asked.queue or min(agent.queues, key=lambda name: (agent.queues[name], name), default=None)
    if queue is None or queue not in agent.queues:
        raise NotAllowed(f"queue: {agent.name} does not serve {queue!r}; allowed: {', '.join(agent.queues)}")
    if agent.free_since is None:
        raise Refused(f"{agent.name} is {agent.state}: only who is available can place a call")
    if asked.pbx not in turn.state.steered or not devices.first(turn.state, agent, asked.pbx):
        raise Refused(f"{agent.name} cannot be reached from {asked.pbx} just now")
    turn.tell(
        RequestQueued(
            at=turn.now,
            request=RequestId(turn.state.next_id(turn.now)),
            kind=Kind.DIAL,
            queue=queue,
            priority=MIDDLE_PRIORITY,
            entered_at=turn.now,
            caller=Caller(number=asked.number, e164=asked.number),
            pbx=asked.pbx,
            channel=ChannelId(""),
            held_for=agent.name,
            held_until=None,
            number=asked.number,
        )
    )


# ---- The customer is dialled


def call(turn: Turn, asked: CallCustomer) -> None:
    """Raises UnknownName, Refused."""
    request = callbacks.open_callback(turn, asked.request)
    if _leg_of(turn, request) is None:
        raise Refused("no agent has it on his telephone")
    if request.reach in IN_TOUCH:
        raise Refused("he is being called already")
    dial(turn, request)


def dial(turn: Turn, request: Request) -> None:
    leg = _leg_of(turn, request)
    if leg is None:
        return
    turn.tell(
        CustomerDialled(
            at=turn.now,
            request=request.id,
            kind=request.kind,
            queue=request.queue,
            offer=leg.id,
            pbx=leg.pbx,
            channel=leg.channel,
            number=request.number,
            attempt=request.attempts + 1,
            ring_seconds=_rules(turn, request).ring_seconds,
            queue_number=turn.state.queues[request.queue].rules.caller_id,
        )
    )


def answered(turn: Turn, told: CustomerAnswered) -> None:
    if offer := turn.state.offers.get(told.offer):
        _reached(turn, offer, told.channel)


def attempt(offer: OfferId, number: int) -> str:
    """Its name: on which leg it is made, and which one it is."""
    return f"{offer}.{number}"


def being_called(state: State, offer: Offer) -> Request | None:
    """Whose customer this offer's agent has called."""
    request = state.requests.get(offer.request)
    called = request is not None and request.accepted == offer.id and request.reach is not None
    return request if called else None


def found(turn: Turn, offer: Offer, how: str) -> None:
    """What became of an attempt was not heard, and shows now: `answered`, or as in CustomerNotReached."""
    if how == ANSWERED:
        _reached(turn, offer, ChannelId(""))
    else:
        not_reached(turn, CustomerNotReached(offer.id, Missed(how), "unheard"))


def _reached(turn: Turn, offer: Offer, channel: ChannelId) -> None:
    """Also when it was believed that he was not."""
    request = _request_of(turn, offer)
    if request and request.reach in (Reach.DIALLING, Reach.MISSED):
        turn.tell(CustomerReached(at=turn.now, request=request.id, pbx=offer.pbx, channel=channel))


def not_reached(turn: Turn, told: CustomerNotReached) -> None:
    offer = turn.state.offers.get(told.offer)
    request = _request_of(turn, offer)
    if offer is None or request is None or request.reach is not Reach.DIALLING:
        return
    turn.tell(CustomerMissed(at=turn.now, request=request.id, queue=request.queue, how=told.how, cause=told.cause))
    if request.kind == Kind.DIAL:
        _end(turn, request, Outcome.NOT_REACHED)


def lost(turn: Turn, offer: Offer) -> None:
    """Its leg is gone, and nobody has heard what became of a customer who was being dialled on it."""
    not_reached(turn, CustomerNotReached(offer.id, Missed.FAILED, "ended unheard"))


def hung_up(turn: Turn, told: CustomerHungUp) -> None:
    if request := _request_of(turn, turn.state.offers.get(told.offer)):
        customer_left(turn, request)


def customer_left(turn: Turn, request: Request) -> None:
    if request.reach is not Reach.TALKING:
        return
    turn.tell(CustomerLeft(at=turn.now, request=request.id, pbx=request.pbx, channel=request.channel))
    if request.kind == Kind.DIAL:
        _end(turn, request, Outcome.ANSWERED)


# ---- How it ended


def cancel(turn: Turn, asked: CancelRequest) -> None:
    """A callback that nobody has yet, or a call that an agent makes, which is hung up. Raises UnknownName, Refused."""
    request = turn.state.requests.get(asked.request)
    if request is None or request.kind == Kind.CALL:
        raise UnknownName(f"there is no callback or outgoing call {asked.request!r}")
    leg = _leg_of(turn, request)
    if request.kind == Kind.DIAL and leg is not None:
        outcome = Outcome.ANSWERED if request.reach is Reach.TALKING else Outcome.CANCELLED
        _end(turn, request, outcome, leg_ends=offers.release_leg)
        return
    callbacks.cancel(turn, request)


def agent_hung_up(turn: Turn, request: Request, agent: Agent) -> None:
    """His leg is gone, or about to be."""
    if request.kind == Kind.DIAL:
        _end(turn, request, Outcome.ANSWERED if request.reach is Reach.TALKING else Outcome.CANCELLED)
        return
    if request.reach is None:
        turn.tell(CallbackReturned(at=turn.now, request=request.id, queue=request.queue, agent=agent.name))
    else:
        turn.tell(CallbackUnsettled(at=turn.now, request=request.id, agent=agent.name))
    agents.wrap_up(turn, agent, turn.state.queues[request.queue].rules)


def passed_on(turn: Turn, request: Request) -> None:
    """The agent has transferred the customer to somebody else: his part is done."""
    _end(turn, request, Outcome.ANSWERED)


def settle(turn: Turn, asked: Settle) -> None:
    """Raises UnknownName, Refused."""
    request = callbacks.open_callback(turn, asked.request)
    if not request.agent:
        raise Refused("no agent has it yet; cancel it instead")
    _settle(turn, request, asked.verdict, asked.comment)


def reschedule(turn: Turn, asked: Reschedule) -> None:
    """Raises UnknownName, NotAllowed, Refused."""
    request = callbacks.open_callback(turn, asked.request)
    if asked.due_at < turn.now:
        raise NotAllowed("at: the moment is in the past")
    if asked.agent is not None:
        callbacks.may_call_back(turn, asked.agent, turn.state.queues[request.queue])
    if request.accepted is None:
        offers.withdraw_all(turn, request)
    _leave_agent(turn, request)
    callbacks.schedule(turn, request, asked.due_at, asked.agent, asked.comment)


def key(turn: Turn, told: CallbackKey) -> None:
    """What he may not do just now is passed over: the menu comes again."""
    offer = turn.state.offers.get(told.offer)
    request = _request_of(turn, offer)
    if offer is None or request is None or request.kind != Kind.CALLBACK:
        return
    act = _KEYS.get(told.action)
    if act:
        act(turn, request, told)


def settle_after_wrap_ups(turn: Turn) -> None:
    """Of those whose agents have said nothing: talked is done, dialled in vain is not reached."""
    for name, identity in list(turn.state.unsettled.items()):
        agent = turn.state.agents.get(name)
        if agent is None or agent.state is not AgentState.WRAP_UP:
            request = turn.state.requests[identity]
            talked = request.reach in HAVE_TALKED
            _settle(turn, request, Verdict.DONE if talked else Verdict.NOT_REACHED, "")


def _settle(turn: Turn, request: Request, verdict: Verdict, comment: str) -> None:
    rules = _rules(turn, request)
    if verdict is Verdict.NOT_REACHED and request.reach in HAVE_TALKED:
        turn.tell(CustomerMissed(at=turn.now, request=request.id, queue=request.queue, how=Missed.MACHINE, cause=""))
    if verdict is Verdict.NOT_REACHED and request.attempts < rules.attempts:
        _leave_agent(turn, request)
        callbacks.schedule(turn, request, turn.now + rules.retry_seconds, comment=comment)
        return
    _end(turn, request, _OUTCOMES[verdict], comment, leg_ends=offers.release_leg)


def _end(
    turn: Turn,
    request: Request,
    outcome: Outcome,
    comment: str = "",
    leg_ends: Callable[[Turn, Offer], None] = offers.let_leg_end,
) -> None:
    offer, agent = _leg_of(turn, request), turn.state.agents.get(request.agent) if request.agent else None
    calls.end(turn, request, outcome, ended_by="agent", comment=comment)
    _let_go(turn, request, offer, agent, leg_ends)


def _leave_agent(turn: Turn, request: Request) -> None:
    agent = turn.state.agents.get(request.agent) if request.agent else None
    _let_go(turn, request, _leg_of(turn, request), agent, offers.release_leg)


def _let_go(
    turn: Turn, request: Request, offer: Offer | None, agent: Agent | None, leg_ends: Callable[[Turn, Offer], None]
) -> None:
    """The agent whose leg still lives has his wrap-up from now on. (A leg whose talk is over ends by itself; one that
    is still in the dialogue is told to.)"""
    if offer is not None and agent is not None:
        agents.wrap_up(turn, agent, turn.state.queues[request.queue].rules)
        leg_ends(turn, offer)


def _rules(turn: Turn, request: Request) -> CallbackRules:
    return turn.state.queues[request.queue].rules.callbacks or CallbackRules()


def _leg_of(turn: Turn, request: Request) -> Offer | None:
    return turn.state.offers.get(request.accepted) if request.accepted else None


def _request_of(turn: Turn, offer: Offer | None) -> Request | None:
    """The one that this offer's agent is at work on."""
    request = turn.state.requests.get(offer.request) if offer else None
    taken = request is not None and offer is not None and request.accepted == offer.id
    return request if taken and request is not None and request.kind != Kind.CALL else None


def _key_call(turn: Turn, request: Request, told: CallbackKey) -> None:
    if request.reach not in IN_TOUCH:
        dial(turn, request)


def _key_later(turn: Turn, request: Request, told: CallbackKey) -> None:
    _leave_agent(turn, request)
    callbacks.schedule(turn, request, turn.now + _rules(turn, request).put_off_seconds)


def _key_appointment(turn: Turn, request: Request, told: CallbackKey) -> None:
    if told.at is not None and told.at >= turn.now:
        agent = request.agent if told.with_me else None
        _leave_agent(turn, request)
        callbacks.schedule(turn, request, told.at, agent)


def _key_verdict(turn: Turn, request: Request, told: CallbackKey) -> None:
    _settle(turn, request, Verdict(told.action), "")


def _key_not_possible(turn: Turn, request: Request, told: CallbackKey) -> None:
    reasons = {str(digit): reason for digit, reason in enumerate(_rules(turn, request).not_possible_reasons, 1)}
    reason = reasons.get(told.reason) if told.reason else ""
    if reason is not None:
        _settle(turn, request, Verdict.NOT_POSSIBLE, reason)


_OUTCOMES = {
    Verdict.DONE: Outcome.ANSWERED,
    Verdict.NOT_REACHED: Outcome.NOT_REACHED,
    Verdict.NOT_POSSIBLE: Outcome.NOT_POSSIBLE,
}
_KEYS: dict[str, Callable[[Turn, Request, CallbackKey], None]] = {
    "call": _key_call,
    "later": _key_later,
    "appointment": _key_appointment,
    "done": _key_verdict,
    "not_reached": _key_verdict,
    "not_possible": _key_not_possible,
}
