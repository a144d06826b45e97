"""What our softphone says is understood by a telephone that shares no code with it, and the other way round."""

from __future__ import annotations

import asyncio

import pytest
from baresip import CallBusy
from exchange import Phone, both_releases
from second_phone import closed, heard_voice, say_voice, second_phone

from acd.asterisk.pbx import PrivatePbx
from acd.demo.softphone import CallState, Ended

SOON_SECONDS = 5.0


@both_releases
async def test_another_phone_calls_ours(pbx: PrivatePbx, phone: Phone) -> None:
    ours = await phone("alice")
    async with second_phone(pbx, "bob") as other:
        theirs = await other.call("alice")
        call = await ours.wait_for_ring_async(SOON_SECONDS)
        call.answer()
        await theirs.wait_established()

        pressed: list[str] = []
        theirs.on_dtmf(lambda event: pressed.append(event.digit))
        saying = asyncio.create_task(say_voice(theirs))
        await heard_voice(theirs)
        await call.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)
        saying.cancel()

        await theirs.send_dtmf("15#")
        await call.wait_until_async(lambda call: call.digits == "15#", SOON_SECONDS)
        call.press("92*")
        async with asyncio.timeout(SOON_SECONDS):
            while pressed != ["9", "2", "*"]:
                await asyncio.sleep(0.02)

        await theirs.hangup()
        await call.wait_for_async(CallState.ENDED, SOON_SECONDS)
        assert call.ended_because == Ended.THEY_HUNG_UP


@both_releases
async def test_ours_calls_another_phone(pbx: PrivatePbx, phone: Phone) -> None:
    ours = await phone("alice")
    async with second_phone(pbx, "bob") as other:
        call = ours.call("bob")
        theirs = await other.rings()
        await theirs.answer()
        await call.wait_for_async(CallState.ANSWERED, SOON_SECONDS)
        await heard_voice(theirs)

        call.hangup()
        await closed(theirs)


async def test_another_phone_gives_up_while_ours_rings(pbx: PrivatePbx, phone: Phone) -> None:
    ours = await phone("alice")
    async with second_phone(pbx, "bob") as other:
        theirs = await other.call("alice")
        call = await ours.wait_for_ring_async(SOON_SECONDS)

        await theirs.hangup()

        await call.wait_for_async(CallState.ENDED, SOON_SECONDS)
        assert call.ended_because == Ended.THEY_GAVE_UP


async def test_another_phone_is_rejected_by_ours(pbx: PrivatePbx, phone: Phone) -> None:
    ours = await phone("alice")
    async with second_phone(pbx, "bob") as other:
        theirs = await other.call("alice")
        (await ours.wait_for_ring_async(SOON_SECONDS)).reject()

        with pytest.raises(CallBusy):
            await theirs.wait_established()


async def test_ours_gives_up_while_another_phone_rings(pbx: PrivatePbx, phone: Phone) -> None:
    ours = await phone("alice")
    async with second_phone(pbx, "bob") as other:
        call = ours.call("bob")
        theirs = await other.rings()

        call.hangup()

        await closed(theirs)
        assert call.ended_because == Ended.WE_GAVE_UP
