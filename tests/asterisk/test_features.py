"""Feature codes on a real Asterisk: dialled at a telephone, done, and told."""

from __future__ import annotations

from pathlib import Path

import pytest
from callcentre import DIALPLAN, CallCentre, agent, open_centre
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import FeatureAnswered
from acd.demo.softphone import CallState, Softphone


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    dialplan = DIALPLAN.replace("[from-phones]", "[from-phones]\ninclude => acd-features", 1)
    return PbxSettings(endpoints=phones(*NAMES, "seat", "caller"), dialplan=dialplan)


async def _dials(centre: CallCentre, phone: Softphone, code: str, times: int = 1) -> str:
    """What came of it, once he has heard it to its end."""
    call = phone.call(code)
    answered = await centre.told(FeatureAnswered, times=times)
    await call.wait_until_async(lambda call: call.heard_audio, 5)
    await call.wait_for_async(CallState.ENDED, 10)
    return answered.result


@both_releases
async def test_an_agent_works_by_telephone_alone(centre: CallCentre, phone: Phone) -> None:
    alice, caller = await phone("alice"), await phone("caller")

    assert await _dials(centre, alice, "*31") == "login"
    await centre.until_is("alice", "available")
    assert await _dials(centre, alice, "*33", times=2) == "pause"
    assert centre.state_of("alice") == "paused"
    assert await _dials(centre, alice, "*35", times=3) == "refused"
    assert await _dials(centre, alice, "*34", times=4) == "available"
    await centre.until_is("alice", "available")
    caller.call("sales")
    (await alice.wait_for_ring_async(5)).hangup()
    assert await _dials(centre, alice, "*32", times=5) == "logout"
    assert centre.state_of("alice") == "logged_out"


async def test_an_agent_logs_in_at_a_seat_by_his_number(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    seat, caller = await phone("seat"), await phone("caller")
    tables = {
        "seat": [{"name": "window", "dial": "PJSIP/seat"}],
        "agent": [{**agent("alice", sales=1), "number": "17"}],
    }
    async with open_centre(pbx, tmp_path, **tables) as centre:
        assert await _dials(centre, seat, "*3117") == "login"
        await centre.until_is("alice", "available")
        caller.call("sales")
        (await seat.wait_for_ring_async(5)).answer()
        await centre.until_is("alice", "connected")


@pytest.mark.parametrize("code", ["*31%2C17", "*3117,x", "*33'", "*33%0D%0AAction"])
async def test_what_is_typed_reaches_nothing_but_the_center(centre: CallCentre, phone: Phone, code: str) -> None:
    alice = await phone("alice")

    assert await _dials(centre, alice, code) == "refused"
