"""An agent calls somebody by a click: his own telephone rings, then the customer's, on a real Asterisk.

The customer's telephone, and the agent's mobile, are the softphone `outside`, behind the trunk of that name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from callcentre import DIALPLAN, MAIN, CallCentre, agent, open_centre, queue
from exchange import Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import AgentStateChanged, CustomerMissed, LegGone, OfferEnded, OfferMade, RequestEnded
from acd.demo.softphone import Call, CallState, Ended

CUSTOMER, MOBILE, OF_SALES = "+31201234567", "+31612345678", "+31207654321"


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones("alice", "caller", "outside"), dialplan=DIALPLAN)


def centre_at(pbx: PrivatePbx, folder: Path, **about_alice: Any) -> AbstractAsyncContextManager[CallCentre]:
    """Where an agent who calls somebody is busy."""
    server = {"host": pbx.host, "port": pbx.ami_port, "username": pbx.ami_user, "secret": pbx.secret}
    devices = [{"kind": "desk", "dial": "PJSIP/alice"}, {"kind": "mobile", "number": MOBILE}]
    return open_centre(
        pbx,
        folder,
        asterisk={MAIN: server | {"mobile_dial": "PJSIP/{number}@outside"}},
        site={"country": "NL"},
        dialling={"hours": "00:00-24:00", "per_number_per_day": 100},
        click_to_dial={"agent_state": "busy"},
        offers={"no_answer_seconds": 60, "rejected_seconds": 60, "unreachable_first_seconds": 60},
        queue=[queue("sales", ring_seconds=2, caller_id=OF_SALES, callbacks={"ring_seconds": 5})],
        agent=[agent("alice", sales=1) | {"devices": devices} | about_alice],
    )


@asynccontextmanager
async def logged_in(pbx: PrivatePbx, folder: Path, **about_alice: Any) -> AsyncIterator[CallCentre]:
    async with centre_at(pbx, folder, **about_alice) as centre:
        centre.log_in("alice")
        yield centre


async def clicks(centre: CallCentre, number: str = "020 123 4567") -> str:
    """The path of her call."""
    status, call = await centre.asks("POST", "/v1/calls", agent="alice", number=number)
    assert (status, call["number"], call["queue"]) == (200, CUSTOMER, "sales")
    return f"/v1/calls/{call['id']}"


async def takes_it_on_the_mobile(ring: Call) -> None:
    assert ring.number == MOBILE
    ring.answer()
    await ring.wait_until_async(lambda call: call.heard_audio, 15)
    ring.press("1")


async def talk(*calls: Call) -> None:
    for call in calls:
        await call.wait_until_async(lambda call: call.heard_voice, 5)


def states_of_alice(centre: CallCentre) -> list[str]:
    """Since she logged in."""
    return [fact.state.value for fact in centre.told_so_far(AgentStateChanged, agent="alice")][1:]


@pytest.mark.parametrize("forward", ["desk", "mobile", "desk_then_mobile", "both"])
@both_releases
async def test_it_rings_where_his_calls_ring_and_then_he_talks_with_the_customer(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, forward: str
) -> None:
    desk, outside, caller = await phone("alice"), await phone("outside"), await phone("caller")
    async with logged_in(pbx, tmp_path, forward=forward, mobile_after_seconds=0.5) as centre:
        await clicks(centre)
        if forward == "desk":
            own = await desk.wait_for_ring_async(5)
            own.answer()
        else:
            own = await outside.wait_for_ring_async(5)
            await takes_it_on_the_mobile(own)
        ring = await outside.wait_for_ring_async(15)
        assert (ring.number, ring.caller) == (CUSTOMER, OF_SALES)
        assert (centre.state_of("alice"), centre.agent("alice").reason) == ("busy", "outgoing_call")
        waiting = caller.call("sales")
        await waiting.wait_until_async(lambda call: call.heard_audio, 5)
        ring.answer()
        await talk(own, ring)
        assert {made.kind for made in centre.told_so_far(OfferMade)} == {"dial"}

        ring.hangup()

        ended = await centre.told(RequestEnded)
        assert (ended.kind, ended.outcome, ended.number) == ("dial", "answered", CUSTOMER)
        assert (ended.agent, ended.device) == ("alice", "desk" if forward == "desk" else "mobile")
        assert (ended.talk_seconds or 0) > 0
        await own.wait_for_async(CallState.ENDED, 5)
        await centre.until(lambda _: {made.kind for made in centre.told_so_far(OfferMade)} == {"dial", "call"})
        assert states_of_alice(centre)[:5] == ["connecting", "busy", "wrap_up", "available", "connecting"]
        waiting.hangup()


@both_releases
async def test_who_hangs_up_before_the_customer_answers_has_cancelled_it(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    desk, outside = await phone("alice"), await phone("outside")
    async with logged_in(pbx, tmp_path) as centre:
        await clicks(centre)
        own = await desk.wait_for_ring_async(5)
        own.answer()
        ring = await outside.wait_for_ring_async(5)

        own.hangup()

        assert (await centre.told(RequestEnded)).outcome == "cancelled"
        await ring.wait_for_async(CallState.ENDED, 5)
        assert ring.ended_because is Ended.THEY_GAVE_UP
        await centre.until_is("alice", "available")
        assert states_of_alice(centre) == ["connecting", "busy", "wrap_up", "available"]


@pytest.mark.parametrize(("does", "state"), [("nothing", "no_answer"), ("rejects", "busy"), ("is away", "busy")])
@both_releases
async def test_who_does_not_take_his_own_call_has_cancelled_it_and_no_customer_is_called(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, does: str, state: str
) -> None:
    await phone("outside")
    async with logged_in(pbx, tmp_path, devices=[{"kind": "desk", "dial": "PJSIP/alice"}]) as centre:
        if does != "is away":
            desk = await phone("alice")
            await clicks(centre)
            ring = await desk.wait_for_ring_async(5)
            if does == "rejects":
                ring.reject()
        else:
            await clicks(centre)

        ended = await centre.told(RequestEnded)

        assert (ended.outcome, centre.state_of("alice")) == ("cancelled", state)
        assert not [event for event in centre.events if "outside" in event.get("Channel", "")]
        await centre.told(LegGone)


@pytest.mark.parametrize(("does", "how"), [("rejects", "busy"), ("nothing", "no_answer"), ("is away", "failed")])
@both_releases
async def test_a_customer_who_is_not_reached(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, does: str, how: str
) -> None:
    desk = await phone("alice")
    async with logged_in(pbx, tmp_path) as centre:
        outside = None if does == "is away" else await phone("outside")
        await clicks(centre)
        own = await desk.wait_for_ring_async(5)
        own.answer()
        if outside:
            ring = await outside.wait_for_ring_async(5)
            if does == "rejects":
                ring.reject()

        ended = await centre.told(RequestEnded)

        assert ended.outcome == "not_reached"
        assert centre.told_so_far(CustomerMissed)[0].how == how
        await own.wait_for_async(CallState.ENDED, 5)
        await centre.until_is("alice", "available")
        assert states_of_alice(centre) == ["connecting", "busy", "wrap_up", "available"]


@pytest.mark.parametrize(
    ("number", "rule"),
    [("112", "emergency"), ("0900 123456", "kinds"), ("+44 20 7946 0958", "countries"), ("sip:x@y", "form")],
)
@both_releases
async def test_a_number_that_the_policy_refuses_is_refused_by_its_rule_before_anything_rings(
    pbx: PrivatePbx, tmp_path: Path, number: str, rule: str
) -> None:
    async with logged_in(pbx, tmp_path) as centre:
        status, problem = await centre.asks("POST", "/v1/calls", agent="alice", number=number)

        assert (status, problem["errors"][0]["field"]) == (422, "number")
        assert problem["errors"][0]["what"].endswith(f"({rule})")
        assert centre.told_so_far(OfferMade) == []
        assert states_of_alice(centre) == []


@pytest.mark.parametrize(("stage", "outcome"), [("own", "cancelled"), ("customer", "cancelled"), ("talk", "answered")])
@both_releases
async def test_it_can_be_hung_up_over_the_api_whatever_it_is_doing(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, stage: str, outcome: str
) -> None:
    desk, outside = await phone("alice"), await phone("outside")
    async with logged_in(pbx, tmp_path) as centre:
        call = await clicks(centre)
        ringing = [await desk.wait_for_ring_async(5)]
        if stage != "own":
            ringing[0].answer()
            ringing.append(await outside.wait_for_ring_async(5))
        if stage == "talk":
            ringing[1].answer()
            await talk(*ringing)

        status, _ = await centre.asks("DELETE", call)

        assert status == 200
        assert (await centre.told(RequestEnded)).outcome == outcome
        for one in ringing:
            await one.wait_for_async(CallState.ENDED, 5)
        await centre.until_is("alice", "available")
        await centre.told(LegGone)
        assert (await centre.asks("DELETE", call))[0] == 404


@pytest.mark.parametrize("stage", ["own", "customer", "talk"])
@both_releases
async def test_a_daemon_that_starts_again_in_the_middle_of_it_notices_nothing(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, stage: str
) -> None:
    desk, outside = await phone("alice"), await phone("outside")
    async with logged_in(pbx, tmp_path) as centre:
        await clicks(centre)
        own = await desk.wait_for_ring_async(5)
        if stage != "own":
            own.answer()
            ring = await outside.wait_for_ring_async(5)
        if stage == "talk":
            ring.answer()
            await talk(own, ring)

    async with centre_at(pbx, tmp_path) as centre:
        assert centre.state_of("alice") == ("connecting" if stage == "own" else "busy")
        assert centre.told_so_far(RequestEnded) == []
        if stage == "own":
            own.answer()
            ring = await outside.wait_for_ring_async(5)
        if stage != "talk":
            ring.answer()
            await talk(own, ring)
        own.hangup()

        ended = await centre.told(RequestEnded)
        assert (ended.kind, ended.outcome, ended.agent) == ("dial", "answered", "alice")
        await ring.wait_for_async(CallState.ENDED, 5)
        await centre.until_is("alice", "available")
        assert [fact.outcome for fact in centre.told_so_far(OfferEnded)] == (["accepted"] if stage == "own" else [])


@pytest.mark.parametrize("meanwhile", ["he picks up and is not heard", "the customer answers", "the customer rejects"])
@both_releases
async def test_what_happens_while_the_daemon_is_away_is_found_out(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, meanwhile: str
) -> None:
    desk, outside = await phone("alice"), await phone("outside")
    async with logged_in(pbx, tmp_path) as centre:
        await clicks(centre)
        own = await desk.wait_for_ring_async(5)
        if meanwhile.startswith("the customer"):
            own.answer()
            ring = await outside.wait_for_ring_async(5)
    if meanwhile.startswith("he"):
        own.answer()
        await own.wait_for_async(CallState.ANSWERED, 5)
    elif meanwhile.endswith("answers"):
        ring.answer()
        await talk(own, ring)
    else:
        ring.reject()
        await own.wait_for_async(CallState.ENDED, 5)

    async with centre_at(pbx, tmp_path) as centre:
        if meanwhile.startswith("he"):
            ring = await outside.wait_for_ring_async(5)
            ring.answer()
            await talk(own, ring)
        if not meanwhile.endswith("rejects"):
            ring.hangup()
        ended = await centre.told(RequestEnded)

        assert ended.outcome == ("not_reached" if meanwhile.endswith("rejects") else "answered")
        await own.wait_for_async(CallState.ENDED, 5)
        await centre.until_is("alice", "available")
