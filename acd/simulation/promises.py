"""Watches that promised messages are kept, whatever becomes of the daemon, its servers and the ways between them.

Who was told that he will be called back, or hung up when he had spoken, has a callback that waits at the place that he
had in the line, has an appointment, is offered, or is being talked about; or it has ended as it may: he was talked
with, was called for as often as his queue says, an agent said that it is not possible, or somebody took it back. His
telephone is never called twice at a time, and not once he has been talked with.

It outlives the daemon: what callers were told must be known to the next one, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from acd.center.facts import (
    AnyFact,
    CallbackPromised,
    CallbackRenewed,
    CallbackReturned,
    CallbackScheduled,
    CallbackTakenToLine,
    CallbackUnsettled,
    CustomerDialled,
    CustomerMissed,
    CustomerReached,
    RequestEnded,
    RequestQueued,
    RulesChanged,
)
from acd.center.model import CallbackRules, Kind, Outcome, QueueName, Request, RequestId, RequestState
from acd.center.state import State
from acd.messages import SHORTEST_SECONDS
from acd.simulation.channels import Caller, Customer, Leg
from acd.simulation.server import Server
from acd.simulation.watch import InLine, LawBroken

DEFAULT = CallbackRules()
NOT_POSSIBLE, APPOINTMENT = "not_possible", "appointment"
_NotDialled = CustomerReached | CustomerMissed | CallbackUnsettled | CallbackScheduled | CallbackReturned


@dataclass
class Owed:
    number: str
    attempts: int = 0
    is_dialled: bool = False


class Promises:
    def __init__(self, servers: Mapping[str, Server], *, all_is_heard: bool, all_is_kept: bool) -> None:
        """Where events are lost, a talk may be taken for none; there, and where the disk fails, who hung up when he had
        spoken was promised nothing."""
        self._servers = servers
        self._all_is_heard, self._all_is_kept = all_is_heard, all_is_kept
        self._told: dict[str, str] = {}
        """Messages of which callers know that they are kept, each with its caller's number."""
        self._spoken: set[str] = set()
        """Those of callers who hung up then."""
        self._reached: set[str] = set()
        """Numbers of those who have been talked with, since they were promised it."""
        self._appointed: set[str] = set()
        """Of these, who have asked to be called again."""
        self._calls: Counter[str] = Counter()
        """How often each number's telephone was called."""
        self._said: set[tuple[RequestId, str]] = set()
        """What agents have said of which callback."""
        self._taken_back: set[RequestId] = set()
        self._state: State
        self._line: Mapping[RequestId, InLine]
        self._forgets()

    def _forgets(self) -> None:
        self._owed: dict[RequestId, Owed] = {}
        self._known: set[str] = set()
        """Messages by which somebody is, or was, owed a call."""
        self._attempts: dict[QueueName, int] = {}

    # ---- What the daemon says

    def begins(self, state: State, line: Mapping[RequestId, InLine]) -> None:
        """A new one, which will tell what is on its disk."""
        self._state, self._line = state, line
        self._forgets()

    def has_begun(self) -> None:
        for message, number in self._told.items():
            if message not in self._known:
                raise LawBroken(f"{number} was told that {message} is kept, and the next daemon does not know it")
        for owed in self._owed.values():
            if owed.attempts < self._calls[owed.number]:
                raise LawBroken(f"{owed.number} was called, and the next daemon does not know it")

    def on_fact(self, fact: AnyFact, *, anew: bool = True) -> None:
        """`anew`, it is news to the telephones, too."""
        judge = _JUDGES.get(type(fact))
        if judge:
            judge(self, fact, anew)

    def _rules_changed(self, fact: RulesChanged, anew: bool) -> None:
        self._attempts = {queue.name: queue.callbacks.attempts for queue in fact.rules.queues if queue.callbacks}

    def _queued(self, fact: RequestQueued, anew: bool) -> None:
        if fact.kind == Kind.CALLBACK:
            self._owed[fact.request] = Owed(fact.number)

    def _promised(self, fact: CallbackPromised, anew: bool) -> None:
        self._demand(fact.request not in self._owed, fact, "it is promised already")
        self._owed[fact.request] = Owed(fact.number)
        if fact.message:
            self._known.add(fact.message.name)
        if anew:
            self._reached.discard(fact.number)
            del self._calls[fact.number]

    def _renewed(self, fact: CallbackRenewed, anew: bool) -> None:
        self._demand(fact.request in self._owed, fact, "nothing was promised")
        if fact.message:
            self._known.add(fact.message.name)

    def _taken_to_line(self, fact: CallbackTakenToLine, anew: bool) -> None:
        self._demand(self._owed.pop(fact.request, None) is not None, fact, "nothing was promised")

    def _dialled(self, fact: CustomerDialled, anew: bool) -> None:
        owed = self._owed.get(fact.request)
        if owed is None:
            self._demand(fact.kind != Kind.CALLBACK, fact, "nothing was promised")
            return
        self._demand(not owed.is_dialled, fact, "he is dialled already")
        self._demand(fact.attempt == owed.attempts + 1, fact, f"attempt {owed.attempts} was the last one")
        owed.attempts, owed.is_dialled = fact.attempt, True

    def _is_not_dialled(self, fact: _NotDialled, anew: bool) -> None:
        if owed := self._owed.get(fact.request):
            owed.is_dialled = False

    def _ended(self, fact: RequestEnded, anew: bool) -> None:
        owed = self._owed.pop(fact.request, None)
        if owed is None:
            joins = fact.outcome is not Outcome.CALLBACK or self._is_owed(fact.queue, fact.number or fact.caller.e164)
            self._demand(joins, fact, "no callback stands for him")
        elif anew:
            self._demand(self._may_end(fact, owed), fact, "the promise is not kept")
            self._demand(fact.entered_at == self._line[fact.request].entered_at, fact, "he came at another moment")

    def _may_end(self, fact: RequestEnded, owed: Owed) -> bool:
        if fact.outcome is Outcome.ANSWERED:
            return owed.number in self._reached
        if fact.outcome is Outcome.NOT_REACHED:
            return fact.attempts == owed.attempts >= self._attempts.get(fact.queue, DEFAULT.attempts)
        if fact.outcome is Outcome.NOT_POSSIBLE:
            return (fact.request, NOT_POSSIBLE) in self._said
        return fact.outcome is Outcome.CANCELLED and fact.request in self._taken_back

    def _is_owed(self, queue: QueueName, number: str) -> bool:
        request = self._state.callbacks.get((queue, number))
        return request in self._owed

    @staticmethod
    def _demand(true: bool, fact: AnyFact, otherwise: str) -> None:
        if not true:
            raise LawBroken(f"{otherwise}: {fact}")

    # ---- What it believes

    def after_a_turn(self) -> None:
        for name in self._owed:
            if why := self._why_not_kept(name):
                raise LawBroken(f"{name} is promised, and {why}")

    def _why_not_kept(self, name: RequestId) -> str:
        request = self._state.requests.get(name)
        if request is None or request.kind != Kind.CALLBACK:
            return "there is no such callback"
        if self._state.callbacks.get((request.queue, request.number)) != name:
            return f"{request.number} is owed none"
        if request.entered_at != self._line[name].entered_at:
            return f"has entered at {request.entered_at}"
        return "" if _STANDS[request.state](self._state, request) else f"is {request.state} in no way that ends"

    def from_time_to_time(self) -> None:
        in_line = {name for queue in self._state.queues.values() for name in queue.line.in_order()}
        for name in self._owed:
            stands_in_line = self._state.requests[name].state in (RequestState.WAITING, RequestState.OFFERED)
            if stands_in_line and name not in in_line:
                raise LawBroken(f"{name} is promised, and stands in no line")

    def at_the_end(self) -> None:
        lost = self._spoken - self._known
        if self._owed or (lost and self._all_is_heard and self._all_is_kept):
            raise LawBroken(f"left over: {self._owed}; spoken and lost: {lost}")

    # ---- At the telephones

    def is_kept(self, caller: Caller, daemon_lives: bool) -> None:
        """He is told so."""
        message = caller.variables["ACD_MESSAGE"]
        self._told[message] = caller.visitor.number
        if daemon_lives and message not in self._known:
            raise LawBroken(f"{caller.id} is told that {message} is kept, and it is not")

    def leaves(self, caller: Caller) -> None:
        """In the middle of his message: whoever has spoken then has left it."""
        variables = caller.variables
        has_spoken = variables["ACD_ASIDE"] == "yes" and caller.spoken_seconds >= SHORTEST_SECONDS
        if has_spoken and not variables["ACD_STATUS"]:
            self._spoken.add(variables["ACD_MESSAGE"])

    def says(self, leg: Leg, what: str) -> None:
        self._said.add((RequestId(leg.variables["ACD_REQUEST"]), what))
        if what == APPOINTMENT:
            self._appointed.add(leg.customers_number)

    def is_taken_back(self, request: RequestId) -> None:
        self._taken_back.add(request)

    def rings(self, customer: Customer, daemon_lives: bool) -> None:
        number = customer.leg.customers_number
        self._calls[number] += 1
        attempts = max((owed.attempts for owed in self._owed.values() if owed.number == number), default=0)
        if daemon_lives and attempts < self._calls[number]:
            raise LawBroken(f"{number} is called by {customer.leg.id}, and nobody has written it down")
        if self._all_is_heard and number in self._reached - self._appointed:
            raise LawBroken(f"{number} is called by {customer.leg.id}, and has been talked with")
        for server in self._servers.values():
            for other in server.pbx.channels.values():
                if isinstance(other, Customer) and other is not customer and other.leg.customers_number == number:
                    raise LawBroken(f"{number} is called by {customer.leg.id} and by {other.leg.id}")

    def reaches(self, customer: Customer) -> None:
        number = customer.leg.customers_number
        self._reached.add(number)
        self._appointed.discard(number)


def _is_at_work(state: State, request: Request) -> bool:
    """Somebody has it on his telephone, or has yet to say how it ended."""
    if request.accepted is not None:
        return request.accepted in state.offers
    return request.agent is not None and state.unsettled.get(request.agent) == request.id


_STANDS: dict[RequestState, Callable[[State, Request], bool]] = {
    RequestState.WAITING: lambda state, request: not request.offers and request.accepted is None,
    RequestState.OFFERED: lambda state, request: all(name in state.offers for name in request.offers),
    RequestState.SCHEDULED: lambda state, request: request.due_at is not None,
    RequestState.ONGOING: _is_at_work,
}
_JUDGES: dict[type[AnyFact], Callable[[Promises, Any, bool], None]] = {
    RulesChanged: Promises._rules_changed,
    RequestQueued: Promises._queued,
    CallbackPromised: Promises._promised,
    CallbackRenewed: Promises._renewed,
    CallbackTakenToLine: Promises._taken_to_line,
    CustomerDialled: Promises._dialled,
    **dict.fromkeys(get_args(_NotDialled), Promises._is_not_dialled),
    RequestEnded: Promises._ended,
}
