"""What can break between the daemon and an Asterisk, and in either of them: nobody who waits or talks may notice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from callcentre import DIALPLAN, MAIN, CallCentre, agent, open_centre, queue, talk
from exchange import NAMES, Phone, both_releases, password_of, phones
from proxy import Proxy

from acd.asterisk import watch
from acd.asterisk.link import AmiServer, Event, Link
from acd.asterisk.pbx import PbxSettings, PrivatePbx, running
from acd.asterisk.private import Installation
from acd.center.facts import (
    CallbackPromised,
    CallersFellBack,
    ContradictionFound,
    CustomerReached,
    MomentsMoved,
    OfferEnded,
    OfferMade,
    PbxStateChanged,
    RequestConnected,
    RequestEnded,
    RequestQueued,
)
from acd.clock import Clock
from acd.demo.softphone import Call, CallState, Softphone

KNOWN = """
exten => _1[a-z]!,1,Set(CALLERID(num)=0201234567)
 same => n,Goto(${EXTEN:1},1)
exten => _2[a-z]!,1,Set(CALLERID(num)=0201234568)
 same => n,Set(CALLERID(num-pres)=prohib)
 same => n,ExecIf($["${CALLERID(num-pres):0:6}" = "prohib"]?Set(CALLERID(num)=))
 same => n,Goto(${EXTEN:1},1)
