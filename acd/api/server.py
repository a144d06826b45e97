"""Below the application: what reaches the port and is no HTTP that can be read is answered and logged like all else.

aiohttp's own way is to show the unreadable line, to the client and in the log, and a bearer token may stand in it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from acd.api import problems
from acd.api.problems import Problem

log = structlog.get_logger()

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "acd",
    "X-Content-Type-Options": "nosniff",
}
"""On every answer."""
SHUTDOWN_SECONDS = 5.0
"""How long a stop waits for answers that are under way."""


class Runner(web.AppRunner):
    def __init__(self, application: web.Application) -> None:
        super().__init__(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return Server(made.request_handler, request_factory=made.request_factory, **made._kwargs)


class Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, HttpProcessingError):
            log.debug("http.unreadable", peer=request.remote, why=type(exc).__name__)
            problem = Problem(HTTPStatus.BAD_REQUEST, "this is not HTTP, or its request line or a header is too long")
        else:
            self.log_exception("outside the application", exc_info=exc)
            problem = problems.of(RuntimeError())
        response = problems.answer(problem)
        response.headers.update(HEADERS)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """A body that could not be read is heard of a second time when what is left of it is thrown away."""
        error = kwargs.get("exc_info")
        if not isinstance(error, web.RequestPayloadError):
            log.error("http.failed", what=args[0], exc_info=error)
