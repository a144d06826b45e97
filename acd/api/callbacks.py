"""Callbacks: who is to be called back, what he has left, and how it went; and the calls that agents make themselves."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from acd.api import models
from acd.api.endpoint import Asked
from acd.api.models import moment, moment_if, seconds
from acd.api.problems import Problem, faults, shown
from acd.api.reading import Asking, Nothing, OneLine
from acd.center.facts import CallbackRenewed, RequestQueued
from acd.center.inputs import (
    AskForCallback,
    CallCustomer,
    CancelRequest,
    DeleteMessage,
    PlaceCall,
    Reassign,
    Reschedule,
    Settle,
)
from acd.center.model import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    AgentName,
    Kind,
    QueueName,
    Request,
    RequestId,
    UnknownName,
    Verdict,
)
from acd.dialling import DialRefused, Purpose
from acd.messages import Messages

LONGEST_COMMENT = 1000
PROMISE_SECONDS = 5.0
"""For how long the disk is waited for."""


def _number(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("number", "must be a telephone number")
    return text


def _moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise PydanticCustomError("moment", "must be a moment with its offset, such as 2026-11-24T15:04:05Z (RFC 3339)")
    return text


Number = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_number)]
At = Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"}), AfterValidator(_moment)]
Comment = Annotated[str, Field(max_length=LONGEST_COMMENT)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class OfQueue(Asking):
    queue: str | None = None
    """Of this queue only."""


class NewCallback(Asking):
    queue: Name
    number: Number
    """As one dials it at home, or with a + and the country."""
    name: OneLine | None = None
    """Who wants to be called."""
    at: At | None = None
    """When; absent: when it is his turn."""
    agent: Name | None = None
    """Who is to call him, if he is there."""
    priority: Annotated[int, Field(ge=HIGHEST_PRIORITY, le=LOWEST_PRIORITY)] | None = None
    comment: Comment = ""


class Completion(Asking):
    outcome: Literal["done", "not_reached", "not_possible"] = "done"
    """`not_reached`: it is tried again later, as often as the queue says."""
    comment: Comment = ""


class NewMoment(Asking):
    at: At
    agent: Name | None = None
    """With whom; absent: with anyone."""
    comment: Comment = ""


class NewAgent(Asking):
    agent: Name | None = None
    """Who is to call him; null: anyone."""


class NewCall(Asking):
    agent: Name
    number: Number
    queue: Name | None = None
    """Whose call it is; absent: that of the first of the agent's queues."""


# ---- Looking


async def listed(asked: Asked[OfQueue, Nothing]) -> models.Callbacks:
    """Callbacks that are open, those that wait in the order of their places, then those that have their moment yet."""
    state = asked.site.desk.state
    queue = asked.sight.queue(asked.query.queue).rules.name if asked.query.queue is not None else None
    seen = (state.requests[name] for name in state.callbacks.values())
    wanted = [one for one in seen if asked.sight.sees_queue(one.queue) and queue in (None, one.queue)]
    wanted.sort(key=lambda one: (one.queue, one.due_at or 0, one.place_key))
    return models.Callbacks(callbacks=[_shown(asked, one) for one in wanted])


async def one(asked: Asked[Nothing, Any]) -> models.Callback:
    """One open callback."""
    return _shown(asked, _open(asked))


async def message(asked: Asked[Nothing, Nothing]) -> web.StreamResponse:
    """What he has left, as audio (WAV). A part of it by the header Range."""
    messages, name = _message(asked)
    return web.FileResponse(messages.path(name), headers={"Content-Type": "audio/wav"})


async def delete_message(asked: Asked[Nothing, Nothing]) -> models.Done:
    """Deletes what he has left; the callback stays."""
    messages, name = _message(asked)
    messages.delete(name)
    asked.tell(DeleteMessage(name))
    return models.Done(id=asked.name)


def _message(asked: Asked[Any, Any]) -> tuple[Messages, str]:
    """Of an open callback, or of one that has ended and whose message is still kept. Raises Problem."""
    state = asked.site.desk.state
    if kept := state.kept_messages.get(RequestId(asked.name)):
        seen = asked.sight.sees_queue(kept.queue) and asked.sight.only_agent is None
        pbx, name = kept.pbx, kept.name if seen else ""
    else:
        request = _his(asked)
        pbx, name = request.pbx, request.message.name if request.message else ""
    messages = asked.site.desk.messages_of(pbx)
    if not name or messages is None or not messages.kept(name):
        raise Problem(HTTPStatus.NOT_FOUND, f"callback {shown(asked.name)} has no message, or it has been deleted")
    return messages, name


# ---- Acting; the center decides whether it can be


async def create(asked: Asked[Nothing, NewCallback]) -> models.Callback:
    """Somebody wants to be called back, and has not called. One a number and queue: a second one updates the first."""
    queue = asked.sight.queue(asked.body.queue).rules.name
    number = _allowed(asked, asked.body.number, Purpose.CALLBACK)
    told = asked.tell(
        AskForCallback(
            queue=queue,
            number=number,
            pbx=asked.site.desk.pbx_for(number),
            name=asked.body.name or "",
            hours=asked.site.desk.dialling.hours_of(number),
            priority=asked.body.priority,
            due_at=_at(asked.body.at),
            agent=_agent(asked, asked.body.agent),
            comment=_one_line(asked.body.comment),
        )
    )
    made = next(fact.request for fact in told if isinstance(fact, RequestQueued | CallbackRenewed))
    shown = _shown(asked, asked.site.desk.state.requests[made])
    await _on_disk(asked)
    return shown


