"""In which order callers and callbacks are served, and by whom."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from callback_stories import (
    callback_centre,
    hears_the_message,
    is_asked_for,
    leaves_a_message,
    picks_up,
    settings,
    time_passes,
    waits,
)
from callcentre import CallCentre
from exchange import Phone, both_releases
from somebody import ALIKE, voice

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import CallbackPromised, OfferMade, RequestConnected, RequestEnded, RequestQueued
from acd.center.inputs import LogOut, MakeAvailable, Pause
from acd.center.model import AgentName

BOB = AgentName("bob")
EVA = "0201234567sales"


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return settings()


@both_releases
async def test_of_ten_callers_the_third_and_the_seventh_leave_messages_and_all_are_served_in_the_order_of_arrival(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    line, alice, customer = await phone("caller"), await phone("alice"), await phone("customer")
    async with callback_centre(pbx, tmp_path) as centre:
        callers = []
        for number in range(1, 11):
            callers.append(await waits(line, f"02012345{number:02}sales"))
            await centre.told(RequestQueued, times=number)
        arrived = [queued.request for queued in centre.told_so_far(RequestQueued)]
        await asyncio.gather(*(leaves_a_message(callers[number - 1], voice(number)) for number in (3, 7)))
        await centre.told(CallbackPromised, times=2)

        centre.log_in("alice")
        for number, caller in enumerate(callers, 1):
            agent = await picks_up(alice)
            if number in (3, 7):
                await hears_the_message(agent)
                assert agent.likeness(voice(number)) > ALIKE
                agent.presses("1")
                back = await picks_up(customer)
                assert back.call.number == f"+312012345{number:02}"
                await back.call.wait_until_async(lambda call: call.heard_voice, 10)
                back.hangs_up()
                await agent.hears("after")
                agent.presses("1")
            else:
                assert agent.call.caller == f"02012345{number:02}"
                await caller.call.wait_until_async(lambda call: call.heard_voice, 10)
                caller.hangs_up()
            await agent.is_hung_up_on()
            await centre.told(RequestEnded, times=number)
        assert [connected.request for connected in centre.told_so_far(RequestConnected)] == arrived
        assert {ended.outcome for ended in centre.told_so_far(RequestEnded)} == {"answered"}


@both_releases
async def test_only_who_takes_callbacks_is_offered_one(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    eva, alice, bob = await phone("caller"), await phone("alice"), await phone("bob")
    async with callback_centre(pbx, tmp_path, callbacks_by=("alice",)) as centre:
        callback = await is_asked_for(centre)
        centre.log_in("bob")
        await waits(eva, EVA)
        assert (await picks_up(bob)).call.caller == "0201234567"

        centre.log_in("alice")
        await (await picks_up(alice)).hears("menu")
        offered = [(made.agent, made.request) for made in centre.told_so_far(OfferMade)]
        assert offered[1:] == [("alice", callback)]


# ---- Eva's agent is Bob, who is the second choice of all others


def eva_s_agent_is_bob(pbx: PrivatePbx, folder: Path) -> Any:
    return callback_centre(
        pbx, folder, callbacks_by=("alice", "bob"), callers=({"number": "+31201234567", "agent": "bob"},)
    )


async def leaves_hers(centre: CallCentre, phone: Phone) -> None:
    """Alice is there when she has."""
    await leaves_a_message(await waits(await phone("caller"), EVA), voice(1))
    await centre.told(CallbackPromised)
    centre.log_in("alice")


@both_releases
async def test_it_waits_for_her_own_agent_who_is_busy(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    tom, bob = await phone("other"), await phone("bob")
    async with eva_s_agent_is_bob(pbx, tmp_path) as centre:
        centre.log_in("bob")
        await waits(tom, "0201234501sales")
        talking = await picks_up(bob)
        await leaves_hers(centre, phone)
        assert centre.state_of("alice") == "available"

        talking.hangs_up()
        await (await picks_up(bob)).hears("message")


@both_releases
@pytest.mark.parametrize("he", ["stays away", "logs out"])
async def test_who_is_away_is_waited_for_for_a_while_and_then_anyone_has_it(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, he: str
) -> None:
    alice = await phone("alice")
    async with eva_s_agent_is_bob(pbx, tmp_path) as centre:
        centre.log_in("bob")
        centre.daemon.tell(Pause(BOB))
        await leaves_hers(centre, phone)
        assert centre.state_of("alice") == "available"

        if he == "stays away":
            time_passes(centre, 20)
        else:
            centre.daemon.tell(LogOut(BOB))
        await (await picks_up(alice)).hears("message")


@both_releases
async def test_who_is_back_in_time_has_it(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    bob = await phone("bob")
    async with eva_s_agent_is_bob(pbx, tmp_path) as centre:
        centre.log_in("alice", "bob")
        centre.daemon.tell(Pause(BOB))
        await is_asked_for(centre, agent="bob")
        assert centre.state_of("alice") == "available"

        centre.daemon.tell(MakeAvailable(BOB))
        await (await picks_up(bob)).hears("menu")


@both_releases
async def test_who_is_not_there_is_not_waited_for(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    alice = await phone("alice")
    async with eva_s_agent_is_bob(pbx, tmp_path) as centre:
        centre.log_in("alice")
        await is_asked_for(centre, agent="bob")
        await (await picks_up(alice)).hears("menu")
