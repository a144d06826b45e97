"""The resources of the API: what answers look like, to people, to programs, and in the OpenAPI document.

Moments are RFC 3339 strings in UTC with milliseconds; durations are seconds, with as many.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from acd.center.model import AgentState, Missed, Outcome, Reach, RequestState
from acd.center.reach import Forward

Kind = Literal["call", "callback", "dial", "chat", "email", "social", "ticket"]
Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        json_schema_extra={"format": "date-time", "examples": ["2026-11-24T15:04:05.678Z"]},
    ),
]
LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


def moment(at: float) -> str:
    """The last that RFC 3339 can write stands for all that are later: a dialplan may allow a wait of 30,000 years."""
    return datetime.fromtimestamp(min(at, LATEST), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_if(at: float | None) -> str | None:
    return None if at is None else moment(at)


def seconds(duration: float) -> float:
    return round(max(0.0, duration), 3)


class Resource(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Health(Resource):
    status: Literal["alive"] = "alive"


class Readiness(Resource):
    status: Literal["ready"] = "ready"


# ---- Agents


class Agent(Resource):
    name: str
    state: AgentState
    reason: str | None
    """Why: what the agent gave for a pause, or `rejected`, `unreachable`, `on_phone`, `no_answer`."""
    since: Moment | None
    """Null for an agent who has never been in another state."""
    until: Moment | None
    """When the state ends by itself; of `connecting`, when the offer does."""
    wish: AgentState | None
    """`paused` or `logged_out`, asked for during a call: begins after it."""
    wish_reason: str | None
    request: str | None
    """The request that the agent is offered or talks with."""
    device: str | None
    """The kind of the device on which he is reached for it: `desk` or `mobile`. Where several ring, the first."""
    forward: Forward
    """At which of his devices his calls ring."""
    forward_chosen: bool
    """He switched it himself, and it holds until he logs out; else it is by his calendars and the configuration."""
    dial: str | None
    """His desk phone; null for one who has none of his own and sits at no seat."""
    skills: dict[str, int]
    """With their levels, 1 … 100."""
    queues: dict[str, int]
    """The queues that the agent serves, with the priority in each: 1 highest … 100 lowest."""
    capacity: dict[str, Count]
    """How many requests of a kind the agent can have at once."""
    load: dict[str, Count]
    """How many the agent has now."""


class Agents(Resource):
    agents: list[Agent]
    next: str | None
    """The cursor of the next page; null on the last one."""


# ---- Queues


class ServiceLevel(Resource):
    seconds: Seconds
    """Who is connected within this is served well."""
    share: Annotated[float, Field(ge=0, le=1)] | None
    """Of all that were ever connected, those within it; null if there were none."""


class EstimatedWait(Resource):
    """How long it still takes until an agent is there for it, from recent handling times, the agents who could take
    it, and its place."""

    p50: Seconds
    """In half of all cases it takes no longer."""
    p90: Seconds
    """In nine out of ten it takes no longer."""


class Queue(Resource):
    name: str
    strategy: str
    closing: bool
    """It stands in the configuration no more, takes nobody in, and finishes the requests it has."""
    drained: bool
    """By somebody's order it takes nobody in, and finishes the requests it has."""
    open: bool
    """By its calendar."""
    waiting: Count
    """Requests in the line, those being offered included."""
    offered: Count
    """Of those that wait, the ones being offered to an agent."""
    ongoing: Count
    """Requests that talk with an agent."""
    longest_wait: Seconds
    """Seconds for which the oldest in the line has waited; 0 if nobody waits."""
    estimated_wait: EstimatedWait | None
    """Of one who would join now, with the middle priority and no needs; null while it is not known."""
    agents: dict[AgentState, Count]
    """How many of the queue's agents are in each state."""
    service_level: ServiceLevel
    entered: Count
    """Requests since the journal began; equal to `waiting` + `ongoing` + all that have ended."""
    connected: Count
    ended: dict[Outcome, Count]


class Queues(Resource):
    queues: list[Queue]


# ---- Requests


