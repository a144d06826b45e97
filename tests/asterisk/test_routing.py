"""Routing on a real Asterisk: what the dialplan may wish for, ring-all, ways out, and phones that are used besides."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from callcentre import DIALPLAN, CallCentre, agent, open_centre, queue, talk
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import OfferEnded, OfferMade, RequestConnected, RequestMoved, RequestQueued
from acd.demo.softphone import CallState

WISHES = """
exten => wishes,1,Set(ACD_PRIORITY=7)
 same => n,Set(ACD_SKILLS=french:2,billing)
 same => n,Set(ACD_PREFERRED_AGENT=bob)
 same => n,Set(ACD_MAX_WAIT=30)
 same => n,Gosub(acd-queue,sales,1)
 same => n,Hangup()

[evening]
exten => _[a-z]!,1,UserEvent(Evening,Queue: ${EXTEN},Status: ${ACD_STATUS})
 same => n,Wait(20)
"""


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES, "caller", "other", "seat"), dialplan=DIALPLAN + WISHES)


@both_releases
async def test_what_the_dialplan_wishes_for_is_heard(centre: CallCentre, phone: Phone) -> None:
    caller = await phone("caller")
    centre.log_in("bob")
    caller.call("wishes")

    queued = await centre.told(RequestQueued)

    assert (queued.priority, queued.held_for) == (7, "bob")
    assert [tuple(need) for need in queued.needs] == [("billing", 1), ("french", 2)]
    assert queued.leave_at == pytest.approx(queued.at + 30)


@both_releases
async def test_all_phones_ring_and_the_first_to_answer_has_the_call(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, alice, bob, dave = [await phone(name) for name in ("caller", "alice", "bob", "dave")]
    async with open_centre(pbx, tmp_path, queue=[queue("sales", strategy="ring_all"), queue("support")]) as centre:
        centre.log_in("alice", "bob", "dave")
        call = caller.call("sales")
        rings = [await one.wait_for_ring_async(5) for one in (alice, bob, dave)]

        rings[1].answer()

        await talk(call)
        for loser in (rings[0], rings[2]):
            await loser.wait_for_async(CallState.ENDED, 2)
        assert (await centre.told(RequestConnected)).agent == "bob"
        await centre.until(lambda _: centre.state_of("alice") == centre.state_of("dave") == "available")
        assert {fact.outcome for fact in centre.told_so_far(OfferEnded) if fact.agent != "bob"} == {"cancelled"}


@both_releases
async def test_who_has_waited_long_enough_goes_on_to_another_queue_and_is_served_there(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, carol = await phone("caller"), await phone("carol")
    sales = queue("sales", max_wait_seconds=0.5, ways_out={"timeout": "support"})
    async with open_centre(pbx, tmp_path, queue=[sales, queue("support")]) as centre:
        centre.log_in("carol")
        call = caller.call("sales")

        (await carol.wait_for_ring_async(5)).answer()

        await talk(call)
        assert (await centre.told(RequestMoved)).queue == "support"
        assert len(centre.told_so_far(RequestQueued)) == 1


async def test_a_full_queue_says_so_and_another_leads_into_the_dialplan(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, other = await phone("caller"), await phone("other")
    support = queue("support", max_waiting=0, ways_out={"full": "context:evening"})
    async with open_centre(pbx, tmp_path, queue=[queue("sales", max_waiting=0), support]) as centre:
        caller.call("sales")
        assert await centre.status_after_the_queue() == "FULL"

        other.call("support")
        evening = await centre.heard("UserEvent", UserEvent="Evening")
        assert (evening["Queue"], evening["Status"]) == ("support", "FULL")


@both_releases
async def test_an_agent_who_is_called_directly_is_busy_until_it_ends(centre: CallCentre, phone: Phone) -> None:
    caller, other, alice = await phone("caller"), await phone("other"), await phone("alice")
    centre.log_in("alice")
    direct = other.call("9alice")
    await centre.until_is("alice", "busy")
    assert centre.agent("alice").reason == "on_phone"
    ring = await alice.wait_for_ring_async(5)
    ring.answer()
    await talk(direct)
    caller.call("sales")
    await centre.told(RequestQueued)
    assert centre.told_so_far(OfferMade) == []

    direct.hangup()

    (await alice.wait_for_ring_async(5)).answer()
    await centre.told(RequestConnected)


@both_releases
async def test_an_agent_who_dials_out_while_an_offer_rings_leaves_it_to_others(
    centre: CallCentre, phone: Phone
) -> None:
    caller, alice, bob = await phone("caller"), await phone("alice"), await phone("bob")
    await phone("other")
    centre.log_in("alice", "bob")
    call = caller.call("sales")
    ring = await alice.wait_for_ring_async(5)

    out = alice.call("9other")

    await ring.wait_for_async(CallState.ENDED, 5)
    (await bob.wait_for_ring_async(5)).answer()
    await talk(call)
    assert (centre.state_of("alice"), centre.agent("alice").reason) == ("busy", "on_phone")
    out.hangup()
    await centre.until_is("alice", "available")


async def test_an_agent_at_a_seat_is_rung_there(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    caller, seat = await phone("caller"), await phone("seat")
    async with open_centre(pbx, tmp_path, seat=[{"name": "window", "dial": "PJSIP/seat"}]) as centre:
        centre.sit_down("alice", "window")
        call = caller.call("sales")

        (await seat.wait_for_ring_async(5)).answer()

        await talk(call)


async def test_a_reload_in_the_middle_of_it_all_drops_nobody(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    caller, other, alice, bob = [await phone(name) for name in ("caller", "other", "alice", "bob")]
    async with open_centre(pbx, tmp_path) as centre:
        centre.log_in("alice", "bob")
        talking = caller.call("sales")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(talking)
        ringing = other.call("sales")
        ring = await bob.wait_for_ring_async(5)

        centre.reload(queue=[queue("sales", strategy="ring_all"), queue("billing")], agent=[agent("bob", sales=1)])

        ring.answer()
        await asyncio.gather(talk(ringing), talk(talking))
        assert talking.state == CallState.ANSWERED
        assert len(centre.told_so_far(RequestConnected)) == 2
