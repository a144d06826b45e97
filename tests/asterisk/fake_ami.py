"""A small AMI server over real TCP that does what the test says: it takes logins, boots, answers, and can misbehave."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

Action = dict[str, list[str]]
"""What a session was sent: every value of every header."""
Reply = Callable[["Session", Action], None]

PATIENCE_SECONDS = 5.0
"""After so long a test that waits for something fails."""


def message(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


class Session:
    """One connection of a client."""

    def __init__(self, ami: FakeAmi, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ami = ami
        self.received: list[Action] = []
        self.closed = asyncio.Event()
        self._reader, self._writer = reader, writer
        self._arrived: asyncio.Queue[Action] = asyncio.Queue()
        self._thawed = asyncio.Event()
        self._thawed.set()

    @property
    def names(self) -> list[str]:
        """Of all actions received so far."""
        return [action["Action"][0] for action in self.received]

    async def next(self, name: str) -> Action:
        """The next action of that name; others before it are passed over."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                action = await self._arrived.get()
                if action["Action"] == [name]:
                    return action

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def tell(self, name: str, *lines: str) -> None:
        self.write(message(f"Event: {name}", "Privilege: call,all", *lines))

    def answer(self, action: Action, *lines: str, response: str = "Success") -> None:
        self.write(message(f"Response: {response}", f"ActionID: {action['ActionID'][0]}", *lines))

    def refuse(self, action: Action, why: str) -> None:
        self.answer(action, f"Message: {why}", response="Error")

    def boot(self) -> None:
        self.tell("FullyBooted", "Status: Fully Booted")

    def freeze(self) -> None:
        """From here on the peer neither reads nor writes, and the connection stays open."""
        self._thawed.clear()

    def close(self) -> None:
        self._writer.close()

    async def run(self) -> None:
        self.write(b"Asterisk Call Manager/9.0.0\r\n")
        try:
            while True:
                action = _parse(await self._reader.readuntil(b"\r\n\r\n"))
                await self._thawed.wait()
                self.received.append(action)
                self._arrived.put_nowait(action)
                self._reply(action)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed.set()
            self._writer.close()

    def _reply(self, action: Action) -> None:
        name = action["Action"][0]
        self.ami.replies.get(name, Session.answer)(self, action)


def _parse(data: bytes) -> Action:
    action: Action = {}
    for line in data.decode().split("\r\n")[:-2]:
        header, _, value = line.partition(": ")
        action.setdefault(header, []).append(value)
    return action


def takes_login(session: Session, login: Action) -> None:
    session.answer(login, "Message: Authentication accepted")
    session.boot()


def takes_login_while_starting(session: Session, login: Action) -> None:
    session.answer(login, "Message: Authentication accepted")


def refuses_login(session: Session, login: Action) -> None:
    session.refuse(login, "Authentication failed")
    session.close()


def is_shutting_down(session: Session, action: Action) -> None:
    session.refuse(action, "Asterisk is shutting down")


def answers_nothing(session: Session, action: Action) -> None:
    """A lost answer."""


def pongs(session: Session, ping: Action) -> None:
    session.answer(ping, "Ping: Pong", "Timestamp: 1764000000.000000")


def lists(name: str, items: Sequence[Mapping[str, str]]) -> Reply:
    """Answers with a list of events and the event that completes it."""

    def reply(session: Session, action: Action) -> None:
        identity = f"ActionID: {action['ActionID'][0]}"
        session.answer(action, "EventList: start", "Message: The list will follow")
        for item in items:
            session.tell(name, *(f"{header}: {value}" for header, value in item.items()), identity)
        session.tell(f"{name}Complete", identity, "EventList: Complete", f"ListItems: {len(items)}")

    return reply


class FakeAmi:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.replies: dict[str, Reply] = {"Login": takes_login, "Ping": pongs}
        """How each action is answered; `Success` for those not named here."""
        self.port = 0
        self.sessions: list[Session] = []
        self._tls = tls
        self._opened: asyncio.Queue[Session] = asyncio.Queue()
        self._running: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.vanish()

    async def listen(self) -> None:
        """On a free port at first, on the same one later."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def vanish(self) -> None:
        """Nobody listens any more, and every connection is gone."""
        assert self._server
        self._server.close()
        for session in self.sessions:
            session.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._server.wait_closed()

    async def session(self) -> Session:
        """The next one that is opened, or that was and nobody asked for yet."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._opened.get()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        self.sessions.append(session)
        self._opened.put_nowait(session)
        task = asyncio.current_task()
        assert task
        self._running.add(task)
        await session.run()
