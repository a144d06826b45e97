"""Agents' mobiles on real Asterisks: one that acd steers, and behind its trunk another one, the mobile network."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from callcentre import DIALPLAN, CallCentre, configuration, open_centre, queue, talk
from exchange import Phone, installation, phones
from mobile_network import ALICE, BOB, NUMBERS, ROOM, MobileNetwork, mobile_network

from acd.asterisk.pbx import PbxSettings, PrivatePbx, running
from acd.asterisk.pbx_files import write_tone
from acd.asterisk.private import RELEASES
from acd.center.facts import (
    LegGone,
    OfferEnded,
    OfferMade,
    RequestConnected,
    RequestEnded,
    RequestPassedOn,
    RequestQueued,
    RequestRequeued,
)
from acd.center.model import QueueName
from acd.demo.softphone import Call, CallState, Ended, Softphone

FEATURES_CODES = DIALPLAN.replace("[from-phones]", "[from-phones]\ninclude => acd-features", 1)
OWN_DIALPLAN = """
[acd-elsewhere-custom]
exten => s,1,UserEvent(HearsWhy,Leg: ${CHANNEL(uniqueid)})
 same => n,Playback(cancelled)
 same => n,Return()

[acd-music-custom]
exten => s,1,StartMusicOnHold(tone)
 same => n,Return()
