"""Endpoints: what may be asked at a path, by whom, and how it is answered.

The order is always the same: the token, the role, the query, the body; only then is the handler called, with everything
checked. So what is refused has changed nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, Literal, TypeVar

from aiohttp import hdrs, web

from acd.api import reading
from acd.api.desk import Desk, Metrics
from acd.api.models import Resource
from acd.api.problems import Problem
from acd.api.reading import Asking, Nothing
from acd.api.sight import Sight
from acd.api.streams import Streams
from acd.api.tokens import Guard, Holder, Role, Tokens
from acd.center.changes import Act
from acd.center.facts import AnyFact
from acd.center.inputs import Input
from acd.center.model import AgentName
from acd.config import Config

PEOPLE: tuple[Role, ...] = ("agent", "supervisor", "admin")
CHIEFS: tuple[Role, ...] = ("supervisor", "admin")
METERS: tuple[Role, ...] = ("metrics", "admin")
OPEN: tuple[Role, ...] = ()
"""No token is needed."""
NOBODY = Holder(name="", role="metrics", queues=frozenset(), agent=None)
CAPACITY: dict[str, int] = {"call": 1}
"""Of an agent of whom the configuration says nothing: a telephone takes one call."""
TOKEN = web.RequestKey("token", str)
"""The name of the token that was shown, for the log."""


class Site:
    """What the API is about."""

    def __init__(self, desk: Desk, config: Config, metrics: Metrics) -> None:
        self.desk = desk
        self.metrics = metrics
        self.guard = Guard()
        self.streams = Streams(desk.feed, metrics)
        self.use(config)

    def use(self, config: Config) -> None:
        self.config = config
        self.guard.tokens = Tokens(config.token)
        self._capacities = {agent.name: {**CAPACITY, **agent.capacity} for agent in config.agent}

    def capacity(self, agent: AgentName) -> dict[str, int]:
        return self._capacities.get(agent, CAPACITY)


QueryT = TypeVar("QueryT", bound=Asking)
BodyT = TypeVar("BodyT", bound=Asking)


@dataclass(frozen=True, slots=True)
class Asked(Generic[QueryT, BodyT]):
    """What a client asks, read and checked, and what he may see of the site."""

    site: Site
    sight: Sight
    name: str
    """Of the one agent, queue or request that the path is about; else empty."""
    query: QueryT
    body: BodyT
    accept: str
    last_event_id: str | None
    """Where a client that reads events wants to go on."""
    http: web.Request
    holder: Holder
    act: str
    """What is asked for: the method and the path as it is declared."""

    def tell(self, told: Input) -> Sequence[AnyFact]:
        """Has it decided, and written down who asked for it. Raises Refused, with nothing changed."""
        return self.site.desk.tell(Act(self.holder.name, self.act, told))


Handler = Callable[[Asked[Any, Any]], Awaitable[Resource | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Handler
    """The first line of its docstring says what the endpoint is for."""
    roles: tuple[Role, ...]
    answer: type[Resource] | str
    """The model of what it answers, or its content type."""
    query: type[Asking] = Nothing
    body: type[Asking] = Nothing
    refusals: tuple[HTTPStatus, ...] = ()
    """Statuses of its own, besides those that its roles, path and method imply."""


def answering(endpoint: Endpoint, site: Site) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The endpoint as aiohttp calls it."""

    async def answer(http: web.Request) -> web.StreamResponse:
        holder = _admitted(endpoint, site, http)
        asked = Asked(
            site=site,
            sight=Sight(holder, site.desk.state),
            name=next(iter(http.match_info.values()), ""),
            query=reading.query(http, endpoint.query),
            body=await reading.body(http, endpoint.body) if endpoint.method == "POST" else Nothing(),
            accept=http.headers.get(hdrs.ACCEPT, ""),
            last_event_id=http.headers.get(hdrs.LAST_EVENT_ID),
            http=http,
            holder=holder,
            act=f"{endpoint.method} {endpoint.path}",
        )
        answered = await endpoint.handler(asked)
        if isinstance(answered, web.StreamResponse):
            return answered
        return web.Response(body=answered.model_dump_json().encode(), content_type="application/json")

    return answer


def _admitted(endpoint: Endpoint, site: Site, http: web.Request) -> Holder:
    """Raises Problem."""
    if not endpoint.roles or ("metrics" in endpoint.roles and site.config.http.open_metrics):
        return NOBODY
    holder = site.guard.admit(http.headers.get(hdrs.AUTHORIZATION), http.remote or "", site.desk.now())
    http[TOKEN] = holder.name
    if holder.role not in endpoint.roles:
        allowed = " or ".join(endpoint.roles)
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"this is for the role {allowed}; the token {holder.name!r} has the role {holder.role}",
            headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="acd", error="insufficient_scope"'},
        )
    return holder
