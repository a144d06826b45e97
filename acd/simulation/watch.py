"""Watches that nobody is lost: a second opinion, which knows the facts and the telephones and asks no center.

A caller waits, or is offered, or talks, or has left; an agent has one offer at most, until his leg is gone; a request
and an agent who could have each other are never both free; nobody is overtaken in a line; what is to end by itself
does; no telephone of an agent has two of our calls; who is on a telephone is in the center's books; whoever is told
that he was answered was; and a calm server never contradicts the center.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from acd.center import laws
from acd.center.facts import (
    AnyFact,
    CallbackDue,
    CallbackPromised,
    CallbackReturned,
    CallbackScheduled,
    CallbackTakenToLine,
    ContradictionFound,
    HoldEnded,
    LegGone,
    MomentsMoved,
    OfferEnded,
    OfferMade,
    PbxStateChanged,
    RequestConnected,
    RequestEased,
    RequestEnded,
    RequestHandedOver,
    RequestMoved,
    RequestQueued,
    RequestReprioritized,
    RequestRequeued,
    RequestResumed,
    RequestSetAside,
    RulesChanged,
)
from acd.center.model import (
    MIDDLE_PRIORITY,
    AgentName,
    Needs,
    OfferId,
    OfferOutcome,
    PbxName,
    QueueName,
    QueueRules,
    RequestId,
    RequestState,
)
from acd.center.offers import offer_of
from acd.center.state import State
from acd.simulation.channels import Caller, Channel, Customer, Leg
from acd.simulation.server import Server

LATE_SECONDS = 1.0
"""How long after its moment a deadline may still stand."""
CALM_SECONDS = 20.0
"""For how long a server must have been well and steered before its books are held against its telephones."""


class LawBroken(AssertionError):
    """What must never be so."""


class InLine:
    """What decides of a request's turn."""

    def __init__(self, fact: RequestQueued) -> None:
        self.id, self.queue, self.pbx = fact.request, fact.queue, fact.pbx
        self.priority, self.entered_at = fact.priority, fact.entered_at
        self.needs: Needs = fact.needs
        self.held_for = fact.held_for
        self.placed_at: float | None = None
        """Of a callback that had an appointment: then it has the place of that."""
        self.is_away = False
        """He is leaving a message, or has an appointment: his turn is to come later."""

    def turn(self, rules: QueueRules) -> tuple[float, float, str]:
        moment = self.entered_at if self.placed_at is None else self.placed_at
        if rules.order == "head_start":
            return (0, moment + (self.priority - MIDDLE_PRIORITY) * rules.head_start_seconds, self.id)
        return (self.priority, moment, self.id)


