"""The application: every path there is, and what is done around each answer."""

from __future__ import annotations

import json
import time
from functools import cache
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from acd.api import agents, callbacks, changes, events, health, models, openapi, problems, queues, requests
from acd.api.desk import Desk, Metrics
from acd.api.endpoint import CHIEFS, METERS, OPEN, PEOPLE, TOKEN, Asked, Endpoint, Site, answering
from acd.api.problems import BODY_LIMIT_BYTES
from acd.api.reading import Nothing, Page
from acd.api.server import HEADERS, Runner
from acd.config import Config

log = structlog.get_logger()


async def described(asked: Asked[Nothing, Nothing]) -> web.Response:
    """This document."""
    return web.Response(body=_document(), content_type="application/json")


@cache
def _document() -> bytes:
    return json.dumps(openapi.document(ENDPOINTS), indent=1).encode()


ENDPOINTS = (
    Endpoint("GET", "/healthz", health.lives, OPEN, models.Health),
    Endpoint("GET", "/readyz", health.is_ready, OPEN, models.Readiness, refusals=(HTTPStatus.SERVICE_UNAVAILABLE,)),
    Endpoint("GET", "/metrics", health.metrics, METERS, "text/plain"),
    Endpoint("GET", "/v1/openapi.json", described, PEOPLE, "application/json"),
    Endpoint("GET", "/v1/agents", agents.listed, PEOPLE, models.Agents, query=Page),
    Endpoint("GET", "/v1/agents/{agent}", agents.one, PEOPLE, models.Agent),
    Endpoint("POST", "/v1/agents/{agent}/login", agents.log_in, PEOPLE, models.Agent, body=agents.LoginBody),
    Endpoint("POST", "/v1/agents/{agent}/logout", agents.log_out, PEOPLE, models.Agent),
    Endpoint("POST", "/v1/agents/{agent}/available", agents.make_available, PEOPLE, models.Agent),
    Endpoint("POST", "/v1/agents/{agent}/pause", agents.pause, PEOPLE, models.Agent, body=agents.PauseBody),
    Endpoint("POST", "/v1/agents/{agent}/forward", agents.forward, PEOPLE, models.Agent, body=agents.ForwardBody),
    Endpoint("POST", "/v1/agents/{agent}/wrap-up", agents.wrap_up, PEOPLE, models.Agent, body=agents.WrapUpBody),
    Endpoint("GET", "/v1/queues", queues.listed, PEOPLE, models.Queues),
    Endpoint("GET", "/v1/queues/{queue}", queues.one, PEOPLE, models.Queue),
    Endpoint("POST", "/v1/queues/{queue}/drain", queues.drain, CHIEFS, models.Queue, body=queues.DrainBody),
    Endpoint("POST", "/v1/drain", queues.drain_all, CHIEFS, models.Queues, body=queues.DrainBody),
    Endpoint("GET", "/v1/requests", requests.listed, PEOPLE, models.Requests, query=requests.Search),
    Endpoint("GET", "/v1/requests/{request}", requests.one, PEOPLE, models.Request),
    Endpoint("GET", "/v1/changes", changes.listed, CHIEFS, models.Changes, query=Page),
    Endpoint(
        "GET",
        "/v1/events",
        events.stream,
        PEOPLE,
        events.CONTENT_TYPE,
        query=events.Wanted,
        refusals=(HTTPStatus.GONE, HTTPStatus.SERVICE_UNAVAILABLE),
    ),
    Endpoint("GET", "/v1/callbacks", callbacks.listed, PEOPLE, models.Callbacks, query=callbacks.OfQueue),
    Endpoint(
        "POST",
        "/v1/callbacks",
        callbacks.create,
        CHIEFS,
        models.Callback,
        body=callbacks.NewCallback,
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Endpoint("GET", "/v1/callbacks/{callback}", callbacks.one, PEOPLE, models.Callback),
    Endpoint("GET", "/v1/callbacks/{callback}/message", callbacks.message, PEOPLE, "audio/wav"),
    Endpoint("DELETE", "/v1/callbacks/{callback}/message", callbacks.delete_message, CHIEFS, models.Done),
    Endpoint("POST", "/v1/callbacks/{callback}/call", callbacks.call, PEOPLE, models.Callback),
    Endpoint(
        "POST",
        "/v1/callbacks/{callback}/complete",
        callbacks.complete,
        PEOPLE,
        models.Done,
        body=callbacks.Completion,
    ),
    Endpoint(
        "POST",
        "/v1/callbacks/{callback}/reschedule",
        callbacks.reschedule,
        PEOPLE,
        models.Callback,
        body=callbacks.NewMoment,
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Endpoint(
        "POST",
        "/v1/callbacks/{callback}/reassign",
        callbacks.reassign,
        CHIEFS,
        models.Callback,
        body=callbacks.NewAgent,
    ),
    Endpoint(
        "POST",
        "/v1/callbacks/{callback}/cancel",
        callbacks.cancel,
        CHIEFS,
        models.Done,
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Endpoint("POST", "/v1/calls", callbacks.place_call, PEOPLE, models.Call, body=callbacks.NewCall),
    Endpoint("DELETE", "/v1/calls/{call}", callbacks.end_call, PEOPLE, models.Done),
    Endpoint(
        "POST",
        "/v1/requests/{request}/priority",
        requests.set_priority,
        CHIEFS,
        models.Request,
        body=requests.PriorityBody,
    ),
)


class Api:
    def __init__(self, desk: Desk, config: Config, metrics: Metrics) -> None:
        self._site = Site(desk, config, metrics)
        self.application = web.Application(client_max_size=BODY_LIMIT_BYTES, middlewares=[self._around])
        router = self.application.router
        add = {"GET": router.add_get, "POST": router.add_post, "DELETE": router.add_delete}
        for endpoint in ENDPOINTS:
            add[endpoint.method](endpoint.path, answering(endpoint, self._site))
        self.application.on_shutdown.append(self._end_streams)

    def use(self, config: Config) -> None:
        """From now on these are the tokens, and what else of the configuration the API shows or goes by."""
        if config.token != self._site.config.token:
            self._site.streams.end()
        self._site.use(config)

    def runner(self) -> web.AppRunner:
        """What serves it. (aiohttp's own AppRunner writes what it cannot read into the log, tokens and all.)"""
        return Runner(self.application)

    async def _end_streams(self, application: web.Application) -> None:
        self._site.streams.end()

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        route = _route(request)
        try:
            response = await handler(request)
        except Exception as error:
            if isinstance(error, ConnectionError) and request.transport is None:
                raise  # the client is gone: there is nobody to answer
            response = self._refused(request, route, error)
        response.headers.update(HEADERS)
        self._site.metrics.http_request(route, response.status)
        log.debug(
            "http.request",
            method=request.method,
            route=route,
            code=response.status,
            token=request.get(TOKEN),
            peer=request.remote,
            seconds=round(time.perf_counter() - began, 6),
        )
        return response

    def _refused(self, http: web.Request, route: str, error: Exception) -> web.Response:
        problem = problems.of(error)
        if problem.status is HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("http.failed", method=http.method, route=route, token=http.get(TOKEN), exc_info=error)
            self._site.metrics.error("http")
        return problems.answer(problem)


def _route(http: web.Request) -> str:
    """The path as it is declared, so that a metric never holds what a client made up."""
    resource = http.match_info.route.resource
    return resource.canonical if resource else "other"
