"""Callbacks on a real Asterisk: the caller's whole dialogue by the keys and the voice of a real telephone, and the
agent's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from callcentre import DIALPLAN, MAIN, CallCentre, agent, open_centre, queue
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import (
    CallbackPromised,
    CustomerReached,
    RequestEnded,
    RequestSetAside,
)
from acd.demo.softphone import Call, CallState

KNOWN = """
exten => _1[a-z]!,1,Set(CALLERID(num)=0201234567)
 same => n,Goto(${EXTEN:1},1)
exten => _2[a-z]!,1,Set(CALLERID(num)=)
 same => n,Goto(${EXTEN:1},1)
"""
"""Behind a 1, a caller whose number is known; behind a 2, it is withheld."""


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(
        endpoints=phones(*NAMES, "caller", "other", "customer"),
        dialplan=DIALPLAN.replace("exten => _9", KNOWN + "exten => _9", 1).replace(
            "Set(CALLERID(name)=${CALLERID(num)})", "NoOp()"
        ),
    )


@asynccontextmanager
async def callback_centre(pbx: PrivatePbx, folder: Path, **rules: Any) -> AsyncIterator[CallCentre]:
    server = {"host": pbx.host, "port": pbx.ami_port, "username": pbx.ami_user, "secret": pbx.secret}
    server |= {"mobile_dial": "PJSIP/{number}@customer", "messages": str(pbx.folder / "spool/acd")}
    tables = {
        "asterisk": {MAIN: server},
        "site": {"country": "NL"},
        "dialling": {"hours": "00:00-24:00"},
        "queue": [queue("sales", callbacks={"offer_after_seconds": 0} | rules)],
        "agent": [agent("alice", sales=1) | {"callbacks": True}, agent("bob", sales=2)],
    }
    async with open_centre(pbx, folder, **tables) as centre:
        yield centre


async def file_grows(centre: CallCentre, pbx: PrivatePbx) -> Path:
    """The message that is being recorded, once there is more than a second of it."""
    name = (await centre.told(RequestSetAside)).message
    path = pbx.folder / "spool/acd" / f"{name}.rec.wav"
    async with asyncio.timeout(20):
        while not path.exists() or path.stat().st_size < 40_000:
            await asyncio.sleep(0.05)
    return path


async def dialogue_at(centre: CallCentre, name: str, times: int = 1, **about: str) -> None:
    await centre.heard("UserEvent", times=times, UserEvent=name, **about)


async def leaves_a_message(centre: CallCentre, pbx: PrivatePbx, call: Call) -> None:
    """From the line: he presses the key, keeps his number, speaks, and accepts what he has said."""
    await call.wait_until_async(lambda call: call.heard_audio, 5)
    call.press("5")
    await centre.told(RequestSetAside)
    call.press("1")
    await file_grows(centre, pbx)
    call.press("#")
    await dialogue_at(centre, "AcdMessage", Step="recorded")
    call.press("1")


@both_releases
async def test_a_message_keeps_his_place_and_an_agent_calls_him_back(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, alice, customer = await phone("caller"), await phone("alice"), await phone("customer")
    async with callback_centre(pbx, tmp_path) as centre:
        call = caller.call("1sales")
        await leaves_a_message(centre, pbx, call)
        promised = await centre.told(CallbackPromised)
        assert promised.number == "+31201234567"
        assert await centre.status_after_the_queue() == "CALLBACK"
        call.hangup()

        centre.log_in("alice")
        ring = await alice.wait_for_ring_async(5)
        ring.answer()
        await ring.wait_until_async(lambda call: call.heard_voice, 20)  # what the caller has said
        ring.press("1")
        rings = await customer.wait_for_ring_async(10)
        assert rings.number == "+31201234567"
        rings.answer()
        await centre.told(CustomerReached)
        await centre.until_is("alice", "connected")
        rings.hangup()
        await dialogue_at(centre, "AcdDialled")
        ring.press("1")
        ended = await centre.told(RequestEnded)
        assert (ended.kind, ended.outcome, ended.request) == ("callback", "answered", promised.request)
        await ring.wait_for_async(CallState.ENDED, 10)
