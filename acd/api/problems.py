"""Errors: whatever goes wrong becomes an RFC 9457 problem document here, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web

from acd.api import models
from acd.center.model import NotAllowed, Refused, UnknownName

LONGEST_VALUE = 100
BODY_LIMIT_BYTES = 16 * 1024


class Problem(Exception):
    """What a client is told; `more` are further members of the problem document."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.more = more


def faults(found: list[models.Fault]) -> Problem:
    """All that is wrong in a query or body that could be read."""
    detail = "; ".join(f"{fault.field or fault.place}: {fault.what}" for fault in found)
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=found)


def of(error: Exception) -> Problem:
    """The problem that an error is to the client."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, UnknownName):
        return Problem(HTTPStatus.NOT_FOUND, str(error))
    if isinstance(error, NotAllowed):
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    if isinstance(error, Refused):
        return Problem(HTTPStatus.CONFLICT, str(error))
    if isinstance(error, web.HTTPException):
        return _of_the_framework(error)
    if isinstance(error, web.RequestPayloadError):
        return Problem(HTTPStatus.BAD_REQUEST, "the body cannot be read")
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something broke in acd; its log tells what")


def _of_the_framework(error: web.HTTPException) -> Problem:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem(HTTPStatus.METHOD_NOT_ALLOWED, f"allowed here: {allowed}", headers={hdrs.ALLOW: allowed})
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may hold {BODY_LIMIT_BYTES} bytes")
    if isinstance(error, web.HTTPNotFound):
        return Problem(HTTPStatus.NOT_FOUND, "there is nothing at this path; /v1/openapi.json tells what there is")
    status = HTTPStatus(error.status)
    return Problem(status, status.description or status.phrase)


def answer(problem: Problem) -> web.Response:
    document = models.Problem(title=problem.status.phrase, status=problem.status, detail=problem.detail, **problem.more)
    return web.Response(
        status=problem.status,
        headers=problem.headers,
        body=document.model_dump_json(exclude_none=True).encode(),
        content_type="application/problem+json",
    )


def shown(value: Any) -> str:
    """A client's value as JSON writes it: cut short, and with escapes where it cannot be printed."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "…"
    if not text.isprintable():
        text = json.dumps(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
