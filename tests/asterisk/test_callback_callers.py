"""Callers who leave a message instead of waiting, by the keys and the voice of a real telephone."""

from __future__ import annotations

from pathlib import Path

import pytest
from callback_stories import (
    NUMBER,
    OTHER_NUMBER,
    accepts_it,
    begins_a_message,
    callback_centre,
    hears_the_message,
    leaves_a_message,
    picks_up,
    settings,
    speaks,
    time_passes,
    waits,
)
from callcentre import CallCentre
from exchange import Phone, both_releases
from somebody import ALIKE, SOUND, UNLIKE, Somebody, silence, voice

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import (
    CallbackOffered,
    CallbackPromised,
    CallbackTakenToLine,
    OfferMade,
    OfferPutOff,
    RequestConnected,
    RequestEnded,
    RequestQueued,
    RequestResumed,
    RequestSetAside,
)
from acd.center.model import QueueName, RequestId
from acd.demo.softphone import Softphone

EVA = "0201234567sales"
NOT_TOLD = "0201234509sales"
WITHHELD = "0sales"


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return settings()


async def request_of(centre: CallCentre, number: int) -> RequestId:
    """Of the first, second … who has joined."""
    return (await centre.told(RequestQueued, times=number)).request


async def talks(somebody: Somebody) -> None:
    """With another telephone."""
    await somebody.call.wait_until_async(lambda call: call.heard_voice, 10)


# ---- He is told that he may