"""
"""Behind a 1, a caller whose number can be called; behind a 2, one who withholds it, and the dialplan heeds that."""
NOTICED_SECONDS = 10.0
"""After which a server that has gone silent is steered no more: 2 s between pings, 3 s for an answer, and a margin."""


@pytest.fixture(scope="module")
def pbx_settings() -> PbxSettings:
    return PbxSettings(endpoints=phones(*NAMES, "caller", "other", "third"), dialplan=DIALPLAN)


@pytest.fixture
def west(release: str, request: pytest.FixtureRequest) -> PrivatePbx:
    """The other server, of the other release."""
    started: PrivatePbx = request.getfixturevalue("pbx22" if release == "16" else "pbx16")
    return started


def _server(pbx: PrivatePbx, port: int | None = None) -> dict[str, Any]:
    return {"host": pbx.host, "port": port or pbx.ami_port, "username": pbx.ami_user, "secret": pbx.secret}


@asynccontextmanager
async def _centre_behind_proxy(
    pbx: PrivatePbx, folder: Path, **others: PrivatePbx
) -> AsyncIterator[tuple[CallCentre, Proxy]]:
    async with Proxy(pbx.ami_port).listening() as proxy:
        servers = {MAIN: _server(pbx, proxy.port), **{name: _server(other) for name, other in others.items()}}
        async with open_centre(pbx, folder, asterisk=servers) as centre:
            await centre.until(lambda state: len(state.steered) == len(servers))
            yield centre, proxy


async def _plug_in(pbx: PrivatePbx, name: str, until: AsyncExitStack) -> Softphone:
    phone = Softphone(pbx.host, pbx.sip_port, name, password_of(name))
    await phone.start_async()
    until.push_async_callback(phone.stop_async)
    return phone


async def _goes_on(call: Call) -> None:
    """They still hear each other."""
    call.heard_voice = False
    await talk(call)


def _cut(proxy: Proxy) -> None:
    proxy.refuses = True
    proxy.cut()


def _dead(proxy: Proxy) -> None:
    proxy.refuses = True
    proxy.go_dead()


@both_releases
@pytest.mark.parametrize("breaks", [_cut, _dead])
async def test_a_link_that_breaks_stops_routing_on_its_server_alone_and_nobody_there_notices(
    pbx: PrivatePbx,
    west: PrivatePbx,
    phone: Phone,
    tmp_path: Path,
    breaks: Callable[[Proxy], None],
) -> None:
    caller, other, third, alice, bob = [await phone(name) for name in ("caller", "other", "third", "alice", "bob")]
    async with _centre_behind_proxy(pbx, tmp_path, west=west) as (centre, proxy), AsyncExitStack() as plugged_in:
        carol, westerner = [await _plug_in(west, name, plugged_in) for name in ("carol", "caller")]
        centre.log_in("alice")
        talking = caller.call("sales")
        ring = await alice.wait_for_ring_async(5)
        ring.answer()
        await talk(talking)
        waiting = other.call("sales")
        queued = await centre.told(RequestQueued, times=2)

        breaks(proxy)
        await centre.until(lambda state: MAIN not in state.steered, NOTICED_SECONDS)
        centre.log_in("bob", "carol")
        newcomer = third.call("sales")
        westerner.call("support")
        (await carol.wait_for_ring_async(5)).answer()
        await centre.told(RequestConnected, agent="carol")
        await newcomer.wait_for_async(CallState.ANSWERED, 5)
        waiting.hangup()
        await waiting.wait_for_async(CallState.ENDED, 5)
        await _goes_on(talking)
        assert centre.state_of("bob") == "available"
        assert centre.told_so_far(RequestEnded) == []

        proxy.refuses = False
        assert (await centre.told(RequestEnded, request=queued.request)).outcome == "abandoned"
        (await bob.wait_for_ring_async(10)).answer()
        await talk(newcomer)
        await _goes_on(talking)
        assert centre.state_of("alice") == "connected"
        assert {told.kind for told in centre.told_so_far(ContradictionFound)} == {"caller_gone", "caller_unknown"}
        assert proxy.connections >= 2


@both_releases
async def test_an_agent_who_picks_up_while_the_link_is_cut_gets_his_call_when_it_is_back(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    async with _centre_behind_proxy(pbx, tmp_path) as (centre, proxy):
        centre.log_in("alice")
        call = caller.call("sales")
        ring = await alice.wait_for_ring_async(5)
        _cut(proxy)
        await centre.until(lambda state: not state.steered)
        ring.answer()
        await centre.heard("UserEvent", UserEvent="AcdAccept")

        proxy.refuses = False

        await talk(call)
        assert (await centre.told(OfferEnded)).outcome == "accepted"
        assert len(centre.told_so_far(OfferMade)) == 1


@both_releases
async def test_a_frozen_asterisk_is_noticed_within_seconds_and_goes_on_where_it_was(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, other, alice, bob = [await phone(name) for name in ("caller", "other", "alice", "bob")]
    async with _centre_behind_proxy(pbx, tmp_path) as (centre, _):
        centre.log_in("alice")
        talking = caller.call("sales")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(talking)
        waiting = other.call("sales")
        queued = await centre.told(RequestQueued, times=2)

        os.kill(pbx.process.pid, signal.SIGSTOP)
        try:
            await centre.until(lambda state: not state.steered, NOTICED_SECONDS)
            centre.log_in("bob")
            await asyncio.sleep(16)  # the point of the test: it is frozen for longer than a heartbeat may be missing
        finally:
            os.kill(pbx.process.pid, signal.SIGCONT)

        (await bob.wait_for_ring_async(15)).answer()
        await talk(waiting)
        await _goes_on(talking)
        assert [told.request for told in centre.told_so_far(OfferMade, agent="bob")] == [queued.request]
        assert centre.told_so_far(RequestEnded) == []


@both_releases
@pytest.mark.parametrize("how", [{"delay_seconds": 0.7}, {"bytes_at_once": 1}], ids=["slow", "byte by byte"])
async def test_a_bad_line_costs_time_and_no_call(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, how: dict[str, Any]
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    async with _centre_behind_proxy(pbx, tmp_path) as (centre, proxy):
        vars(proxy).update(how)
        centre.log_in("alice")
        call = caller.call("sales")
        ring = await alice.wait_for_ring_async(10)
        ring.answer()
        await talk(call)
        ring.hangup()
        assert (await centre.told(RequestEnded)).outcome == "answered"
        await centre.until_is("alice", "available")
        assert len(centre.told_so_far(PbxStateChanged)) == 1


@both_releases
async def test_an_event_that_was_lost_is_made_up_for_by_the_next_comparison(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "COMPARE_SECONDS", 0.2)
    monkeypatch.setattr(watch, "BELIEVE_AFTER_SECONDS", 0.3)
    caller, other, alice = await phone("caller"), await phone("other"), await phone("alice")
    async with _centre_behind_proxy(pbx, tmp_path) as (centre, proxy):
        call = caller.call("sales")
        queued = await centre.told(RequestQueued)
        proxy.loses = {"Hangup", "HangupRequest", "SoftHangupRequest"}
        call.hangup()

        found = await centre.told(ContradictionFound)
        assert (found.kind, found.believed, found.found) == ("caller_gone", "waiting in sales", "no such channel")
        assert found.comparing
        assert centre.told_so_far(RequestEnded, request=queued.request)

        proxy.loses = {"UserEvent"}
        unheard = other.call("sales")
        assert (await centre.told(ContradictionFound, times=2)).kind == "caller_unknown"
        proxy.loses = set()
        centre.log_in("alice")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(unheard)
        assert len(centre.told_so_far(ContradictionFound)) == 2


@both_releases
async def test_an_asterisk_that_is_told_to_stop_loses_its_calls_and_frees_its_agents_at_once(
    own_installation: Installation, pbx_settings: PbxSettings, tmp_path: Path
) -> None:
    """It hangs up on everybody before it goes: neither the caller nor the agent did."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running(own_installation, tmp_path / "first", pbx_settings))
        centre, proxy = await stack.enter_async_context(_centre_behind_proxy(first, tmp_path))
        plugged_in = await stack.enter_async_context(AsyncExitStack())
        caller, other, alice = [await _plug_in(first, name, plugged_in) for name in ("caller", "other", "alice")]
        centre.log_in("alice")
        talking = caller.call("sales")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(talking)
        other.call("sales")
        waits = await centre.told(RequestQueued, times=2)

        first.process.terminate()
        await centre.until(lambda state: not state.steered)
        (ended,) = centre.told_so_far(RequestEnded)
        assert (ended.outcome, ended.ended_by) == ("pbx_lost", "pbx")
        await centre.until_is("alice", "available")

        await plugged_in.aclose()
        again = await stack.enter_async_context(running(own_installation, tmp_path / "again", pbx_settings))
        proxy.ami_port = again.ami_port
        ended = await centre.told(RequestEnded, times=2)
        assert (ended.request, ended.outcome, ended.ended_by) == (waits.request, "pbx_lost", "pbx")


