"""The weather between a daemon and its servers: nothing is damaged, nothing changes its order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from acd.simulation.network import WeatheredLoop

PORT = 5038


class End(asyncio.Protocol):
    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.lost: list[Exception | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard.append((asyncio.get_running_loop().time(), data))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)

    @property
    def said(self) -> bytes:
        return b"".join(data for _, data in self.heard)


def live(story: Coroutine[Any, Any, Any]) -> None:
    with asyncio.Runner(loop_factory=WeatheredLoop) as runner:
        runner.run(story)


def the_loop() -> WeatheredLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WeatheredLoop)
    return loop


async def connected() -> tuple[End, End]:
    far = End()
    the_loop().listen("pbx", PORT, lambda: far)
    _, near = await the_loop().create_connection(End, "pbx", PORT)
    assert isinstance(near, End)
    return near, far


def test_what_is_slow_arrives_whole_and_in_its_order() -> None:
    async def story() -> None:
        near, far = await connected()
        the_loop().weather_at("pbx").seconds = 2.0
        near.transport.write(b"one ")
        await asyncio.sleep(1)
        near.transport.write(b"two")
        await asyncio.sleep(5)
        assert far.heard == [(2.0, b"one "), (3.0, b"two")]

    live(story())


def test_what_became_quick_again_does_not_overtake_what_is_slow() -> None:
    async def story() -> None:
        near, far = await connected()
        weather = the_loop().weather_at("pbx")
        weather.seconds = 2.0
        near.transport.write(b"one ")
        weather.seconds = 0.0
        near.transport.write(b"two")
        await asyncio.sleep(5)
        assert far.said == b"one two"

    live(story())


def test_bytes_come_one_at_a_time() -> None:
    async def story() -> None:
        near, far = await connected()
        the_loop().weather_at("pbx").piece = 1
        near.transport.write(b"one two")
        near.transport.close()
        await asyncio.sleep(1)
        assert [data for _, data in far.heard] == [b"o", b"n", b"e", b" ", b"t", b"w", b"o"]
        assert far.lost == [None]

    live(story())


def test_in_the_dark_nothing_arrives_and_nobody_is_told() -> None:
    async def story() -> None:
        near, far = await connected()
        the_loop().weather_at("pbx").go_dark()
        near.transport.write(b"hello?")
        near.transport.close()
        await asyncio.sleep(60)
        assert (far.said, far.lost) == (b"", [])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await the_loop().create_connection(End, "pbx", PORT)
        the_loop().weather_at("pbx").be_lit()
        await asyncio.sleep(1)
        assert (far.said, far.lost) == (b"hello?", [None])

    live(story())


def test_a_cut_is_told_to_both_and_loses_what_is_under_way() -> None:
    async def story() -> None:
        near, far = await connected()
        near.transport.write(b"lost")
        the_loop().weather_at("pbx").cut()
        await asyncio.sleep(1)
        assert far.said == b""
        assert isinstance(near.lost[0], ConnectionResetError)
        assert isinstance(far.lost[0], ConnectionResetError)

    live(story())


def test_where_nobody_listens_a_connection_is_refused() -> None:
    async def story() -> None:
        await connected()
        the_loop().weather_at("pbx").refuses = True
        with pytest.raises(ConnectionRefusedError):
            await the_loop().create_connection(End, "pbx", PORT)

    live(story())
