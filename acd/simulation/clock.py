"""Time that nobody waits for: an event loop whose clock jumps to the next timer, and whose connections never leave it.

Everything that runs on asyncio runs on it unchanged, in the same order each time: there are no sockets, no threads and
no clock but its own, which shows seconds of UTC.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

Factory = Callable[[], asyncio.BaseProtocol]
THREAD_SECONDS = 0.005
"""After so long it is known what has become of work that was left to a thread."""


class NothingWillHappen(RuntimeError):
    """Somebody waits, and no timer will ever end it."""


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, starts_at: float = 0.0) -> None:
        self._moment = starts_at
        self._listening: dict[tuple[str, int], Factory] = {}
        super().__init__(_Jump(self))
        # What asyncio adds to the time to see which timers are due must be more than nothing, beside 1.7e9 seconds.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._moment

    def jump(self, seconds: float) -> None:
        self._moment += seconds

    def listen(self, host: str, port: int, factory: Factory) -> None:
        """From here on `create_connection` to that address reaches protocols made by `factory`."""
        self._listening[host, port] = factory

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """What is left to a thread is done at once, and told a little later."""
        done: asyncio.Future[Any] = self.create_future()
        try:
            self.call_later(THREAD_SECONDS, _tell, done.set_result, done, func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for it
            self.call_later(THREAD_SECONDS, _tell, done.set_exception, done, error)
        return done

    def wire(self, host: str, protocol: asyncio.BaseProtocol) -> Wire:
        """One end of a connection to that host."""
        return Wire(self, protocol)

    # Of the many ways to connect, the one that is used here.
    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Factory, host: str, port: int, **_: Any
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        try:
            answers = self._listening[host, port]()
        except KeyError:
            raise ConnectionRefusedError(f"nobody listens on {host}:{port}") from None
        calls = protocol_factory()
        near, far = self.wire(host, calls), self.wire(host, answers)
        near.peer, far.peer = far, near
        answers.connection_made(far)
        calls.connection_made(near)
        return near, calls


def _tell(tell: Callable[[Any], None], done: asyncio.Future[Any], what: object) -> None:
    if not done.cancelled():
        tell(what)


class _Jump(selectors.SelectSelector):
    """Waits for nothing: what asyncio would sleep for is what the clock jumps by."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise NothingWillHappen("everybody waits, and no timer runs")
        if timeout > 0:
            self._loop.jump(timeout)
        return []


class Wire(asyncio.Transport):
    """One end of a connection within the loop. What is written in one go arrives in one go, as soon as it may."""

    peer: Wire

    def __init__(self, loop: VirtualLoop, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._loop = loop
        self._protocol: Any = protocol
        self._coming: list[bytes] = []
        self._closed = False

    def write(self, data: Any) -> None:
        if not self._closed:
            self.peer.bring(data)

    def bring(self, data: bytes) -> None:
        if not self._coming:
            self._loop.call_soon(self._deliver)
        self._coming.append(data)

    def _deliver(self) -> None:
        data = b"".join(self._coming)
        self._coming.clear()
        if not self._closed:
            self._protocol.data_received(data)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.call_soon(self._protocol.connection_lost, None)
        self._loop.call_soon(self.peer.close)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closed

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever held back."""
