"""A server that fails, and a daemon that dies: what each of them still does, and what it does no more."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from acd.center import Center
from acd.center.facts import AnyFact, DayChanged, MomentsMoved
from acd.center.inputs import DayBegan
from acd.simulation.channels import Caller, Customer, Leg, Originate
from acd.simulation.disk import Disk, GroupedJournal, Memory
from acd.simulation.network import WeatheredLoop
from acd.simulation.people import Manner, Visitor
from acd.simulation.process import Killed, Process
from acd.simulation.recordings import Recordings
from acd.simulation.server import Server, StoppablePulse


def live(story: Coroutine[Any, Any, Any]) -> None:
    with asyncio.Runner(loop_factory=lambda: WeatheredLoop(1_764_576_000.0)) as runner:
        runner.run(story)


class Nobody:
    """Looks on, and sees nothing wrong."""

    def __init__(self) -> None:
        self.facts: list[AnyFact] = []

    def rings(self, leg: Leg) -> None: ...

    def goes_on(self, caller: Caller) -> None: ...

    def hears_that_it_is_kept(self, caller: Caller) -> None: ...

    def chooses(self, caller: Caller) -> None: ...

    def leaves(self, caller: Caller) -> None: ...

    def says(self, leg: Leg, what: str) -> None: ...

    def rings_outside(self, customer: Customer) -> None: ...

    def reaches(self, customer: Customer) -> None: ...

    def began(self, center: Center, facts: Iterator[AnyFact]) -> None: ...

    def on_fact(self, fact: AnyFact) -> None:
        self.facts.append(fact)

    def after_a_turn(self) -> None: ...

    def broke(self, error: Exception) -> None:
        raise error


def a_server() -> Server:
    return Server("main", ("acd", "secret"), random.Random(1), frozenset(), Nobody(), Recordings(lambda: False))


# ---- An Asterisk


def test_who_stands_still_misses_nothing_and_does_it_in_order() -> None:
    async def story() -> None:
        pulse, done = StoppablePulse(asyncio.get_running_loop()), []
        pulse.call_later(2, done.append, "second")
        pulse.call_later(1, done.append, "first")
        cancelled = pulse.call_later(3, done.append, "never")
        pulse.stop()
        await asyncio.sleep(10)
        assert done == []
        cancelled.cancel()
        pulse.go_on()
        assert done == ["first", "second"]

    live(story())


def test_a_crash_takes_every_channel_with_it() -> None:
    async def story() -> None:
        server = a_server()
        server.pbx.variables["ACD_HEARTBEAT"] = str(int(asyncio.get_running_loop().time()))
        server.call(Visitor("sales"))
        assert server.pbx.channels
        server.crash(says_so=False)
        server.call(Visitor("sales"))
        await asyncio.sleep(5)
        assert not server.pbx.channels
        server.start_anew()
        await asyncio.sleep(5)
        assert "ACD_HEARTBEAT" not in server.pbx.variables
        server.pbx.close()

    live(story())


def test_who_calls_a_server_that_stands_still_is_in_the_line_when_it_goes_on() -> None:
    async def story() -> None:
        server = a_server()
        server.pbx.variables["ACD_HEARTBEAT"] = str(int(asyncio.get_running_loop().time()))
        server.pulse.stop()
        server.call(Visitor("sales"))
        assert not server.pbx.channels
        server.go_on()
        assert len(server.pbx.channels) == 1
        server.pbx.close()

    live(story())


def test_events_that_come_late_come_behind_others_and_none_is_missing() -> None:
    async def story() -> None:
        server = a_server()
        heard: list[str] = []
        server.pbx.heard_by.append(lambda name, kind, headers: heard.append(headers["Number"]))
        said = [f"{number:02}" for number in range(20)]
        server.pbx.shuffles_next = 10
        for number in said:
            server.pbx._say("Newexten", "call", {"Number": number})
        assert heard == said[10:]
        assert server.troubled_until > asyncio.get_running_loop().time()
        await asyncio.sleep(1)
        assert heard[10:] != said[:10]
        assert sorted(heard) == sorted(said)
        server.pbx.close()

    live(story())


# ---- A daemon


def days(*days: str) -> list[AnyFact]:
    return [DayChanged(at=0, day=day) for day in days]


def days_on(disk: Disk) -> list[str]:
    return [fact.day for fact in disk.store.read() if isinstance(fact, DayChanged)]


def test_a_killed_process_says_nothing_more() -> None:
    async def story() -> None:
        seen, deaths = Nobody(), []
        journal = GroupedJournal(Disk(Memory()))
        process = Process({}, journal, random.Random(1), seen, lambda: deaths.append("died"), lambda: 0.0, {})
        process.tell(DayBegan(day="monday"))
        process.dies_after = 0
        with pytest.raises(Killed):
            process.tell(DayBegan(day="tuesday"))
        assert process.tell(DayBegan(day="wednesday")) == []
        assert [fact.day for fact in seen.facts if isinstance(fact, DayChanged)] == ["monday", "tuesday"]
        assert deaths == ["died"]
        await asyncio.sleep(1)

    live(story())


def test_a_clock_that_is_set_is_followed_and_nothing_runs_out_for_it() -> None:
    async def story() -> None:
        loop, seen, off_by = asyncio.get_running_loop(), Nobody(), [0.0]
        journal = GroupedJournal(Disk(Memory()))
        process = Process({}, journal, random.Random(1), seen, lambda: None, lambda: loop.time() + off_by[0], {})
        process.tell(DayBegan(day="monday"))
        off_by[0] = 3600.0
        assert process.now() == loop.time(), "nobody has looked yet"
        process.follow_clock()
        assert process.now() == loop.time() + 3600
        assert [fact.by for fact in seen.facts if isinstance(fact, MomentsMoved)] == [3600]

    live(story())


def test_what_was_not_on_disk_is_lost_with_the_process_turn_by_turn() -> None:
    async def story() -> None:
        left = set()
        for seed in range(30):
            disk = Disk(Memory())
            journal = GroupedJournal(disk)
            journal.append(days("monday"))
            await asyncio.sleep(0.1)
            journal.append(days("tuesday", "wednesday"))
            journal.append(days("thursday"))
            journal.dies(random.Random(seed))
            await asyncio.sleep(0.1)
            left.add(tuple(days_on(disk)))
        assert left == {
            ("monday",),
            ("monday", "tuesday", "wednesday"),
            ("monday", "tuesday", "wednesday", "thursday"),
        }

    live(story())


def test_a_disk_that_fails_has_all_of_it_when_it_works_again() -> None:
    async def story() -> None:
        disk = Disk(Memory())
        journal = GroupedJournal(disk)
        disk.is_broken = True
        journal.append(days("monday"))
        await asyncio.sleep(10)
        assert days_on(disk) == []
        disk.is_broken = False
        await asyncio.sleep(2)
        assert days_on(disk) == ["monday"]

    live(story())


def test_the_next_process_goes_on_behind_what_is_on_disk() -> None:
    async def story() -> None:
        disk = Disk(Memory())
        for day in ("monday", "tuesday"):
            journal = GroupedJournal(disk)
            journal.append(days(day))
            journal.close()
        assert days_on(disk) == ["monday", "tuesday"]
        assert disk.last == 2

    live(story())


def test_two_who_are_bridged_again_are_torn_apart_as_by_the_real_one() -> None:
    """docs/asterisk-notes.md."""

    async def story() -> None:
        server = a_server()
        server.pbx.variables["ACD_HEARTBEAT"] = str(int(asyncio.get_running_loop().time()))
        server.phones["PJSIP/alice"] = lambda: Manner(answers_after_seconds=1)
        caller = server.pbx.call(Visitor("sales"))
        caller.variables["ACD_STATUS"] = "ANSWERED"
        server.pbx.originate(Originate("", "acd-1", "PJSIP/alice", 20, ("", ""), {}))
        await asyncio.sleep(2)
        leg = server.pbx.channels["acd-1"]
        server.pbx.bridge(caller, leg)
        assert caller.bridge is leg.bridge is not None
        caller.variables["ACD_TALKED"] = "yes"
        server.pbx.tear_apart(caller, leg)
        assert not server.pbx.channels
        server.pbx.close()

    live(story())
