"""The daemon goes and comes back, and the link with it: who waits keeps his place, who talks talks on."""

from __future__ import annotations

from pathlib import Path

import pytest
from callcentre import DIALPLAN, open_centre, talk
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import RequestConnected, RequestEnded, RequestQueued
from acd.demo.softphone import CallState


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES, "caller", "other", "third"), dialplan=DIALPLAN)


@both_releases
async def test_a_new_start_takes_over_who_waits_who_rings_and_who_talks(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, other, third, alice, bob = [await phone(name) for name in ("caller", "other", "third", "alice", "bob")]
    async with open_centre(pbx, tmp_path) as centre:
        centre.log_in("alice", "bob")
        talking = caller.call("sales")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(talking)
        offered = other.call("sales")
        ring = await bob.wait_for_ring_async(5)
        waiting = third.call("sales")
        await centre.told(RequestQueued, times=3)
        before = {request.caller.number: request.entered_at for request in centre.state.requests.values()}

    async with open_centre(pbx, tmp_path) as centre:
        after = {request.caller.number: request.entered_at for request in centre.state.requests.values()}
        assert after == before
        assert centre.told_so_far(RequestEnded) == []
        assert (centre.state_of("alice"), centre.state_of("bob")) == ("connected", "connecting")
        ring.answer()
        await talk(offered)
        talking.hangup()
        (await alice.wait_for_ring_async(5)).answer()
        await talk(waiting)
        await centre.told(RequestConnected, times=2)
        assert [fact.agent for fact in centre.told_so_far(RequestConnected)] == ["bob", "alice"]


@both_releases
async def test_who_hung_up_while_the_daemon_was_away_is_booked_and_the_others_keep_their_places(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, other, alice = [await phone(name) for name in ("caller", "other", "alice")]
    async with open_centre(pbx, tmp_path) as centre:
        gone, stays = caller.call("sales"), other.call("sales")
        await centre.told(RequestQueued, times=2)
    gone.hangup()
    await gone.wait_for_async(CallState.ENDED, 5)

    async with open_centre(pbx, tmp_path) as centre:
        assert (await centre.told(RequestEnded)).outcome == "abandoned"
        assert len(centre.state.requests) == 1
        centre.log_in("alice")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(stays)


@both_releases
async def test_who_joined_while_the_daemon_was_away_is_found(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    caller, alice = [await phone(name) for name in ("caller", "alice")]
    async with open_centre(pbx, tmp_path):
        pass
    call = caller.call("sales")
    await call.wait_for_async(CallState.ANSWERED, 5)

    async with open_centre(pbx, tmp_path) as centre:
        queued = await centre.told(RequestQueued)
        assert queued.entered_at <= queued.at
        centre.log_in("alice")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(call)
