"""Watches that nobody is lost: a second opinion, which knows the facts and the telephones and asks no center.

A caller waits, or is offered, or talks, or has left; an agent has one offer at most, until his leg is gone; a request
and an agent who could have each other are never both free; and who is on a telephone is in the center's books.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from acd.center import laws
from acd.center.facts import (
    AnyFact,
    LegGone,
    OfferEnded,
    OfferMade,
    RequestConnected,
    RequestEnded,
    RequestQueued,
    RequestRequeued,
)
from acd.center.model import AgentName, OfferId, OfferOutcome, RequestId
from acd.center.state import State
from acd.simulation.channels import Caller
from acd.simulation.pbx import SimulatedPbx


class LawBroken(AssertionError):
    """What must never be so."""


class Watch:
    def __init__(self, state: State, pbxs: dict[str, SimulatedPbx]) -> None:
        self._state = state
        self._pbxs = pbxs
        self._offer_to: dict[AgentName, OfferId] = {}
        self._agent_of: dict[OfferId, AgentName] = {}
        self._offers: dict[RequestId, set[OfferId]] = {}
        """Of each request that lives, the offers by which it may yet be answered: none, it waits."""
        self._talks: set[RequestId] = set()
        self._odd: set[tuple[str, str]] = set()

    def on_fact(self, fact: AnyFact) -> None:
        judge = _JUDGES.get(type(fact))
        if judge:
            judge(self, fact)

    def _queued(self, fact: RequestQueued) -> None:
        self._demand(fact.request not in self._offers, fact, "there is such a request")
        self._offers[fact.request] = set()

    def _offered(self, fact: OfferMade) -> None:
        self._demand(fact.agent not in self._offer_to, fact, "the agent has another offer")
        self._demand(self._is_in_line(fact.request), fact, "the caller does not wait")
        self._demand(fact.shared or not self._offers[fact.request], fact, "the caller is offered to another agent")
        self._offer_to[fact.agent], self._agent_of[fact.offer] = fact.offer, fact.agent
        self._offers[fact.request].add(fact.offer)

    def _offer_ended(self, fact: OfferEnded) -> None:
        self._demand(fact.offer in self._offers.get(fact.request, ()), fact, "the caller was not offered by this")
        if fact.outcome is not OfferOutcome.ACCEPTED:
            self._offers[fact.request].discard(fact.offer)

    def _requeued(self, fact: RequestRequeued) -> None:
        self._demand(self._is_in_line(fact.request), fact, "the caller talks, or has left")
        self._offers[fact.request].clear()

    def _connected(self, fact: RequestConnected) -> None:
        self._demand(self._is_in_line(fact.request), fact, "the caller talks already, or has left")
        self._demand(self._offers[fact.request] == {fact.offer}, fact, "the caller was not offered by this alone")
        self._talks.add(fact.request)

    def _ended(self, fact: RequestEnded) -> None:
        self._demand(self._offers.pop(fact.request, None) is not None, fact, "the caller has left already")
        self._talks.discard(fact.request)

    def _leg_gone(self, fact: LegGone) -> None:
        self._demand(not fact.overdue, fact, "nobody heard of the end of the leg")
        agent = self._agent_of.pop(fact.offer)
        self._demand(self._offer_to.pop(agent, None) == fact.offer, fact, "the agent had no such offer")

    def _is_in_line(self, request: RequestId) -> bool:
        return request in self._offers and request not in self._talks

    def after_a_turn(self) -> None:
        for queue in laws.idle_waste(self._state):
            raise LawBroken(f"in {queue} a caller and an agent both wait")

    def from_time_to_time(self) -> None:
        """Messages may be under way at any moment: what is odd twice in a row is wrong."""
        for queue in laws.unconserved(self._state):
            raise LawBroken(f"the requests of {queue} do not add up")
        odd = self._oddities()
        if stayed := odd & self._odd:
            raise LawBroken(f"telephones and books do not agree: {sorted(stayed)}")
        self._odd = odd

    def at_the_end(self) -> None:
        if self._offers or self._offer_to or self._state.requests or self._state.offers:
            raise LawBroken(f"left over: {self._offers} {self._offer_to}")

    def _oddities(self) -> set[tuple[str, str]]:
        books = {(request.pbx, request.channel): request for request in self._state.requests.values()}
        lines = {
            (name, channel.id): channel
            for name, pbx in self._pbxs.items()
            for channel in pbx.channels.values()
            if isinstance(channel, Caller)
        }
        odd = {(name, f"{identity} on one side only") for name, identity in books.keys() ^ lines.keys()}
        for where in books.keys() & lines.keys():
            if (books[where].connected_at is not None) != (lines[where].bridge is not None):
                odd.add((where[0], f"{where[1]} talks on one side only"))
        return odd

    @staticmethod
    def _demand(true: bool, fact: AnyFact, otherwise: str) -> None:
        if not true:
            raise LawBroken(f"{otherwise}: {fact}")


_JUDGES: dict[type[AnyFact], Callable[[Watch, Any], None]] = {
    RequestQueued: Watch._queued,
    OfferMade: Watch._offered,
    OfferEnded: Watch._offer_ended,
    RequestRequeued: Watch._requeued,
    RequestConnected: Watch._connected,
    RequestEnded: Watch._ended,
    LegGone: Watch._leg_gone,
}