class Watch:
    def __init__(self, state: State, servers: Mapping[str, Server], *, with_faults: bool = False) -> None:
        """With faults, the end of a leg may be heard of too late."""
        self._state = state
        self._servers = servers
        self._with_faults = with_faults
        self._offers_to: dict[AgentName, dict[OfferId, RequestId]] = {}
        self._agent_of: dict[OfferId, AgentName] = {}
        self._offers: dict[RequestId, set[OfferId]] = {}
        """Of each request that lives, the offers by which it may yet be answered: none, it waits."""
        self._talks: set[RequestId] = set()
        self._legs_to: dict[str, list[Leg]] = {}
        """Those that rang last at a telephone, by what was dialled."""
        self.line: dict[RequestId, InLine] = {}
        self._rules: dict[QueueName, QueueRules] = {}
        self._steered: set[PbxName] = set()
        self._calm_since: dict[str, float] = {}
        self._odd: set[tuple[str, str]] = set()

    def on_fact(self, fact: AnyFact) -> None:
        judge = _JUDGES.get(type(fact))
        if judge:
            judge(self, fact)

    # ---- Fact by fact

    def _rules_changed(self, fact: RulesChanged) -> None:
        self._rules |= {rules.name: rules for rules in fact.rules.queues}

    def _pbx_changed(self, fact: PbxStateChanged) -> None:
        (self._steered.add if fact.up else self._steered.discard)(fact.pbx)
        self._calm_since.pop(fact.pbx, None)

    def _contradicted(self, fact: ContradictionFound) -> None:
        """Where nothing was lost on its way, what we believe of a server went wrong in our own hands."""
        server = self._servers.get(fact.pbx)
        calm = server is not None and self._is_calm(fact.pbx, server.pbx.now())
        self._demand(not (fact.comparing and calm), fact, "a calm server contradicts the center")

    def _queued(self, fact: RequestQueued) -> None:
        self._demand(fact.request not in self._offers, fact, "there is such a request")
        self._offers[fact.request] = set()
        self.line[fact.request] = InLine(fact)

    def _moves_in_line(self, fact: RequestReprioritized | RequestMoved | RequestEased | HoldEnded) -> None:
        one = self.line[fact.request]
        if isinstance(fact, RequestReprioritized):
            one.priority = fact.priority
        elif isinstance(fact, RequestMoved):
            one.queue, one.held_for = fact.queue, None
        elif isinstance(fact, RequestEased):
            one.needs = fact.needs
        else:
            one.held_for = None

    def _clock_was_set(self, fact: MomentsMoved) -> None:
        for one in self.line.values():
            one.entered_at += fact.by
            one.placed_at = None if one.placed_at is None else one.placed_at + fact.by

    def _handed_over(self, fact: RequestHandedOver) -> None:
        self.line[fact.request].entered_at = fact.entered_at

    def _offered(self, fact: OfferMade) -> None:
        to_him = self._offers_to.setdefault(fact.agent, {})
        self._demand({*to_him.values()} <= {fact.request}, fact, "the agent has another offer")
        waits = self._is_in_line(fact.request) and not self.line[fact.request].is_away
        self._demand(waits, fact, "the caller does not wait")
        others = {self._agent_of[offer] for offer in self._offers[fact.request]} - {fact.agent}
        self._demand(fact.shared or not others, fact, "the caller is offered to another agent")
        self._demand(fact.found or fact.pbx in self._steered, fact, "nobody steers the caller's server")
        at_another_device = fact.request in to_him.values()
        overtaken = not fact.found and not at_another_device and self._is_overtaken_by(fact.request)
        self._demand(not overtaken, fact, "somebody like the caller came before him")
        to_him[fact.offer] = fact.request
        self._agent_of[fact.offer] = fact.agent
        self._offers[fact.request].add(fact.offer)

    def _is_overtaken_by(self, request: RequestId) -> bool:
        """Somebody in the same line, who needs the same, waits longer."""
        one = self.line[request]
        rules = self._rules[one.queue]
        turn, alike = one.turn(rules), (one.queue, one.needs, one.held_for)
        return any(
            other.turn(rules) < turn
            for other in self.line.values()
            if not self._offers[other.id]
            and other.id not in self._talks
            and (other.queue, other.needs, other.held_for) == alike
            and other.pbx in self._steered
            and not other.is_away
        )

    def _offer_ended(self, fact: OfferEnded) -> None:
        self._demand(fact.offer in self._offers.get(fact.request, ()), fact, "the caller was not offered by this")
        if fact.outcome is not OfferOutcome.ACCEPTED:
            self._offers[fact.request].discard(fact.offer)

    def _requeued(self, fact: RequestRequeued) -> None:
        self._demand(self._is_in_line(fact.request), fact, "the caller talks, or has left")
        self._offers[fact.request].clear()

    def _goes_away(self, fact: RequestSetAside | CallbackScheduled) -> None:
        one = self.line[fact.request]
        one.is_away = True
        if isinstance(fact, CallbackScheduled):
            one.held_for = fact.reserved_for
            self._talks.discard(fact.request)
            self._offers[fact.request].clear()

    def _comes_back(self, fact: RequestResumed | CallbackDue | CallbackReturned) -> None:
        one = self.line[fact.request]
        one.is_away = False
        if isinstance(fact, CallbackDue):
            one.placed_at, one.held_for = fact.placed_at, fact.held_for
        elif isinstance(fact, CallbackReturned):
            self._talks.discard(fact.request)
            self._offers[fact.request].clear()

    def _changes_lines(self, fact: CallbackPromised | CallbackTakenToLine) -> None:
        """To that of those who are called back, or to that of those who wait themselves, at the place that he had."""
        self._demand(self._is_in_line(fact.request), fact, "the caller talks, or has left")
        self._offers[fact.request].clear()
        one = self.line[fact.request]
        one.needs, one.pbx, one.is_away = fact.needs, fact.pbx, False

    def _connected(self, fact: RequestConnected) -> None:
        self._demand(self._is_in_line(fact.request), fact, "the caller talks already, or has left")
        self._demand(self._offers[fact.request] == {fact.offer}, fact, "the caller was not offered by this alone")
        self._talks.add(fact.request)

    def _ended(self, fact: RequestEnded) -> None:
        self._demand(self._offers.pop(fact.request, None) is not None, fact, "the caller has left already")
        self._talks.discard(fact.request)
        self.line.pop(fact.request, None)

    def _leg_gone(self, fact: LegGone) -> None:
        self._demand(self._with_faults or not fact.overdue, fact, "nobody heard of the end of the leg")
        agent = self._agent_of.pop(fact.offer)
        self._demand(self._offers_to[agent].pop(fact.offer, None) is not None, fact, "the agent had no such offer")

    def _is_in_line(self, request: RequestId) -> bool:
        return request in self._offers and request not in self._talks

    @staticmethod
    def _demand(true: bool, fact: AnyFact, otherwise: str) -> None:
        if not true:
            raise LawBroken(f"{otherwise}: {fact}")

    # ---- Telephone by telephone

    def rings(self, leg: Leg) -> None:
        """The leg of an offer that was given up may begin late, and is then told to end. One that the journal did not
        keep is found when its own server is surveyed, and no other waits for it."""
        before = [other for other in self._legs_to.get(leg.originate.dial, ()) if self._server_of(other)]
        for other in before:
            at_one_server = self._server_of(other) is self._server_of(leg)
            if self._is_known(leg) and (at_one_server or self._is_known(other)):
                raise LawBroken(f"{leg.id} and {other.id} are both at {leg.originate.dial}")
        self._legs_to[leg.originate.dial] = [*before, leg]

    def _server_of(self, leg: Leg) -> Server | None:
        return next((one for one in self._servers.values() if one.pbx.channels.get(leg.id) is leg), None)

    def _is_known(self, leg: Leg) -> bool:
        return offer_of(leg.id) in self._state.offers

    def goes_on(self, caller: Caller) -> None:
        """In the dialplan, behind the line."""
        if caller.sent_on_as == "ANSWERED" and not caller.was_bridged:
            raise LawBroken(f"{caller.id} is told that he was answered, and nobody talked to him")

    # ---- At any time

    def after_a_turn(self) -> None:
        for queue in laws.idle_waste(self._state):
            raise LawBroken(f"in {queue} a caller and an agent both wait")

    def from_time_to_time(self, now: float, by_the_daemon: float) -> None:
        """Messages may be under way at any moment: what is odd twice in a row is wrong. The daemon may have another
        clock than we."""
        for queue in laws.unconserved(self._state):
            raise LawBroken(f"the requests of {queue} do not add up")
        for what in self._overdue(by_the_daemon):
            raise LawBroken(f"{what}, and nothing happens")
        calm = {name for name in self._servers if self._is_calm(name, now)}
        odd = {(where, what) for where, what in self._oddities() if where in calm}
        for where, what in sorted(odd & self._odd):
            raise LawBroken(f"on {where}, {what}")
        self._odd = odd

    def at_the_end(self) -> None:
        if self._offers or self._agent_of or self._state.requests or self._state.offers:
            raise LawBroken(f"left over: {self._offers} {self._agent_of}")

    def _is_calm(self, name: str, now: float) -> bool:
        server = self._servers[name]
        if not (server.is_well and name in self._steered):
            self._calm_since.pop(name, None)
            return False
        return now - max(server.troubled_until, self._calm_since.setdefault(name, now)) >= CALM_SECONDS

    def _overdue(self, now: float) -> Iterator[str]:
        """What was to end by itself, and has not."""
        late = now - LATE_SECONDS
        for agent in self._state.agents.values():
            if agent.until is not None and agent.until < late:
                yield f"{agent.name} is {agent.state} until {agent.until}"
            if agent.is_on_a_call and not agent.offers:
                yield f"{agent.name} is {agent.state} without an offer"
        for offer in self._state.offers.values():
            if offer.deadline is not None and offer.deadline < late and offer.pbx in self._steered:
                yield f"{offer.id} has a deadline of {offer.deadline}"
        for request in self._state.requests.values():
            waits = request.state is RequestState.WAITING and request.pbx in self._steered and not request.aside
            if waits and request.leave_at is not None and request.leave_at < late:
                yield f"{request.id} waits until {request.leave_at}"
            if request.state is RequestState.SCHEDULED and (request.due_at is None or request.due_at < late):
                yield f"{request.id} is due at {request.due_at}"

    def _oddities(self) -> set[tuple[str, str]]:
        calls = (request for request in self._state.requests.values() if request.channel)
        books = {(request.pbx, request.channel): request for request in calls}
        lines = {(name, one.id): one for name, one in self._channels() if _is_in_the_books(one)}
        odd = {
            (name, f"{identity} on one side only")
            for name, identity in books.keys() ^ lines.keys()
            if not self._talk_is_lost(lines.get((name, identity)))
        }
        for where in books.keys() & lines.keys():
            if (books[where].connected_at is not None) != (lines[where].bridge is not None):
                odd.add((where[0], f"{where[1]} talks on one side only"))
        offers = {(offer.pbx, offer.channel) for offer in self._state.offers.values()}
        legs = {(name, one.id): one for name, one in self._channels() if isinstance(one, Leg)}
        return odd | {
            (name, f"the leg {identity} on one side only")
            for name, identity in offers ^ legs.keys()
            if not self._talk_is_lost(legs.get((name, identity)))
        }

    def _talk_is_lost(self, channel: Channel | None) -> bool:
        """The journal may not have kept by which offer two came together: their talk goes on, and is in no book."""
        return self._with_faults and channel is not None and channel.bridge is not None

    def _channels(self) -> Iterator[tuple[str, Channel]]:
        for name, server in self._servers.items():
            yield from ((name, channel) for channel in server.pbx.channels.values())


