"""People at the phones of a real Asterisk: agents with their manners, callers with their patience."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from exchange import NAMES, Phone, both_releases, password_of, phones

from acd.asterisk.pbx import PbxSettings, PrivatePbx
from acd.demo import people
from acd.demo.people import AgentPerson, CallerPerson, Manner, Outcome
from acd.demo.softphone import Call, CallState, Ended, Softphone

SOON_SECONDS = 5.0
AT_ONCE = (0.0, 0.0)
DIALPLAN = """
[from-phones]
exten => _[a-z].,1,Dial(PJSIP/${EXTEN})
exten => 100,1,Busy()
; Music, and nobody comes.
exten => 104,1,Answer()
 same => n,MusicOnHold(default)
; Music, and then an agent.
exten => 105,1,Answer()
 same => n,MusicOnHold(default,1)
 same => n,Dial(PJSIP/alice)
"""

Agent = Callable[..., Any]


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES), dialplan=DIALPLAN)


@pytest.fixture
async def agent(pbx: PrivatePbx) -> AsyncIterator[Agent]:
    """`await agent("alice", manner=…)` is at work until the test is over."""
    async with AsyncExitStack() as at_work:

        async def arrives(name: str, **more: Any) -> AgentPerson:
            own = Softphone(pbx.host, pbx.sip_port, name, password_of(name))
            person = AgentPerson(
                own, random.Random(1), **{"answer_seconds": AT_ONCE, "talk_seconds": (0.2, 0.2), **more}
            )
            await person.arrive()
            at_work.push_async_callback(person.leave)
            return person

        yield arrives


def caller(own: Softphone, extension: str, **more: Any) -> CallerPerson:
    return CallerPerson(own, extension, random.Random(1), **{"patience_seconds": (SOON_SECONDS, SOON_SECONDS), **more})


def counts(person: AgentPerson) -> tuple[int, int, int]:
    return person.answered, person.rejected, person.missed


async def until_counted(person: AgentPerson, *expected: int) -> None:
    async with asyncio.timeout(SOON_SECONDS):
        while counts(person) != expected:
            await asyncio.sleep(0.005)


@both_releases
async def test_an_agent_takes_one_call_after_the_other(pbx: PrivatePbx, phone: Phone, agent: Agent) -> None:
    alice = await agent("alice", talk_seconds=(0.1, 0.2))
    bob = await phone("bob")

    outcomes = [await caller(bob, "alice").call_in() for _ in range(3)]

    assert outcomes == [Outcome.TALKED] * 3
    assert counts(alice) == (3, 0, 0)


async def test_a_caller_hangs_up_on_an_agent_who_does_not(pbx: PrivatePbx, phone: Phone, agent: Agent) -> None:
    alice = await agent("alice", talk_seconds=None)
    bob = await phone("bob")

    assert await caller(bob, "alice", talk_seconds=(0.1, 0.1)).call_in() == Outcome.TALKED

    (call,) = bob.calls.values()
    assert call.ended_because == Ended.WE_HUNG_UP
    await until_counted(alice, 1, 0, 0)


async def test_a_caller_who_hears_music_has_not_been_helped(pbx: PrivatePbx, phone: Phone, agent: Agent) -> None:
    await agent("alice")
    one = caller(await phone("bob"), "105")

    assert await one.call_in() == Outcome.TALKED
    assert one.waited_seconds > 1


@both_releases
async def test_a_caller_without_patience_gives_up(pbx: PrivatePbx, phone: Phone) -> None:
    bob = await phone("bob")
    one = caller(bob, "104", patience_seconds=(0.3, 0.3))

    assert await one.call_in() == Outcome.GAVE_UP

    assert 0.3 <= one.waited_seconds < 0.3 + SOON_SECONDS
    (call,) = bob.calls.values()
    assert call.ended_because == Ended.WE_HUNG_UP


async def test_a_caller_is_turned_away(pbx: PrivatePbx, phone: Phone) -> None:
    assert await caller(await phone("bob"), "100").call_in() == Outcome.TURNED_AWAY


async def test_an_agent_rejects(pbx: PrivatePbx, phone: Phone, agent: Agent) -> None:
    alice = await agent("alice", manner=Manner.REJECTS)

    assert await caller(await phone("bob"), "alice").call_in() == Outcome.TURNED_AWAY
    assert counts(alice) == (0, 1, 0)


async def test_an_agent_never_answers(pbx: PrivatePbx, phone: Phone, agent: Agent) -> None:
    alice = await agent("alice", manner=Manner.NEVER_ANSWERS)

    assert await caller(await phone("bob"), "alice", patience_seconds=(0.3, 0.3)).call_in() == Outcome.GAVE_UP
    await until_counted(alice, 0, 0, 1)


async def test_an_agent_is_too_slow_for_a_caller(pbx: PrivatePbx, phone: Phone, agent: Agent) -> None:
    alice = await agent("alice", answer_seconds=(60, 60))
    bob = await phone("bob")

    assert await caller(bob, "alice", patience_seconds=(0.3, 0.3)).call_in() == Outcome.GAVE_UP
    await until_counted(alice, 0, 0, 1)


async def test_a_caller_gives_up_in_the_moment_in_which_the_agent_answers(
    pbx: PrivatePbx, phone: Phone, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await agent("alice"), await phone("bob")
    answer = Call.answer

    def too_late(call: Call) -> None:
        theirs.hangup()
        call.wait_for(CallState.ENDED, SOON_SECONDS)
        answer(call)

    monkeypatch.setattr(Call, "answer", too_late)
    theirs = bob.call("alice")
    await until_counted(alice, 0, 0, 1)
    monkeypatch.undo()

    assert await caller(bob, "alice").call_in() == Outcome.TALKED


async def test_any_number_of_callers_share_a_phone(pbx: PrivatePbx, phone: Phone, agent: Agent) -> None:
    alice = await agent("alice", talk_seconds=(0.5, 0.5))
    await agent("carol", talk_seconds=(0.1, 0.1))
    shared = await phone("bob")

    outcomes = await asyncio.gather(
        *(caller(shared, extension).call_in() for extension in ("alice", "carol", "100")),
        caller(shared, "104", patience_seconds=(0.2, 0.2)).call_in(),
    )

    assert outcomes == [Outcome.TALKED, Outcome.TALKED, Outcome.TURNED_AWAY, Outcome.GAVE_UP]
    assert counts(alice) == (1, 0, 0)


async def test_an_agent_who_leaves_ends_the_call(pbx: PrivatePbx, phone: Phone, agent: Agent) -> None:
    alice = await agent("alice", talk_seconds=None)
    call = (await phone("bob")).call("alice")
    await call.wait_until_async(lambda call: call.heard_voice, SOON_SECONDS)

    await alice.leave()

    await call.wait_for_async(CallState.ENDED, SOON_SECONDS)
    assert call.ended_because == Ended.THEY_HUNG_UP
    assert not alice.phone.registered


async def test_a_caller_who_is_cancelled_hangs_up(pbx: PrivatePbx, phone: Phone) -> None:
    bob = await phone("bob")
    calling = asyncio.create_task(caller(bob, "104").call_in())
    await asyncio.sleep(0)
    (call,) = bob.calls.values()
    await call.wait_for_async(CallState.ANSWERED, SOON_SECONDS)

    calling.cancel()
    await asyncio.wait([calling])

    assert call.ended_because == Ended.WE_HUNG_UP


async def test_an_agent_whose_work_is_broken_says_so_when_he_leaves(
    pbx: PrivatePbx, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await phone("alice")
    own.unplug()
    alice = AgentPerson(own, random.Random(1), answer_seconds=AT_ONCE)
    await alice.arrive()
    monkeypatch.setattr(people, "_talk", None)
    call = (await phone("bob")).call("alice")
    await call.wait_for_async(CallState.ANSWERED, SOON_SECONDS)
    async with asyncio.timeout(SOON_SECONDS):
        while alice.answered < 1:
            await asyncio.sleep(0)

    with pytest.raises(TypeError):
        await alice.leave()


async def test_the_same_seed_makes_the_same_person(pbx: PrivatePbx) -> None:
    drawn = [[people._draw(random.Random(seed), (1.0, 60.0)) for _ in range(3)] for seed in (1, 1, 2)]

    assert drawn[0] == drawn[1] != drawn[2]
    assert people._draw(random.Random(1), None) is None
