"""Queues: their live numbers, and how they have served since the journal began."""

from __future__ import annotations

from collections import Counter
from typing import Any

from acd.api import models
from acd.api.endpoint import Asked
from acd.api.models import seconds
from acd.api.reading import Asking, Nothing
from acd.api.requests import estimated, taken
from acd.center import estimates
from acd.center.inputs import Drain
from acd.center.line import key_for
from acd.center.model import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    MIDDLE_PRIORITY,
    AgentState,
    Outcome,
    QueueName,
    RequestId,
    RequestState,
)
from acd.center.state import Queue, State

Taken = Counter[tuple[QueueName, RequestState]]
"""How many requests of each queue are offered, and how many ongoing."""


class DrainBody(Asking):
    drain: bool


async def listed(asked: Asked[Nothing, Any]) -> models.Queues:
    """Queues, in the order of their names."""
    state, now = asked.site.desk.state, asked.site.desk.now()
    counts = _taken(state)
    return models.Queues(queues=[_shown(state, now, state.queues[name], counts) for name in asked.sight.queues()])


async def one(asked: Asked[Nothing, Any]) -> models.Queue:
    """One queue."""
    state, now = asked.site.desk.state, asked.site.desk.now()
    return _shown(state, now, asked.sight.queue(asked.name), _taken(state))


async def drain(asked: Asked[Nothing, DrainBody]) -> models.Queue:
    """Lets a queue take in nobody any more and finish what it has, or opens it again."""
    asked.tell(Drain(asked.sight.queue(asked.name).rules.name, asked.body.drain))
    return await one(asked)


async def drain_all(asked: Asked[Nothing, DrainBody]) -> models.Queues:
    """The same for all queues that the token is for."""
    for name in asked.sight.queues():
        asked.tell(Drain(name, asked.body.drain))
    return await listed(asked)


def _taken(state: State) -> Taken:
    return Counter((request.queue, request.state) for request in taken(state) if not request.is_outgoing)


def _shown(state: State, now: float, queue: Queue, counts: Taken) -> models.Queue:
    rules = queue.rules
    last = key_for(MIDDLE_PRIORITY, now, RequestId("~"), rules)
    return models.Queue(
        name=rules.name,
        strategy=rules.strategy,
        closing=queue.closing,
        drained=queue.drained,
        open=state.calendars.get(rules.calendar, True) if rules.calendar else True,
        waiting=len(queue.line),
        offered=counts[rules.name, RequestState.OFFERED],
        ongoing=counts[rules.name, RequestState.ONGOING],
        longest_wait=seconds(now - _oldest_entry(state, queue, now)),
        estimated_wait=estimated(estimates.at_place(state, queue, (), last)),
        agents={agent_state: queue.in_states.get(agent_state, 0) for agent_state in AgentState},
        service_level=models.ServiceLevel(
            seconds=rules.service_level_seconds,
            share=round(queue.in_service_level / queue.connected, 4) if queue.connected else None,
        ),
        entered=queue.entered,
        connected=queue.connected,
        ended={outcome: queue.ended.get(outcome, 0) for outcome in Outcome},
    )


def _oldest_entry(state: State, queue: Queue, now: float) -> float:
    """In strict order, the oldest in the line is one of those that come first in their priority."""
    in_order = queue.line.in_order()
    if queue.rules.order != "strict":
        return min((state.requests[name].entered_at for name in in_order), default=now)
    priorities = range(HIGHEST_PRIORITY, LOWEST_PRIORITY + 1)
    firsts = {queue.line.place_of((priority, 0.0, RequestId(""))) - 1 for priority in priorities}
    return min((state.requests[in_order[at]].entered_at for at in firsts if at < len(in_order)), default=now)
