"""Which facts a token sees, and what of them.

It is judged by what the token may see now, also for facts of old. A queue that it may not see is not named to it. What
names no queue, agent or telephone is for those alone who see the whole site.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from msgspec.structs import fields, replace

from acd.api.sight import Sight
from acd.center import facts
from acd.center.facts import AnyFact
from acd.center.model import QueueName

SITE = "all supervisors and admins"
AGENT = "who sees the agent"
PHONE = "who sees an agent at that telephone"
QUEUE = "who sees the queue"
OFFER = "who sees queue and agent"
CHANGE = "supervisors and admins who see the agent and the queue that it is about"
WHOLE = "supervisors and admins whose token is for all queues"

_OF_ITS_OWN: dict[type[AnyFact], str] = {
    facts.RulesChanged: WHOLE,
    facts.DayChanged: SITE,
    facts.PbxStateChanged: SITE,
    facts.CalendarChanged: SITE,
    facts.ChangeMade: CHANGE,
    facts.AgentStateChanged: AGENT,
    facts.OfferMade: OFFER,
    facts.OfferAnswered: OFFER,
    facts.OfferEnded: OFFER,
}


def view_of(kind: type[AnyFact]) -> str:
    """Who sees facts of a kind: if nothing else is said, it goes by what they name."""
    names = {field.name for field in fields(kind)}
    if kind in _OF_ITS_OWN:
        return _OF_ITS_OWN[kind]
    if "queue" in names:
        return QUEUE
    if "agent" in names:
        return AGENT
    return PHONE if "dial" in names else WHOLE


VIEWS: dict[type[AnyFact], str] = {kind: view_of(kind) for kind in get_args(AnyFact)}
_MORE_QUEUES: dict[type[AnyFact], str] = {facts.RequestMoved: "was", facts.RequestQueued: "came_to"}
"""Members, besides `queue`, that name one."""


def shown(fact: AnyFact, sight: Sight) -> AnyFact | None:
    """The fact as this token sees it: as it is, or without the names of queues that are hidden; None if not at all."""
    if sight.sees_all:
        return fact
    if not _is_seen(fact, VIEWS[type(fact)], sight):
        return None
    hidden = {name: None for name, queue in _queues(fact) if queue and not sight.sees_queue(queue)}
    return replace(fact, **hidden) if hidden else fact


def _is_seen(fact: Any, view: str, sight: Sight) -> bool:
    if view == QUEUE:
        return any(queue and sight.sees_queue(queue) for _, queue in _queues(fact))
    if view == OFFER:
        return fact.queue is not None and sight.sees_queue(fact.queue) and sight.sees_agent_named(fact.agent)
    if view == AGENT:
        return sight.sees_agent_named(fact.agent)
    if view == CHANGE:
        return _may_know_of(fact, sight)
    if view == PHONE:
        return bool(sight.agents_at(fact.dial))
    return view == SITE and sight.is_chief


def _may_know_of(fact: facts.ChangeMade, sight: Sight) -> bool:
    """Of the whole site only who sees all of it."""
    if not sight.is_chief or (fact.agent is None and fact.queue is None):
        return False
    if fact.queue is not None and not sight.sees_queue(fact.queue):
        return False
    return fact.agent is None or sight.sees_agent_named(fact.agent)


def _queues(fact: Any) -> Iterable[tuple[str, QueueName | None]]:
    for name in ("queue", _MORE_QUEUES.get(type(fact))):
        if name is not None and hasattr(fact, name):
            yield name, getattr(fact, name)
