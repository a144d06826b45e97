"""How the daemon itself is: for supervisors of processes, load balancers and Prometheus."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web

from acd.api.endpoint import Asked
from acd.api.models import Health, Readiness
from acd.api.problems import Problem
from acd.api.reading import Nothing


async def lives(asked: Asked[Nothing, Nothing]) -> Health:
    """The process lives."""
    return Health()


async def is_ready(asked: Asked[Nothing, Nothing]) -> Readiness:
    """acd can route: Asterisk is connected and the journal can be written."""
    reasons = asked.site.desk.why_not_ready()
    if reasons:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "; ".join(reasons), reasons=reasons)
    return Readiness()


async def metrics(asked: Asked[Nothing, Nothing]) -> web.Response:
    """All metrics, for Prometheus."""
    body, content_type = await asked.site.metrics.render(asked.accept)
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})
