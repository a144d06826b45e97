"""Call pickup on a real Asterisk: who takes what rings at a colleague's telephone talks with the caller."""

from __future__ import annotations

from dataclasses import replace

import pytest
from callcentre import DIALPLAN, CallCentre, talk
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings
from acd.center.facts import AgentStateChanged, OfferEnded, RequestConnected, RequestEnded
from acd.demo.softphone import Call, CallState

ONE_GROUP = "named_call_group = office\nnamed_pickup_group = office\n"
BY_CODE, BY_NAME = "*8", "*88"
"""The pickup code of features.conf, and a directed pickup of the operator's own."""
PICKUPS = f"""
exten => {BY_NAME},1,PickupChan(PJSIP/alice)
 same => n,Hangup()
"""


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    office = (replace(endpoint, extra=ONE_GROUP) for endpoint in phones(*NAMES, "reception"))
    return PbxSettings(
        endpoints=(*phones("caller"), *office),
        dialplan=DIALPLAN + PICKUPS,
        files={
            "modules.conf": "load = app_directed_pickup.so\n",
            "features.conf": f"[general]\npickupexten = {BY_CODE}\n",
        },
    )


async def _rings_at_alice(centre: CallCentre, phone: Phone) -> tuple[Call, Call]:
    caller, alice = await phone("caller"), await phone("alice")
    centre.log_in("alice")
    call = caller.call("sales")
    return call, await alice.wait_for_ring_async(5)


@both_releases
@pytest.mark.parametrize("code", [BY_CODE, BY_NAME])
async def test_an_agent_picks_up_a_colleague_s_call(centre: CallCentre, phone: Phone, code: str) -> None:
    carol = await phone("carol")
    centre.log_in("carol")
    call, ring = await _rings_at_alice(centre, phone)

    pickup = carol.call(code)

    assert (await centre.told(RequestConnected)).agent == "carol"
    await talk(call, pickup)
    await ring.wait_for_async(CallState.ENDED, 5)
    assert (centre.state_of("alice"), centre.state_of("carol")) == ("available", "connected")
    pickup.hangup()
    ended = await centre.told(RequestEnded)
    assert (ended.outcome, ended.agent, ended.ended_by) == ("answered", "carol", "agent")
    assert await centre.status_after_the_queue() == "ANSWERED"
    await centre.told(AgentStateChanged, agent="carol", state="wrap_up")
    await centre.until_is("carol", "available")
    assert [(fact.agent, fact.outcome) for fact in centre.told_so_far(OfferEnded)] == [("carol", "accepted")]
    assert not centre.state.offers and not centre.state.requests


@both_releases
async def test_somebody_who_is_no_agent_picks_up(centre: CallCentre, phone: Phone) -> None:
    reception = await phone("reception")
    call, ring = await _rings_at_alice(centre, phone)

    pickup = reception.call(BY_CODE)

    assert (await centre.told(RequestConnected)).agent is None
    await talk(call, pickup)
    await ring.wait_for_async(CallState.ENDED, 5)
    assert centre.state_of("alice") == "available"
    assert [request.state.value for request in centre.state.requests.values()] == ["ongoing"]
    call.hangup()
    ended = await centre.told(RequestEnded)
    assert (ended.outcome, ended.agent, ended.ended_by) == ("answered", None, "caller")
    await pickup.wait_for_async(CallState.ENDED, 5)
    assert not centre.state.offers and not centre.state.requests


@both_releases
async def test_the_next_caller_rings_at_the_phone_from_which_one_was_picked_up(
    centre: CallCentre, phone: Phone
) -> None:
    carol, other = await phone("carol"), await phone("reception")
    centre.log_in("carol")
    call, ring = await _rings_at_alice(centre, phone)
    pickup = carol.call(BY_CODE)
    await talk(call, pickup)
    await ring.wait_for_async(CallState.ENDED, 5)

    second = other.call("sales")

    (await ring.phone.wait_for_ring_async(5)).answer()
    await talk(second)
    assert (centre.state_of("alice"), centre.state_of("carol")) == ("connected", "connected")
