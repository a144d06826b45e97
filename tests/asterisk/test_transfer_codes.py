"""Transfers on a real Asterisk by its own feature codes (features.conf), which an agent dials during the talk."""

from __future__ import annotations

import pytest
from callcentre import DIALPLAN, CallCentre, talk, talks_to_alice
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings
from acd.center.facts import RequestConnected, RequestEnded, RequestHandedOver, RequestPassedOn, RequestQueued
from acd.demo.softphone import Call, CallState

BLIND, ATTENDED = "#1", "*2"
BOB, SUPPORT, NOBODY = "71", "72", "79"
CODES = f"""
[general]
featuredigittimeout = 2000
transferdigittimeout = 2
transferdialattempts = 1

[featuremap]
blindxfer = {BLIND}
atxfer = {ATTENDED}
"""
NUMBERS = f"""
exten => {BOB},1,Goto(9bob,1)
exten => {SUPPORT},1,Goto(support,1)

[acd-whisper-custom]
exten => s,1,Set(TRANSFER_CONTEXT=${{PJSIP_ENDPOINT(${{CHANNEL(endpoint)}},context)}})
 same => n,Set(CHANNEL(dtmf_features)=T)
 same => n,Return()
"""
"""What docs/dialplan.md tells an operator to write; and numbers, for a telephone has no letters."""


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(
        endpoints=phones(*NAMES, "caller", "other"), dialplan=DIALPLAN + NUMBERS, files={"features.conf": CODES}
    )


async def _dials(centre: CallCentre, ring: Call, code: str, number: str) -> None:
    """A code is understood when the caller hears music."""
    ring.press(code)
    await centre.heard("Hold")
    ring.press(number)


@both_releases
async def test_a_blind_transfer_to_a_telephone(centre: CallCentre, phone: Phone) -> None:
    bob = await phone("bob")
    centre.log_in("bob")
    call, ring = await talks_to_alice(centre, phone)

    await _dials(centre, ring, BLIND, BOB)
    (await bob.wait_for_ring_async(10)).answer()

    await centre.until(lambda state: [request.agent for request in state.requests.values()] == ["bob"])
    await ring.wait_for_async(CallState.ENDED, 5)
    await centre.until_is("alice", "available")
    assert centre.told_so_far(RequestEnded) == []
    call.hangup()
    assert (await centre.told(RequestEnded)).outcome == "answered"
    await centre.until_is("bob", "available")


@both_releases
async def test_a_blind_transfer_into_a_queue(centre: CallCentre, phone: Phone) -> None:
    carol = await phone("carol")
    centre.log_in("carol")
    call, ring = await talks_to_alice(centre, phone)

    await _dials(centre, ring, BLIND, SUPPORT)
    (await carol.wait_for_ring_async(10)).answer()

    await centre.told(RequestConnected, agent="carol")
    await centre.until_is("alice", "available")
    assert len(centre.told_so_far(RequestQueued)) == 2
    call.hangup()
    await centre.told(RequestEnded, times=2)
    await centre.until_is("carol", "available")


@both_releases
async def test_an_attended_transfer_to_a_telephone_that_was_asked_first(centre: CallCentre, phone: Phone) -> None:
    bob = await phone("bob")
    centre.log_in("bob")
    call, ring = await talks_to_alice(centre, phone)
    await _dials(centre, ring, ATTENDED, BOB)
    bobs = await bob.wait_for_ring_async(10)
    bobs.answer()
    await talk(bobs)
    assert centre.state_of("alice") == "connected"

    ring.hangup()

    await centre.until(lambda state: [request.agent for request in state.requests.values()] == ["bob"])
    await centre.until_is("alice", "available")
    assert centre.told_so_far(RequestEnded) == []
    assert (call.state, bobs.state) == (CallState.ANSWERED, CallState.ANSWERED)
    call.hangup()
    assert (await centre.told(RequestEnded)).outcome == "answered"
    await centre.until_is("bob", "available")


