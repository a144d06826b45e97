"""A link: one AMI connection to one Asterisk server, which keeps itself connected.

It is up from the moment that Asterisk has booted, has taken the login and has answered a first ping, until anything is
wrong; `on_up` and `on_down` tell of it in turns, and between the two `on_event` tells of every wanted event, in order.
What happened while it was down is lost: whoever is told `on_up` asks Asterisk what lives.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NoReturn, cast

import structlog

from acd.asterisk.wire import (
    SHUTTING_DOWN,
    ActionFailed,
    ActionRefused,
    ActionTimeout,
    Answer,
    Event,
    Headers,
    LinkCounts,
    LinkDown,
    Manager,
    Protocol,
    UnsafeValue,
    refuse_unsafe,
)

__all__ = [
    "SHUTTING_DOWN",
    "ActionFailed",
    "ActionRefused",
    "ActionTimeout",
    "AmiServer",
    "Answer",
    "Event",
    "Link",
    "LinkCounts",
    "LinkDown",
    "Patience",
    "UnsafeValue",
]

log = structlog.get_logger()

EVENT_CLASSES = "call,user,system"
"""`system` brings FullyBooted, which comes to nobody who does not listen to it (action_login() in manager.c)."""
_OWN_EVENTS = frozenset({"FullyBooted", "Shutdown"})
Draw = Callable[[float, float], float]
_NO_HEADERS: Headers = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AmiServer:
    name: str
    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a link waits for what, in seconds."""

    connect_seconds: float = 5.0
    action_seconds: float = 5.0
    list_seconds: float = 10.0
    ping_seconds: float = 2.0
    pong_seconds: float = 3.0
    boot_seconds: float = 15.0
    """After a login without FullyBooted, until the log says so."""
    settled_seconds: float = 10.0
    """A link that was up for so long starts from the first of its pauses again."""
    retry_seconds: tuple[float, float] = (0.2, 5.0)
    """First and longest pause after a failed or lost connection: an Asterisk that is back is found within 5 s."""
    refused_seconds: tuple[float, float] = (2.0, 60.0)
    """First and longest pause after a refused login, which somebody may be counting."""


class Backoff:
    """Pauses from `first` to `longest` seconds, each about twice the one before, and no two links in step."""

    def __init__(self, first: float, longest: float, draw: Draw | None = None) -> None:
        self._first, self._longest = first, longest
        self._draw = draw or random.uniform
        self._shortest = first

    def pause(self) -> float:
        shortest = self._shortest
        self._shortest = max(self._first, min(shortest * 2, self._longest / 2))
        return self._draw(shortest, min(shortest * 2, self._longest))

    def reset(self) -> None:
        self._shortest = self._first