@both_releases
async def test_a_caller_is_told_of_it_when_he_has_waited_for_as_long_as_his_queue_says(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    eva = await phone("caller")
    async with callback_centre(pbx, tmp_path, offer_after_seconds=2) as centre:
        caller = await waits(eva, EVA)
        await caller.hears("offer")
        offered, queued = await centre.told(CallbackOffered), await centre.told(RequestQueued)
        assert 2 <= offered.at - queued.at < 3


@both_releases
async def test_where_the_operator_has_no_words_for_it_he_waits_on_and_his_key_works(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    eva = await phone("caller")
    async with callback_centre(pbx, tmp_path) as centre:
        caller = await waits(eva, NOT_TOLD)
        request = (await centre.told(CallbackOffered)).request
        await centre.until(lambda state: not state.requests[request].spoken_to)
        caller.presses("5")
        await caller.hears("confirm")
        assert "offer" not in caller.heard


@both_releases
async def test_or_as_soon_as_his_wait_is_thought_to_be_long(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    eva, tom, alice = await phone("caller"), await phone("other"), await phone("alice")
    async with callback_centre(pbx, tmp_path, offer_after_seconds=None, offer_above_seconds=60) as centre:
        handling = centre.state.queues[QueueName("sales")].handling
        for _ in range(5):
            handling.took(30)
        centre.log_in("alice")
        first = await waits(tom, "0201234501sales")
        await picks_up(alice)
        await talks(first)
        caller = await waits(eva, EVA)
        await centre.told(OfferPutOff, request=await request_of(centre, 2))
        assert "offer" not in caller.heard

        for _ in range(50):
            handling.took(600)
        time_passes(centre, 30)
        await caller.hears("offer")
        assert "offer" not in first.heard


# ---- He leaves his message


@both_releases
async def test_the_agent_hears_what_the_caller_has_said_in_the_end(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    """He listens to himself, says it again, and accepts that."""
    eva, alice = await phone("caller"), await phone("alice")
    async with callback_centre(pbx, tmp_path) as centre:
        caller = await waits(eva, EVA)
        await begins_a_message(caller)
        await speaks(caller, voice(1))
        await caller.hears("review")
        caller.presses("2")
        await caller.hears(SOUND, "review")
        assert caller.likeness(voice(1)) > ALIKE
        caller.presses("3")
        await speaks(caller, voice(2))
        await accepts_it(caller)
        await caller.hears("1")  # his place
        assert (await centre.told(CallbackPromised)).number == NUMBER
        assert await centre.status_after_the_queue() == "CALLBACK"

        centre.log_in("alice")
        agent = await picks_up(alice)
        await hears_the_message(agent)
        assert agent.likeness(voice(2)) > ALIKE
        assert agent.likeness(voice(1)) < UNLIKE


@both_releases
async def test_whose_number_is_withheld_is_asked_for_it_again_as_long_as_it_may_not_be_called(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    eva = await phone("caller")
    async with callback_centre(pbx, tmp_path) as centre:
        caller = await waits(eva, WITHHELD)
        await caller.hears("offer")
        caller.presses("5")
        for premium_or_emergency in ("09001234#", "112#"):
            await caller.hears("type")
            caller.presses(premium_or_emergency)
            await caller.hears("wrong")
        await caller.hears("type")
        caller.presses("0612345678#")
        await speaks(caller, voice(1))
        await accepts_it(caller)
        assert (await centre.told(CallbackPromised)).number == OTHER_NUMBER


@both_releases
async def test_who_wants_to_be_called_elsewhere_cannot_be_called_abroad_and_waits_on(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    eva = await phone("caller")
    async with callback_centre(pbx, tmp_path) as centre:
        caller = await waits(eva, EVA)
        await caller.hears("offer")
        caller.presses("5")
        await caller.hears("confirm", *"0201234567")
        caller.presses("2")
        await caller.hears("type")
        caller.presses("003222773111#")
        await caller.hears("wrong", "type")
        caller.presses("#")
        request = await request_of(centre, 1)
        await centre.told(RequestResumed)
        assert centre.state.place_of(centre.state.requests[request]) == 1


@both_releases
@pytest.mark.parametrize("when", ["while he speaks", "when he is asked whether he accepts it"])
async def test_who_hangs_up_after_he_has_spoken_has_left_his_message(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, when: str
) -> None:
    eva, alice = await phone("caller"), await phone("alice")
    async with callback_centre(pbx, tmp_path) as centre:
        caller = await waits(eva, EVA)
        if when == "while he speaks":
            await leaves_a_message(caller, voice(1))
        else:
            await begins_a_message(caller)
            await speaks(caller, voice(1))
            await caller.hears("review")
            caller.hangs_up()
        await centre.told(CallbackPromised)

        centre.log_in("alice")
        agent = await picks_up(alice)
        await hears_the_message(agent)
        assert agent.likeness(voice(1)) > ALIKE


@both_releases
async def test_who_hangs_up_before_he_has_spoken_has_given_up(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    eva = await phone("caller")
    async with callback_centre(pbx, tmp_path) as centre:
        for number, last_word in enumerate(("confirm", SOUND, "nothing"), 1):
            caller = await waits(eva, EVA)
            await caller.hears("offer")
            caller.presses("5")
            await caller.hears("confirm")
            if last_word != "confirm":
                caller.presses("1")
                await caller.hears("speak", SOUND)
            if last_word == "nothing":
                await caller.says(silence(2))
            caller.hangs_up()
            assert (await centre.told(RequestEnded, times=number)).outcome == "abandoned"
        assert centre.told_so_far(CallbackPromised) == []


# ---- His place


@both_releases
async def test_who_says_nothing_or_too_little_is_told_so_and_waits_on_at_his_place(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    eva, tom, alice = await phone("caller"), await phone("other"), await phone("alice")
    async with callback_centre(pbx, tmp_path) as centre:
        silent = await waits(eva, EVA)
        await request_of(centre, 1)
        brief = await waits(tom, "0201234502sales")
        await request_of(centre, 2)
        for caller in (silent, brief):
            await begins_a_message(caller)
            await caller.hears("speak", SOUND)
            caller.call.say(silence(0.6) + (voice(1, 0.5) if caller is brief else b""))
        await brief.call.wait_until_async(lambda call: not call.speaking, 5)
        brief.presses("#")
        for caller in (brief, silent):
            await caller.hears("short", "offer")
        await centre.told(RequestResumed, times=2)

        centre.log_in("alice")
        agent = await picks_up(alice)
        connected = await centre.told(RequestConnected)
        assert (connected.request, connected.kind) == (await request_of(centre, 1), "call")
        assert agent.call.caller == "0201234567"
        assert centre.told_so_far(CallbackPromised) == []


@both_releases
async def test_who_would_rather_wait_after_all_is_back_at_his_place_and_may_think_again(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    eva = await phone("caller")
    async with callback_centre(pbx, tmp_path) as centre:
        caller = await waits(eva, EVA)
        await caller.hears("offer")
        caller.presses("5")
        await caller.hears("confirm")
        caller.presses("*")
        request = await request_of(centre, 1)
        await centre.until(lambda state: not state.requests[request].aside)
        await caller.hears(SOUND)  # his music
        caller.presses("5")
        await caller.hears("confirm")
        assert (await centre.told(RequestSetAside, times=2)).request == request


@both_releases
async def test_an_agent_who_becomes_free_while_he_speaks_has_the_next_one_and_then_calls_him_back(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    eva, tom, alice = await phone("caller"), await phone("other"), await phone("alice")
    async with callback_centre(pbx, tmp_path) as centre:
        caller = await waits(eva, EVA)
        first = await request_of(centre, 1)
        next_one = await waits(tom, "0201234502sales")
        second = await request_of(centre, 2)
        await begins_a_message(caller)
        await caller.hears("speak", SOUND)
        centre.log_in("alice")
        agent = await picks_up(alice)
        await talks(agent)
        await talks(next_one)

        await caller.says(silence(0.6) + voice(1) + silence(0.3))
        caller.presses("#")
        await accepts_it(caller)
        await caller.hears("1")
        agent.hangs_up()
        await (await picks_up(alice)).hears("message")
        assert [made.request for made in centre.told_so_far(OfferMade)] == [second, first]


# ---- He calls again


async def has_a_callback_and_calls_again(centre: CallCentre, phone: Phone) -> tuple[Softphone, Somebody, RequestId]:
    """Tom waits, and Eva's callback stands behind him. Her telephone, her second call, and her callback."""
    eva, tom = await phone("caller"), await phone("other")
    await waits(tom, "0201234501sales")
    await request_of(centre, 1)
    await leaves_a_message(await waits(eva, EVA), voice(1))
    callback = (await centre.told(CallbackPromised)).request
    again = await waits(eva, EVA)
    await again.hears("again", "2")
    return eva, again, callback


@both_releases
async def test_who_calls_again_is_told_his_place_and_may_keep_it_or_cancel_it(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    async with callback_centre(pbx, tmp_path) as centre:
        eva, again, callback = await has_a_callback_and_calls_again(centre, phone)
        again.presses("1")
        await again.hears("keep")
        assert await centre.status_after_the_queue() == "CALLBACK"
        assert centre.state.place_of(centre.state.requests[callback]) == 2

        again = await waits(eva, EVA)
        await again.hears("again", "2")
        again.presses("3")
        await again.hears("cancel")
        assert (await centre.told(RequestEnded, request=callback)).outcome == "cancelled"
        assert len(centre.told_so_far(RequestQueued)) == 2


@both_releases
async def test_or_wait_on_the_line_at_that_place(pbx: PrivatePbx, phone: Phone, tmp_path: Path) -> None:
    alice, lou = await phone("alice"), await phone("bob")
    async with callback_centre(pbx, tmp_path) as centre:
        _, again, callback = await has_a_callback_and_calls_again(centre, phone)
        await waits(lou, "0201234503sales")
        await request_of(centre, 3)
        again.presses("2")
        assert (await centre.told(CallbackTakenToLine)).request == callback

        centre.log_in("alice")
        for number in ("0201234501", "0201234567", "0201234503"):
            agent = await picks_up(alice)
            assert agent.call.caller == number
            await talks(agent)
            if number == "0201234567":
                await talks(again)
            agent.hangs_up()
        await centre.told(RequestEnded, times=3)
        served = [connected.request for connected in centre.told_so_far(RequestConnected)]
        assert served == [await request_of(centre, 1), callback, await request_of(centre, 3)]
        message = (await centre.told(CallbackPromised)).message
        assert message
        assert not list((pbx.folder / "spool/acd").glob(f"{message.name}*")), "nobody needs to hear it any more"