@both_releases
async def test_an_attended_transfer_to_a_telephone_that_still_rings(centre: CallCentre, phone: Phone) -> None:
    bob = await phone("bob")
    centre.log_in("bob")
    call, ring = await talks_to_alice(centre, phone)
    await _dials(centre, ring, ATTENDED, BOB)
    bobs = await bob.wait_for_ring_async(10)

    ring.hangup()
    await centre.until_is("alice", "available")
    bobs.answer()

    await centre.until(lambda state: [request.agent for request in state.requests.values()] == ["bob"])
    assert call.state == CallState.ANSWERED
    call.hangup()
    await bobs.wait_for_async(CallState.ENDED, 5)
    await centre.until(lambda state: not state.requests and not state.offers)
    await centre.until_is("bob", "available")


@both_releases
async def test_an_attended_transfer_to_an_agent_who_was_found_through_a_queue(centre: CallCentre, phone: Phone) -> None:
    carol = await phone("carol")
    centre.log_in("carol")
    call, ring = await talks_to_alice(centre, phone)
    await _dials(centre, ring, ATTENDED, SUPPORT)
    carols = await carol.wait_for_ring_async(10)
    carols.answer()
    await centre.told(RequestConnected, agent="carol")
    await talk(carols)

    ring.hangup()

    handed = await centre.told(RequestHandedOver)
    assert (handed.caller.number, centre.state_of("carol")) == ("caller", "connected")
    await centre.told(RequestEnded, queue="sales")
    await centre.until_is("alice", "available")
    call.hangup()
    await carols.wait_for_async(CallState.ENDED, 5)
    assert (await centre.told(RequestEnded, queue="support")).agent == "carol"
    await centre.until_is("carol", "available")
    await centre.until(lambda state: not state.requests and not state.offers)


@both_releases
async def test_an_attended_transfer_into_a_line_where_nobody_is_free_yet(centre: CallCentre, phone: Phone) -> None:
    carol = await phone("carol")
    call, ring = await talks_to_alice(centre, phone)
    await _dials(centre, ring, ATTENDED, SUPPORT)
    await centre.told(RequestQueued, queue="support")

    ring.hangup()
    await centre.until_is("alice", "available")
    centre.log_in("carol")
    carols = await carol.wait_for_ring_async(10)
    carols.answer()

    await centre.told(RequestConnected, agent="carol")
    await talk(carols)
    await centre.told(RequestHandedOver)
    call.hangup()
    await carols.wait_for_async(CallState.ENDED, 5)
    await centre.told(RequestEnded, times=2)
    await centre.until_is("carol", "available")
    await centre.until(lambda state: not state.requests and not state.offers)


@both_releases
async def test_who_takes_his_caller_back_from_a_consultation_talks_with_him_as_before(
    centre: CallCentre, phone: Phone
) -> None:
    bob = await phone("bob")
    call, ring = await talks_to_alice(centre, phone)
    await _dials(centre, ring, ATTENDED, BOB)
    bobs = await bob.wait_for_ring_async(10)
    bobs.answer()
    await talk(bobs)

    bobs.hangup()

    await centre.heard("MusicOnHoldStop", times=2)
    assert (centre.state_of("alice"), call.state) == ("connected", CallState.ANSWERED)
    assert centre.told_so_far(RequestPassedOn) == []
    ring.hangup()
    assert (await centre.told(RequestEnded)).ended_by == "agent"
    await centre.until_is("alice", "available")


@both_releases
async def test_a_number_that_leads_nowhere_changes_nothing(centre: CallCentre, phone: Phone) -> None:
    call, ring = await talks_to_alice(centre, phone)

    await _dials(centre, ring, BLIND, NOBODY)
    await centre.heard("Unhold")

    assert (call.state, centre.state_of("alice")) == (CallState.ANSWERED, "connected")
    assert centre.told_so_far(RequestPassedOn) == []
