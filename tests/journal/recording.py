"""Golden journals: one of each release, with the state that it folds to. Whatever comes later folds them the same.

`make golden` records those of this release, into tests/journal/golden/RELEASE/, and leaves those that are there alone:
they are what people have on their disks. `STORIES` are to have every kind of fact that there is in them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import msgspec
from center.worlds import MAIN, START, World

import acd
from acd.center import Center, inputs
from acd.center.facts import AnyFact
from acd.center.inputs import LegEnd
from acd.center.model import ChannelId, EasingStep, Seat, WayOut
from acd.journal import export
from acd.journal.compacting import compact

from .journals import journal_at

FOLDER = Path(__file__).with_name("golden")


# ---- The stories


def a_day_at_the_office() -> World:
    """Everything happens once, and much of it still goes on when the daemon is gone."""
    world = World().loads(seats=(Seat("window", "PJSIP/window"),), pause_reasons=("lunch",))
    world.with_queue("sales", wrap_up_seconds=5, redial_seconds=600, last_agent_days=7, easing=(EasingStep(10, 0),))
    world.with_queue("support", strategy="ring_all", dropped_come_back=True, max_wait_seconds=900)
    world.with_queue("desk", strategy="round_robin", calendar="office", ways_out={"CLOSED": WayOut(queue="sales")})
    world.with_agents("alice", sales=1, desk=1, skills={"french": 3}).with_agents("bob", sales=2, desk=1)
    world.with_agents("carol", "dave", support=1)
    world.tell(inputs.DayBegan(day="2023-11-14"))
    world.calendar_turns("office", is_open=True)
    _calls(world)
    _agents(world)
    _transfers(world)
    _doors(world)
    _what_still_goes_on(world)
    return world


def _calls(world: World) -> None:
    for number in range(3):
        request = world.caller_joins("desk", number=f"+3161000000{number}")
        (agent,) = world.offered_to(request)
        world.takes_the_call(agent)
        world.time_passes(30 + number)
        if number:
            world.caller_hangs_up(request)
        world.hangs_up(agent)
        world.time_passes(20)
    request = world.needing_caller_joins("sales", french=2)
    world.rejects("alice")
    world.time_passes(60)  # until he needs less, and bob's phone has rung out
    world.is_given_priority(request, 7)
    world.caller_hangs_up(request)
    world.time_passes(60)
    shared = world.caller_joins("support")
    world.rejects("carol")
    world.takes_the_call("dave")
    world.leg_ends("dave", LegEnd.UNREACHABLE)
    world.time_passes(60)
    world.caller_hangs_up(shared)
    world.time_passes(60)
    unreachable = world.caller_joins("sales", preferred_agent="bob")
    world.is_unreachable("bob")
    world.time_passes(30)
    world.caller_hangs_up(unreachable)
    world.time_passes(600)


def _agents(world: World) -> None:
    request = world.caller_joins("sales", preferred_agent="alice")
    world.takes_the_call("alice")
    world.pauses("alice", "lunch")
    held = world.caller_joins("sales", preferred_agent="alice")
    world.caller_hangs_up(request)
    world.hangs_up("alice")
    world.extends_wrap_up("alice")
    world.time_passes(60)
    world.caller_hangs_up(held)
    world.time_passes(60)
    world.makes_himself_available("alice")
    world.phone_is_taken_up("bob")
    world.phone_is_put_down()
    world.tell(inputs.FeatureDialled(MAIN, ChannelId("code"), "PJSIP/carol", "pause", "1"))
    world.logs_out("dave")
    world.sits_down("dave", "window")
    world.time_passes(60)


def _transfers(world: World) -> None:
    talk = world.caller_joins("sales", channel="customer", number="+31201234567")
    world.takes_the_call("alice")
    world.time_passes(20)
    world.tell(inputs.CallPassedOn(MAIN, world.offer_to("alice"), None))
    world.tell(inputs.NewParty(MAIN, ChannelId("customer"), "PJSIP/bob"))
    world.time_passes(20)
    world.caller_hangs_up(talk)
    world.time_passes(20)
    world.pauses("bob")
    world.pauses("dave")
    world.caller_joins("sales", channel="asks", number="+31207654321")
    world.takes_the_call("alice")
    world.caller_joins("support", channel="consultation", number="alice")
    world.time_passes(20)
    world.tell(inputs.CallPassedOn(MAIN, world.offer_to("alice"), ChannelId("consultation")))
    world.tell(inputs.ChannelGone(MAIN, ChannelId("consultation")))
    world.time_passes(60)
    world.makes_himself_available("bob")


def _doors(world: World) -> None:
    world.calendar_turns("office", is_open=False)
    overflows = world.caller_joins("desk")
    world.is_drained("support")
    world.caller_joins("support")
    world.is_drained("support", False)
    world.time_passes(30)
    if overflows:
        world.caller_hangs_up(overflows)
    world.with_queue("desk", calendar="office", leave_when_closed=True, ways_out={"CLOSED": WayOut(queue="sales")})
    world.calendar_turns("office", is_open=True)
    world.pauses("alice")
    world.pauses("bob")
    world.caller_joins("desk", number="+31300000000")
    world.calendar_turns("office", is_open=False)
    world.tell(inputs.DayBegan(day="2023-11-15"))
    world.link_is_lost()
    world.link_is_back()


def _what_still_goes_on(world: World) -> None:
    """Somebody waits, one talks, an agent wraps up, one is to log out after his call, one has just missed his."""
    world.with_agents("erin", "frank", "grace", sales=5)
    for _ in range(4):
        world.caller_joins("sales")
    world.takes_the_call("erin")
    world.takes_the_call("frank")
    world.logs_out("frank")
    world.time_passes(25)  # grace's phone rings out
    world.with_agents("heidi", sales=6)
    world.answers("heidi")
    request = world.agent("erin").request
    assert request
    world.caller_hangs_up(request)
    world.hangs_up("erin")
    world.time_passes(1)


def a_day_of_which_half_is_forgotten() -> World:
    """The same; snapshots stand for its first half."""
    return a_day_at_the_office()


STORIES: dict[str, Callable[[], World]] = {
    "a-day": a_day_at_the_office,
    "half-forgotten": a_day_of_which_half_is_forgotten,
}


# ---- Recording


async def record(folder: Path) -> None:
    for name, story in STORIES.items():
        facts = story().facts
        assert {type(fact) for fact in facts} == set(get_args(AnyFact)), "each kind of fact is to be in every story"
        with TemporaryDirectory() as made:
            path = Path(made) / "acd.db"
            await _write(path, facts, forget=name == "half-forgotten")
            folder.mkdir(parents=True, exist_ok=True)
            export(f"sqlite:{path}", folder / f"{name}.db")
        center = Center()
        center.fold(facts)
        (folder / f"{name}.json").write_text(json.dumps(plain(told_by(center)), indent=1) + "\n")


async def _write(path: Path, facts: list[AnyFact], *, forget: bool) -> None:
    """With a snapshot after each third."""
    third = len(facts) // 3
    for part in (facts[:third], facts[third : 2 * third], facts[2 * third :]):
        async with journal_at(path) as journal:
            journal.append(part)
        if forget and part is not facts[2 * third :]:
            await asyncio.to_thread(compact, path, START + 1e9)


# ---- Comparing


def told_by(center: Center) -> dict[str, Any]:
    return {
        "state": center.snapshot(),
        "lines": {name: queue.line.in_order() for name, queue in center.state.queues.items()},
        "next_deadline": center.next_deadline(),
    }


def plain(thing: Any) -> Any:
    """As JSON can have it."""
    if isinstance(thing, msgspec.Struct):
        return {name: plain(getattr(thing, name)) for name in thing.__struct_fields__}
    if isinstance(thing, dict):
        return {str(key): plain(value) for key, value in thing.items()}
    if isinstance(thing, set | frozenset):
        return sorted(plain(one) for one in thing)
    if isinstance(thing, list | tuple):
        return [plain(one) for one in thing]
    return thing


def agrees(then: Any, now: Any, where: str = "") -> None:
    """What was so then is so now; that a release tells more than an older one is no difference."""
    if isinstance(now, msgspec.Struct):
        for name, value in then.items():
            agrees(value, getattr(now, name), f"{where}.{name}")
    elif isinstance(now, dict):
        assert list(then) == [str(key) for key in now], where
        for key, value in now.items():
            agrees(then[str(key)], value, f"{where}[{key}]")
    elif isinstance(now, list | tuple):
        assert len(then) == len(now), where
        for at, (before, after) in enumerate(zip(then, now, strict=True)):
            agrees(before, after, f"{where}[{at}]")
    else:
        assert then == plain(now), where


if __name__ == "__main__":
    release = FOLDER / acd.__version__
    if release.exists():
        sys.exit(f"{release} is there already: those are what people have on their disks")
    asyncio.run(record(release))
    print(f"recorded {release}")  # noqa: T201
