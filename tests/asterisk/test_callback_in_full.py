"""One whole callback in the words that ship, on a real Asterisk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from callback_stories import NUMBER, QUEUE_NUMBER, callback_centre, settings, waits
from exchange import Phone, both_releases
from somebody import SOUND, UNLIKE, Somebody, silence, voice

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.asterisk.pbx_files import SHIPPED
from acd.center.facts import (
    CallbackOffered,
    CallbackPromised,
    CustomerReached,
    RequestEnded,
    RequestQueued,
    RequestSetAside,
)


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return settings()


@both_releases
async def test_a_message_keeps_his_place_and_an_agent_calls_him_back(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    eva, alice, own = await phone("caller"), await phone("alice"), await phone("customer")
    async with callback_centre(pbx, tmp_path) as centre:
        caller = await waits(eva, "0201234567support")
        await centre.told(CallbackOffered)
        caller.presses("5")
        await centre.told(RequestSetAside)
        await caller.hears(SOUND)
        caller.presses("1")
        await caller.listens()  # what he is to do, and the beep
        await caller.says(voice(1) + silence(0.5))
        caller.presses("#")
        await caller.hears(SOUND)
        caller.presses("1")
        promised = await centre.told(CallbackPromised)
        assert (promised.number, promised.request) == (NUMBER, (await centre.told(RequestQueued)).request)

        centre.log_in("alice")
        ring = await alice.wait_for_ring_async(10)
        agent = Somebody(ring)
        ring.answer()
        await agent.hears_saying(voice(1))  # and before it, when that was left
        assert agent.likeness(voice(2)) < UNLIKE
        agent.presses("1")
        rings = await own.wait_for_ring_async(10)
        assert (rings.number, rings.caller) == (NUMBER, QUEUE_NUMBER)
        rings.answer()
        await centre.told(CustomerReached)
        await centre.until_is("alice", "connected")
        rings.hangup()
        await centre.heard("UserEvent", UserEvent="AcdDialled")
        agent.presses("1")
        ended = await centre.told(RequestEnded)
        assert (ended.kind, ended.outcome, ended.request) == ("callback", "answered", promised.request)
        await agent.is_hung_up_on()
        assert await centre.status_after_the_queue() == "CALLBACK"


@both_releases
async def test_each_of_its_words_is_a_sound_that_ships_with_asterisk(pbx: PrivatePbx) -> None:
    dialplan = (SHIPPED / "dialplans/acd-callbacks.conf").read_text().partition("[acd-callback-words]")[2]
    said = re.findall(r"Set\(ACD_SAY=(.*)\)$", dialplan, re.MULTILINE)
    named = re.sub(r"\$\{IF\(\$\[.*?\]\?|(digits/)?\$\{[A-Z_]+\}", " ", " ".join(said))
    sounds = sorted(set(re.findall(r"[a-z][a-z0-9]*(?:[-/][a-z0-9]+)*", named)))
    assert len(sounds) > 30
    missing = [sound for sound in sounds if not (pbx.folder / f"data/sounds/en/{sound}.gsm").exists()]
    assert missing == []
