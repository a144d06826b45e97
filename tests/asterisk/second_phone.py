"""A telephone that shares no code with ours: baresip, as a second opinion."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from baresip import Account, Config
from baresip.call import Call, CallState
from baresip.runtime import Runtime
from baresip.ua import UserAgent
from exchange import password_of

from acd.asterisk.pbx import PrivatePbx
from acd.demo.softphone import VOICE_PERIOD_SAMPLES

SOON_SECONDS = 5.0
FRAME_SECONDS = 0.02


class SecondPhone:
    """Calls, answers, and notes what it hears."""

    def __init__(self, pbx: PrivatePbx, agent: UserAgent) -> None:
        self._pbx = pbx
        self._agent = agent
        self._incoming: asyncio.Queue[Call] = asyncio.Queue()
        agent.on_incoming(self._incoming.put_nowait)

    async def call(self, number: str) -> Call:
        return await self._agent.dial(f"sip:{number}@{self._pbx.host}:{self._pbx.sip_port}")

    async def rings(self) -> Call:
        return await asyncio.wait_for(self._incoming.get(), SOON_SECONDS)


@asynccontextmanager
async def second_phone(pbx: PrivatePbx, name: str) -> AsyncIterator[SecondPhone]:
    """A registered one. Only one at a time: baresip has one runtime a process."""
    runtime = Runtime()
    await runtime.start(Config(net_interface=pbx.host))
    try:
        agent = await UserAgent.create(runtime, Account(name, f"{pbx.host}:{pbx.sip_port}", password_of(name)))
        await agent.register()
        yield SecondPhone(pbx, agent)
    finally:
        await runtime.close()


async def heard_voice(call: Call) -> None:
    """Until one frame repeats our softphones' period from end to end."""
    period, frame = 2 * VOICE_PERIOD_SAMPLES, 320
    async with asyncio.timeout(SOON_SECONDS):
        while True:
            heard = call.audio.read(frame)
            if len(heard) == frame and any(heard) and heard[period:] == heard[:-period]:
                return
            await asyncio.sleep(FRAME_SECONDS)


async def say_voice(call: Call) -> None:
    """The same note, until it is cancelled."""
    note = (round(8000 * math.sin(2 * math.pi * n / VOICE_PERIOD_SAMPLES)) for n in range(160))
    frame = struct.pack("<160h", *note)
    while True:
        call.audio.write(frame)
        await asyncio.sleep(FRAME_SECONDS)


async def closed(call: Call) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while call.state is not CallState.CLOSED:
            await asyncio.sleep(FRAME_SECONDS)
