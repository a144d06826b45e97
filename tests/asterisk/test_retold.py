"""What Asterisk's own test-suite asks of app_queue (tests/apps/queues there), told again in our words.

Elsewhere: the baseline and no answer (test_first_call), pause reasons (test_features), a phone in use and the reload of
members (test_routing), transfers (test_transfers, test_transfer_codes, test_caller_transfers).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from callcentre import DIALPLAN, CallCentre, agent, open_centre, queue, talk
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import (
    AgentStateChanged,
    CallerReleased,
    OfferMade,
    RequestConnected,
    RequestEnded,
    RequestPassedOn,
    RequestQueued,
)
from acd.center.inputs import Pause
from acd.demo.softphone import CallState

OWN_WAYS = """
exten => 1,1,Set(ACD_PRIORITY=1)
 same => n,Gosub(acd-queue,sales,1)
exten => 90,1,Set(ACD_PRIORITY=90)
 same => n,Gosub(acd-queue,sales,1)
exten => expert,1,Set(ACD_SKILLS=french:5)
 same => n,Gosub(acd-queue,sales,1)
 same => n,UserEvent(AfterQueue,Status: ${ACD_STATUS})

[parked]
exten => s,1,UserEvent(Parked)
 same => n,Wait(20)
"""


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES, "caller", "other", "third", "fourth"), dialplan=DIALPLAN + OWN_WAYS)


def _pauses(centre: CallCentre, *agents: str) -> None:
    for name in agents:
        centre.daemon.tell(Pause(centre.agent(name).name))


async def test_where_all_are_paused_no_phone_rings_and_the_caller_s_time_runs_out(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller = await phone("caller")
    async with open_centre(pbx, tmp_path, queue=[queue("sales", max_wait_seconds=1), queue("support")]) as centre:
        centre.log_in("alice", "bob")
        _pauses(centre, "alice", "bob")

        caller.call("sales")

        assert await centre.status_after_the_queue() == "TIMEOUT"
        assert centre.told_so_far(OfferMade) == []


async def test_where_one_is_paused_only_the_other_s_phone_rings(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    caller, bob = await phone("caller"), await phone("bob")
    sales = queue("sales", strategy="ring_all", max_wait_seconds=1, ring_seconds=2)
    async with open_centre(pbx, tmp_path, queue=[sales, queue("support")]) as centre:
        centre.log_in("alice", "bob")
        _pauses(centre, "alice")

        caller.call("sales")
        await bob.wait_for_ring_async(5)

        assert await centre.status_after_the_queue() == "TIMEOUT"
        assert [made.agent for made in centre.told_so_far(OfferMade)] == ["bob"]
        assert (centre.state_of("alice"), centre.state_of("bob")) == ("paused", "no_answer")


async def test_who_is_not_able_enough_for_a_caller_is_not_rung_however_free(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller = await phone("caller")
    alice = agent("alice", sales=1) | {"skills": {"french": 4}}
    sales = queue("sales", max_wait_seconds=1)
    async with open_centre(pbx, tmp_path, queue=[sales], agent=[alice, agent("bob", sales=1)]) as centre:
        centre.log_in("alice", "bob")

        caller.call("expert")

        assert await centre.status_after_the_queue() == "TIMEOUT"
        assert centre.told_so_far(OfferMade) == []
        assert centre.state_of("alice") == centre.state_of("bob") == "available"


async def test_places_go_by_priority_and_the_line_has_an_end(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    dials = {"caller": "90", "other": "sales", "third": "1", "fourth": "1"}
    async with open_centre(pbx, tmp_path, queue=[queue("sales", max_waiting=3), queue("support")]) as centre:
        for name, number in dials.items():
            (await phone(name)).call(number)
            if name != "fourth":
                await centre.told(RequestQueued, times=1 + list(dials).index(name))

        assert (await centre.told(CallerReleased)).status == "FULL"
        line = centre.state.queues[centre.told_so_far(RequestQueued)[0].queue].line.in_order()
        assert [centre.state.requests[one].caller.number for one in line] == ["third", "other", "caller"]


async def test_the_wrap_up_is_that_of_the_call_s_queue_unless_the_agent_has_his_own(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller = await phone("caller")
    seconds = {"sales": 0.1, "support": 0.4, "billing": 0.7}
    queues = [queue(name, wrap_up_seconds=own) for name, own in seconds.items()]
    people = [agent("alice", **dict.fromkeys(seconds, 1)), agent("bob", **dict.fromkeys(seconds, 1))]
    people[1]["wrap_up_seconds"] = 0.3
    async with open_centre(pbx, tmp_path, queue=queues, agent=people) as centre:
        for name in ("alice", "bob"):
            at_work = await phone(name)
            centre.log_in(name)
            for number in seconds:
                caller.call(number)
                ring = await at_work.wait_for_ring_async(5)
                ring.answer()
                await centre.until_is(name, "connected")
                ring.hangup()
                await centre.until_is(name, "available")
            _pauses(centre, name)

        wrap_ups = centre.told_so_far(AgentStateChanged, state="wrap_up")
        told = [(fact.agent, fact.queue, round((fact.until or 0) - fact.at, 3)) for fact in wrap_ups]
        assert told == [
            *(("alice", name, own) for name, own in seconds.items()),
            *(("bob", name, 0.3) for name in seconds),
        ]


@both_releases
async def test_a_caller_whom_somebody_redirects_out_of_a_talk_leaves_the_agent_free(
    centre: CallCentre, phone: Phone
) -> None:
    caller, other, alice = await phone("caller"), await phone("other"), await phone("alice")
    centre.log_in("alice")
    call = caller.call("sales")
    ring = await alice.wait_for_ring_async(5)
    ring.answer()
    connected = await centre.told(RequestConnected)
    await talk(call)
    channel = centre.state.requests[connected.request].channel

    centre.observer.send("Redirect", {"Channel": channel, "Context": "parked", "Exten": "s", "Priority": "1"})

    await centre.heard("UserEvent", UserEvent="Parked")
    await ring.wait_for_async(CallState.ENDED, 5)
    await centre.until_is("alice", "available")
    (ended,) = centre.told_so_far(RequestEnded)
    assert (ended.outcome, ended.agent) == ("answered", "alice")
    assert call.state == CallState.ANSWERED
    assert centre.told_so_far(RequestPassedOn) == []
    other.call("sales")
    await alice.wait_for_ring_async(5)
