"""The AMI wire: panoramisk's protocol and manager, with the guards that they lack.

Nothing that was sent is ever sent again. What goes out can be read in one way only. What comes in is bounded, kept in
its order, and parsed only when somebody wants it. Every action ends: by its answer, by its time-out, or with the link.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from panoramisk import manager as panoramisk
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol

from acd.asterisk.forgery import Mender

Headers: TypeAlias = Mapping[str, str | Sequence[str]]
"""What an action carries; a list repeats its header."""
Repeated: TypeAlias = Mapping[str, Sequence[str]]
"""Header → its values, in order."""

LINE_LIMIT_BYTES = 1_017
"""Of one outgoing line without its end: 1,017 passed and 1,027 was refused (22.10.1; `inbuf[1025]` in manager.c)."""
LINES_LIMIT = 128
"""Of one outgoing action, `Action` and `ActionID` among them (AST_MAX_MANHEADERS in manager.h)."""
INCOMING_LIMIT_BYTES = 1 << 20
"""Kept while waiting for the blank line that ends a message."""
OUTGOING_LIMIT_BYTES = 1 << 20
"""Kept for a peer that does not read."""
EVENT_NAMES_LIMIT = 250
"""Different names in `LinkCounts.events`: Asterisk 22 documents fewer than 200 events."""
OTHER = "other"

_BLANK_LINE = b"\r\n\r\n"
_BANNER = "Asterisk Call Manager/"
SHUTTING_DOWN = "Asterisk is shutting down"  # process_message() in manager.c
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_BREAKS = re.compile(r"[\r\n\0]")
_ASTERISK_BLANKS = "".join(map(chr, range(1, 33)))  # ast_skip_blanks() in strings.h
_OWN_HEADERS = {"action", "actionid"}
_NONE: Mapping[str, Any] = MappingProxyType({})
_SILENT = logging.Logger("panoramisk", level=logging.CRITICAL + 1)
"""panoramisk logs whole messages: the login's secret, callers' numbers. What is worth knowing the Link logs itself."""


class UnsafeValue(ValueError):
    """Asterisk would misread this action; it was not sent. The message names the header, never its value."""


class ActionFailed(Exception):
    """An action has no answer to show."""


class LinkDown(ActionFailed):
    """The link is down, or went down before the answer came. The action may or may not have been carried out."""


class ActionTimeout(ActionFailed):
    """No answer in time. The action may or may not have been carried out."""


class ActionRefused(ActionFailed):
    """Asterisk answered with an error; the message is Asterisk's own."""


class Event(dict[str, str]):
    """One message of Asterisk, header → value, not to be changed. Of a repeated header the first value counts, so that
    nothing which a caller appends can take the place of what Asterisk wrote; `all` has every one."""

    __slots__ = ("_repeated", "name")

    def __init__(self, name: str, first: Mapping[str, str] = _NONE, repeated: Repeated = _NONE) -> None:
        """The first value of each header, and all of those that are repeated."""
        super().__init__(first)
        self.name = name
        self._repeated = repeated

    def all(self, header: str) -> Sequence[str]:
        """Every value of a header, in order; empty for one that is not there."""
        if header in self._repeated:
            return self._repeated[header]
        return [self[header]] if header in self else []

    @classmethod
    def parse(cls, name: str, text: str) -> Event:
        first: dict[str, str] = {}
        repeated: dict[str, list[str]] = {}
        for line in text.split("\r\n"):
            header, found, value = line.partition(": ")
            if not found:
                continue
            if header not in first:
                first[header] = value
            elif header in repeated:
                repeated[header].append(value)
            else:
                repeated[header] = [first[header], value]
        return cls(name, first, repeated)


Answer: TypeAlias = Event
"""What Asterisk said to an action: the same shape; its name is that of the action."""


