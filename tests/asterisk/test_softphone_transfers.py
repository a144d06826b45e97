"""The softphone passes calls on and puts them on hold, as a desk phone does: REFER, Replaces, and a changed offer."""

from __future__ import annotations

import pytest
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.pbx import PbxSettings
from acd.demo.softphone import Call, CallState, Ended, InvalidStateError, Softphone

SOON_SECONDS = 5.0
DIALPLAN = """
[from-phones]
exten => _[a-z][a-z]!,1,Dial(PJSIP/${EXTEN})
"""


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES), dialplan=DIALPLAN)


async def _answers(called: Softphone) -> Call:
    call = await called.wait_for_ring_async(SOON_SECONDS)
    call.answer()
    return call


async def _talking(caller: Softphone, called: Softphone) -> tuple[Call, Call]:
    theirs = caller.call(called.username)
    ours = await _answers(called)
    await theirs.wait_for_async(CallState.ANSWERED, SOON_SECONDS)
    for call in (
        theirs,
        ours,
    ):  # Asterisk says that it is answered before the two are in a bridge, and can be passed on
        await _hears(call)
    return theirs, ours


async def _hears(call: Call) -> None:
    """Whom he hears from now on, not before."""
    call.heard_voice = False
    await call.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)


async def _ended(call: Call) -> Ended | None:
    await call.wait_for_async(CallState.ENDED, SOON_SECONDS)
    return call.ended_because


@both_releases
async def test_a_caller_is_passed_on_unseen_and_the_phone_that_passed_him_on_is_free(phone: Phone) -> None:
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    caller, agent = await _talking(alice, bob)

    agent.transfer("carol")

    target = await _answers(carol)
    await agent.wait_until_async(lambda call: call.transfer_status == 200, SOON_SECONDS)
    assert await _ended(agent) == Ended.WE_HUNG_UP
    await _hears(caller)
    await _hears(target)


async def test_who_is_passed_on_to_a_number_that_does_not_exist_stays(phone: Phone) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    caller, agent = await _talking(alice, bob)

    agent.transfer("0")

    await agent.wait_until_async(lambda call: call.transfer_status == 404, SOON_SECONDS)
    assert agent.state == caller.state == CallState.ANSWERED
    await _hears(caller)


@both_releases
async def test_two_calls_of_a_phone_are_connected_with_each_other(phone: Phone) -> None:
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    caller, agent = await _talking(alice, bob)
    agent.hold()
    await agent.wait_until_async(lambda call: call.on_hold, SOON_SECONDS)
    question, target = await _talking(bob, carol)

    agent.transfer_to(question)

    assert await _ended(agent) == Ended.WE_HUNG_UP
    assert await _ended(question) == Ended.THEY_HUNG_UP
    await _hears(caller)
    await _hears(target)


@both_releases
async def test_a_caller_is_passed_on_to_a_phone_that_still_rings(phone: Phone) -> None:
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    caller, agent = await _talking(alice, bob)
    question = bob.call("carol")
    await question.wait_until_async(lambda call: call.rings_there, SOON_SECONDS)

    agent.transfer_to(question)

    assert await _ended(agent) == Ended.WE_HUNG_UP
    target = await _answers(carol)
    await _hears(caller)
    await _hears(target)


@both_releases
async def test_a_caller_on_hold_hears_music_and_then_the_agent_again(phone: Phone) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    caller, agent = await _talking(alice, bob)
    await _hears(caller)

    agent.hold()
    await agent.wait_until_async(lambda call: call.on_hold, SOON_SECONDS)
    caller.heard_audio = False
    await caller.wait_until_async(lambda call: call.heard_audio, SOON_SECONDS)

    agent.resume()
    await agent.wait_until_async(lambda call: not call.on_hold, SOON_SECONDS)
    await _hears(caller)


async def test_only_who_talks_can_pass_on_or_hold(phone: Phone) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    alice.call("bob")
    ring = await bob.wait_for_ring_async(SOON_SECONDS)

    for impossible in (ring.hold, ring.resume, lambda: ring.transfer("carol")):
        with pytest.raises(InvalidStateError):
            impossible()


async def test_the_one_who_called_may_pass_on_whom_he_called_and_hold_him(phone: Phone) -> None:
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    caller, called = await _talking(alice, bob)
    caller.hold()
    await caller.wait_until_async(lambda call: call.on_hold, SOON_SECONDS)

    caller.transfer("carol")

    target = await _answers(carol)
    assert await _ended(caller) == Ended.WE_HUNG_UP
    await _hears(called)
    await _hears(target)


async def test_it_is_the_same_which_of_two_calls_is_passed_to_the_other(phone: Phone) -> None:
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    caller, agent = await _talking(alice, bob)
    question, target = await _talking(bob, carol)

    question.transfer_to(agent)  # to one that he answered, not to one that he made

    await _ended(question)
    await _ended(agent)
    await _hears(caller)
    await _hears(target)


@both_releases
async def test_who_could_not_pass_a_call_on_can_still_hang_up(phone: Phone) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    caller, agent = await _talking(alice, bob)
    agent.hold()
    await agent.wait_until_async(lambda call: call.on_hold, SOON_SECONDS)
    agent.transfer("0")
    await agent.wait_until_async(lambda call: call.transfer_status == 404, SOON_SECONDS)

    agent.hangup()  # Asterisk takes a BYE only if its number is above those of the INVITE and the REFER before

    assert await _ended(caller) == Ended.THEY_HUNG_UP