def _is_in_the_books(channel: Channel) -> bool:
    """A caller's, or that of a customer with whom an agent talks."""
    if isinstance(channel, Caller):
        return not channel.is_asked
    return isinstance(channel, Customer) and channel.bridge is not None


_JUDGES: dict[type[AnyFact], Callable[[Watch, Any], None]] = {
    RulesChanged: Watch._rules_changed,
    PbxStateChanged: Watch._pbx_changed,
    ContradictionFound: Watch._contradicted,
    MomentsMoved: Watch._clock_was_set,
    RequestQueued: Watch._queued,
    RequestReprioritized: Watch._moves_in_line,
    RequestMoved: Watch._moves_in_line,
    RequestEased: Watch._moves_in_line,
    HoldEnded: Watch._moves_in_line,
    RequestHandedOver: Watch._handed_over,
    OfferMade: Watch._offered,
    OfferEnded: Watch._offer_ended,
    RequestRequeued: Watch._requeued,
    RequestSetAside: Watch._goes_away,
    RequestResumed: Watch._comes_back,
    CallbackPromised: Watch._changes_lines,
    CallbackTakenToLine: Watch._changes_lines,
    CallbackScheduled: Watch._goes_away,
    CallbackDue: Watch._comes_back,
    CallbackReturned: Watch._comes_back,
    RequestConnected: Watch._connected,
    RequestEnded: Watch._ended,
    LegGone: Watch._leg_gone,
}
