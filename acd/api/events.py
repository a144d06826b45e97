"""`GET /v1/events`: every fact that the token may see, as server-sent events (HTML standard, section 9.2)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any, get_args

from aiohttp import hdrs, web
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from acd.api.endpoint import Asked
from acd.api.feed import Gone
from acd.api.problems import Problem, shown
from acd.api.reading import Asking, Nothing
from acd.api.server import HEADERS
from acd.api.streams import MOST_CLIENTS, Reader
from acd.center.facts import AnyFact

CONTENT_TYPE = "text/event-stream"
KINDS = [kind.__name__ for kind in get_args(AnyFact)]


def _kinds(text: Any) -> list[str]:
    words = text.split(",") if isinstance(text, str) else []
    if not words or not set(words) <= set(KINDS):
        raise PydanticCustomError("kinds", "must be some of {allowed}", {"allowed": ", ".join(KINDS)})
    return words


class Wanted(Asking):
    kinds: Annotated[list[str], Field(json_schema_extra={"items": {"enum": KINDS}}), BeforeValidator(_kinds)] = KINDS
    """Of these kinds only, with commas between them."""


async def stream(asked: Asked[Wanted, Nothing]) -> web.StreamResponse:
    """Every fact that the token may see, as it becomes so: server-sent events."""
    feed = asked.site.desk.feed
    position = feed.newest if asked.last_event_id is None else _number(asked.last_event_id)
    try:
        await feed.after(position, 1)
    except Gone as gone:
        detail = f"{gone}; read the lists, and begin anew without Last-Event-ID"
        raise Problem(HTTPStatus.GONE, detail) from None
    if asked.site.streams.are_full:
        detail = f"{MOST_CLIENTS} clients read events already, and there is room for no more"
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={hdrs.RETRY_AFTER: "10"})
    response = web.StreamResponse(headers={**HEADERS, hdrs.CONTENT_TYPE: CONTENT_TYPE, "X-Accel-Buffering": "no"})
    await response.prepare(asked.http)
    if asked.http.method != hdrs.METH_HEAD:
        reader = Reader(asked.http, response, asked.site.desk, asked.holder, frozenset(asked.query.kinds), position)
        await asked.site.streams.run(reader)
    return response


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        detail = f"Last-Event-ID: must be the id of an event, a whole number, not {shown(text)}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
    return int(text)