@both_releases
async def test_an_asterisk_that_is_killed_loses_its_calls_and_frees_its_agents(
    own_installation: Installation, pbx_settings: PbxSettings, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running(own_installation, tmp_path / "first", pbx_settings))
        centre, proxy = await stack.enter_async_context(_centre_behind_proxy(first, tmp_path))
        plugged_in = await stack.enter_async_context(AsyncExitStack())
        caller, other, alice = [await _plug_in(first, name, plugged_in) for name in ("caller", "other", "alice")]
        centre.log_in("alice")
        talking = caller.call("sales")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(talking)
        other.call("sales")
        await centre.told(RequestQueued, times=2)

        first.process.kill()
        await centre.until(lambda state: not state.steered)
        assert centre.told_so_far(RequestEnded) == []
        await plugged_in.aclose()
        await asyncio.sleep(1)  # Asterisk tells the second in which it was started
        again = await stack.enter_async_context(running(own_installation, tmp_path / "again", pbx_settings))
        proxy.ami_port = again.ami_port

        await centre.told(RequestEnded, times=2)
        endings = centre.told_so_far(RequestEnded)
        assert [(ending.outcome, ending.ended_by) for ending in endings] == [("pbx_lost", "pbx")] * 2
        assert {ending.caller.number for ending in endings} == {"caller", "other"}
        await centre.until_is("alice", "available")


@both_releases
async def test_who_waited_on_an_asterisk_that_is_killed_is_called_back_by_the_one_that_comes_after(
    own_installation: Installation, pbx_settings: PbxSettings, tmp_path: Path
) -> None:
    settings = replace(pbx_settings, dialplan=DIALPLAN.replace("exten => _9", KNOWN + "exten => _9", 1))
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running(own_installation, tmp_path / "first", settings))
        proxy = await stack.enter_async_context(Proxy(first.ami_port).listening())
        tables = {
            "asterisk": {MAIN: _server(first, proxy.port) | {"mobile_dial": "PJSIP/{number}@third"}},
            "site": {"country": "NL"},
            "dialling": {"hours": "00:00-24:00"},
            "queue": [queue("sales", callbacks={"after_pbx_lost": True})],
            "agent": [agent("alice", sales=1) | {"callbacks": True}],
        }
        centre = await stack.enter_async_context(open_centre(first, tmp_path, **tables))
        plugged_in = await stack.enter_async_context(AsyncExitStack())
        caller, other = [await _plug_in(first, name, plugged_in) for name in ("caller", "other")]
        caller.call("1sales")
        queued = await centre.told(RequestQueued)
        other.call("2sales")
        withheld = await centre.told(RequestQueued, times=2)

        first.process.kill()
        await centre.until(lambda state: not state.steered)
        await plugged_in.aclose()
        await asyncio.sleep(1)  # Asterisk tells the second in which it was started
        again = await stack.enter_async_context(running(own_installation, tmp_path / "again", settings))
        alice, customer = [await _plug_in(again, name, stack) for name in ("alice", "third")]
        proxy.ami_port = again.ami_port

        promised = await centre.told(CallbackPromised)
        assert (promised.request, promised.number, promised.message) == (queued.request, "+31201234567", None)
        ended = await centre.told(RequestEnded)
        assert (ended.request, ended.outcome) == (withheld.request, "pbx_lost")
        centre.log_in("alice")
        ring = await alice.wait_for_ring_async(5)
        ring.answer()
        await ring.wait_until_async(lambda call: call.heard_audio, 10)
        ring.press("1")
        rings = await customer.wait_for_ring_async(10)
        assert rings.number == "+31201234567"
        rings.answer()
        reached = await centre.told(CustomerReached)
        assert reached.request == queued.request


# ---- While nobody steers