class Caller(Resource):
    number: str
    name: str


class Request(Resource):
    id: str
    kind: str
    queue: str
    state: RequestState
    place: Annotated[int, Field(ge=1)] | None
    """The position in the line, 1 = next; null once connected or ended."""
    priority: int
    """1 highest … 100 lowest."""
    caller: Caller
    agent: str | None
    """To whom it is offered, or who talks or talked with it."""
    entered: Moment
    waited: Seconds
    """Seconds in the line: until connected, or ended, or now."""
    estimated_wait: EstimatedWait | None
    """From now; null while it is not known, and for one that does not wait, is being offered, or is held for one
    agent."""
    until: Moment | None
    """When its waiting, or its offer, ends by itself."""
    needs: dict[str, int]
    """The skills that an agent must have for it as things stand, each with the least level."""
    held_for: str | None
    """The one agent whom it waits for."""
    held_until: Moment | None
    """When anyone may have it."""
    offers: Count
    """How many have been made."""
    connected: Moment | None
    talked: Seconds | None
    """Seconds of talk, so far or in all; null if it was never connected."""
    ended: Moment | None
    outcome: Outcome | None
    ended_by: str | None
    """`caller`, `agent`, or `acd`."""


class Requests(Resource):
    requests: list[Request]
    next: str | None
    """The cursor of the next page; null on the last one. A page may hold fewer than `limit` and still have a next."""


# ---- Callbacks, and calls that agents make


class Message(Resource):
    left: Moment
    seconds: Seconds


class Callback(Resource):
    id: str
    """The same as that of the request."""
    queue: str
    state: RequestState
    """`scheduled`: its moment has yet to come."""
    place: Annotated[int, Field(ge=1)] | None
    """The position in the line, 1 = next; null once an agent has it, and while it has its moment yet."""
    priority: int
    number: str
    """Of the customer, in the form +31612345678."""
    name: str
    entered: Moment
    due: Moment | None
    agent: str | None
    """Who has it, or whose telephone rings for it."""
    meant_for: str | None
    """The agent who has it if he is there."""
    reach: Reach | None
    """How far that agent has come: null before he has called."""
    attempts: Count
    missed: Missed | None
    """How the last attempt failed; null if it did not, or nobody has called yet."""
    comment: str
    message: Message | None
    """What he has left to be heard: `GET …/message`."""


class Callbacks(Resource):
    callbacks: list[Callback]


class Call(Resource):
    id: str
    agent: str
    number: str
    queue: str


class Done(Resource):
    """What was asked for is done, and there is nothing more to show."""

    id: str


# ---- Changes

Said = str | int | float | bool | list[str] | None


class Change(Resource):
    id: int
    """The number of its fact in the journal, as in `/v1/events`."""
    at: Moment
    by: str | None
    """The name of the token; null for the configuration."""
    act: str
    """What was asked for: the method and the path of the API, or `configuration`."""
    agent: str | None
    queue: str | None
    request: str | None
    before: dict[str, Said]
    """What is otherwise now, as it was: moments are seconds of UTC since 1970."""
    after: dict[str, Said]


class Changes(Resource):
    changes: list[Change]
    next: str | None
    """The cursor of the next page; null on the last one. A page may hold fewer than `limit` and still have a next."""


# ---- What can go wrong


class Fault(Resource):
    """One thing wrong in what a client sent."""

    place: Literal["query", "body"]
    field: str
    """Empty for the whole."""
    value: str | None = None
    """What was sent, as JSON writes it, cut short; absent for a field that does not exist or was not sent."""
    what: str
    """What is wrong with it, or what is allowed."""


class Problem(Resource):
    """An RFC 9457 problem: every answer with a status of 400 or above."""

    type: Literal["about:blank"] = "about:blank"
    title: str
    """The HTTP status in words."""
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    """What went wrong, for a person."""
    errors: list[Fault] | None = None
    """With status 422: everything that is wrong."""
    reasons: list[str] | None = None
    """With status 503 of `/readyz`: what keeps acd from routing."""
