"""What callers hear while they wait, and agents before they are connected, on a real Asterisk.

An `Ear` hears what each channel plays: it has an AMI user of its own, who may hear every step of the dialplan.
"""

from __future__ import annotations

import asyncio
import math
import struct
import time
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from callcentre import DIALPLAN, MAIN, PATIENCE_SECONDS, CallCentre, open_centre, queue, talk
from exchange import NAMES, Phone, both_releases, phones

from acd.asterisk.link import AmiServer, Event, Link
from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.center.facts import (
    AnnouncementMade,
    AnnouncementsPlanned,
    KeyHeeded,
    OfferEnded,
    RequestConnected,
    RequestQueued,
)
from acd.center.inputs import Input, LegAccepted
from acd.center.model import QueueName, RequestState
from acd.demo.softphone import Call

KEYS = """
[acd-keys-custom]
exten => 5,1,UserEvent(Pressed,Key: ${EXTEN})
 same => n,Goto(acd-wait,s,again)
exten => 6,1,UserEvent(Pressed,Key: ${EXTEN})
 same => n,Wait(1)
 same => n,Goto(acd-wait,s,again)
"""
SLOW_PLACE = """
[acd-place-custom]
exten => 7,1,Wait(2)
 same => n,Return(queue-thankyou)
"""
"""The seventh takes two seconds to be put into words."""
EVERYTHING = "[ear]\nsecret = ear\nread = all\n"
TONE_PERIOD_SAMPLES = 8
"""1,000 Hz at 8,000 samples a second; nothing else that our phones hear repeats itself so."""
SHORT = "beep"
FOUR_MINUTES = "queue-holdtime&digits/4&queue-minutes"
HANDLING_SECONDS = 240.0


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(
        endpoints=phones(*NAMES, "caller", "other"),
        dialplan=DIALPLAN + KEYS + SLOW_PLACE,
        files={"manager.conf": EVERYTHING},
    )


