"""Which facts a token sees, and what of them.

It is judged by what the token may see now, also for facts of old. A queue that it may not see is not named to it. A
kind of fact of which nothing is said here is for those alone who see the whole site.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from acd.api.sight import Sight
from acd.center import facts
from acd.center.facts import AnyFact
from acd.center.model import QueueName

SITE = "all supervisors and admins"
AGENT = "who sees the agent"
PHONE = "who sees an agent at that telephone"
QUEUE = "who sees the queue"
OFFER = "who sees queue and agent"
WHOLE = "supervisors and admins whose token is for all queues"

VIEWS: dict[type[AnyFact], str] = {
    facts.DayChanged: SITE,
    facts.PbxStateChanged: SITE,
    facts.CalendarChanged: SITE,
    facts.AgentStateChanged: AGENT,
    facts.WrapUpExtended: AGENT,
    facts.AgentSeated: AGENT,
    facts.AgentWished: AGENT,
    facts.AgentUnreachable: AGENT,
    facts.PhoneTaken: PHONE,
    facts.PhoneFreed: PHONE,
    facts.FeatureAnswered: PHONE,
    facts.RequestQueued: QUEUE,
    facts.RequestEased: QUEUE,
    facts.HoldEnded: QUEUE,
    facts.RequestReprioritized: QUEUE,
    facts.RequestRequeued: QUEUE,
    facts.RequestConnected: QUEUE,
    facts.RequestEnded: QUEUE,
    facts.RequestPassedOn: QUEUE,
    facts.RequestHandedOver: QUEUE,
    facts.RequestMoved: QUEUE,
    facts.CallerReleased: QUEUE,
    facts.QueueDrained: QUEUE,
    facts.OfferMade: OFFER,
    facts.OfferAnswered: OFFER,
    facts.OfferEnded: OFFER,
    facts.RulesChanged: WHOLE,
    facts.LegReleased: WHOLE,
    facts.LegEnding: WHOLE,
    facts.LegGone: WHOLE,
}

_MORE_QUEUES: dict[type[AnyFact], str] = {facts.RequestMoved: "was", facts.RequestQueued: "came_to"}
"""Members, besides `queue`, that name one."""


def shown(fact: AnyFact, sight: Sight) -> AnyFact | None:
    """The fact as this token sees it: as it is, or without the names of queues that are hidden; None if not at all."""
    if sight.sees_all:
        return fact
    if not _is_seen(fact, VIEWS.get(type(fact), WHOLE), sight):
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
    if view == PHONE:
        return bool(sight.agents_at(fact.dial))
    return view == SITE and sight.is_chief


def _queues(fact: Any) -> Iterable[tuple[str, QueueName | None]]:
    for name in ("queue", _MORE_QUEUES.get(type(fact))):
        if name is not None and hasattr(fact, name):
            yield name, getattr(fact, name)
