"""Virtual time: what is asked for happens, in its order, at its moment, and nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from acd.simulation.clock import NothingWillHappen, VirtualLoop

START = 1_764_576_000.0


def live(story: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(START)) as runner:
        return runner.run(story)


def test_a_week_takes_no_time() -> None:
    began = time.monotonic()

    async def story() -> float:
        await asyncio.sleep(7 * 24 * 3600)
        return asyncio.get_running_loop().time()

    assert live(story()) == START + 7 * 24 * 3600
    assert time.monotonic() - began < 5


def test_timers_fire_in_their_order_and_exactly_at_their_moment() -> None:
    fired = []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        for seconds in (3.3, 0.1, 2.2, 1e-3):
            loop.call_later(seconds, lambda at: fired.append((at, loop.time())), loop.time() + seconds)
        await asyncio.sleep(4)

    live(story())

    assert [due for due, _ in fired] == sorted(due for due, _ in fired)
    assert all(due == at for due, at in fired)
    assert len(fired) == 4


def test_who_waits_for_ever_is_told_so() -> None:
    async def story() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(NothingWillHappen):
        live(story())


def test_what_is_written_in_one_go_arrives_in_one_go_and_in_order() -> None:
    heard: list[bytes] = []

    class Listener(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            heard.append(data)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.listen("pbx", 5038, Listener)
        wire, _ = await loop.create_connection(asyncio.Protocol, "pbx", 5038)
        wire.write(b"one ")
        wire.write(b"two ")
        await asyncio.sleep(0)
        wire.write(b"three")
        await asyncio.sleep(0.1)

    live(story())

    assert heard == [b"one two ", b"three"]


def test_both_ends_hear_that_a_connection_is_closed() -> None:
    lost: list[str] = []

    class End(asyncio.Protocol):
        def __init__(self, name: str) -> None:
            self.name = name

        def connection_lost(self, exc: Exception | None) -> None:
            lost.append(self.name)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.listen("pbx", 5038, lambda: End("far"))
        wire, _ = await loop.create_connection(lambda: End("near"), "pbx", 5038)
        wire.close()
        await asyncio.sleep(0.1)
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(asyncio.Protocol, "pbx", 1)

    live(story())

    assert sorted(lost) == ["far", "near"]
