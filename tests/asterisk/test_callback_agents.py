"""Agents who call customers back, by the keys of their telephones and over the API, each alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from callback_stories import (
    OTHER_NUMBER,
    QUEUE_NUMBER,
    asks,
    callback_centre,
    hears_the_message,
    is_asked_for,
    leaves_a_message,
    local_time,
    picks_up,
    settings,
    time_passes,
    waits,
)
from callcentre import CallCentre
from exchange import Phone, both_releases
from somebody import ALIKE, UNLIKE, Somebody, likeness_of_wav, silence, tone, voice

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import CallbackScheduled, CustomerMissed, CustomerReached, RequestEnded
from acd.demo.softphone import CallState, Softphone

EVA = "0201234567sales"
Manner = Callable[[Softphone, Somebody], Awaitable[None]]
"""What a customer does when an agent calls him."""


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return settings()


async def has_it(centre: CallCentre, own: Softphone) -> Somebody:
    """A callback without a message: its agent is asked at once what he wants to do."""
    agent = await picks_up(own)
    await agent.hears("menu")
    await centre.until_is(own.username, "connected")
    return agent


# ---- Before the call


@both_releases
async def test_she_hears_the_message_again_and_pushes_it_back_and_it_comes_again(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    eva, alice = await phone("caller"), await phone("alice")
    async with callback_centre(pbx, tmp_path, put_off_seconds=600) as centre:
        await leaves_a_message(await waits(eva, EVA), voice(1))
        centre.log_in("alice")
        agent = await picks_up(alice)
        await hears_the_message(agent)
        agent.forgets_the_sound()
        agent.presses("2")
        await agent.hears("menu")
        assert agent.likeness(voice(1)) > ALIKE
        agent.presses("3")
        await agent.is_hung_up_on()
        scheduled = await centre.told(CallbackScheduled)
        assert scheduled.due_at - scheduled.at == 600

        time_passes(centre, 600)
        agent = await picks_up(alice)
        await hears_the_message(agent)
        assert agent.likeness(voice(1)) > ALIKE
        assert agent.likeness(voice(2)) < UNLIKE


@both_releases
async def test_it_is_not_possible_and_a_digit_says_why(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    alice = await phone("alice")
    async with callback_centre(pbx, tmp_path, not_possible_reasons=["moved", "nuisance"]) as centre:
        await is_asked_for(centre)
        centre.log_in("alice")
        agent = await has_it(centre, alice)
        for digit in "92":  # there is no ninth one: she is asked again
            agent.presses("4")
            await agent.hears("reason")
            agent.presses(digit)
            if digit == "9":
                await agent.hears("menu")
        ended = await centre.told(RequestEnded)
        assert (ended.outcome, ended.comment, ended.agent) == ("not_possible", "nuisance", "alice")
        await agent.is_hung_up_on()


@both_releases
async def test_who_hangs_up_before_he_has_called_leaves_it_to_the_next_one(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    async with callback_centre(pbx, tmp_path, callbacks_by=("alice", "bob")) as centre:
        callback = await is_asked_for(centre)
        centre.log_in("alice")
        agent = await has_it(centre, alice)
        centre.log_in("bob")
        agent.hangs_up()
        await has_it(centre, bob)
        assert centre.agent("bob").request == callback


# ---- The call


@both_releases
async def test_the_customer_is_shown_the_queue_s_number_and_both_hear_each_other(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    alice, eva = await phone("alice"), await phone("customer")
    async with callback_centre(pbx, tmp_path) as centre:
        callback = await is_asked_for(centre)
        centre.log_in("alice")
        agent = await has_it(centre, alice)
        agent.presses("1")
        rings = await eva.wait_for_ring_async(10)
        assert (rings.number, rings.caller) == (OTHER_NUMBER, QUEUE_NUMBER)
        await agent.hears_saying(tone(440, 480))
        customer = Somebody(rings)
        rings.answer()
        await centre.told(CustomerReached)

        await customer.says(voice(1) + silence(0.2))
        await agent.says(voice(2) + silence(0.2))
        assert agent.likeness(voice(1)) > ALIKE
        assert customer.likeness(voice(2)) > ALIKE
        customer.hangs_up()
        await agent.hears("after")
        agent.presses("1")
        ended = await centre.told(RequestEnded)
        assert (ended.request, ended.kind, ended.outcome) == (callback, "callback", "answered")
        await agent.is_hung_up_on()


async def _is_busy(customer: Softphone, agent: Somebody) -> None:
    (await customer.wait_for_ring_async(10)).reject(486)


async def _declines(customer: Softphone, agent: Somebody) -> None:
    (await customer.wait_for_ring_async(10)).reject(603)


async def _lets_it_ring(customer: Softphone, agent: Somebody) -> None:
    await (await customer.wait_for_ring_async(10)).wait_for_async(CallState.ENDED, 10)


async def _lets_it_ring_until_the_agent_gives_up(customer: Softphone, agent: Somebody) -> None:
    ring = await customer.wait_for_ring_async(10)
    agent.presses("*0")
    await ring.wait_for_async(CallState.ENDED, 10)


async def _cannot_be_called(customer: Softphone, agent: Somebody) -> None:
    (await customer.wait_for_ring_async(10)).reject(503)


async def _has_a_machine(customer: Softphone, agent: Somebody) -> None:
    """Which would talk for minutes."""
    machine = await picks_up(customer)
    await agent.call.wait_until_async(lambda call: call.heard_voice, 10)
    agent.presses("*0")
    await machine.is_hung_up_on()


@both_releases
@pytest.mark.parametrize(
    ("customer_does", "she_hears", "missed"),
    [
        (_is_busy, "BUSY", "busy"),
        (_declines, "BUSY", "busy"),
        (_lets_it_ring, "NOANSWER", "no_answer"),
        (_lets_it_ring_until_the_agent_gives_up, "after", "no_answer"),
        (_cannot_be_called, "FAILED", "failed"),
        (_has_a_machine, "after", "machine"),
    ],
)
async def test_who_was_not_reached_is_called_again_later(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, customer_does: Manner, she_hears: str, missed: str
) -> None:
    alice, eva = await phone("alice"), await phone("customer")
    async with callback_centre(pbx, tmp_path, ring_seconds=5, retry_seconds=1800) as centre:
        callback = await is_asked_for(centre)
        centre.log_in("alice")
        agent = await has_it(centre, alice)
        agent.presses("1")
        await customer_does(eva, agent)
        await agent.hears(she_hears)
        agent.presses("2")
        scheduled = await centre.told(CallbackScheduled)
        assert scheduled.due_at - scheduled.at == 1800
        assert (await centre.told(CustomerMissed)).how == missed
        assert (await asks(centre, "GET", f"/callbacks/{callback}"))["missed"] == missed
        await agent.is_hung_up_on()

        time_passes(centre, 1800)
        await has_it(centre, alice)


@both_releases
async def test_who_is_never_reached_is_given_up_in_the_end(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    alice, eva = await phone("alice"), await phone("customer")
    async with callback_centre(pbx, tmp_path, attempts=2, retry_seconds=600) as centre:
        await is_asked_for(centre)
        centre.log_in("alice")
        for attempt in (1, 2):
            agent = await has_it(centre, alice)
            agent.presses("1")
            await _is_busy(eva, agent)
            await agent.hears("after")
            agent.presses("2")
            await agent.is_hung_up_on()
            if attempt == 1:
                await centre.told(CallbackScheduled)
                time_passes(centre, 600)
        ended = await centre.told(RequestEnded)
        assert (ended.outcome, ended.attempts) == ("not_reached", 2)


@both_releases
async def test_she_calls_again_at_once_as_often_as_the_number_may_be_called_in_a_day(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    alice, eva = await phone("alice"), await phone("customer")
    async with callback_centre(pbx, tmp_path, per_number_per_day=2) as centre:
        await is_asked_for(centre)
        centre.log_in("alice")
        agent = await has_it(centre, alice)
        for key in "14":
            agent.presses(key)
            await _is_busy(eva, agent)
            await agent.hears("BUSY", "after")
        agent.presses("4")
        await agent.hears("REFUSED", "after")
        assert [missed.how for missed in centre.told_so_far(CustomerMissed)] == ["busy", "busy", "refused"]


@both_releases
@pytest.mark.parametrize(("talks", "outcome"), [(True, "answered"), (False, None)])
async def test_who_just_hangs_up_has_done_it_if_he_has_talked_and_else_has_not_reached_him(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, talks: bool, outcome: str | None
) -> None:
    alice, eva = await phone("alice"), await phone("customer")
    async with callback_centre(pbx, tmp_path) as centre:
        await is_asked_for(centre)
        centre.log_in("alice")
        agent = await has_it(centre, alice)
        agent.presses("1")
        customer = await eva.wait_for_ring_async(10)
        if talks:
            customer.answer()
            await centre.told(CustomerReached)
        agent.hangs_up()
        await customer.wait_for_async(CallState.ENDED, 10)
        if outcome:
            assert (await centre.told(RequestEnded)).outcome == outcome
        else:
            await centre.told(CallbackScheduled)


# ---- An appointment


@both_releases
@pytest.mark.parametrize(("key", "with_whom"), [("1", "bob"), ("2", None)])
async def test_an_appointment_is_with_the_one_who_makes_it_or_with_anyone(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, key: str, with_whom: str | None
) -> None:
    """Bob makes it. He is the second choice: if anyone will do, Alice is rung."""
    alice, bob, eva = await phone("alice"), await phone("bob"), await phone("customer")
    async with callback_centre(pbx, tmp_path, callbacks_by=("alice", "bob")) as centre:
        await is_asked_for(centre)
        centre.log_in("bob")
        agent = await has_it(centre, bob)
        agent.presses("1")
        await _is_busy(eva, agent)
        await agent.hears("after")
        at = local_time(centre) + timedelta(days=2)
        wrong = ["2561#"] if with_whom else []  # there is no such time: he is asked again
        for when in (*wrong, at.strftime("%d%m%H%M")):
            agent.presses("3")
            await agent.hears("when")
            agent.presses(when)
            await agent.hears("with")
            agent.presses(key)
            if when in wrong:
                await agent.hears("wrong", "after")
        scheduled = await centre.told(CallbackScheduled)
        assert (scheduled.due_at, scheduled.reserved_for) == (at.timestamp(), with_whom)
        await agent.is_hung_up_on()
        await centre.until_is("bob", "available")

        centre.log_in("alice")
        time_passes(centre, scheduled.due_at - centre.daemon.now())
        await has_it(centre, bob if with_whom == "bob" else alice)


@both_releases
async def test_a_time_alone_is_the_next_such_time(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    alice, eva = await phone("alice"), await phone("customer")
    async with callback_centre(pbx, tmp_path) as centre:
        await is_asked_for(centre)
        centre.log_in("alice")
        agent = await has_it(centre, alice)
        agent.presses("1")
        customer = await picks_up(eva)
        await centre.told(CustomerReached)
        customer.hangs_up()
        await agent.hears("after")
        agent.presses("3")
        await agent.hears("when")
        at = local_time(centre) - timedelta(hours=2)
        agent.presses(at.strftime("%H%M") + "#")
        await agent.hears("with")
        agent.presses("2")
        assert (await centre.told(CallbackScheduled)).due_at == (at + timedelta(days=1)).timestamp()


# ---- Over the API alone: the agent does nothing but pick up


@both_releases
async def test_an_agent_at_a_screen_reads_hears_calls_and_completes(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, alice, eva = await phone("caller"), await phone("alice"), await phone("customer")
    async with callback_centre(pbx, tmp_path) as centre:
        await leaves_a_message(await waits(caller, EVA), voice(1))
        centre.log_in("alice")
        agent = await picks_up(alice)
        await centre.until_is("alice", "connected")
        (callback,) = (await asks(centre, "GET", "/callbacks"))["callbacks"]
        assert (callback["number"], callback["agent"]) == ("+31201234567", "alice")
        message = likeness_of_wav(await asks(centre, "GET", f"/callbacks/{callback['id']}/message"), voice(1))
        assert message > ALIKE

        await asks(centre, "POST", f"/callbacks/{callback['id']}/call")
        customer = await picks_up(eva)
        await centre.told(CustomerReached)
        await customer.says(voice(2) + silence(0.2))
        assert agent.likeness(voice(2)) > ALIKE
        done = {"outcome": "done", "comment": "ordered two"}
        await asks(centre, "POST", f"/callbacks/{callback['id']}/complete", done)
        ended = await centre.told(RequestEnded)
        assert (ended.outcome, ended.comment) == ("answered", "ordered two")
        await customer.is_hung_up_on()
        await agent.is_hung_up_on()


@both_releases
async def test_or_says_that_nobody_was_reached_and_makes_an_appointment_and_that_it_is_not_possible(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    alice, bob, eva = await phone("alice"), await phone("bob"), await phone("customer")
    async with callback_centre(pbx, tmp_path, callbacks_by=("alice", "bob"), retry_seconds=600) as centre:
        callback = f"/callbacks/{await is_asked_for(centre)}"
        centre.log_in("alice")
        agent = await has_it(centre, alice)
        await asks(centre, "POST", f"{callback}/call")
        await _is_busy(eva, agent)
        await centre.told(CustomerMissed)
        await asks(centre, "POST", f"{callback}/complete", {"outcome": "not_reached"})
        await agent.is_hung_up_on()
        time_passes(centre, 600)

        agent = await has_it(centre, alice)
        at = local_time(centre) + timedelta(hours=5)
        await asks(centre, "POST", f"{callback}/reschedule", {"at": at.isoformat(), "agent": "bob"})
        await agent.is_hung_up_on()
        centre.log_in("bob")
        await centre.until_is("alice", "available")
        time_passes(centre, 5 * 3600)

        agent = await has_it(centre, bob)
        await asks(centre, "POST", f"{callback}/complete", {"outcome": "not_possible", "comment": "moved away"})
        ended = await centre.told(RequestEnded)
        assert (ended.outcome, ended.comment, ended.agent) == ("not_possible", "moved away", "bob")
        await agent.is_hung_up_on()
