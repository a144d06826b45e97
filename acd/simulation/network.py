"""A network with weather: connections that are cut, go dark without a word, are slow, or bring a few bytes at a time.

What a wire carries keeps its order and is never damaged: that is TCP's part. While it is dark nothing arrives and
nobody is told; what was sent meanwhile arrives when it is lit again, if its receiver is still there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from acd.simulation.clock import Factory, VirtualLoop, Wire

LOOKS_AGAIN_SECONDS = 0.5


class Weather:
    """What the network to one server is like just now."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """How long everything is under way, in each direction."""
        self.piece: int | None = None
        """So many bytes arrive at a time."""
        self.is_dark = False
        self.refuses = False
        """Nobody listens there."""
        self._wires: list[WeatheredWire] = []

    @property
    def is_fair(self) -> bool:
        return not (self.seconds or self.piece or self.is_dark or self.refuses)

    def reaches(self, wire: WeatheredWire) -> None:
        self._wires = [other for other in self._wires if not other.is_closing()]
        self._wires.append(wire)

    def go_dark(self) -> None:
        self.is_dark = True

    def be_lit(self) -> None:
        self.is_dark = False
        for wire in self._wires:
            wire.goes_on()

    def cut(self) -> None:
        """Both ends are told; what is under way is lost."""
        for wire in self._wires:
            wire.breaks()
        self._wires.clear()


class WeatheredLoop(VirtualLoop):
    def __init__(self, starts_at: float = 0.0) -> None:
        super().__init__(starts_at)
        self._weather: dict[str, Weather] = {}

    def weather_at(self, host: str) -> Weather:
        return self._weather.setdefault(host, Weather())

    def wire(self, host: str, protocol: asyncio.BaseProtocol) -> Wire:
        return WeatheredWire(self, protocol, self.weather_at(host))

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Factory, host: str, port: int, **_: Any
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        weather = self.weather_at(host)
        while weather.is_dark:  # noqa: ASYNC110 - waiting costs nothing here
            await asyncio.sleep(LOOKS_AGAIN_SECONDS)
        await asyncio.sleep(2 * weather.seconds)
        if weather.refuses:
            raise ConnectionRefusedError(f"nobody listens on {host}:{port}")
        return await super().create_connection(protocol_factory, host, port)


class WeatheredWire(Wire):
    def __init__(self, loop: VirtualLoop, protocol: asyncio.BaseProtocol, weather: Weather) -> None:
        super().__init__(loop, protocol)
        self._weather = weather
        self._travelling: deque[tuple[float, bytes | None]] = deque()
        """What comes, and when; None is the end."""
        self._arrival: asyncio.Handle | None = None
        weather.reaches(self)

    def bring(self, data: bytes | None) -> None:
        self._travelling.append((self._loop.time() + self._weather.seconds, data))
        self.goes_on()

    def goes_on(self) -> None:
        if self._arrival or not self._travelling or self._weather.is_dark:
            return
        due, _ = self._travelling[0]
        if due <= self._loop.time():
            self._arrival = self._loop.call_soon(self._arrive)
        else:
            self._arrival = self._loop.call_at(due, self._arrive)

    def _arrive(self) -> None:
        self._arrival = None
        if self._weather.is_dark:
            return
        data = self._what_is_due()
        if data and not self._closed:
            self._protocol.data_received(data)
        if self._travelling and self._travelling[0][1] is None:
            self._travelling.clear()
            self.close()
        self.goes_on()

    def _what_is_due(self) -> bytes:
        data, now = b"", self._loop.time()
        while self._travelling and self._travelling[0][0] <= now and self._travelling[0][1] is not None:
            data += self._travelling.popleft()[1] or b""
        piece = self._weather.piece
        if piece and len(data) > piece:
            self._travelling.appendleft((now, data[piece:]))
            return data[:piece]
        return data

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.call_soon(self._protocol.connection_lost, None)
        peer = self.peer
        assert isinstance(peer, WeatheredWire)  # noqa: S101
        peer.bring(None)

    def breaks(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._travelling.clear()
        self._loop.call_soon(self._protocol.connection_lost, ConnectionResetError("connection reset by peer"))