@both_releases
async def test_who_went_to_the_fallback_while_the_daemon_was_away_is_counted_when_it_is_back(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller, other = await phone("caller"), await phone("other")
    async with open_centre(pbx, tmp_path) as centre:
        call = caller.call("sales")
        queued = await centre.told(RequestQueued)
    went_on: asyncio.Queue[Event] = asyncio.Queue()
    observer = Link(
        AmiServer("observer", pbx.host, pbx.ami_port, pbx.ami_user, pbx.secret),
        on_event=lambda event: went_on.put_nowait(event) if event.get("Status") == "FALLBACK" else None,
        on_up=lambda: None,
        on_down=lambda why: None,
    )
    await observer.start()
    async with asyncio.timeout(60):
        await went_on.get()
        other.call("sales")  # and is sent on at once, or after his rounds: nobody has heard of him
        await went_on.get()
    await observer.stop()
    assert call.state == CallState.ANSWERED

    async with open_centre(pbx, tmp_path) as centre:
        ended = await centre.told(RequestEnded)
        assert (ended.request, ended.outcome) == (queued.request, "fallback")
        fell_back = await centre.told(CallersFellBack)
        assert (fell_back.queue, fell_back.callers) == ("sales", 2)

    async with open_centre(pbx, tmp_path) as centre:
        await centre.told(PbxStateChanged)
        assert centre.told_so_far(CallersFellBack) == []


@both_releases
async def test_a_heartbeat_that_is_off_and_goes_on_beating_is_a_clock_that_was_set(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path
) -> None:
    caller = await phone("caller")
    async with open_centre(pbx, tmp_path) as centre:
        call = caller.call("sales")
        await centre.told(RequestQueued)
        for second in range(12):
            _set_heartbeat(centre.observer, seconds_ago=3600 + 2 * second)
            await asyncio.sleep(1)  # rounds of the waiting loop pass

        assert centre.told_so_far(RequestEnded) == []
        assert call.state == CallState.ANSWERED


def _set_heartbeat(observer: Link, seconds_ago: float) -> None:
    observer.send("Setvar", {"Variable": "ACD_HEARTBEAT", "Value": str(int(time.time() - seconds_ago))})


# ---- Clocks


class SetClock:
    """A wall clock that somebody sets."""

    def __init__(self, off: float = 0) -> None:
        self.off = off

    def __call__(self) -> float:
        return time.time() + self.off


@both_releases
@pytest.mark.parametrize("off", [3600.0, -3600.0])
async def test_a_daemon_whose_clock_is_another_one_than_asterisks_steers_all_the_same(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, off: float
) -> None:
    caller, alice = await phone("caller"), await phone("alice")
    async with open_centre(pbx, tmp_path) as centre:  # somebody joins while the other one is away
        pass
    call = caller.call("sales")
    await call.wait_for_async(CallState.ANSWERED, 5)
    queues = [queue("sales", max_wait_seconds=60), queue("support")]
    async with open_centre(pbx, tmp_path / "other", clock=Clock(SetClock(off)), queue=queues) as centre:
        queued = await centre.told(RequestQueued)
        assert abs(queued.at - queued.entered_at) < 10
        answer = await centre.observer.send("Getvar", {"Variable": "ACD_HEARTBEAT"})
        assert abs(int(answer["Value"]) - time.time()) < 10
        centre.log_in("alice")
        (await alice.wait_for_ring_async(5)).answer()
        await talk(call)


@both_releases
@pytest.mark.parametrize("by", [3600.0, -3600.0])
async def test_the_clock_is_set_while_one_talks_one_rings_and_one_waits(
    pbx: PrivatePbx, phone: Phone, tmp_path: Path, by: float
) -> None:
    wall = SetClock()
    caller, other, third, alice, bob = [await phone(name) for name in ("caller", "other", "third", "alice", "bob")]
    queues = [queue("sales", max_wait_seconds=300, wrap_up_seconds=1), queue("support")]
    async with open_centre(pbx, tmp_path, clock=Clock(wall), queue=queues) as centre:
        centre.log_in("alice", "bob")
        talking = caller.call("sales")
        ring = await alice.wait_for_ring_async(5)
        ring.answer()
        await talk(talking)
        offered = other.call("sales")
        rings = await bob.wait_for_ring_async(5)
        waiting = third.call("sales")
        await centre.told(RequestQueued, times=3)

        wall.off = by
        await centre.told(MomentsMoved)
        rings.answer()
        await talk(offered)
        await _goes_on(talking)
        ring.hangup()
        ended = await centre.told(RequestEnded)
        assert 0 < ended.talk_seconds < 60
        (await alice.wait_for_ring_async(5)).answer()
        await talk(waiting)
        assert abs(centre.daemon.now() - wall()) < 1
        connected = centre.told_so_far(RequestConnected)
        assert all(0 <= told.waited_seconds < 60 for told in connected)
        assert len(centre.told_so_far(OfferMade)) == 3