"""
MUSIC = """
[tone]
mode = files
directory = {folder}
"""
"""Without a quiet moment in it."""
LONGEST_PAUSE_SECONDS = 0.1
IN_FEATURES_CONF, IN_EXTENSIONS_CONF = re.findall(
    r"(?ms)^```ini\n(.*?)^```", (Path(__file__).parents[2] / "docs" / "mobiles.md").read_text()
)
"""What docs/mobiles.md says is to be written there, to the letter."""
RING_SECONDS = 3.0
PROMPT_SECONDS = 15.0


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=RELEASES)
async def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MobileNetwork]:
    folder = tmp_path_factory.mktemp(f"network{request.param}")
    async with mobile_network(installation(request.param), folder) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx(network: MobileNetwork, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrivatePbx]:
    endpoints = (*phones("alice", "bob", "carol", "caller", "other"), network.trunk)
    music = tmp_path_factory.mktemp("music")
    write_tone(music / "tone.wav")
    files = {"features.conf": IN_FEATURES_CONF, "musiconhold.conf": MUSIC.format(folder=music)}
    settings = PbxSettings(endpoints, FEATURES_CODES + OWN_DIALPLAN + IN_EXTENSIONS_CONF, files=files)
    async with running(network.pbx.installation, tmp_path_factory.mktemp("pbx"), settings) as started:
        yield started


def _agent(name: str, number: str = "", accept_key: str = "1", **more: Any) -> dict[str, Any]:
    devices: list[dict[str, Any]] = [{"kind": "desk", "dial": f"PJSIP/{name}"}]
    if number:
        devices.append({"kind": "mobile", "number": number, "accept_key": accept_key})
    return {"name": name, "queues": {"sales": 1}, "devices": devices, **more}


@pytest.fixture
async def centre_of(pbx: PrivatePbx, tmp_path: Path) -> AsyncIterator[Any]:
    """A call centre with these agents: `await centre_of(_agent("alice", ALICE, forward="mobile"))`."""
    async with AsyncExitStack() as stack:

        async def opened(*agents: dict[str, Any], server: dict[str, Any] | None = None, **tables: Any) -> CallCentre:
            main = configuration(pbx, tmp_path).asterisk["main"].model_dump() | {
                "secret": pbx.secret,
                "mobile_dial": "PJSIP/{number}@carrier",
            }
            tables = {
                "asterisk": {"main": main | (server or {})},
                "site": {"country": "NL"},
                "agent": list(agents),
                "queue": [queue("sales", ring_seconds=RING_SECONDS), queue("support")],
                "offers": {"no_answer_seconds": 60, "busy_seconds": 60, "rejected_seconds": 60, "accept_seconds": 5},
            } | tables
            centre = await stack.enter_async_context(open_centre(pbx, tmp_path, **tables))
            centre.log_in(*(agent["name"] for agent in agents))
            return centre

        yield opened


async def _hears(call: Call) -> None:
    """The prompt that asks him."""
    await call.wait_until_async(lambda call: call.heard_audio, PROMPT_SECONDS)


async def test_who_presses_1_has_the_call(network: MobileNetwork, centre_of: Any, phone: Phone) -> None:
    mobile, caller = await network.subscriber(ALICE), await phone("caller")
    centre = await centre_of(_agent("alice", ALICE, forward="mobile"))
    call = caller.call("sales")
    ring = await mobile.wait_for_ring_async(10)
    ring.answer()
    await _hears(ring)
    assert centre.state_of("alice") == "connecting"
    assert not call.heard_voice

    ring.press("1")

    await talk(call)
    connected = await centre.told(RequestConnected)
    assert (connected.agent, connected.device) == ("alice", "mobile")
    call.hangup()
    await ring.wait_for_async(CallState.ENDED, 5)
    await mobile.stop_async()


@pytest.mark.parametrize(("key", "state"), [("2", "busy"), ("3", "paused")])
async def test_who_presses_another_key_refuses(
    network: MobileNetwork, centre_of: Any, phone: Phone, key: str, state: str
) -> None:
    mobile, caller = await network.subscriber(ALICE), await phone("caller")
    centre = await centre_of(_agent("alice", ALICE, forward="mobile"))
    caller.call("sales")
    ring = await mobile.wait_for_ring_async(10)
    ring.answer()
    await _hears(ring)

    ring.press(key)

    await centre.until_is("alice", state)
    assert centre.agent("alice").reason == "rejected"
    assert (await centre.told(OfferEnded)).outcome == "rejected"
    await ring.wait_for_async(CallState.ENDED, 5)
    await centre.told(LegGone)
    await mobile.stop_async()


@pytest.mark.parametrize("whoever", ["mailbox", "silence", "fax", "hangs_up", "rings"])
async def test_whoever_answers_and_presses_no_key_has_not_answered_and_the_caller_keeps_his_music(
    centre_of: Any, phone: Phone, whoever: str
) -> None:
    caller, other = await phone("caller"), await phone("other")
    centre = await centre_of(_agent("alice", NUMBERS[whoever], forward="mobile"))
    call = caller.call("sales")
    await centre.told(OfferMade)
    other.call("sales")

    ended = await centre.told(OfferEnded)

    assert (ended.outcome, ended.device) == ("no_answer", "mobile")
    assert centre.state_of("alice") == "no_answer"
    assert centre.state.queues[QueueName("sales")].line.in_order()[0] == ended.request
    await _hears(call)
    assert not call.heard_voice
    assert call.state is CallState.ANSWERED
    assert not [event for event in centre.events if event.name == "MusicOnHoldStop"]
    await centre.told(LegGone)


@pytest.mark.parametrize(
    "why",
    ["out_of_reach", "announced_out_of_reach", "congested", "barred", "no_route", "out_of_order"],
)
async def test_what_a_carrier_does_is_not_the_agent_s_and_the_next_is_rung_at_once(
    centre_of: Any, phone: Phone, why: str
) -> None:
    bob, caller = await phone("bob"), await phone("caller")
    centre = await centre_of(
        _agent("alice", NUMBERS[why], forward="mobile"),
        _agent("bob") | {"queues": {"sales": 2}},
        queue=[queue("sales", ring_seconds=10), queue("support")],
    )
    caller.call("sales")

    ring = await bob.wait_for_ring_async(10)

    ended = await centre.told(OfferEnded, agent="alice")
    assert (ended.outcome, ended.device) == ("failed", "mobile")
    assert (centre.state_of("alice"), centre.agent("alice").reason) == ("busy", "unreachable")
    assert (await centre.told(OfferMade, agent="bob")).at - ended.at < 0.1
    ring.hangup()


async def test_who_talks_on_his_mobile_is_busy_and_who_declines_has_refused(
    network: MobileNetwork, centre_of: Any, phone: Phone
) -> None:
    mobile, caller = await network.subscriber(ALICE), await phone("caller")
    centre = await centre_of(
        _agent("alice", ALICE, forward="mobile"),
        _agent("bob", NUMBERS["busy"], forward="mobile") | {"queues": {"sales": 2}},
        offers={"busy_seconds": 60, "rejected_seconds": 90},
    )
    caller.call("sales")
    (await mobile.wait_for_ring_async(10)).reject()

    await centre.until_is("alice", "busy")
    await centre.until_is("bob", "busy")

    ended = {fact.agent: fact.outcome for fact in centre.told_so_far(OfferEnded)}
    assert ended == {"alice": "rejected", "bob": "rejected"}
    lasts = {name: round(centre.agent(name).until - centre.agent(name).since) for name in ("alice", "bob")}
    assert lasts == {"alice": 90, "bob": 60}
    await mobile.stop_async()


async def _hears_half_a_second_more(call: Call) -> None:
    packets = call.packets_received + 25
    await call.wait_until_async(lambda call: call.packets_received >= packets, 5)


async def test_the_mobile_rings_after_the_desk_and_the_caller_notices_nothing(
    network: MobileNetwork, centre_of: Any, phone: Phone
) -> None:
    desk, mobile, caller, other = [
        await one for one in (phone("alice"), network.subscriber(ALICE), phone("caller"), phone("other"))
    ]
    centre = await centre_of(_agent("alice", ALICE, forward="desk_then_mobile", mobile_after_seconds=1))
    call = caller.call("sales")
    rang = await desk.wait_for_ring_async(5)
    await call.wait_until_async(lambda call: call.heard_audio, 5)
    other.call("sales")
    ring = await mobile.wait_for_ring_async(10)
    await rang.wait_for_async(CallState.ENDED, 5)
    await _hears_half_a_second_more(call)

    assert call.longest_silence_seconds < LONGEST_PAUSE_SECONDS
    his, behind_him = [await centre.told(RequestQueued, times=nth) for nth in (1, 2)]
    assert centre.state.queues[QueueName("sales")].line.in_order() == [his.request, behind_him.request]
    assert centre.state_of("alice") == "connecting"
    assert centre.told_so_far(RequestRequeued) == []
    assert not [event for event in centre.events if event.name == "MusicOnHoldStop"]
    ring.answer()
    await _hears(ring)
    ring.press("1")
    await talk(call)
    assert [made.device.kind for made in centre.told_so_far(OfferMade)] == ["desk", "mobile"]
    call.hangup()
    await ring.wait_for_async(CallState.ENDED, 5)
    await mobile.stop_async()


async def test_a_desk_phone_that_is_unplugged_falls_through_to_the_mobile(
    network: MobileNetwork, centre_of: Any, phone: Phone
) -> None:
    mobile, caller = await network.subscriber(ALICE), await phone("caller")
    centre = await centre_of(_agent("alice", ALICE, mobile_if_unreachable=True))
    call = caller.call("sales")

    ring = await mobile.wait_for_ring_async(10)

    ring.answer()
    await _hears(ring)
    ring.press("1")
    await talk(call)
    assert [fact.outcome for fact in centre.told_so_far(OfferEnded)] == ["failed", "accepted"]
    call.hangup()
    await ring.wait_for_async(CallState.ENDED, 5)
    await mobile.stop_async()


async def _both_answer(rings: list[Call]) -> None:
    for ring in rings:
        ring.answer()


@pytest.mark.parametrize("first", ["desk", "mobile"])
async def test_of_two_that_are_answered_in_the_same_instant_one_talks_and_the_other_hears_why(
    network: MobileNetwork, centre_of: Any, phone: Phone, first: str
) -> None:
    desk, mobile, caller = [await one for one in (phone("alice"), network.subscriber(ALICE), phone("caller"))]
    centre = await centre_of(
        _agent("alice", ALICE, accept_key="", forward="both"),
        queue=[queue("sales", ring_seconds=10, wrap_up_seconds=0), queue("support")],
    )
    for times in range(1, 11):
        call = caller.call("sales")
        rings = [await desk.wait_for_ring_async(5), await mobile.wait_for_ring_async(10)]
        await _both_answer(rings if first == "desk" else rings[::-1])

        connected = await centre.told(RequestConnected, times=times)
        await talk(call)
        await centre.heard("UserEvent", times=times, UserEvent="HearsWhy")

        assert len(centre.told_so_far(OfferEnded, outcome="accepted")) == times
        winner, loser = rings if connected.device == "desk" else rings[::-1]
        await loser.wait_until_async(lambda call: call.heard_audio, 5)
        await loser.wait_for_async(CallState.ENDED, 5)
        assert loser.ended_because is Ended.THEY_HUNG_UP
        assert winner.state is CallState.ANSWERED
        call.hangup()
        await winner.wait_for_async(CallState.ENDED, 5)
        await centre.until(lambda state: not state.requests and not state.offers)
        await centre.until_is("alice", "available")
    await mobile.stop_async()


async def test_the_trunk_has_room_for_so_many_and_who_is_at_a_desk_is_next(
    network: MobileNetwork, centre_of: Any, phone: Phone
) -> None:
    mobile, second, desk = await network.subscriber(ALICE), await network.subscriber(BOB), await phone("bob")
    caller, other = await phone("caller"), await phone("other")
    centre = await centre_of(
        _agent("alice", ALICE, forward="mobile"),
        _agent("bob", BOB, forward="mobile") | {"queues": {"sales": 2}},
        server={"mobile_legs": 1},
        queue=[queue("sales", ring_seconds=20), queue("support")],
    )
    caller.call("sales")
    ring = await mobile.wait_for_ring_async(10)
    other.call("sales")
    await centre.until(lambda state: len(state.requests) == 2)
    assert centre.state_of("bob") == "available"

    ring.reject()

    await second.wait_for_ring_async(10)
    for phone_ in (mobile, second, desk):
        await phone_.stop_async()


async def test_what_the_mobile_is_shown(network: MobileNetwork, centre_of: Any, phone: Phone) -> None:
    mobile, caller = await network.subscriber(ALICE), await phone("caller")
    await centre_of(
        _agent("alice", ALICE, forward="mobile"),
        server={"mobile_caller_id": "queue"},
        queue=[queue("sales", ring_seconds=10, caller_id="+31201234567"), queue("support")],
    )
    caller.call("sales")

    ring = await mobile.wait_for_ring_async(10)

    assert ring.caller == "+31201234567"
    ring.reject()
    await mobile.stop_async()


async def test_a_number_that_the_dial_policy_refuses_is_never_dialled(centre_of: Any, phone: Phone) -> None:
    bob, caller = await phone("bob"), await phone("caller")
    centre = await centre_of(
        _agent("alice", "+88213001234", forward="mobile"), _agent("bob") | {"queues": {"sales": 2}}
    )
    caller.call("sales")

    await bob.wait_for_ring_async(5)

    ended = await centre.told(OfferEnded, agent="alice")
    assert ended.outcome == "failed"
    assert ended.cause.startswith("not dialled: ")
    assert not [event for event in centre.events if "carrier" in event.get("Channel", "")]


# ---- In call


async def _talking_on_his_mobile(mobile: Softphone, caller: Softphone) -> tuple[Call, Call]:
    call = caller.call("sales")
    ring = await mobile.wait_for_ring_async(10)
    ring.answer()
    await _hears(ring)
    ring.press("1")
    await talk(call)
    await ring.wait_until_async(lambda ring: ring.heard_voice, 5)
    return call, ring


async def test_a_key_ends_the_call(network: MobileNetwork, centre_of: Any, phone: Phone) -> None:
    mobile, caller = await network.subscriber(ALICE), await phone("caller")
    centre = await centre_of(_agent("alice", ALICE, forward="mobile"))
    _, ring = await _talking_on_his_mobile(mobile, caller)

    ring.press("*0")

    ended = await centre.told(RequestEnded)
    assert (ended.outcome, ended.device, ended.ended_by) == ("answered", "mobile", "agent")
    await ring.wait_for_async(CallState.ENDED, 5)
    assert await centre.status_after_the_queue() == "ANSWERED"
    await mobile.stop_async()


async def test_keys_transfer_the_call_to_a_queue(network: MobileNetwork, centre_of: Any, phone: Phone) -> None:
    mobile, caller, carol = await network.subscriber(ALICE), await phone("caller"), await phone("carol")
    centre = await centre_of(_agent("alice", ALICE, forward="mobile"), _agent("carol") | {"queues": {"support": 1}})
    _, ring = await _talking_on_his_mobile(mobile, caller)

    ring.press("*1")
    await centre.heard("MusicOnHoldStart", times=2)
    ring.press("20#")

    passed_on = await carol.wait_for_ring_async(15)
    queued = await centre.told(RequestQueued, times=2)
    assert queued.queue == "support"
    await centre.until_is("alice", "available")
    passed_on.answer()
    await centre.told(RequestConnected, agent="carol")
    await mobile.stop_async()


async def test_keys_ask_a_colleague_and_pass_the_caller_on_to_him(
    network: MobileNetwork, centre_of: Any, phone: Phone
) -> None:
    mobile, caller, carol = await network.subscriber(ALICE), await phone("caller"), await phone("carol")
    centre = await centre_of(_agent("alice", ALICE, forward="mobile"))
    call, ring = await _talking_on_his_mobile(mobile, caller)

    ring.press("*2")
    await centre.heard("MusicOnHoldStart", times=2)
    ring.press("21#")
    asked = await carol.wait_for_ring_async(15)
    asked.answer()
    await talk(asked)
    assert centre.state_of("alice") == "connected"
    ring.press("*2")

    passed_on = await centre.told(RequestPassedOn)
    assert (passed_on.was, passed_on.agent) == ("alice", None)
    await ring.wait_for_async(CallState.ENDED, 5)
    await centre.until_is("alice", "available")
    assert centre.told_so_far(RequestEnded) == []
    call.hangup()
    assert (await centre.told(RequestEnded)).outcome == "answered"
    await asked.wait_for_async(CallState.ENDED, 5)
    await mobile.stop_async()


async def test_keys_ask_a_colleague_and_go_back_to_the_caller(
    network: MobileNetwork, centre_of: Any, phone: Phone
) -> None:
    mobile, caller, carol = await network.subscriber(ALICE), await phone("caller"), await phone("carol")
    centre = await centre_of(_agent("alice", ALICE, forward="mobile"))
    call, ring = await _talking_on_his_mobile(mobile, caller)
    leg = centre.state.offers[centre.agent("alice").offers[0]].channel

    ring.press("*2")
    await centre.heard("MusicOnHoldStart", times=2)
    ring.press("21#")
    asked = await carol.wait_for_ring_async(15)
    asked.answer()
    await centre.heard("BridgeEnter", times=2, Uniqueid=leg)
    ring.press("*1")

    await centre.heard("BridgeEnter", times=3, Uniqueid=leg)
    await asked.wait_for_async(CallState.ENDED, 5)
    assert centre.told_so_far(RequestPassedOn) == []
    assert centre.state_of("alice") == "connected"
    call.hangup()
    assert (await centre.told(RequestEnded)).agent == "alice"
    await mobile.stop_async()


async def test_keys_put_the_caller_on_hold_and_take_him_back(
    network: MobileNetwork, centre_of: Any, phone: Phone
) -> None:
    mobile, caller = await network.subscriber(ALICE), await phone("caller")
    centre = await centre_of(_agent("alice", ALICE, forward="mobile"))
    call, ring = await _talking_on_his_mobile(mobile, caller)
    leg = centre.state.offers[centre.agent("alice").offers[0]].channel

    ring.press("*2")
    await centre.heard("MusicOnHoldStart", times=2)
    ring.press("0#")
    await centre.heard("BridgeEnter", times=2, Uniqueid=leg)
    assert centre.state_of("alice") == "connected"

    ring.press("*1")
    await centre.heard("MusicOnHoldStop", times=2)
    await centre.heard("BridgeEnter", times=3, Uniqueid=leg)

    assert centre.state_of("alice") == "connected"
    call.hangup()
    ended = await centre.told(RequestEnded)
    assert (ended.outcome, ended.ended_by, ended.agent) == ("answered", "caller", "alice")
    await mobile.stop_async()


async def test_an_agent_who_makes_a_conference_by_keys_is_still_in_the_call(
    network: MobileNetwork, centre_of: Any, phone: Phone
) -> None:
    mobile, caller = await network.subscriber(ALICE), await phone("caller")
    centre = await centre_of(_agent("alice", ALICE, forward="mobile"))
    call, ring = await _talking_on_his_mobile(mobile, caller)
    leg = centre.state.offers[centre.agent("alice").offers[0]].channel
    ring.press("*2")
    await centre.heard("MusicOnHoldStart", times=2)
    ring.press("0#")
    await centre.heard("BridgeEnter", times=2, Uniqueid=leg)

    ring.press("*3")
    await centre.heard("AttendedTransfer", DestType="Threeway")
    await centre.heard("BridgeEnter", times=3, Uniqueid=leg)

    assert centre.told_so_far(RequestPassedOn) == []
    assert centre.state_of("alice") == "connected"
    call.hangup()
    assert (await centre.told(RequestEnded)).ended_by == "caller"
    await mobile.stop_async()


async def test_feature_codes_forward_to_the_mobile_and_back(
    network: MobileNetwork, centre_of: Any, phone: Phone
) -> None:
    mobile, desk, caller = [await one for one in (network.subscriber(ALICE), phone("alice"), phone("caller"))]
    centre = await centre_of(_agent("alice", ALICE))
    for code, forward in (("*37", "mobile"), ("*38", "desk"), ("*37", "mobile")):
        call = desk.call(code)
        await call.wait_until_async(lambda call: call.heard_audio, 5)
        assert centre.agent("alice").forward == forward
        call.hangup()
        await centre.until_is("alice", "available")
    caller.call("sales")

    await mobile.wait_for_ring_async(10)

    await mobile.stop_async()


# ---- As many as there is room for


async def test_a_network_that_has_room_for_nine_calls_has_the_tenth_agent_left_alone(
    network: MobileNetwork, centre_of: Any, phone: Phone
) -> None:
    """All ten share one mobile here: what counts is the calls."""
    mobile, caller = await network.subscriber(ALICE), await phone("caller")
    numbers = {f"agent-{n}": ALICE for n in range(ROOM + 1)}
    centre = await centre_of(
        *(_agent(name, number, forward="mobile") for name, number in numbers.items()),
        queue=[queue("sales", strategy="ring_all", ring_seconds=20), queue("support")],
        offers={"unreachable_first_seconds": 60},
    )

    caller.call("sales")

    await mobile.wait_for_ring_async(10)
    ended = await centre.told(OfferEnded, outcome="failed")
    assert ended.cause.startswith("34 ")

    def refused() -> int:
        """One; or more, for calls that come in the same instant count each other."""
        return len(centre.told_so_far(OfferEnded))

    await centre.until(lambda state: sum(one.rang for one in state.offers.values()) == len(numbers) - refused())
    assert refused() < ROOM
    assert (centre.state_of(ended.agent), centre.agent(ended.agent).reason) == ("busy", "unreachable")
    await mobile.stop_async()
