"""A step of the clock: everything that is so was so by the clock before; each moment of it moves along. But for what
somebody is to be called at, which is a moment of the wall clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from msgspec.structs import replace

from acd.center.facts import AnyFact, IdentitiesSkipped, MomentsMoved
from acd.center.folding import lanes
from acd.center.folding.rules import order_lines

if TYPE_CHECKING:
    from acd.center.model import Agent, Offer, Request
    from acd.center.state import State


def _moments_moved(state: State, fact: MomentsMoved) -> None:
    by = fact.by
    for agent in state.agents.values():
        _move_agent(agent, by)
    for request in state.requests.values():
        _move_request(request, by)
    for offer in state.offers.values():
        _move_offer(offer, by)
    for queue in state.queues.values():
        queue.gave_up = {
            number: replace(one, entered_at=one.entered_at + by, at=one.at + by)
            for number, one in queue.gave_up.items()
        }
    state.last_talks = {on: replace(talk, entered_at=talk.entered_at + by) for on, talk in state.last_talks.items()}
    state.last_agents = {number: (agent, until + by) for number, (agent, until) in state.last_agents.items()}
    state.trunk_room_since = {pbx: since + by for pbx, since in state.trunk_room_since.items()}
    order_lines(state)
    free_since = {agent.name: agent.free_since for agent in state.agents.values()}
    lanes.rebuild(state, fact.at)
    for agent in state.agents.values():
        agent.free_since = free_since[agent.name]
    state.watch_all()


def _identities_skipped(state: State, fact: IdentitiesSkipped) -> None:
    state.remember_id(fact.upto)


def _move_agent(agent: Agent, by: float) -> None:
    agent.since = _moved(agent.since, by)
    agent.until = _moved(agent.until, by)
    agent.idle_since = _moved(agent.idle_since, by)
    agent.free_since = _moved(agent.free_since, by)
    agent.taken_at = _moved(agent.taken_at, by)
    agent.failures = {
        device: replace(failures, until=_moved(failures.until, by)) for device, failures in agent.failures.items()
    }
    agent.offered_at = {queue: _moved(at, by) for queue, at in agent.offered_at.items()}


def _move_request(request: Request, by: float) -> None:
    request.entered_at = _moved(request.entered_at, by)
    request.leave_at = _moved(request.leave_at, by)
    request.ease_at = _moved(request.ease_at, by)
    request.held_until = _moved(request.held_until, by)
    request.open_since = _moved(request.open_since, by)
    request.connected_at = _moved(request.connected_at, by)
    request.talked_since = _moved(request.talked_since, by)
    request.offer_at = _moved(request.offer_at, by)
    request.announce_at = _moved(request.announce_at, by)
    request.prompt_at = _moved(request.prompt_at, by)
    request.placed_at = _moved(request.placed_at, by)


def _move_offer(offer: Offer, by: float) -> None:
    offer.made_at = _moved(offer.made_at, by)
    offer.deadline = _moved(offer.deadline, by)
    offer.answered_at = _moved(offer.answered_at, by)
    offer.connected_at = _moved(offer.connected_at, by)


@overload
def _moved(at: float, by: float) -> float: ...
@overload
def _moved(at: float | None, by: float) -> float | None: ...
def _moved(at: float | None, by: float) -> float | None:
    """What never was (0, None) stays so."""
    return at + by if at else at


FOLDS: dict[type[AnyFact], Callable[[State, Any], None]] = {
    MomentsMoved: _moments_moved,
    IdentitiesSkipped: _identities_skipped,
}
