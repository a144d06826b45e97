"""The ruler: an AMI listener of the bench's own. It stamps what it hears with the moment of its arrival."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

from bench.story import WANTED

Hear = Callable[[float, str, dict[str, str]], None]

USER = "bench"
ACCOUNT = """\
[bench]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = call,user,dtmf
write = reporting,call
writetimeout = 10000
"""
ANSWER_SECONDS = 10.0


class Ruler(asyncio.Protocol):
    def __init__(self) -> None:
        self.hear: Hear | None = None
        self.wanted = WANTED
        self.lost = False
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._answers: dict[str, asyncio.Future[dict[str, str]]] = {}
        self._asked = 0

    @classmethod
    async def listening(cls, host: str, port: int, secret: str, classes: str = "call,user") -> Ruler:
        _, ruler = await asyncio.get_running_loop().create_connection(cls, host, port)
        answer = await ruler.ask("Login", Username=USER, Secret=secret, Events=classes)
        if answer["Response"] != "Success":
            raise ConnectionError(f"Asterisk refused the bench's AMI user: {answer.get('Message')}")
        return ruler

    async def ask(self, action: str, **headers: str) -> dict[str, str]:
        self._asked += 1
        identity = str(self._asked)
        lines = [f"Action: {action}", f"ActionID: {identity}", *(f"{name}: {value}" for name, value in headers.items())]
        answer = self._answers[identity] = asyncio.get_running_loop().create_future()
        assert self._transport  # noqa: S101 - `listening` is the only way in
        self._transport.write("\r\n".join([*lines, "", ""]).encode())
        return await asyncio.wait_for(answer, ANSWER_SECONDS)

    async def ping_seconds(self, times: int = 200) -> list[float]:
        """Round trips on the loopback: the least that anything over AMI can take here."""
        trips = []
        for _ in range(times):
            began = time.perf_counter()
            await self.ask("Ping")
            trips.append(time.perf_counter() - began)
        return trips

    def close(self) -> None:
        if self._transport:
            self._transport.abort()

    # ---- What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        for answer in self._answers.values():
            answer.cancel()

    def data_received(self, data: bytes) -> None:
        at = time.monotonic()
        *messages, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for message in messages:
            self._read(at, message.decode("utf-8", "replace"))

    def _read(self, at: float, message: str) -> None:
        if message.startswith("Event: "):
            name = message.partition("\r\n")[0].removeprefix("Event: ")
            # The ruler runs on the cores that it measures on: what nobody asks for is not taken apart.
            if self.hear and name in self.wanted:
                self.hear(at, name, _fields(message))
            return
        fields = _fields(message)
        if answer := self._answers.pop(fields.get("ActionID", ""), None):
            answer.set_result(fields)


def _fields(message: str) -> dict[str, str]:
    lines = (line.partition(": ") for line in message.split("\r\n"))
    return {name: value for name, separator, value in lines if separator}
