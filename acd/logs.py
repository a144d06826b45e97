"""Logs: one event a line, with stable names; JSON where a machine reads them, colours where a person does.

The story of one call is in the lines that hold its request id.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import msgspec
import structlog

from acd.center.facts import (
    AgentForwarded,
    AgentStateChanged,
    AgentUnreachable,
    AnyFact,
    CalendarChanged,
    CallerReleased,
    CallersFellBack,
    ChangeMade,
    ContradictionFound,
    LegGone,
    OfferEnded,
    OfferMade,
    QueueDrained,
    RequestConnected,
    RequestEnded,
    RequestMoved,
    RequestQueued,
    RequestReprioritized,
)
from acd.center.model import OfferOutcome

log = structlog.get_logger()

_EVENTS: dict[type[AnyFact], str] = {
    RequestQueued: "request.queued",
    OfferMade: "offer.made",
    OfferEnded: "offer.ended",
    RequestConnected: "request.connected",
    RequestMoved: "request.moved",
    RequestReprioritized: "request.reprioritized",
    ContradictionFound: "pbx.contradiction",
    CallersFellBack: "pbx.callers_fell_back",
    QueueDrained: "queue.drained",
    CalendarChanged: "calendar.changed",
    ChangeMade: "change.made",
    RequestEnded: "request.ended",
    CallerReleased: "caller.released",
    AgentStateChanged: "agent.state",
    AgentForwarded: "agent.forwarded",
    AgentUnreachable: "agent.unreachable",
}


def set_up(level: str = "info") -> None:
    for_people = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_endings(for_people),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Patient(sys.stderr))),
        cache_logger_on_first_use=True,
    )


class _Patient:
    """A log on a full disk, or whose reader has gone, costs its lines and nothing else: calls go on."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):  # ValueError: it has been closed
            return self._file.write(text)
        return 0

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._file.flush()


def _endings(for_people: bool) -> list[Any]:
    if for_people:
        return [structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]


def _json(line: dict[str, Any], **_: Any) -> str:
    return msgspec.json.encode(line, enc_hook=repr).decode()


def tell_fact(fact: AnyFact) -> None:
    event = _EVENTS.get(type(fact))
    if event is None or (isinstance(fact, AgentUnreachable) and fact.in_a_row and fact.until is None):
        return  # that a device may be tried again is no news
    words = {name: value for name, value in msgspec.structs.asdict(fact).items() if value not in (None, "")}
    del words["at"]
    if _needs_attention(fact):
        log.warning(event, **words)
    else:
        log.info(event, **words)


def _needs_attention(fact: AnyFact) -> bool:
    if isinstance(fact, OfferEnded):
        return fact.outcome is OfferOutcome.FAILED
    if isinstance(fact, ContradictionFound):
        return fact.comparing
    return isinstance(fact, CallersFellBack) or (isinstance(fact, LegGone) and fact.overdue)
