"""The first call: a caller, an agent, and everything that can come between them, on a real Asterisk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from callcentre import DIALPLAN, CallCentre, open_centre, queue, talk
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import (
    AgentUnreachable,
    LegGone,
    OfferEnded,
    OfferMade,
    RequestConnected,
    RequestEnded,
    RequestQueued,
)
from acd.center.model import ChannelId
from acd.demo.softphone import CallState, Ended


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES, "caller", "other"), dialplan=DIALPLAN)


@both_releases
async def test_a_caller_hears_music_then_an_agent_and_the_dialplan_goes_on_after_the_agent_hung_up(
    centre: CallCentre, phone: Phone
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    call = caller.call("sales")
    await call.wait_for_async(CallState.ANSWERED, 5)
    await call.wait_until_async(lambda call: call.heard_audio, 5)

    centre.log_in("alice")
    ring = await alice.wait_for_ring_async(5)
    ring.answer()
    await talk(call)
    await talk(ring)
    connected = await centre.told(RequestConnected)
    assert centre.state_of("alice") == "connected"
    assert connected.connect_seconds < 0.5

    ring.hangup()
    async with asyncio.timeout(2):  # it is known that they talked: he does not ask himself for 4 s
        assert await centre.status_after_the_queue() == "ANSWERED"
    ended = await centre.told(RequestEnded)
    assert (ended.outcome, ended.ended_by, ended.agent) == ("answered", "agent", "alice")
    await centre.until_is("alice", "available")
    assert call.state == CallState.ANSWERED
    call.hangup()
    await centre.heard("UserEvent", UserEvent="RanH")


@both_releases
async def test_a_caller_who_hangs_up_ends_the_talk_and_the_next_one_is_offered(
    centre: CallCentre, phone: Phone
) -> None:
    caller, other, alice = await phone("caller"), await phone("other"), await phone("alice")
    first, second = caller.call("sales"), other.call("sales")
    await centre.until(lambda state: len(state.requests) == 2)
    centre.log_in("alice")
    ring = await alice.wait_for_ring_async(5)
    ring.answer()
    connected = await centre.told(RequestConnected)

    is_first = centre.state.requests[connected.request].caller.number == "caller"
    lucky, waiting = (first, second) if is_first else (second, first)
    lucky.hangup()

    await ring.wait_for_async(CallState.ENDED, 5)
    assert (await centre.told(RequestEnded)).ended_by == "caller"
    next_ring = await alice.wait_for_ring_async(5)
    next_ring.answer()
    await talk(waiting)


async def test_a_caller_who_hangs_up_while_waiting_has_abandoned(centre: CallCentre, phone: Phone) -> None:
    caller = await phone("caller")
    call = caller.call("sales")
    await centre.until(lambda state: state.requests)

    call.hangup()

    assert (await centre.told(RequestEnded)).outcome == "abandoned"


async def _is_alone_in_a_bridge(centre: CallCentre) -> ChannelId:
    """What is left of it on the only caller's channel, and where he goes on. His agent would have to hang up within a
    certain millisecond."""
    channel = (await centre.told(RequestQueued)).channel
    for variable, value in (("ACD_STATUS", "ANSWERED"), ("BRIDGEPEER", "")):
        centre.observer.send("Setvar", {"Channel": channel, "Variable": variable, "Value": value})
    await centre.observer.send("Redirect", _to(channel, "look"))
    return channel


def _to(channel: ChannelId, label: str) -> dict[str, str]:
    return {"Channel": channel, "Context": "acd-wait", "Exten": "s", "Priority": label}


@both_releases
async def test_whose_agent_hangs_up_in_the_moment_of_the_bridge_waits_on(centre: CallCentre, phone: Phone) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    call = caller.call("sales")
    channel = await _is_alone_in_a_bridge(centre)
    centre.observer.send("Setvar", {"Channel": channel, "Variable": "ACD_STATUS", "Value": ""})
    centre.observer.send("Redirect", _to(channel, "again"))
    await centre.heard("UserEvent", UserEvent="AcdWaits")
    assert not [event for event in centre.events if event.get("UserEvent") == "AfterQueue"]
    centre.log_in("alice")
    (await alice.wait_for_ring_async(5)).answer()
    await talk(call)


@both_releases
async def test_where_nobody_knows_whether_he_talked_he_goes_on_as_if_he_had(centre: CallCentre, phone: Phone) -> None:
    caller = await phone("caller")
    caller.call("sales")
    await _is_alone_in_a_bridge(centre)
    assert await centre.status_after_the_queue() == "ANSWERED"


@both_releases
async def test_a_hangup_handler_of_the_operators_runs_once_and_at_the_end(centre: CallCentre, phone: Phone) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    waiting = caller.call("8sales")
    await centre.until(lambda state: state.requests)
    waiting.hangup()
    await centre.told(RequestEnded)
    assert (await centre.heard("UserEvent", UserEvent="Farewell"))["Status"] == ""

    talking = caller.call("8sales")
    centre.log_in("alice")
    (await alice.wait_for_ring_async(5)).answer()
    await talk(talking)
    talking.hangup()
    assert (await centre.heard("UserEvent", times=2, UserEvent="Farewell"))["Status"] == "ANSWERED"


@both_releases
async def test_a_caller_who_hangs_up_while_a_phone_rings_stops_it(centre: CallCentre, phone: Phone) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    centre.log_in("alice")
    call = caller.call("sales")
    ring = await alice.wait_for_ring_async(5)

    call.hangup()

    await ring.wait_for_async(CallState.ENDED, 1)
    assert ring.ended_because == Ended.THEY_GAVE_UP
    await centre.told(LegGone)
    assert (await centre.told(OfferEnded)).outcome == "cancelled"
    assert centre.state_of("alice") == "available"


@both_releases
async def test_an_agent_who_rejects_is_busy_and_the_next_one_rings(centre: CallCentre, phone: Phone) -> None:
    caller, alice, bob = await phone("caller"), await phone("alice"), await phone("bob")
    centre.log_in("alice", "bob")
    call = caller.call("sales")
    (await alice.wait_for_ring_async(5)).reject()

    ring = await bob.wait_for_ring_async(5)
    assert (centre.state_of("alice"), centre.agent("alice").reason) == ("busy", "rejected")
    assert (await centre.told(OfferEnded)).outcome == "rejected"
    ring.answer()
    await talk(call)
    await centre.until_is("alice", "available")


@both_releases
async def test_an_agent_who_declines_with_603_is_busy_too(centre: CallCentre, phone: Phone) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    centre.log_in("alice")
    caller.call("sales")

    (await alice.wait_for_ring_async(5)).reject(603)

    assert (await centre.told(OfferEnded)).outcome == "rejected"


async def test_a_phone_that_rings_in_vain_costs_the_caller_nothing(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, alice, bob = await phone("caller"), await phone("alice"), await phone("bob")
    async with open_centre(pbx, tmp_path, queue=[queue("sales", ring_seconds=0.5), queue("support")]) as centre:
        centre.log_in("alice", "bob")
        call = caller.call("sales")
        ring = await alice.wait_for_ring_async(5)

        await ring.wait_for_async(CallState.ENDED, 5)
        assert centre.state_of("alice") == "no_answer"
        (await bob.wait_for_ring_async(5)).answer()
        await talk(call)
        await centre.until_is("alice", "available")


@both_releases
async def test_a_phone_that_is_not_registered_is_left_alone_for_longer_each_time(
    centre: CallCentre, phone: Phone
) -> None:
    caller = await phone("caller")
    centre.log_in("alice")
    caller.call("sales")

    second = await centre.told(AgentUnreachable, in_a_row=2)

    assert second.until == pytest.approx(second.at + 1.0)
    assert centre.state_of("alice") == "busy"
    assert centre.agent("alice").reason == "unreachable"
    assert centre.agent("alice").until - centre.agent("alice").since == pytest.approx(1.0)
    alice = await phone("alice")
    (await alice.wait_for_ring_async(10)).answer()
    await centre.told(RequestConnected)
    assert (await centre.told(AgentUnreachable, in_a_row=0)).agent == "alice"


@both_releases
async def test_whoever_is_in_the_line_longest_is_next_over_all_queues_of_an_agent(
    centre: CallCentre, phone: Phone
) -> None:
    caller, other, dave = await phone("caller"), await phone("other"), await phone("dave")
    caller.call("support")
    await centre.until(lambda state: len(state.requests) == 1)
    other.call("sales")
    await centre.until(lambda state: len(state.requests) == 2)

    centre.log_in("dave")

    ring = await dave.wait_for_ring_async(5)
    assert (await centre.told(OfferMade)).queue == "support"
    ring.answer()
    await centre.told(RequestConnected)
    ring.hangup()
    (await dave.wait_for_ring_async(5)).answer()
    assert (await centre.told(RequestConnected, times=2)).queue == "sales"


async def test_who_waited_for_too_long_goes_on_in_his_dialplan(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    caller = await phone("caller")
    async with open_centre(pbx, tmp_path, queue=[queue("sales", max_wait_seconds=0.5), queue("support")]) as centre:
        call = caller.call("sales")

        assert await centre.status_after_the_queue() == "TIMEOUT"
        assert (await centre.told(RequestEnded)).outcome == "timeout"
        assert call.state == CallState.ANSWERED


@both_releases
async def test_a_queue_that_is_not_there_says_so_at_once(centre: CallCentre, phone: Phone) -> None:
    caller = await phone("caller")

    caller.call("slaes")

    assert await centre.status_after_the_queue() == "UNKNOWNQUEUE"


async def test_a_key_pressed_while_waiting_costs_nobody_his_place(centre: CallCentre, phone: Phone) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    call = caller.call("sales")
    await centre.until(lambda state: state.requests)

    call.press("5#1")
    await call.wait_until_async(lambda call: not call.pressing, 5)
    centre.log_in("alice")
    (await alice.wait_for_ring_async(5)).answer()

    await talk(call)


@both_releases
async def test_the_phone_shows_who_calls(centre: CallCentre, phone: Phone) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    centre.log_in("alice")
    caller.call("sales")

    ring = await alice.wait_for_ring_async(5)

    assert ring.request.headers["From"]["number"] == "caller"


@both_releases
@pytest.mark.parametrize("after", [0.0, 0.001, 0.002, 0.003, 0.005, 0.01])
async def test_who_hangs_up_in_the_very_moment_of_the_answer_leaves_nothing_behind(
    centre: CallCentre, phone: Phone, after: float
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    centre.log_in("alice")
    call = caller.call("sales")
    ring = await alice.wait_for_ring_async(5)

    ring.answer()
    await asyncio.sleep(after)  # the point of the test: each moment between answer and bridge
    call.hangup()

    ended = await centre.told(RequestEnded)
    assert ended.outcome in ("abandoned", "answered")
    await ring.wait_for_async(CallState.ENDED, 5)
    await centre.until_is("alice", "available")
    await centre.until(lambda state: not state.offers and not state.requests)
    assert len(centre.told_so_far(OfferMade)) == 1
