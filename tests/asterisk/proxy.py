"""A wire between the daemon and an Asterisk's AMI that can be cut, go dead, be slow, and lose events."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

AT_ONCE_BYTES = 65536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST, at once


class Proxy:
    """Between `port` and the AMI; what it does to the bytes may be changed at any time."""

    def __init__(self, ami_port: int) -> None:
        self.port = 0
        self.refuses = False
        """New connections are reset."""
        self.delay_seconds = 0.0
        """In each direction."""
        self.bytes_at_once = AT_ONCE_BYTES
        self.loses: set[str] = set()
        """Events, by their names."""
        self.connections = 0
        self.ami_port = ami_port
        self._wires: set[_Wire] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def cut(self) -> None:
        """Both ends of every connection are reset."""
        for wire in self._wires:
            wire.reset()

    def go_dead(self) -> None:
        """What is sent from now on arrives nowhere, and neither end is told. New connections are as before."""
        for wire in self._wires:
            wire.is_dead = True

    async def _serve(self, daemon: asyncio.StreamReader, to_daemon: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refuses:
            _reset(to_daemon)
            return
        try:
            asterisk, to_asterisk = await asyncio.open_connection("127.0.0.1", self.ami_port)
        except OSError:
            _reset(to_daemon)
            return
        wire = _Wire(self, to_daemon, to_asterisk)
        self._wires.add(wire)
        try:
            await asyncio.gather(wire.carry(daemon, to_asterisk), wire.carry(asterisk, to_daemon, tells=True))
        finally:
            self._wires.discard(wire)
            wire.reset()


class _Wire:
    def __init__(self, proxy: Proxy, *ends: asyncio.StreamWriter) -> None:
        self.is_dead = False
        self._proxy = proxy
        self._ends = ends

    async def carry(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, tells: bool = False) -> None:
        rest = b""
        with suppress(ConnectionError):
            while data := await source.read(AT_ONCE_BYTES):
                if tells:
                    *messages, rest = (rest + data).split(b"\r\n\r\n")
                    data = b"".join(message + b"\r\n\r\n" for message in messages if not self._is_lost(message))
                    if not messages and rest.startswith(b"Asterisk Call Manager/") and rest.endswith(b"\r\n"):
                        data, rest = rest, b""  # the banner has no blank line behind it
                asyncio.get_running_loop().call_later(self._proxy.delay_seconds, self._deliver, data, to)
        self.reset()

    def _is_lost(self, message: bytes) -> bool:
        first = message.partition(b"\r\n")[0].decode()
        return first.removeprefix("Event: ") in self._proxy.loses

    def _deliver(self, data: bytes, to: asyncio.StreamWriter) -> None:
        if self.is_dead or to.is_closing():
            return
        for at in range(0, len(data), self._proxy.bytes_at_once):
            to.write(data[at : at + self._proxy.bytes_at_once])

    def reset(self) -> None:
        for end in self._ends:
            _reset(end)


def _reset(end: asyncio.StreamWriter) -> None:
    if not end.is_closing():
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.transport.abort()
