"""Transfers on a real Asterisk, by the agent's phone (REFER): whoever is passed on is never lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from callcentre import DIALPLAN, CallCentre, open_centre, queue, talk, talks_to_alice
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import RequestConnected, RequestEnded, RequestPassedOn, RequestQueued
from acd.demo.softphone import CallState

NOTICES_A_VANISHED_PHONE = "rtp_timeout = 1\n"


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    agents = (replace(endpoint, extra=NOTICES_A_VANISHED_PHONE) for endpoint in phones(*NAMES))
    return PbxSettings(endpoints=(*phones("caller", "other"), *agents), dialplan=DIALPLAN)


@both_releases
async def test_a_blind_transfer_to_a_colleague_frees_the_agent_and_names_the_colleague(
    centre: CallCentre, phone: Phone
) -> None:
    bob = await phone("bob")
    centre.log_in("bob")
    call, ring = await talks_to_alice(centre, phone)

    ring.transfer("9bob")
    (await bob.wait_for_ring_async(5)).answer()

    await centre.until(lambda state: [request.agent for request in state.requests.values()] == ["bob"])
    await ring.wait_for_async(CallState.ENDED, 5)
    await centre.until_is("alice", "available")
    assert centre.state_of("bob") == "busy"
    assert centre.told_so_far(RequestEnded) == []
    call.hangup()
    assert (await centre.told(RequestEnded)).outcome == "answered"
    await centre.until_is("bob", "available")


@both_releases
async def test_a_blind_transfer_into_a_queue_waits_there(centre: CallCentre, phone: Phone) -> None:
    carol = await phone("carol")
    centre.log_in("carol")
    call, ring = await talks_to_alice(centre, phone)

    ring.transfer("support")

    (await carol.wait_for_ring_async(5)).answer()
    await centre.told(RequestConnected, agent="carol")
    await centre.until_is("alice", "available")
    assert len(centre.told_so_far(RequestQueued)) == 2
    call.hangup()
    await centre.told(RequestEnded, times=2)


@both_releases
async def test_an_attended_transfer_to_a_colleague_who_talks(centre: CallCentre, phone: Phone) -> None:
    bob = await phone("bob")
    centre.log_in("bob")
    call, ring = await talks_to_alice(centre, phone)
    consultation = ring.phone.call("9bob")
    (await bob.wait_for_ring_async(5)).answer()
    await talk(consultation)

    ring.transfer_to(consultation)

    await centre.until(lambda state: [request.agent for request in state.requests.values()] == ["bob"])
    await centre.until_is("alice", "available")
    assert call.state == CallState.ANSWERED
    call.hangup()
    assert (await centre.told(RequestEnded)).outcome == "answered"


@both_releases
async def test_an_attended_transfer_into_a_line_takes_the_place_in_it(centre: CallCentre, phone: Phone) -> None:
    carol = await phone("carol")
    call, ring = await talks_to_alice(centre, phone)
    consultation = ring.phone.call("support")
    await centre.told(RequestQueued, queue="support")

    ring.transfer_to(consultation)

    await centre.told(RequestEnded, queue="sales")
    await centre.until_is("alice", "available")
    centre.log_in("carol")
    (await carol.wait_for_ring_async(5)).answer()
    await centre.told(RequestConnected, agent="carol")
    assert call.state == CallState.ANSWERED
    call.hangup()
    ended = await centre.told(RequestEnded, queue="support")
    assert (ended.outcome, ended.caller.number) == ("answered", "caller")


@both_releases
async def test_an_attended_transfer_to_an_agent_who_was_found_through_a_queue(centre: CallCentre, phone: Phone) -> None:
    carol = await phone("carol")
    centre.log_in("carol")
    call, ring = await talks_to_alice(centre, phone)
    consultation = ring.phone.call("support")
    carols = await carol.wait_for_ring_async(5)
    carols.answer()
    await centre.told(RequestConnected, agent="carol")
    await talk(consultation)

    ring.transfer_to(consultation)

    await centre.told(RequestEnded, queue="sales")
    await centre.until_is("alice", "available")
    assert centre.state_of("carol") == "connected"
    assert (call.state, carols.state) == (CallState.ANSWERED, CallState.ANSWERED)
    call.hangup()
    await carols.wait_for_async(CallState.ENDED, 5)
    await centre.told(RequestEnded, queue="support")
    await centre.until_is("carol", "available")


@both_releases
async def test_hold_changes_no_state(centre: CallCentre, phone: Phone) -> None:
    call, ring = await talks_to_alice(centre, phone)
    facts = len(centre.daemon.facts)

    ring.hold()
    await centre.heard("Hold")
    await ring.wait_until_async(lambda ring: ring.on_hold, 5)
    ring.resume()
    await centre.heard("Unhold")

    assert centre.state_of("alice") == "connected"
    assert len(centre.daemon.facts) == facts
    assert call.state == CallState.ANSWERED


@both_releases
async def test_whose_agent_s_phone_vanishes_is_back_at_his_place(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    bob = await phone("bob")
    async with open_centre(pbx, tmp_path, queue=[queue("sales", dropped_come_back=True), queue("support")]) as centre:
        call, ring = await talks_to_alice(centre, phone)
        first = centre.told_so_far(RequestQueued)[0]
        centre.log_in("bob")

        ring.phone.unplug()

        (await bob.wait_for_ring_async(10)).answer()
        again = await centre.told(RequestQueued, times=2)
        assert (again.entered_at, again.caller) == (first.entered_at, first.caller)
        await centre.told(RequestConnected, agent="bob")
        assert call.state == CallState.ANSWERED


async def test_a_number_that_leads_nowhere_changes_nothing(centre: CallCentre, phone: Phone) -> None:
    call, ring = await talks_to_alice(centre, phone)

    ring.transfer("0")
    await ring.wait_until_async(lambda ring: ring.transfer_status is not None, 5)

    assert (call.state, centre.state_of("alice")) == (CallState.ANSWERED, "connected")
    assert centre.told_so_far(RequestPassedOn) == []