class _Hidden(str):
    """A secret on its way through panoramisk: written as it is, shown to nobody."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class Link:
    def __init__(
        self,
        server: AmiServer,
        *,
        on_event: Callable[[Event], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
        wanted: frozenset[str] | None = None,
        classes: str = EVENT_CLASSES,
        patience: Patience = Patience(),
        draw: Draw | None = None,
    ) -> None:
        """`wanted` are the names of the events that `on_event` is called for, None for all: the others cost next to
        nothing. `classes` are the event classes to log in for; `draw` draws how long its pauses are.

        The three are called from the event loop and must not block; an exception of theirs is logged and counted.

        Raises UnsafeValue for a user name or secret that cannot be sent.
        """
        refuse_unsafe("Login", {"Username": server.username, "Secret": server.secret, "Events": classes})
        self.server = server
        self.name = server.name
        self.up = False
        self.counts = LinkCounts()
        self._on_event, self._on_up, self._on_down = on_event, on_up, on_down
        self._wanted = wanted if wanted is None else wanted | _OWN_EVENTS
        self._classes = classes
        self._patience = patience
        self._after_failure = Backoff(*patience.retry_seconds, draw)
        self._after_refusal = Backoff(*patience.refused_seconds, draw)
        self._protocol: Protocol | None = None
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self._booted = self._answering = False
        self._up_at = 0.0
        self._last_failure = ""

    # ---- What others use

    async def start(self) -> None:
        """Returns at once; from here on the link keeps itself connected."""
        self._task = asyncio.create_task(self._stay_connected(), name=f"ami {self.name}")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    def send(self, action: str, headers: Headers = _NO_HEADERS) -> asyncio.Future[Answer]:
        """Writes an action at once, in the order of the calls; an Originate always with `Async`.

        Raises UnsafeValue. The future fails with LinkDown, ActionTimeout or ActionRefused; nobody has to await it.
        """
        return self._send(action, headers, False, self._patience.action_seconds)

    async def ask(self, action: str, headers: Headers = _NO_HEADERS) -> list[Event]:
        """The events of a list action (Status, CoreShowChannels …), without the one that completes the list.

        Raises UnsafeValue, LinkDown, ActionTimeout, ActionRefused.
        """
        listed: list[Event] = await self._send(action, headers, True, self._patience.list_seconds)
        return listed

    def cut(self, why: str) -> None:
        """Ends this connection; the next one begins anew."""
        self._cut(why)

    def handler_failed(self, about: str, error: Exception, channel: str | None = None) -> None:
        """Logs and counts a failure of whoever is told by this link."""
        self.counts.handler_errors += 1
        log.error("ami.handler_failed", pbx=self.name, about=about, channel=channel, exc_info=error)

    @property
    def pending(self) -> int:
        """Actions that wait for their answer."""
        return len(self._protocol.responses) if self._protocol else 0

    @property
    def trouble(self) -> str:
        """Why it is not up, as far as it knows; empty when it is."""
        return "" if self.up else self._last_failure

    # ---- Sending

    def _send(self, action: str, headers: Headers, as_list: bool, seconds: float) -> asyncio.Future[Any]:
        try:
            refuse_unsafe(action, headers)
        except UnsafeValue:
            self.counts.actions[action, "unsafe"] += 1
            raise
        if not self.up or self._protocol is None:
            return self._refuse(action)
        if action == "Originate":
            headers = {**headers, "Async": "true"}  # without it Asterisk answers when the phone does, and nothing else
        return self._protocol.send({"Action": action, **headers}, as_list, seconds)

    def _refuse(self, action: str) -> asyncio.Future[Any]:
        self.counts.actions[action, "down"] += 1
        refused = asyncio.get_running_loop().create_future()
        refused.set_exception(LinkDown(f"{self.name} is down"))
        refused.exception()  # nobody has to look
        return refused

    # ---- Staying connected

    async def _stay_connected(self) -> None:
        manager = Manager(
            loop=asyncio.get_running_loop(),
            host=self.server.host,
            port=self.server.port,
            ssl=ssl.create_default_context() if self.server.tls else False,
            username=self.server.username,
            secret=_Hidden(self.server.secret),
            events=self._classes,
            protocol_factory=self._new_protocol,
        )
        while True:
            pause = await self._connection(manager)
            await asyncio.sleep(pause)

    def _new_protocol(self) -> Protocol:
        self._protocol = Protocol(
            wanted=self._wanted,
            counts=self.counts,
            action_seconds=self._patience.action_seconds,
            on_event=self._hear,
            on_lost=self._go_down,
        )
        return self._protocol

    async def _connection(self, manager: Manager) -> float:
        """One connection, from its first packet to its last; the seconds to wait before the next one."""
        self._lost.clear()
        self._booted = self._answering = False
        try:
            await self._watch(await self._log_in(manager))
        except ActionRefused as refused:
            return self._login_refused(str(refused))
        except Exception as failure:  # noqa: BLE001 - whatever it was, a link must not die of it in silence
            return self._failed(str(failure) or repr(failure))
        finally:
            self._cut("stopped")

    async def _log_in(self, manager: Manager) -> Protocol:
        try:
            async with asyncio.timeout(self._patience.connect_seconds):
                _, protocol = await manager.connect()
        except TimeoutError:
            raise LinkDown(f"no connection within {self._patience.connect_seconds:g} s") from None
        await manager.authenticated_future
        return cast(Protocol, protocol)

    async def _watch(self, protocol: Protocol) -> NoReturn:
        """Comes up, and asks for signs of life for as long as they come; ends by an exception only."""
        loop = asyncio.get_running_loop()
        reminder = loop.call_later(self._patience.boot_seconds, self._say_not_booted)
        try:
            while True:
                await self._prove_alive(protocol)
                self._answering = True
                self._come_up()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience.ping_seconds):
                        await self._lost.wait()
        finally:
            reminder.cancel()

    async def _prove_alive(self, protocol: Protocol) -> None:
        """Raises LinkDown for a peer that is silent for the pong's seconds, ActionTimeout for one that talks but does
        not answer for twice as many: behind a burst of events a pong may be late, and the peer is not dead."""
        loop, seconds = asyncio.get_running_loop(), self._patience.pong_seconds
        asked_at = loop.time()
        pong = protocol.send({"Action": "Ping"}, seconds=2 * seconds)
        while not pong.done():
            silent_for = loop.time() - max(asked_at, protocol.heard_at)
            if silent_for >= seconds:
                raise LinkDown(f"no sign of life for {seconds:g} s")
            await asyncio.wait([pong], timeout=seconds - silent_for)
        pong.result()

    # ---- Up and down

    def _hear(self, event: Event) -> None:
        if event.name == "FullyBooted":
            self._booted = True
            self._come_up()
        elif event.name == "Shutdown":
            self._cut(SHUTTING_DOWN)
        elif self.up:
            try:
                self._on_event(event)
            except Exception as error:  # noqa: BLE001 - panoramisk would close the link
                self.handler_failed(event.name, error, event.get("Uniqueid"))

    def _come_up(self) -> None:
        if self.up or not (self._booted and self._answering):
            return
        self.up, self._up_at, self._last_failure = True, asyncio.get_running_loop().time(), ""
        log.info("ami.up", pbx=self.name)
        self._tell("up", self._on_up)

    def _go_down(self, why: str) -> None:
        self._lost.set()
        if not self.up:
            return
        self.up, self._last_failure = False, why
        self.counts.losses += 1
        if asyncio.get_running_loop().time() - self._up_at >= self._patience.settled_seconds:
            self._after_failure.reset()
            self._after_refusal.reset()
        log.warning("ami.down", pbx=self.name, why=why)
        self._tell("down", self._on_down, why)

    def _cut(self, why: str) -> None:
        if self._protocol:
            self._protocol.lose(why)

    def _failed(self, why: str) -> float:
        self._cut(why)
        if why != self._last_failure:
            log.warning("ami.unreachable", pbx=self.name, host=self.server.host, port=self.server.port, why=why)
        self._last_failure = why
        return self._after_failure.pause()

    def _login_refused(self, answer: str) -> float:
        pause = self._after_refusal.pause()
        user = self.server.username
        self._last_failure = f"the login of {user!r} was refused: {answer}"
        log.error("ami.login_refused", pbx=self.name, user=user, answer=answer, retry_in_seconds=round(pause, 1))
        return pause

    def _say_not_booted(self) -> None:
        if not self._booted:
            hint = "Asterisk is still starting, or the AMI user has no `read = system`"
            log.warning("ami.not_booted", pbx=self.name, user=self.server.username, hint=hint)

    def _tell(self, about: str, handler: Callable[..., None], *what: object) -> None:
        try:
            handler(*what)
        except Exception as error:  # noqa: BLE001
            self.handler_failed(about, error)
