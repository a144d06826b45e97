"""Callers who transfer, on a real Asterisk: nobody is lost, no agent is stuck, nothing is counted twice."""

from __future__ import annotations

import pytest
from callcentre import DIALPLAN, CallCentre, talk, talks_to_alice
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings
from acd.center.facts import RequestConnected, RequestEnded, RequestHandedOver, RequestQueued
from acd.demo.softphone import Call, CallState


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES, "caller", "other"), dialplan=DIALPLAN)


async def _is_on_the_phone(centre: CallCentre, *agents: str) -> None:
    """After the wrap-up; and nothing is left that would hang up on them some day."""
    await centre.until(lambda _: all(centre.agent(agent).reason == "on_phone" for agent in agents))
    assert not any(centre.agent(agent).offers for agent in agents)


async def _nothing_is_left(centre: CallCentre, *calls: Call) -> None:
    for call in calls:
        await call.wait_for_async(CallState.ENDED, 10)
    await centre.until(lambda state: not state.requests and not state.offers and not state.phones)
    await centre.until(lambda _: all(centre.state_of(agent) in ("available", "logged_out") for agent in NAMES))


@both_releases
async def test_an_agent_is_transferred_to_a_telephone(centre: CallCentre, phone: Phone) -> None:
    bob = await phone("bob")
    call, ring = await talks_to_alice(centre, phone)

    call.transfer("9bob")
    bobs = await bob.wait_for_ring_async(5)
    bobs.answer()

    ended = await centre.told(RequestEnded)
    assert (ended.outcome, ended.ended_by, ended.agent) == ("answered", "caller", "alice")
    await talk(bobs)
    await call.wait_for_async(CallState.ENDED, 5)
    await _is_on_the_phone(centre, "alice")
    assert (ring.state, bobs.state) == (CallState.ANSWERED, CallState.ANSWERED)
    bobs.hangup()
    await _nothing_is_left(centre, ring, bobs)
    assert len(centre.told_so_far(RequestQueued)) == len(centre.told_so_far(RequestEnded)) == 1


@both_releases
async def test_an_agent_is_transferred_into_a_queue(centre: CallCentre, phone: Phone) -> None:
    carol = await phone("carol")
    call, ring = await talks_to_alice(centre, phone)

    call.transfer("support")

    await centre.told(RequestQueued, queue="support")
    await centre.told(RequestEnded, queue="sales")
    await _is_on_the_phone(centre, "alice")
    centre.log_in("carol")
    carols = await carol.wait_for_ring_async(5)
    carols.answer()
    await centre.told(RequestConnected, agent="carol")
    await talk(carols)
    assert centre.state_of("alice") == "busy"
    ring.hangup()
    ended = await centre.told(RequestEnded, queue="support")
    assert (ended.outcome, ended.ended_by, ended.agent) == ("answered", "caller", "carol")
    await _nothing_is_left(centre, call, ring, carols)
    assert len(centre.told_so_far(RequestEnded)) == 2


@both_releases
async def test_an_agent_who_waits_in_a_queue_for_his_caller_may_give_up(centre: CallCentre, phone: Phone) -> None:
    call, ring = await talks_to_alice(centre, phone)
    call.transfer("support")
    await centre.told(RequestQueued, queue="support")
    call.hangup()

    ring.hangup()

    assert (await centre.told(RequestEnded, queue="support")).outcome == "abandoned"
    await _nothing_is_left(centre, call, ring)


@both_releases
async def test_a_caller_puts_somebody_else_in_his_place(centre: CallCentre, phone: Phone) -> None:
    other = await phone("other")
    call, ring = await talks_to_alice(centre, phone)
    consultation = call.phone.call("9other")
    others = await other.wait_for_ring_async(5)
    others.answer()
    await talk(consultation)

    call.transfer_to(consultation)

    await centre.told(RequestHandedOver)
    await call.wait_for_async(CallState.ENDED, 10)
    assert (centre.state_of("alice"), centre.told_so_far(RequestEnded)) == ("connected", [])
    assert (ring.state, others.state) == (CallState.ANSWERED, CallState.ANSWERED)
    others.hangup()
    ended = await centre.told(RequestEnded)
    assert (ended.outcome, ended.agent) == ("answered", "alice")
    await _nothing_is_left(centre, ring, others)
    assert len(centre.told_so_far(RequestEnded)) == 1


@both_releases
async def test_a_caller_puts_two_agents_together(centre: CallCentre, phone: Phone) -> None:
    carol = await phone("carol")
    centre.log_in("carol")
    call, ring = await talks_to_alice(centre, phone)
    second = call.phone.call("support")
    carols = await carol.wait_for_ring_async(5)
    carols.answer()
    await centre.told(RequestConnected, agent="carol")
    await talk(second)

    call.transfer_to(second)

    await centre.told(RequestEnded, times=2)
    await _is_on_the_phone(centre, "alice", "carol")
    assert (ring.state, carols.state) == (CallState.ANSWERED, CallState.ANSWERED)
    ring.hangup()
    await _nothing_is_left(centre, call, second, ring, carols)
    assert {ended.outcome.value for ended in centre.told_so_far(RequestEnded)} == {"answered"}
    assert len(centre.told_so_far(RequestEnded)) == 2


@both_releases
@pytest.mark.parametrize("refers", ["the call that waits", "the other call"])
async def test_who_waits_hands_his_place_over(centre: CallCentre, phone: Phone, refers: str) -> None:
    caller, other, carol = await phone("caller"), await phone("other"), await phone("carol")
    waits = caller.call("support")
    place = await centre.told(RequestQueued, queue="support")
    consultation = caller.call("9other")
    others = await other.wait_for_ring_async(5)
    others.answer()
    await talk(consultation)

    one, another = (waits, consultation) if refers == "the call that waits" else (consultation, waits)
    one.transfer_to(another)

    handed = await centre.told(RequestHandedOver)
    assert (handed.request, handed.caller.number) == (place.request, "9other")
    for own in (waits, consultation):
        await own.wait_for_async(CallState.ENDED, 10)
    assert centre.told_so_far(RequestEnded) == []
    centre.log_in("carol")
    carols = await carol.wait_for_ring_async(5)
    carols.answer()
    await centre.told(RequestConnected, agent="carol", request=place.request)
    await talk(carols)
    others.hangup()
    assert (await centre.told(RequestEnded)).outcome == "answered"
    await _nothing_is_left(centre, others, carols)


@both_releases
async def test_an_agent_is_put_into_the_place_that_his_caller_had_in_another_line(
    centre: CallCentre, phone: Phone
) -> None:
    carol = await phone("carol")
    call, ring = await talks_to_alice(centre, phone)
    waits = call.phone.call("support")
    place = await centre.told(RequestQueued, queue="support")

    call.transfer_to(waits)

    assert (await centre.told(RequestHandedOver)).request == place.request
    assert (await centre.told(RequestEnded)).queue == "sales"
    await _is_on_the_phone(centre, "alice")
    centre.log_in("carol")
    carols = await carol.wait_for_ring_async(5)
    carols.answer()
    await centre.told(RequestConnected, agent="carol", request=place.request)
    await talk(carols)
    carols.hangup()
    assert (await centre.told(RequestEnded, times=2)).agent == "carol"
    assert await centre.status_after_the_queue() == "ANSWERED"
    ring.hangup()
    await _nothing_is_left(centre, call, waits, ring, carols)