@dataclass(slots=True)
class LinkCounts:
    """What one link has seen since it was made; read by the metrics."""

    events: Counter[str] = field(default_factory=Counter)
    """By name; the names are bounded, what exceeds them is `other`."""
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By action and outcome: ok, refused, timeout, down, unsafe."""
    handler_errors: int = 0
    late_answers: int = 0
    """Answers to nothing that is pending: mostly to what has timed out."""
    mended: int = 0
    """Descriptions of channels into which a caller had written line breaks (forgery.py)."""
    losses: int = 0
    """Times that the link was up and went down."""


# ---- What goes out


def refuse_unsafe(action: str, headers: Headers) -> None:
    """Raises UnsafeValue for what Asterisk would read as something else than is meant, or not at all."""
    lines = [("Action", action), *_lines(headers)]
    if len(lines) + 1 > LINES_LIMIT:  # with the ActionID
        raise UnsafeValue(f"{len(lines)} headers are more than Asterisk reads in one action")
    if own := [header for header in headers if header.lower() in _OWN_HEADERS]:
        raise UnsafeValue(f"{own[0]} is set by the link")
    for header, value in lines:
        _refuse_unsafe_line(header, value)


def _lines(headers: Headers) -> Iterator[tuple[str, str]]:
    for header, values in headers.items():
        for value in [values] if isinstance(values, str) else values:
            yield header, value


def _refuse_unsafe_line(header: str, value: str) -> None:
    if not _HEADER.fullmatch(header):
        raise UnsafeValue(f"{header!r} is no name for a header")
    # A bare LF starts a new header or action, NUL ends the value (get_input() in manager.c; tried).
    if _BREAKS.search(value):
        raise UnsafeValue(f"{header} holds a line break or NUL")
    # Hangup takes it for a regular expression and hangs up every match.
    if header.lower() == "channel" and value.lstrip(_ASTERISK_BLANKS).startswith("/"):
        raise UnsafeValue(f"{header} begins with '/'")
    try:
        size = len(f"{header}: {value}".encode())
    except UnicodeEncodeError:
        raise UnsafeValue(f"{header} holds half a character") from None
    if size > LINE_LIMIT_BYTES:
        raise UnsafeValue(f"{header} is longer than Asterisk reads in one line")


class Pending(Action):  # type: ignore[misc]  # panoramisk has no types
    """An action that has been sent and not answered; with `as_list`, what it asked for so far."""

    timer: asyncio.TimerHandle | None = None

    def __init__(self, headers: Headers, as_list: bool) -> None:
        super().__init__(headers, as_list=as_list)
        self.name: str = self["Action"]
        self.listed: list[Event] = []

    def __repr__(self) -> str:
        return f"<{self.name}>"  # its values may be secret


# ---- The connection


class Protocol(AMIProtocol):  # type: ignore[misc]
    """One TCP connection. `on_event` is called for each wanted event, in order; `on_lost` once, with the reason."""

    def __init__(
        self,
        *,
        wanted: frozenset[str] | None,
        counts: LinkCounts,
        action_seconds: float,
        on_event: Callable[[Event], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._wanted = wanted
        self._counts = counts
        self._action_seconds = action_seconds
        self._on_event = on_event
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self.heard_at = self._loop.time()
        """The loop's time at which something, anything, last came in."""
        self._buffer = bytearray()
        self._searched = 0
        self._mender = Mender()
        self._lists: dict[str, Pending] = {}
        self.closed = True
        """Until it is connected (a TLS handshake may fail), and again when it is lost."""
        self.why_closed = "not connected yet"

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=OUTGOING_LIMIT_BYTES)

    def pause_writing(self) -> None:
        # Later, not now: asyncio calls this in the middle of somebody's `send`.
        self._loop.call_soon(self.lose, "the peer does not read")

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose(str(exc) if exc else "closed by the peer")

    def close(self) -> None:
        self.lose("closed")

    def lose(self, reason: str) -> None:
        """Cuts the connection at once. What is pending fails here, where panoramisk would keep it to send it again."""
        if self.closed:
            return
        self.closed, self.why_closed = True, reason
        self.transport.abort()
        self._buffer.clear()
        self._on_lost(reason)
        for pending in list(self.responses.values()):
            self._end(pending, "down", LinkDown(reason))

    # ---- Actions

    def send(self, data: Headers, as_list: bool | None = False, seconds: float | None = None) -> asyncio.Future[Answer]:
        """Writes an action whose safety has been checked; `seconds` is how long its answer may take."""
        pending = Pending(data, as_list=bool(as_list))
        future: asyncio.Future[Answer] = pending.future
        if self.closed:
            self._end(pending, "down", LinkDown(self.why_closed))
            return future
        seconds = seconds or self._action_seconds
        super().send(pending, as_list=pending.as_list)
        late = ActionTimeout(f"no answer to {pending.name} within {seconds:g} s")
        pending.timer = self._loop.call_later(seconds, self._end, pending, "timeout", late)
        if pending.as_list:
            self._lists[pending.id] = pending
        return future

    def _end(self, pending: Pending, outcome: str, result: Answer | list[Event] | ActionFailed) -> None:
        self.responses.pop(pending.id, None)
        self._lists.pop(pending.id, None)
        if pending.timer:
            pending.timer.cancel()
        self._counts.actions[pending.name, outcome] += 1
        if pending.future.done():  # whoever asked has gone
            return
        if isinstance(result, ActionFailed):
            pending.future.set_exception(result)
            pending.future.exception()  # it is counted; nobody is obliged to look
        else:
            pending.future.set_result(result)

    # ---- Messages

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._loop.time()
        self._buffer += data
        end = self._buffer.rfind(_BLANK_LINE, self._searched)
        if end >= 0:
            # Whole messages only: no character is cut in two here.
            text = self._buffer[:end].decode("utf-8", "replace")
            del self._buffer[: end + len(_BLANK_LINE)]
            self._read(self._mend(text))
        self._searched = max(0, len(self._buffer) - len(_BLANK_LINE) + 1)
        if len(self._buffer) > INCOMING_LIMIT_BYTES:
            self.lose(f"a message of more than {INCOMING_LIMIT_BYTES:,} bytes")

    def _mend(self, text: str) -> str:
        before = self._mender.mended
        text, unfinished = self._mender.mend(text)
        self._counts.mended += self._mender.mended - before
        if unfinished:
            self._buffer[:0] = unfinished.encode() + _BLANK_LINE
        return text

    def _read(self, messages: str) -> None:
        for message in messages.split("\r\n\r\n"):
            if self.closed:
                return
            if message.startswith(_BANNER):
                message = message.partition("\r\n")[2]  # it ends with one line's end; the first answer follows
            message = message.lstrip("\r\n")
            if message.startswith("Event: "):
                self._read_event(message)
            elif message.startswith("Response: "):
                self._read_answer(message)

    def _read_event(self, message: str) -> None:
        # "Event" is always the first header (manager_event in manager.c).
        name = message.partition("\r\n")[0][7:]
        events = self._counts.events
        events[name if name in events or len(events) < EVENT_NAMES_LIMIT else OTHER] += 1
        if self._lists and (pending := self._lists.get(_action_id(message))):
            self._collect(pending, Event.parse(name, message))
        elif self._wanted is None or name in self._wanted:
            self._on_event(Event.parse(name, message))

    def _collect(self, pending: Pending, event: Event) -> None:
        if "EventList" in event:  # "Complete"; see astman_send_list_complete_start() in manager.c
            self._end(pending, "ok", pending.listed)
        else:
            pending.listed.append(event)

    def _read_answer(self, message: str) -> None:
        pending: Pending | None = self.responses.get(_action_id(message))
        if pending is None:
            self._counts.late_answers += 1
            return
        answer = Answer.parse(pending.name, message)
        if answer.get("Message") == SHUTTING_DOWN:
            self.lose(SHUTTING_DOWN)
        elif answer["Response"] == "Error":
            self._end(pending, "refused", ActionRefused(answer.get("Message", "")))
        elif not pending.as_list:
            self._end(pending, "ok", answer)


def _action_id(message: str) -> str:
    return message.partition("\r\nActionID: ")[2].partition("\r\n")[0]


class Manager(panoramisk.Manager):  # type: ignore[misc]
    """panoramisk's manager for one connection at a time: it connects and logs in. Whether to try again, and when, is
    decided by the Link, for panoramisk does so every two seconds, for ever, and even when it has been closed."""

    def __init__(self, **config: object) -> None:
        super().__init__(**config, log=_SILENT)

    def connection_made(self, connecting: asyncio.Task[object]) -> None:
        if connecting.cancelled() or connecting.exception():
            return  # the Link, which awaits the same task, is told
        super().connection_made(connecting)
        self.pinger.cancel()  # the Link's own pings must be answered

    def login(self, answered: asyncio.Future[Answer]) -> None:
        """Nothing: the Link awaits `authenticated_future` itself."""
