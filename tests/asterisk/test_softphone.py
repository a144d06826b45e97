"""The softphone at a real Asterisk: everything that an agent's or a caller's telephone does, and what goes wrong."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from exchange import NAMES, Phone, both_releases, password_of, phones
from somebody import QUIET, UNLIKE, Somebody, voice

from acd.asterisk.pbx import Endpoint, PbxSettings, PrivatePbx, running
from acd.asterisk.private import Installation
from acd.demo import softphone
from acd.demo.softphone import Call, CallOver, CallState, Ended, InvalidStateError, RegistrationRefused, Softphone

SOON_SECONDS = 5.0
CROWD = tuple(f"phone-{number:02}" for number in range(40))
DIALPLAN = """
[from-phones]
exten => _[a-z].,1,Dial(PJSIP/${EXTEN})
 same => n,Set(GLOBAL(SAID)=${DIALSTATUS} ${HANGUPCAUSE})

exten => 100,1,Busy()
exten => 101,1,Answer()
 same => n,Hangup()
; It listens to four keys, and presses six.
exten => 102,1,Answer()
 same => n,Read(KEYS,,4)
 same => n,Set(GLOBAL(KEYS)=${KEYS})
 same => n,SendDTMF(1592*#)
 same => n,WaitExten(60)
; Silence.
exten => 103,1,Answer()
 same => n,Wait(60)
exten => 104,1,Answer()
 same => n,MusicOnHold(default)
; A note with nothing in its middle, and one that is interrupted for 0.4 s again and again.
exten => 106,1,Answer()
 same => n,Playtones(440)
 same => n,Wait(1)
 same => n,StopPlaytones()
 same => n,Wait(0.7)
 same => n,Playtones(440)
 same => n,Wait(60)
exten => 107,1,Answer()
 same => n,Playtones(440/400,0/400)
 same => n,Wait(60)
; Silence for longer than 64 times the shortest T1, and then a key.
exten => 105,1,Answer()
 same => n,Wait(7)
 same => n,SendDTMF(1)
 same => n,WaitExten(60)
"""


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    adam = Endpoint("adam", password_of("adam"), extra="disallow = all\nallow = alaw")
    qualify_dave = "[dave](+type=aor)\nqualify_frequency = 1\n"
    return PbxSettings((*phones(*NAMES, *CROWD), adam), DIALPLAN, files={"pjsip.conf": qualify_dave})


async def until(so: Callable[[], Awaitable[bool]]) -> None:
    """Until Asterisk, which has to be asked, says so."""
    async with asyncio.timeout(SOON_SECONDS):
        while not await so():
            await asyncio.sleep(0.02)


async def is_idle(pbx: PrivatePbx) -> bool:
    return "0 active channels" in await pbx.command("core show channels count")


async def clear(pbx: PrivatePbx) -> None:
    """Ends the calls of phones that vanished."""
    await pbx.command("channel request hangup all")
    await until(lambda: is_idle(pbx))


async def contacts_of(pbx: PrivatePbx, name: str) -> list[str]:
    return re.findall(rf"Contact:\s+{name}/sip:\S+\s+\S+\s+(\S+)", await pbx.command("pjsip show contacts"))


async def global_variable(pbx: PrivatePbx, name: str) -> str:
    found = re.search(rf"{name}=(.*)", await pbx.command("dialplan show globals"))
    return found[1].strip() if found else ""


async def said_and_confirmed(own: Softphone) -> None:
    """Until Asterisk has confirmed all that this phone has to have confirmed."""
    async with asyncio.timeout(SOON_SECONDS):
        while not own.sip.settled:
            await asyncio.sleep(0.005)


def said_by(own: Softphone) -> list[str]:
    """What the phone says from now on."""
    said: list[str] = []
    send = own.sip.send
    own.sip.send = lambda words: (said.append(words), send(words))
    return said


def once_lost(monkeypatch: pytest.MonkeyPatch, *beginnings: str) -> list[str]:
    """The first message of each that begins so falls off the wire; those that fell."""
    fell: list[str] = []
    send = softphone._Signalling.send

    def lossy(signalling: softphone._Signalling, message: str) -> None:
        beginning = next((beginning for beginning in beginnings if message.startswith(beginning)), None)
        if beginning and beginning not in fell:
            fell.append(beginning)
        else:
            send(signalling, message)

    monkeypatch.setattr(softphone._Signalling, "send", lossy)
    return fell


async def rings(own: Softphone) -> Call:
    return await own.wait_for_ring_async(SOON_SECONDS)


async def answered(call: Call) -> Call:
    await call.wait_for_async(CallState.ANSWERED, SOON_SECONDS)
    return call


async def ended(call: Call) -> Ended | None:
    await call.wait_for_async(CallState.ENDED, SOON_SECONDS)
    return call.ended_because


async def talking(caller: Softphone, called: Softphone) -> tuple[Call, Call]:
    theirs = caller.call(called.username)
    ours = await rings(called)
    ours.answer()
    return await answered(theirs), ours


# ---- Registration


@both_releases
async def test_a_phone_registers_and_when_it_stops_it_is_unknown_again(pbx: PrivatePbx) -> None:
    alice = Softphone(pbx.host, pbx.sip_port, "alice", password_of("alice"))

    await alice.start_async()
    assert alice.registered
    assert len(await contacts_of(pbx, "alice")) == 1

    await alice.stop_async()
    assert not alice.registered
    assert await contacts_of(pbx, "alice") == []


def test_a_phone_needs_no_event_loop(pbx: PrivatePbx) -> None:
    alice = Softphone(pbx.host, pbx.sip_port, "alice", password_of("alice"), on_ring=Call.answer)
    bob = Softphone(pbx.host, pbx.sip_port, "bob", password_of("bob"))
    alice.start()
    bob.start()
    try:
        call = bob.call("alice")
        call.wait_for(CallState.ANSWERED, SOON_SECONDS)
    finally:
        bob.stop()
        alice.stop()

    assert call.ended_because == Ended.WE_HUNG_UP


@both_releases
async def test_a_wrong_password_is_refused_and_the_phone_says_so(pbx: PrivatePbx) -> None:
    alice = Softphone(pbx.host, pbx.sip_port, "alice", "a guess")

    with pytest.raises(RegistrationRefused, match=rf"^alice at 127\.0\.0\.1:{pbx.sip_port}: 401 Unauthorized$"):
        await alice.start_async()

    assert not alice.registered
    assert await contacts_of(pbx, "alice") == []


async def test_a_user_whom_nobody_knows_is_refused(pbx: PrivatePbx) -> None:
    with pytest.raises(RegistrationRefused, match=r"^mallory at "):
        await Softphone(pbx.host, pbx.sip_port, "mallory", "x").start_async()


async def test_a_server_that_does_not_reply_is_given_up(unused_udp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softphone, "REGISTER_SECONDS", 0.05)

    with pytest.raises(TimeoutError, match=rf"alice at 127\.0\.0\.1:{unused_udp_port}.*no reply in 0.05 s"):
        await Softphone("127.0.0.1", unused_udp_port, "alice", "x").start_async()


async def test_a_registration_is_renewed_before_it_ends(pbx: PrivatePbx, phone: Phone) -> None:
    alice = await phone("alice", expires_seconds=2)
    said = said_by(alice)

    async with asyncio.timeout(2):
        while len(said) < 2:  # the first is challenged
            await asyncio.sleep(0.02)

    assert {words.split()[0] for words in said} == {"REGISTER"}
    assert alice.registered


async def test_a_phone_tells_asterisk_that_it_is_there(pbx: PrivatePbx, phone: Phone) -> None:
    await phone("dave")

    async def is_available() -> bool:
        return await contacts_of(pbx, "dave") == ["Avail"]

    await until(is_available)


# ---- Calls to a phone


@both_releases
async def test_a_phone_answers_and_the_two_hear_each_other(pbx: PrivatePbx, phone: Phone) -> None:
    alice, bob = await phone("alice"), await phone("bob")

    theirs, ours = await talking(alice, bob)

    assert (ours.caller, ours.incoming, theirs.incoming) == ("alice", True, False)
    await ours.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)
    await theirs.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)


async def test_a_phone_that_speaks_a_law_is_as_loud_as_the_others(pbx: PrivatePbx, phone: Phone) -> None:
    theirs, ours = await talking(await phone("alice"), await phone("adam"))
    frames: list[bytes] = []
    hear = theirs.hear
    theirs.hear = lambda payload, *about: (frames.append(payload), hear(payload, *about))

    await ours.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)
    await theirs.wait_until_async(lambda call: call.heard_voice and len(frames) > 5, SOON_SECONDS)

    assert loudness(frames[-1]) == pytest.approx(loudness(theirs.RTPClients[0]._voice), abs=2)


def loudness(mu_law: bytes) -> int:
    """The loudest of 128 steps."""
    return max(~byte & 0x7F for byte in mu_law)


async def test_music_is_heard_and_is_no_voice(pbx: PrivatePbx, phone: Phone) -> None:
    alice = await phone("alice")

    call = alice.call("104")
    await call.wait_until_async(lambda call: call.heard_audio and call.packets_received >= 50, SOON_SECONDS)

    assert not call.heard_voice


@pytest.mark.parametrize(("number", "silence_seconds"), [("106", 0.7), ("107", 0.4)])
@both_releases
async def test_how_long_nothing_was_to_be_heard_is_noticed_whether_silence_is_sent_or_nothing(
    pbx: PrivatePbx, phone: Phone, number: str, silence_seconds: float
) -> None:
    call = (await phone("alice")).call(number)

    await call.wait_until_async(lambda call: call.longest_silence_seconds > 0.2, SOON_SECONDS)

    assert call.longest_silence_seconds == pytest.approx(silence_seconds, abs=0.1)


async def test_a_phone_answers_within_milliseconds(pbx: PrivatePbx, phone: Phone) -> None:
    alice, _ = await phone("alice"), await phone("bob", on_ring=Call.answer)

    took = []
    for _ in range(5):
        call = await answered(alice.call("bob"))
        took.append(call.moments[CallState.ANSWERED] - call.moments[CallState.DIALING])
        call.hangup()

    assert min(took) < 0.1, took  # one in peace on a machine that has other things to do


@both_releases
@pytest.mark.parametrize(("status", "dialstatus"), [(486, "BUSY 17"), (603, "21"), (480, "19")])
async def test_a_phone_rejects(pbx: PrivatePbx, phone: Phone, status: int, dialstatus: str) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    theirs = alice.call("bob")
    ours = await rings(bob)

    ours.reject(status)

    assert await ended(theirs) == Ended.THEY_REFUSED
    assert (ours.state, ours.ended_because, ours.status) == (CallState.ENDED, Ended.WE_REJECTED, status)
    assert (await global_variable(pbx, "SAID")).endswith(dialstatus)
    await said_and_confirmed(bob)
    with pytest.raises(InvalidStateError):
        ours.answer()


@both_releases
async def test_a_phone_is_hung_up_on(pbx: PrivatePbx, phone: Phone) -> None:
    theirs, ours = await talking(await phone("alice"), await phone("bob"))

    theirs.hangup()

    assert await ended(ours) == Ended.THEY_HUNG_UP
    assert theirs.ended_because == Ended.WE_HUNG_UP
    ours.hangup()  # too late, and no harm
    assert ours.ended_because == Ended.THEY_HUNG_UP


@both_releases
async def test_a_phone_hangs_up(pbx: PrivatePbx, phone: Phone) -> None:
    theirs, ours = await talking(await phone("alice"), await phone("bob"))

    ours.hangup()

    assert await ended(theirs) == Ended.THEY_HUNG_UP
    await until(lambda: is_idle(pbx))


@both_releases
async def test_a_caller_gives_up_while_it_rings(pbx: PrivatePbx, phone: Phone) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    theirs = alice.call("bob")
    ours = await rings(bob)
    said = said_by(bob)

    theirs.hangup()

    assert await ended(ours) == Ended.THEY_GAVE_UP
    assert (ours.status, theirs.ended_because) == (487, Ended.WE_GAVE_UP)
    with pytest.raises(InvalidStateError):
        ours.answer()
    with pytest.raises(InvalidStateError):
        ours.reject()
    await said_and_confirmed(bob)
    assert [words.splitlines()[0] for words in said] == ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]
    await said_and_confirmed(alice)
    await until(lambda: is_idle(pbx))


async def test_a_caller_gives_up_before_the_server_has_said_a_word(pbx: PrivatePbx, phone: Phone) -> None:
    alice = await phone("alice")

    alice.call("bob").hangup()

    await said_and_confirmed(alice)
    await until(lambda: is_idle(pbx))


async def test_a_caller_gives_up_when_the_call_is_on_its_way(pbx: PrivatePbx, phone: Phone) -> None:
    alice, _ = await phone("alice"), await phone("bob")
    said = said_by(alice)
    give_up_once_it_is_sent(alice)

    alice.call("bob")
    await until_said(said, "CANCEL")

    await said_and_confirmed(alice)
    await until(lambda: is_idle(pbx))


async def test_an_answer_that_crosses_with_giving_up_is_hung_up_on(
    pbx: PrivatePbx, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await phone("alice")
    monkeypatch.setattr(softphone, "FIRST_RETRY_SECONDS", 60)
    once_lost(monkeypatch, "CANCEL")  # or it might come in time
    said = said_by(alice)
    give_up_once_it_is_sent(alice)

    call = alice.call("103")
    await until_said(said, "BYE")

    assert call.ended_because == Ended.WE_GAVE_UP
    await until(lambda: is_idle(pbx))


def give_up_once_it_is_sent(own: Softphone) -> None:
    invite_again = own.sip.invite_again

    def and_give_up(call: Call, challenge: object) -> object:
        sent = invite_again(call, challenge)
        call.hangup()
        return sent

    own.sip.invite_again = and_give_up


async def until_said(said: list[str], beginning: str) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while not any(words.startswith(beginning) for words in said):
            await asyncio.sleep(0.005)


async def test_hanging_up_on_a_call_that_rings_is_being_busy(pbx: PrivatePbx, phone: Phone) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    theirs = alice.call("bob")
    ours = await rings(bob)

    ours.hangup()

    assert await ended(theirs) == Ended.THEY_REFUSED
    assert (ours.ended_because, ours.status, theirs.status) == (Ended.WE_REJECTED, 486, 486)


async def test_who_rings_is_told_and_so_are_the_answer_and_the_end(pbx: PrivatePbx, phone: Phone) -> None:
    told: list[tuple[str, Call]] = []
    alice = await phone("alice")
    await phone(
        "bob",
        on_ring=lambda call: (told.append(("rings", call)), call.answer()),
        on_answered=lambda call: told.append(("answered", call)),
        on_ended=lambda call: told.append(("ended", call)),
    )

    call = await answered(alice.call("bob"))
    call.hangup()
    async with asyncio.timeout(SOON_SECONDS):
        while len(told) < 3:
            await asyncio.sleep(0.005)

    assert [what for what, _ in told] == ["rings", "answered", "ended"]
    assert len({call for _, call in told}) == 1


@both_releases
async def test_two_calls_at_a_time(pbx: PrivatePbx, phone: Phone) -> None:
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")

    from_alice, first = await talking(alice, bob)
    from_carol, second = await talking(carol, bob)

    assert (first.caller, second.caller) == ("alice", "carol")
    for call in (first, second, from_alice, from_carol):
        await call.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)
    from_alice.hangup()
    assert await ended(first) == Ended.THEY_HUNG_UP
    assert second.state == CallState.ANSWERED
    heard = second.packets_received
    await second.wait_until_async(lambda call: call.packets_received > heard, SOON_SECONDS)


# ---- Calls from a phone


@both_releases
async def test_a_busy_answer_ends_its_own_call(pbx: PrivatePbx, phone: Phone) -> None:
    call = (await phone("alice")).call("100")

    assert await ended(call) == Ended.THEY_REFUSED
    assert call.status == 486
    with pytest.raises(CallOver, match="they refused it"):
        await answered(call)


async def test_a_number_that_is_not_there_ends_its_own_call(pbx: PrivatePbx, phone: Phone) -> None:
    call = (await phone("alice")).call("199")

    assert await ended(call) == Ended.THEY_REFUSED
    assert call.status == 404


async def test_the_other_side_answers_and_hangs_up_at_once(pbx: PrivatePbx, phone: Phone) -> None:
    call = (await phone("alice")).call("101")

    assert await ended(call) == Ended.THEY_HUNG_UP
    assert CallState.ANSWERED in call.moments


@both_releases
@pytest.mark.parametrize("called", ["bob", "adam"])  # who speaks another code than Alice
async def test_what_one_says_the_other_hears_and_then_nothing(pbx: PrivatePbx, phone: Phone, called: str) -> None:
    theirs, ours = await talking(await phone("alice"), await phone(called))
    somebody = Somebody(theirs)

    ours.say(voice(1))
    assert ours.speaking
    await ours.wait_until_async(lambda call: not call.speaking, SOON_SECONDS)
    await somebody.hears_saying(voice(1))

    somebody.forgets_the_sound()
    await theirs.wait_until_async(lambda call: len(somebody.sound) > 4000, SOON_SECONDS)
    assert somebody.likeness(voice(1)) < UNLIKE
    assert not somebody.sound.translate(None, QUIET)
    with pytest.raises(InvalidStateError):
        (await phone("carol")).call("100").say(voice(1))


@both_releases
async def test_keys_are_heard_on_both_sides(pbx: PrivatePbx, phone: Phone) -> None:
    call = await answered((await phone("alice")).call("102"))

    call.press("2#")  # a hash ends what Read() reads
    await call.wait_until_async(lambda call: call.digits == "1592*#", SOON_SECONDS)

    assert await global_variable(pbx, "KEYS") == "2"
    call.hangup()
    with pytest.raises(InvalidStateError):
        call.press("1")


@both_releases
async def test_every_key_arrives_once(pbx: PrivatePbx, phone: Phone) -> None:
    call = await answered((await phone("alice")).call("102"))

    call.press("8800")
    await call.wait_until_async(lambda call: call.digits, SOON_SECONDS)

    assert await global_variable(pbx, "KEYS") == "8800"


async def test_who_presses_keys_knows_when_the_last_is_up_although_nobody_says_a_word(
    pbx: PrivatePbx, phone: Phone
) -> None:
    call = await answered((await phone("alice")).call("103"))

    call.press("12")
    assert call.pressing
    await call.wait_until_async(lambda call: not call.pressing, SOON_SECONDS)

    assert call.packets_received == 0


async def test_its_own_call_is_confirmed_and_lasts(
    own_installation: Installation, pbx_settings: PbxSettings, tmp_path: Path
) -> None:
    """A call whose answer is not confirmed dies after 64 times T1: by default 32 s, here 6.4 s, which is the least."""
    hasty = "[system]\ntype = system\ntimer_t1 = 100\ntimer_b = 6400\n"
    settings = PbxSettings(pbx_settings.endpoints, pbx_settings.dialplan, files={"pjsip.conf": hasty})
    async with running(own_installation, tmp_path, settings) as pbx, plugged_in(pbx, "alice") as alice:
        call = alice.call("105")

        await call.wait_until_async(lambda call: call.digits == "1", 7 + SOON_SECONDS)


@asynccontextmanager
async def plugged_in(pbx: PrivatePbx, name: str) -> AsyncIterator[Softphone]:
    own = Softphone(pbx.host, pbx.sip_port, name, password_of(name))
    await own.start_async()
    try:
        yield own
    finally:
        await own.stop_async()


# ---- Datagrams get lost


@pytest.mark.parametrize("lost", ["SIP/2.0 200", "INVITE", "ACK", "BYE", "REGISTER"])
async def test_what_is_lost_on_the_way_is_said_again(
    pbx: PrivatePbx, phone: Phone, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(softphone, "FIRST_RETRY_SECONDS", 0.1)
    fell = once_lost(monkeypatch, lost)
    theirs, ours = await talking(await phone("alice"), await phone("bob"))
    await ours.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)
    theirs.hangup()

    assert await ended(ours) == Ended.THEY_HUNG_UP
    assert fell == [lost]


async def test_a_ringing_that_is_lost_is_said_when_asterisk_asks_again(
    pbx: PrivatePbx, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    fell = once_lost(monkeypatch, "SIP/2.0 180")

    call = alice.call("bob")
    await call.wait_until_async(lambda call: call.rings_there, SOON_SECONDS)

    assert fell
    assert len(bob.calls) == 1


async def test_an_answer_that_is_lost_is_said_when_asterisk_asks_again(
    pbx: PrivatePbx, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, _ = await phone("alice"), await phone("bob", on_ring=Call.answer)
    monkeypatch.setattr(softphone, "FIRST_RETRY_SECONDS", 60)
    fell = once_lost(monkeypatch, "SIP/2.0 180", "SIP/2.0 200")

    await answered(alice.call("bob"))

    assert fell == ["SIP/2.0 180", "SIP/2.0 200"]


# ---- The end of a phone


def sockets() -> set[str]:
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the folder itself
            found.add(str(descriptor.readlink()))
    return {name for name in found if name.startswith("socket:")}


@pytest.mark.parametrize("end", ["stop", "unplug"])
async def test_a_phone_that_is_gone_leaves_no_socket_and_no_thread(pbx: PrivatePbx, end: str) -> None:
    sockets_before, threads_before = sockets(), set(threading.enumerate())
    alice, bob = (Softphone(pbx.host, pbx.sip_port, name, password_of(name)) for name in ("alice", "bob"))
    await alice.start_async()
    await bob.start_async()
    theirs, ours = await talking(alice, bob)
    alice.call("carol")
    assert len(sockets() - sockets_before) >= 5

    for own in (alice, bob):
        await asyncio.to_thread(getattr(own, end))
        getattr(own, end)()  # twice is no harm

    assert {theirs.state, ours.state} == {CallState.ENDED}
    assert sockets() <= sockets_before
    assert "softphones" not in {thread.name for thread in set(threading.enumerate()) - threads_before}
    with pytest.raises(InvalidStateError):
        alice.call("bob")
    await clear(pbx)


async def test_an_unplugged_phone_says_nothing_and_rings_on_for_its_caller(pbx: PrivatePbx, phone: Phone) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    theirs = alice.call("bob")
    ours = await rings(bob)
    await theirs.wait_until_async(lambda call: call.rings_there, SOON_SECONDS)

    bob.unplug()

    assert ours.ended_because == Ended.UNPLUGGED
    assert len(await contacts_of(pbx, "bob")) == 1
    assert theirs.state == CallState.DIALING
    await clear(pbx)


async def test_phones_that_were_unplugged_while_they_talked_talk_when_they_are_plugged_in_again(
    pbx: PrivatePbx, phone: Phone
) -> None:
    alice, bob = await phone("alice"), await phone("bob")
    theirs, _ = await talking(alice, bob)
    await theirs.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)

    alice.unplug()
    bob.unplug()
    await alice.start_async()
    await bob.start_async()

    theirs, _ = await talking(alice, bob)
    await theirs.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)
    await clear(pbx)


# ---- Many


@both_releases
async def test_forty_phones_at_once(pbx: PrivatePbx, phone: Phone) -> None:
    began = time.monotonic()
    crowd = await asyncio.gather(*(phone(name) for name in CROWD))
    callers, called = crowd[:20], crowd[20:]

    calls = [caller.call(other.username) for caller, other in zip(callers, called, strict=True)]
    for own in called:
        (await rings(own)).answer()
    for call in calls:
        await call.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)

    assert "40 active channels" in await pbx.command("core show channels count")
    assert len([thread for thread in threading.enumerate() if thread.name == "softphones"]) == 1
    for call in calls:
        call.hangup()
    await until(lambda: is_idle(pbx))
    assert time.monotonic() - began < 10
