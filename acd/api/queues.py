"""Queues: their live numbers, and how they have served since the journal began."""

from __future__ import annotations

from collections import Counter

from acd.api import models
from acd.api.endpoint import Asked
from acd.api.models import seconds
from acd.api.reading import Nothing
from acd.api.requests import with_an_agent
from acd.center.model import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    AgentState,
    Outcome,
    QueueName,
    RequestId,
    RequestState,
)
from acd.center.state import Queue, State

Taken = Counter[tuple[QueueName, RequestState]]
"""How many requests of each queue are offered, and how many ongoing."""


async def listed(asked: Asked[Nothing, Nothing]) -> models.Queues:
    """Queues, in the order of their names."""
    state, now = asked.site.desk.state, asked.site.desk.now()
    taken = _taken(state)
    return models.Queues(queues=[_shown(state, now, state.queues[name], taken) for name in asked.sight.queues()])


async def one(asked: Asked[Nothing, Nothing]) -> models.Queue:
    """One queue."""
    state, now = asked.site.desk.state, asked.site.desk.now()
    return _shown(state, now, asked.sight.queue(asked.name), _taken(state))


def _taken(state: State) -> Taken:
    return Counter((request.queue, request.state) for request in with_an_agent(state))


def _shown(state: State, now: float, queue: Queue, taken: Taken) -> models.Queue:
    rules = queue.rules
    in_states = Counter(state.agents[name].state for name in queue.members)
    return models.Queue(
        name=rules.name,
        strategy=rules.strategy,
        closing=queue.closing,
        waiting=len(queue.line),
        offered=taken[rules.name, RequestState.OFFERED],
        ongoing=taken[rules.name, RequestState.ONGOING],
        longest_wait=seconds(now - _oldest_entry(state, queue, now)),
        agents={agent_state: in_states[agent_state] for agent_state in AgentState},
        service_level=models.ServiceLevel(
            seconds=rules.service_level_seconds,
            share=round(queue.in_service_level / queue.connected, 4) if queue.connected else None,
        ),
        entered=queue.entered,
        connected=queue.connected,
        ended={outcome: queue.ended.get(outcome, 0) for outcome in Outcome},
    )


def _oldest_entry(state: State, queue: Queue, now: float) -> float:
    """The line is in order of priority first: the oldest in it is one of those that come first in their priority."""
    in_order = queue.line.in_order()
    priorities = range(HIGHEST_PRIORITY, LOWEST_PRIORITY + 1)
    firsts = {queue.line.place_of((priority, 0.0, RequestId(""))) - 1 for priority in priorities}
    return min((state.requests[in_order[at]].entered_at for at in firsts if at < len(in_order)), default=now)