class Ear:
    """What Asterisk plays, and when music begins."""

    def __init__(self, pbx: PrivatePbx) -> None:
        self.events: list[tuple[float, Event]] = []
        self._heard = asyncio.Event()
        self._up = asyncio.Event()
        self.link = Link(
            AmiServer("ear", pbx.host, pbx.ami_port, "ear", "ear"),
            on_event=self._hear,
            on_up=self._up.set,
            on_down=lambda why: None,
            classes="system,call,user,dialplan",
        )

    def _hear(self, event: Event) -> None:
        self.events.append((time.monotonic(), event))
        self._heard.set()

    async def open(self) -> None:
        await self.link.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._up.wait()

    def announced(self, caller: str = "") -> list[str]:
        """The sounds of each announcement so far, to this caller."""
        steps = (event for _, event in self.events if event.name == "Newexten" and event.get("Application") == "ExecIf")
        return [
            step["AppData"].partition("?Background(")[2].partition(",")[0]
            for step in steps
            if step["Context"] == "acd-announce" and step["AppData"].startswith("1?") and caller in step["Channel"]
        ]

    def moments_of(self, name: str, **about: str) -> list[float]:
        return [
            at
            for at, event in self.events
            if event.name == name and all(event.get(header) == value for header, value in about.items())
        ]

    async def until(self, true: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                self._heard.clear()
                await self._heard.wait()

    async def music(self, times: int) -> float:
        await self.until(lambda: len(self.moments_of("MusicOnHoldStart")) >= times, 30)
        return self.moments_of("MusicOnHoldStart")[times - 1]


@pytest.fixture
async def ear(pbx: PrivatePbx) -> AsyncIterator[Ear]:
    opened = Ear(pbx)
    await opened.open()
    yield opened
    await opened.link.stop()


def sales(**rules: Any) -> list[dict[str, Any]]:
    return [queue("sales", **rules), queue("support")]


def has_handled_calls(centre: CallCentre, seconds: float = HANDLING_SECONDS) -> None:
    """So that a wait can be told, without five calls of four minutes."""
    for _ in range(5):
        centre.state.queues[QueueName("sales")].handling.took(seconds)


async def waits_in(centre: CallCentre, call: Call) -> None:
    number = call.caller
    await centre.until(lambda state: any(one.caller.number == number for one in state.requests.values()))


def sounds_like(call: Call) -> list[bytes]:
    """What its phone hears from now on, frame by frame."""
    frames: list[bytes] = []
    call.on_sound = frames.append
    return frames


def is_tone(frame: bytes) -> bool:
    return len(set(frame)) > 1 and frame[TONE_PERIOD_SAMPLES:] == frame[:-TONE_PERIOD_SAMPLES]


def write_tone(pbx: PrivatePbx, name: str, seconds: float) -> str:
    folder = pbx.folder / "data" / "sounds" / "custom"
    folder.mkdir(exist_ok=True)
    samples = (int(8000 * math.sin(2 * math.pi * n / TONE_PERIOD_SAMPLES)) for n in range(int(8000 * seconds)))
    with wave.open(str(folder / f"{name}.wav"), "wb") as tone:
        tone.setparams((1, 2, 8000, 0, "NONE", ""))
        tone.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return f"custom/{name}"


# ---- Place and wait


@both_releases
async def test_a_caller_hears_his_place_and_his_wait_then_music_and_later_the_place_that_he_has_then(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear
) -> None:
    first, caller, other, alice = [await phone(name) for name in ("dave", "caller", "other", "alice")]
    async with open_centre(pbx, tmp_path, queue=sales(announce={"every_seconds": 10})) as centre:
        has_handled_calls(centre)
        centre.log_in("alice")
        talking = first.call("sales")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(talking)

        next_one = caller.call("sales")
        await ear.until(lambda: ear.announced("caller"))
        other.call("sales")
        await ear.until(lambda: ear.announced("other"))
        first_told, then_told = [await centre.told(AnnouncementMade, times=times) for times in (1, 2)]
        assert (first_told.minutes, then_told.minutes) == (2, 6)  # half a call of four minutes, and one more
        assert ear.announced("dave") == []
        assert ear.announced("caller") == ["queue-youarenext&queue-holdtime&digits/2&queue-minutes"]
        assert ear.announced("other") == [
            "queue-thereare&digits/2&queue-callswaiting&queue-holdtime&digits/6&queue-minutes"
        ]
        await ear.music(5)  # of all three when they joined, and of the two again

        next_one.hangup()
        await ear.until(lambda: len(ear.announced("other")) == 2, 30)
        assert ear.announced("other")[1].startswith("queue-youarenext&queue-holdtime&")


@both_releases
async def test_a_wait_that_is_not_known_is_not_told(pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear) -> None:
    caller, other = await phone("caller"), await phone("other")
    queues = [queue("sales", announce={"place": False}), queue("support", announce={})]
    async with open_centre(pbx, tmp_path, queue=queues) as centre:
        caller.call("sales")
        await centre.told(AnnouncementsPlanned)
        other.call("support")
        await ear.until(lambda: ear.announced())

        assert ear.announced() == ["queue-youarenext"]
        assert len(centre.told_so_far(AnnouncementMade)) == 1


@both_releases
async def test_prompts_come_turn_by_turn_with_music_in_between(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear
) -> None:
    caller = await phone("caller")
    prompts = {"sounds": ["beep", "queue-thankyou"], "every_seconds": 10}
    async with open_centre(pbx, tmp_path, queue=sales(prompts=prompts)) as centre:
        caller.call("sales")
        await centre.told(RequestQueued)

        await ear.until(lambda: len(ear.announced()) == 2, 30)

        assert ear.announced() == ["beep", "queue-thankyou"]
        await ear.music(3)


# ---- An answer


@both_releases
async def test_an_agent_who_answers_during_an_announcement_is_connected_at_once_and_no_more_of_it_is_heard(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    async with open_centre(pbx, tmp_path, queue=sales(announce={})) as centre:
        call = caller.call("sales")
        await ear.until(lambda: ear.announced())
        centre.log_in("alice")
        ring = await alice.wait_for_ring_async(5)
        ring.answer()
        await talk(call)
        await talk(ring)

        assert ear.moments_of("BackgroundStatus") == []
        # One start on joining; one more, if he answered in the instant before the announcement began.
        assert len(ear.moments_of("MusicOnHoldStart")) <= 2
        assert (await centre.told(RequestConnected)).connect_seconds < 0.5
        ring.hangup()
        assert await centre.status_after_the_queue() == "ANSWERED"
        assert len(ear.announced()) == 1
        assert len(ear.moments_of("MusicOnHoldStart")) == 1


@both_releases
async def test_an_announcement_in_one_breath_with_an_acceptance_ends_in_the_talk(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    async with open_centre(pbx, tmp_path) as centre:
        centre.log_in("alice")
        tell, edge = centre.daemon.tell, centre.daemon._calls[MAIN]

        def announces_just_before(told: Input) -> Any:
            if isinstance(told, LegAccepted):
                (request,) = centre.state.requests.values()
                place = {"queue": request.queue, "channel": request.channel, "pbx": MAIN, "place": 1}
                edge.on_fact(AnnouncementMade(at=0, request=request.id, **place))
            return tell(told)

        centre.daemon.tell = announces_just_before  # type: ignore[method-assign]
        edge._tell = announces_just_before
        for times in range(1, 16):
            call = caller.call("sales")
            ring = await alice.wait_for_ring_async(5)
            ring.answer()
            await talk(call)
            ring.hangup()
            assert await centre.status_after_the_queue(times) == "ANSWERED"
            call.hangup()
            await centre.until_is("alice", "available")

        assert len(centre.told_so_far(RequestConnected)) == 15
        assert len(centre.told_so_far(OfferEnded)) == 15
        assert max(fact.connect_seconds for fact in centre.told_so_far(RequestConnected)) < 0.5


@both_releases
async def test_who_is_connected_before_the_first_word_hears_none_after_the_talk(
    centre: CallCentre, phone: Phone, ear: Ear
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    call = caller.call("sales")
    await waits_in(centre, call)
    (request,) = centre.state.requests.values()
    where = {"queue": request.queue, "channel": request.channel, "pbx": MAIN}
    centre.daemon._calls[MAIN].on_fact(AnnouncementMade(at=0, request=request.id, place=7, **where))
    await ear.until(lambda: ear.moments_of("Newexten", Context="acd-place-custom"))

    centre.log_in("alice")
    ring = await alice.wait_for_ring_async(5)
    ring.answer()
    await talk(call)
    ring.hangup()

    assert await centre.status_after_the_queue() == "ANSWERED"
    assert ear.announced() == []


# ---- Keys


@both_releases
async def test_a_key_works_during_an_announcement_and_music_is_back_after_it(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    async with open_centre(pbx, tmp_path, queue=sales(announce={})) as centre:
        call = caller.call("sales")
        await ear.until(lambda: ear.announced())

        call.press("5")
        await centre.heard("UserEvent", UserEvent="Pressed", Key="5")

        await centre.until(lambda state: not any(one.spoken_to for one in state.requests.values()))
        await ear.music(2)
        centre.log_in("alice")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(call)


@both_releases
async def test_a_key_works_while_music_plays_and_nothing_is_announced_while_it_is_heeded(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear
) -> None:
    caller = await phone("caller")
    async with open_centre(pbx, tmp_path, queue=sales(announce={})) as centre:
        call = caller.call("sales")
        await ear.until(lambda: ear.announced())
        await centre.told(AnnouncementsPlanned)

        call.press("6")
        await centre.told(KeyHeeded)
        (request,) = centre.state.requests.values()
        assert request.spoken_to

        await centre.told(AnnouncementsPlanned, times=2)
        assert not request.spoken_to
        await centre.heard("UserEvent", UserEvent="Pressed", Key="6")


@both_releases
async def test_a_key_that_means_nothing_ends_an_announcement_and_music_is_back(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    async with open_centre(pbx, tmp_path, queue=sales(announce={})) as centre:
        call = caller.call("sales")
        await ear.until(lambda: ear.announced())

        call.press("7A")

        await ear.music(2)
        await centre.told(AnnouncementsPlanned)
        await call.wait_until_async(lambda call: not call.pressing, 5)
        centre.log_in("alice")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(call)


# ---- The daemon goes and comes back


@both_releases
async def test_a_caller_found_waiting_is_told_at_his_time(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear
) -> None:
    caller = await phone("caller")
    rules = sales(announce={"on_joining": False, "every_seconds": 10})
    async with open_centre(pbx, tmp_path, queue=rules) as centre:
        caller.call("sales")
        queued = await centre.told(RequestQueued)
        assert queued.announce_at == queued.at + 10

    async with open_centre(pbx, tmp_path, queue=rules) as centre:
        told = await centre.told(AnnouncementMade)

        assert told.at == pytest.approx(queued.announce_at, abs=0.5)
        await ear.until(lambda: ear.announced() == ["queue-youarenext"])


@both_releases
async def test_who_is_in_the_middle_of_an_announcement_when_the_daemon_goes_is_told_more_after_it_is_back(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear
) -> None:
    caller = await phone("caller")
    rules = sales(announce={})
    async with open_centre(pbx, tmp_path, queue=rules):
        caller.call("sales")
        await ear.until(lambda: ear.announced())
    await ear.music(2)

    async with open_centre(pbx, tmp_path, queue=rules) as centre:
        await centre.told(AnnouncementsPlanned)
        (request,) = centre.state.requests.values()
        assert not request.spoken_to


# ---- The agent's whisper


@both_releases
async def test_an_agent_hears_the_whisper_of_the_queue_and_the_caller_does_not(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, ear: Ear
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    whisper = write_tone(pbx, "whisper", seconds=0.5)
    async with open_centre(pbx, tmp_path, queue=sales(whisper=whisper)) as centre:
        centre.log_in("alice")
        call = caller.call("sales")
        hears_caller = sounds_like(call)
        ring = await alice.wait_for_ring_async(5)
        hears_alice = sounds_like(ring)
        ring.answer()
        await talk(call)

        assert sum(map(is_tone, hears_alice)) > 15  # of 25 frames of 20 ms
        assert not any(map(is_tone, hears_caller))
        (request,) = centre.state.requests.values()
        assert request.state is RequestState.ONGOING
        await ear.until(lambda: len(ear.moments_of("BridgeEnter")) == 2)
        (accepted,) = ear.moments_of("UserEvent", UserEvent="AcdAccept")
        assert ear.moments_of("BridgeEnter")[1] - accepted < 0.5
