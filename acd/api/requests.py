"""Requests: those that live, in the order of their queues and places, and those that have ended, the newest first."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any

from pydantic import Field

from acd.api import models, paging
from acd.api.endpoint import Asked
from acd.api.models import Kind, moment, moment_if, seconds
from acd.api.paging import AfterLive, BeforeEnded, LiveKey
from acd.api.reading import AsInteger, Asking, Nothing, Page, States
from acd.center import estimates
from acd.center.estimates import Wait
from acd.center.facts import RequestEnded
from acd.center.inputs import SetPriority
from acd.center.model import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    Caller,
    QueueName,
    Request,
    RequestId,
    RequestState,
)
from acd.center.state import State

LIVE = [RequestState.WAITING, RequestState.OFFERED, RequestState.ONGOING]
AT_THE_FIRST = AfterLive(("", False, 0, 0.0, ""))
AT_THE_NEWEST = BeforeEnded(None)


class PriorityBody(Asking):
    priority: Annotated[int, Field(ge=HIGHEST_PRIORITY, le=LOWEST_PRIORITY), AsInteger]
    """1 highest … 100 lowest."""


class Search(Page):
    queue: str | None = None
    """Of this queue only."""
    state: States = LIVE
    """In one of these states, with commas between them."""
    kind: Kind | None = None
    """Of this kind only."""


async def listed(asked: Asked[Search, Nothing]) -> models.Requests:
    """Requests: first those that live, by queue and place, then those that have ended, the newest first."""
    begin: AfterLive | BeforeEnded = AT_THE_FIRST
    if asked.query.cursor is not None:
        begin = paging.read(asked.query.cursor, AfterLive | BeforeEnded)
    page: list[models.Request] = []
    following: AfterLive | BeforeEnded | None = begin
    if isinstance(begin, AfterLive):
        page, following = _live_page(asked, begin)
    if isinstance(following, BeforeEnded):
        ended, following = await _ended_page(asked, following, asked.query.limit - len(page))
        page += ended
    return models.Requests(requests=page, next=paging.write(following) if following else None)


async def one(asked: Asked[Nothing, Any]) -> models.Request:
    """One live request."""
    return _shown(asked.site.desk.state, asked.site.desk.now(), asked.sight.request(asked.name))


async def set_priority(asked: Asked[Nothing, PriorityBody]) -> models.Request:
    """Gives a request that waits another priority, and so another place."""
    request = asked.sight.request(asked.name).id
    asked.tell(SetPriority(request=request, priority=asked.body.priority))
    return await one(asked)


def taken(state: State) -> Iterator[Request]:
    """Those that are offered, found by their offers, of which there are no more than agents, and those that go on."""
    for offer in state.offers.values():
        request = state.requests.get(offer.request)
        if request and request.state is RequestState.OFFERED and request.offers[0] == offer.id:
            yield request
    yield from (state.requests[name] for name in state.ongoing)


# ---- Those that live


def _live_page(
    asked: Asked[Search, Nothing], begin: AfterLive
) -> tuple[list[models.Request], AfterLive | BeforeEnded | None]:
    state, now, query = asked.site.desk.state, asked.site.desk.now(), asked.query
    found = list(islice(_live(asked, begin.key), query.limit + 1))
    page = [_shown(state, now, request) for request in found[: query.limit]]
    if len(found) > query.limit:
        return page, AfterLive(_key(found[query.limit - 1]))
    return page, AT_THE_NEWEST if RequestState.ENDED in query.state else None


def _live(asked: Asked[Search, Nothing], after: LiveKey) -> Iterator[Request]:
    """What is asked for, behind `after`, in the order of queue and place; who talks comes last in his queue."""
    state, states, kind = asked.site.desk.state, frozenset(asked.query.state), asked.query.kind
    in_hands = sorted(taken(state), key=_key)
    for queue in _queues(asked):
        if queue < after[0]:
            continue
        of_queue = _in_order(state, queue, in_hands, states)
        first = bisect_right(of_queue, after, key=lambda name: _key(state.requests[name]))
        for name in islice(of_queue, first, None):
            request = state.requests[name]
            if request.state in states and kind in (None, request.kind):
                yield request


def _in_order(
    state: State, queue: QueueName, in_hands: list[Request], states: frozenset[RequestState]
) -> list[RequestId]:
    """The live requests of a queue; without those that only wait, the length of its line costs nothing."""
    offered = _of(in_hands, queue, RequestState.OFFERED)
    if RequestState.WAITING in states:
        outgoing = [name for name in offered if state.requests[name].is_outgoing]
        offered = state.queues[queue].line.in_order() + outgoing
    return offered + _of(in_hands, queue, RequestState.ONGOING) + _scheduled(state, queue)


def _of(requests: Iterable[Request], queue: QueueName, state: RequestState) -> list[RequestId]:
    return [request.id for request in requests if request.queue == queue and request.state is state]


def _scheduled(state: State, queue: QueueName) -> list[RequestId]:
    callbacks = (state.requests[name] for name in state.callbacks.values())
    return _of(sorted(callbacks, key=_key), queue, RequestState.SCHEDULED)


def _key(request: Request) -> LiveKey:
    if request.due_at is not None:
        return (request.queue, True, 1, request.due_at, request.id)
    if request.connected_at is None:
        return (request.queue, False, *request.place_key)
    return (request.queue, True, 0, request.connected_at, request.id)


def _queues(asked: Asked[Search, Nothing]) -> list[QueueName]:
    """Those that are asked for. Raises UnknownName."""
    if asked.query.queue is None:
        return asked.sight.queues()
    return [asked.sight.queue(asked.query.queue).rules.name]


def _shown(state: State, now: float, request: Request) -> models.Request:
    rings = [state.offers[name] for name in request.offers]
    connected_at = request.connected_at
    return models.Request(
        id=request.id,
        kind=request.kind,
        queue=request.queue,
        state=request.state,
        place=state.place_of(request),
        priority=request.priority,
        caller=_caller(request.caller),
        agent=request.agent or (rings[0].agent if len(rings) == 1 else None),
        entered=moment(request.entered_at),
        waited=seconds((now if connected_at is None else connected_at) - request.entered_at),
        estimated_wait=estimated(estimates.of_request(state, request)),
        until=moment_if(rings[0].deadline if rings else request.leave_at),
        needs={need.skill: need.level for need in request.needs},
        held_for=request.held_for,
        held_until=moment_if(request.held_until),
        offers=request.offers_made,
        connected=moment_if(connected_at),
        talked=None if connected_at is None else seconds(now - connected_at),
        ended=None,
        outcome=None,
        ended_by=None,
    )


# ---- Those that have ended


async def _ended_page(
    asked: Asked[Search, Nothing], begin: BeforeEnded, room: int
) -> tuple[list[models.Request], BeforeEnded | None]:
    """The journal is asked for one more than there is room for: whether there is a next page."""
    query = asked.query
    found = await asked.site.desk.past_requests(
        queue=None if query.queue is None else QueueName(query.queue),
        kind=query.kind,
        before=begin.number,
        limit=room + 1,
    )
    page = [_past(fact) for _, fact in found[:room] if asked.sight.sees_queue(fact.queue)]
    if len(found) <= room:
        return page, None
    return page, BeforeEnded(found[room - 1][0]) if room else begin


def _past(fact: RequestEnded) -> models.Request:
    return models.Request(
        id=fact.request,
        kind=fact.kind,
        queue=fact.queue,
        state=RequestState.ENDED,
        place=None,
        priority=fact.priority,
        caller=_caller(fact.caller),
        agent=fact.agent,
        entered=moment(fact.entered_at),
        waited=seconds(fact.waited_seconds),
        estimated_wait=None,
        until=None,
        needs={},
        held_for=None,
        held_until=None,
        offers=fact.offers,
        connected=moment_if(fact.connected_at),
        talked=None if fact.talk_seconds is None else seconds(fact.talk_seconds),
        ended=moment(fact.at),
        outcome=fact.outcome,
        ended_by=fact.ended_by,
    )


def estimated(wait: Wait | None) -> models.EstimatedWait | None:
    return models.EstimatedWait(p50=seconds(wait.p50), p90=seconds(wait.p90)) if wait else None


def _caller(caller: Caller) -> models.Caller:
    return models.Caller(number=caller.number, name=caller.name)