async def call(asked: Asked[Nothing, Nothing]) -> models.Callback:
    """Connects the agent who has the callback on his telephone with the customer."""
    return _decided(asked, CallCustomer(_his(asked).id))


async def complete(asked: Asked[Nothing, Completion]) -> models.Done:
    """How it ended, as the agent who has it says. Who still talks is hung up."""
    request = _his(asked).id
    asked.tell(Settle(request, Verdict(asked.body.outcome), _one_line(asked.body.comment)))
    return models.Done(id=request)


async def reschedule(asked: Asked[Nothing, NewMoment]) -> models.Callback:
    """Has it come up again at another moment, with one agent or with anyone."""
    due_at, agent = _at(asked.body.at), _agent(asked, asked.body.agent)
    assert due_at is not None  # noqa: S101 - it is obligatory
    rescheduled = _decided(asked, Reschedule(_his(asked).id, due_at, agent, _one_line(asked.body.comment)))
    await _on_disk(asked)
    return rescheduled


async def reassign(asked: Asked[Nothing, NewAgent]) -> models.Callback:
    """Means it for one agent, or for anyone."""
    return _decided(asked, Reassign(_open(asked).id, _agent(asked, asked.body.agent)))


async def cancel(asked: Asked[Nothing, Nothing]) -> models.Done:
    """Takes back one that no agent has yet."""
    request = _open(asked).id
    asked.tell(CancelRequest(request))
    await _on_disk(asked)
    return models.Done(id=request)


async def place_call(asked: Asked[Nothing, NewCall]) -> models.Call:
    """Rings the agent's telephone, and connects him with the number when he picks up."""
    agent = asked.sight.agent(asked.body.agent).name
    queue = asked.sight.queue(asked.body.queue).rules.name if asked.body.queue is not None else None
    number = _allowed(asked, asked.body.number, Purpose.CLICK)
    told = asked.tell(PlaceCall(agent, number, asked.site.desk.pbx_for(number), queue))
    placed = next(fact for fact in told if isinstance(fact, RequestQueued))
    return models.Call(id=placed.request, agent=agent, number=number, queue=placed.queue)


async def end_call(asked: Asked[Nothing, Nothing]) -> models.Done:
    """Hangs up a call that an agent makes."""
    request = asked.sight.request(asked.name)
    if request.kind != Kind.DIAL or (asked.sight.only_agent not in (None, request.agent, request.held_for)):
        raise UnknownName(f"there is no outgoing call {shown(asked.name)}")
    asked.tell(CancelRequest(request.id))
    return models.Done(id=request.id)


# ---- Reading and showing


async def _on_disk(asked: Asked[Any, Any]) -> None:
    """Returns when it is: what a customer may be told by this answer is kept to. Raises Problem."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PROMISE_SECONDS):
            if await asked.site.desk.on_disk():
                return
    raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "it could not be written to the journal: promise nothing, ask again")


def _open(asked: Asked[Any, Any]) -> Request:
    """Raises UnknownName."""
    request = asked.site.desk.state.requests.get(RequestId(asked.name))
    if request is None or request.kind != Kind.CALLBACK or not asked.sight.sees_queue(request.queue):
        raise UnknownName(f"there is no open callback {shown(asked.name)}")
    return request


def _his(asked: Asked[Any, Any]) -> Request:
    """One that an agent has, if it is he who asks. Raises UnknownName, Problem."""
    request = _open(asked)
    who = asked.sight.only_agent
    if who is not None and who != (request.agent or _offered_to(asked, request)):
        raise Problem(HTTPStatus.FORBIDDEN, f"{who} does not have callback {shown(asked.name)}")
    return request


def _offered_to(asked: Asked[Any, Any], request: Request) -> AgentName | None:
    return asked.site.desk.state.offers[request.offers[0]].agent if request.offers else None


def _decided(asked: Asked[Any, Any], told: Any) -> models.Callback:
    asked.tell(told)
    return _shown(asked, asked.site.desk.state.requests[told.request])


def _allowed(asked: Asked[Any, Any], text: str, purpose: Purpose) -> str:
    """In E.164. Raises Problem, which names the rule."""
    try:
        return asked.site.desk.dialling.number(text, purpose, at_once=purpose is Purpose.CLICK)
    except DialRefused as refused:
        raise faults([models.Fault(place="body", field="number", value=shown(text), what=str(refused))]) from None


def _at(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC).timestamp()


def _agent(asked: Asked[Any, Any], name: str | None) -> AgentName | None:
    return None if name is None else asked.sight.agent(name).name


def _one_line(text: str) -> str:
    """Logs and screens read it too."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _shown(asked: Asked[Any, Any], request: Request) -> models.Callback:
    state = asked.site.desk.state
    left = request.message
    return models.Callback(
        id=request.id,
        queue=QueueName(request.queue),
        state=request.state,
        place=state.place_of(request),
        priority=request.priority,
        number=request.number,
        name=request.caller.name,
        entered=moment(request.entered_at),
        due=moment_if(request.due_at),
        agent=request.agent or _offered_to(asked, request),
        meant_for=request.held_for or request.preferred,
        reach=request.reach,
        attempts=request.attempts,
        missed=request.missed,
        comment=request.comment,
        message=models.Message(left=moment(left.left_at), seconds=seconds(left.seconds)) if left else None,
    )
