"""Agents: what they do now, and what is asked in their name."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, Literal

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from acd.api import models, paging
from acd.api.endpoint import Asked
from acd.api.models import moment, moment_if
from acd.api.paging import AfterName
from acd.api.reading import Asking, Nothing, OneLine, Page
from acd.center.inputs import ExtendWrapUp, FinishWrapUp, Input, LogIn, LogOut, MakeAvailable, Pause, SwitchForward
from acd.center.model import Agent, AgentState, Offer, OfferOutcome
from acd.center.reach import Forward
from acd.center.state import State


class LoginBody(Asking):
    device: OneLine | None = None
    """A seat's name, or the dial of one of the agent's own devices."""


class WrapUpBody(Asking):
    extend: bool
    """true: longer, by the step of the queue whose call it was; false: over at once."""


class ForwardBody(Asking):
    mobile: bool
    """true: the agent's calls go to his mobile; false: to his desk phone."""
    how: Literal["mobile", "desk_then_mobile", "both"] | None = None
    """With true: to the mobile alone (the default), when the desk phone has rung in vain, or to both at once."""

    @model_validator(mode="after")
    def _how_goes_with_mobile(self) -> ForwardBody:
        if self.how and not self.mobile:
            raise PydanticCustomError("how", "`how` is said with mobile true, and only with that")
        return self


class PauseBody(Asking):
    reason: OneLine | None = None
    """Why, for supervisors and reports."""


async def listed(asked: Asked[Page, Nothing]) -> models.Agents:
    """Agents, in the order of their names."""
    names = asked.sight.agents()
    first = 0
    if asked.query.cursor is not None:
        first = bisect_right(names, paging.read(asked.query.cursor, AfterName).name)
    page = names[first : first + asked.query.limit]
    more = first + len(page) < len(names)
    return models.Agents(
        agents=[_shown(asked, asked.sight.agent(name)) for name in page],
        next=paging.write(AfterName(page[-1])) if more else None,
    )


async def one(asked: Asked[Nothing, Nothing]) -> models.Agent:
    """One agent."""
    return _shown(asked, asked.sight.agent(asked.name))


# ---- What is asked in an agent's name; the center decides whether it can be


async def log_in(asked: Asked[Nothing, LoginBody]) -> models.Agent:
    """Logs the agent in, at a device of his own or at a seat: available from now on."""
    return _decided(asked, LogIn(asked.sight.agent(asked.name).name, asked.body.device))


async def log_out(asked: Asked[Nothing, Nothing]) -> models.Agent:
    """Logs the agent out; during a call, after it."""
    return _decided(asked, LogOut(asked.sight.agent(asked.name).name))


async def make_available(asked: Asked[Nothing, Nothing]) -> models.Agent:
    """Ends a pause, a wrap-up, or a state busy or no_answer, and forgets what was wished for after a call."""
    return _decided(asked, MakeAvailable(asked.sight.agent(asked.name).name))


async def pause(asked: Asked[Nothing, PauseBody]) -> models.Agent:
    """Pauses the agent; during a call, after it."""
    return _decided(asked, Pause(asked.sight.agent(asked.name).name, reason=asked.body.reason))


async def wrap_up(asked: Asked[Nothing, WrapUpBody]) -> models.Agent:
    """Makes the agent's wrap-up longer, or ends it."""
    told = ExtendWrapUp if asked.body.extend else FinishWrapUp
    return _decided(asked, told(asked.sight.agent(asked.name).name))


async def forward(asked: Asked[Nothing, ForwardBody]) -> models.Agent:
    """Has the agent's calls go to his mobile, or to his desk phone again, from the next one on, until he logs out."""
    where = asked.body.how or (Forward.MOBILE if asked.body.mobile else Forward.DESK)
    return _decided(asked, SwitchForward(asked.sight.agent(asked.name).name, Forward(where)))


def _decided(asked: Asked[Any, Any], told: Input) -> models.Agent:
    """Raises Refused."""
    asked.tell(told)
    return _shown(asked, asked.sight.agent(asked.name))


# ---- As the API shows one


def _shown(asked: Asked[Any, Any], agent: Agent) -> models.Agent:
    state = asked.site.desk.state
    request = state.requests.get(agent.request) if agent.request else None
    offer = _offer_to(state, agent)
    offered_until = offer.deadline if offer and agent.state is AgentState.CONNECTING else None
    capacity = asked.site.capacity(agent.name)
    return models.Agent(
        name=agent.name,
        state=agent.state,
        reason=agent.reason,
        since=moment(agent.since) if agent.since else None,
        until=moment_if(agent.until if offered_until is None else offered_until),
        wish=agent.wish,
        wish_reason=agent.wish_reason,
        request=request.id if request and asked.sight.sees_queue(request.queue) else None,
        device=offer.device.kind if offer else None,
        forward=agent.forward,
        forward_chosen=agent.forward_chosen,
        dial=agent.desk.dial if agent.desk else None,
        skills=agent.skills,
        queues={name: priority for name, priority in agent.queues.items() if asked.sight.sees_queue(name)},
        capacity=capacity,
        load=dict.fromkeys(capacity, 0) | ({request.kind: 1} if request else {}),
    )


def _offer_to(state: State, agent: Agent) -> Offer | None:
    """Where several of his devices ring: the one that he has taken it at, or picked up, or else the first."""
    alive = (state.offers[name] for name in agent.offers)
    of_request = (offer for offer in alive if offer.request == agent.request)
    current = [offer for offer in of_request if offer.outcome in (None, OfferOutcome.ACCEPTED)]
    return max(current, key=lambda offer: (offer.outcome is not None, offer.answered_at is not None), default=None)
