"""Golden journals: one of each release, with the state that it folds to. Whatever comes later folds them the same.

`make golden` records those of this release, into tests/journal/golden/RELEASE/, and leaves those that are there alone:
they are what people have on their disks. Every kind of fact is to be in one of the STORIES; it says which is missing.
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
from msgspec.structs import replace

import acd
from acd.center import Center, inputs
from acd.center.facts import AnyFact, RequestQueued
from acd.center.inputs import LegEnd
from acd.center.model import (
    AgentName,
    AnnounceRules,
    CallbackRules,
    Caller,
    ChannelId,
    EasingStep,
    QueueName,
    RequestId,
    Seat,
    WayOut,
)
from acd.center.reach import Forward, Trunk
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
    picked_up = world.caller_joins("sales")
    world.phone_is_taken_up("bob", "pickup")
    offer = world.picks_up("bob", whose="alice")
    world.accepts(offer)
    world.is_bridged(offer)
    world.time_passes(10)
    world.caller_hangs_up(picked_up)
    world.hangs_up(offer)
    world.time_passes(60)


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


def a_day_of_callbacks() -> World:
    """Messages left, joined, dropped and deleted; called back, in vain, later, by appointment; and who calls again."""
    rules = CallbackRules(offer_after_seconds=30, offer_above_seconds=600, retry_seconds=600, attempts=2, at_once=2)
    world = World().with_queue("sales", wrap_up_seconds=5, callbacks=rules)
    world.with_agents("alice", "bob", "carol", callbacks=True, sales=1)
    for agent in ("alice", "bob", "carol"):
        world.caller_joins("sales")
        world.takes_the_call(agent)
    world.time_passes(40)
    waiting = [world.caller_joins("sales", number=f"+3161000000{number}") for number in range(3)]
    world.time_passes(40)
    world.begins_a_message(waiting[0], "+31610000000")
    world.tell(inputs.MessageDropped(MAIN, world.request(waiting[0]).channel))
    world.begins_a_message(waiting[1])
    world.tell(inputs.NumberTyped(MAIN, world.request(waiting[1]).channel, "+31201111111"))
    world.leaves_a_message(waiting[1], "+31201111111")
    world.leaves_a_message(waiting[2], "+31202222222", hours="daytime")
    world.leaves_a_message(world.caller_joins("sales"), "+31202222222")
    world.calendar_turns("daytime", is_open=True)
    _who_calls_again(world, waiting[1], "line")
    _who_calls_again(world, waiting[2], "keep")
    world.caller_hangs_up(waiting[0])
    world.hangs_up("alice")
    world.time_passes(6)  # who is on the line has her first
    world.takes_the_call("alice")
    world.hangs_up("alice")
    world.time_passes(6)
    world.takes_the_callback("alice")
    world.presses("alice", "call")
    world.customer_is_not_reached("alice", "busy")
    world.presses("alice", "not_reached")
    world.hangs_up("alice")
    message = world.request(waiting[2]).message
    assert message
    world.tell(inputs.DeleteMessage(message.name))
    world.time_passes(6)
    dropped = _asked_for(world, "+31208888888")
    world.takes_the_callback("alice")
    world.hangs_up("alice")  # without a word
    world.time_passes(1)
    world.tell(inputs.CancelRequest(dropped))
    world.time_passes(60)
    _asked_for(world, "+31203333333", due_at=world.now + 100, agent=AgentName("alice"))
    world.time_passes(110)
    world.takes_the_callback("alice")
    world.presses("alice", "call")
    world.customer_answers("alice")
    world.time_passes(60)
    world.customer_hangs_up("alice")
    world.hangs_up("alice")
    world.time_passes(2)
    world.pauses("alice")
    world.time_passes(10)
    _what_is_promised(world)
    return world


def _who_calls_again(world: World, request: RequestId, choice: str) -> None:
    channel = ChannelId(f"again-{choice}")
    world.tell(inputs.CallerJoined(MAIN, channel, QueueName("sales"), Caller(e164=world.request(request).number)))
    world.tell(inputs.CallbackChosen(MAIN, channel, request, choice))


def _asked_for(world: World, number: str, **about: Any) -> RequestId:
    world.tell(inputs.AskForCallback(QueueName("sales"), number, MAIN, **about))
    return world.told(RequestQueued)[-1].request


def _what_is_promised(world: World) -> None:
    """One waits for his moment, one for his agent, one in the line; one is being called, and one is not settled yet."""
    world.hangs_up("bob")
    world.time_passes(6)
    _asked_for(world, "+31204444444")
    world.takes_the_callback("bob")
    world.presses("bob", "call")
    world.customer_answers("bob", "reached")
    world.hangs_up("bob")
    world.hangs_up("carol")
    world.time_passes(1)
    _asked_for(world, "+31205555555", due_at=world.now + 3600)
    held = _asked_for(world, "+31206666666", comment="urgent")
    world.tell(inputs.Reassign(held, AgentName("alice")))
    _asked_for(world, "+31207777777")
    world.makes_himself_available("carol")
    world.takes_the_callback("carol")
    world.presses("carol", "call")


def a_day_on_the_road() -> World:
    """Calls go to mobiles, over a trunk that has room for one; a phone rings, another cannot be reached."""
    world = World().loads(trunks={MAIN: Trunk(mobile_legs=1)})
    world.with_queue("sales", ring_seconds=20, wrap_up_seconds=5).with_agents("alice", "bob", sales=1)
    world.with_mobiles("alice", accept_key="1", forward=Forward.MOBILE)
    world.with_mobiles("bob", accept_key="1", forward=Forward.DESK)
    served = world.caller_joins("sales")
    world.tell(inputs.LegProgressed(world.offer_to("alice"), rings=True))
    world.takes_the_call("alice")
    waits = world.caller_joins("sales")
    world.is_unreachable("bob")
    world.time_passes(10)
    world.caller_hangs_up(served)
    world.hangs_up("alice")
    world.forwards("bob", "mobile")
    world.time_passes(6)
    world.caller_hangs_up(waits)
    world.time_passes(30)
    rings = world.caller_joins("sales")
    (first,) = world.offered_to(rings)
    world.is_unreachable(first)
    world.time_passes(1)
    return world


def a_day_of_trouble() -> World:
    """Callers are told of their place; then the daemon is away, a clock is set, and Asterisk says otherwise."""
    world = World().with_queue("sales", wrap_up_seconds=5, announce=AnnounceRules(on_joining=True, every_seconds=30))
    world.with_agents("alice", "bob", sales=1)
    for agent in ("alice", "bob"):
        world.caller_joins("sales")
        world.takes_the_call(agent)
    waits, leaves = world.caller_joins("sales"), world.caller_joins("sales")
    world.time_passes(0)
    world.hears_music(waits)
    world.presses_a_key(waits)
    world.clock_steps(3600)
    world.hangs_up("alice")
    world.time_passes(5)
    world.answers("alice")
    world.accepts("alice")
    world.link_is_lost()
    leg = world.offer("alice").channel
    (unbridged,) = (live for live in world.everything_on(MAIN) if live.channel == leg)
    world.link_is_back(
        gone=[world.request(leaves).channel],
        found=[replace(unbridged, bridged=False, talks=True)],
        fell_back={"sales": 2},
    )
    return world


STORIES: dict[str, Callable[[], World]] = {
    "a-day": a_day_at_the_office,
    "callbacks": a_day_of_callbacks,
    "on-the-road": a_day_on_the_road,
    "trouble": a_day_of_trouble,
    "half-forgotten": a_day_at_the_office,
    "half-forgotten-callbacks": a_day_of_callbacks,
}
"""Of those whose names begin so, the first half is forgotten."""


# ---- Recording


async def record(folder: Path) -> None:
    for name, story in STORIES.items():
        facts = story().facts
        with TemporaryDirectory() as made:
            path = Path(made) / "acd.db"
            await _write(path, facts, forget=name.startswith("half-forgotten"))
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


def main() -> None:
    release = FOLDER / acd.__version__
    if release.exists():
        sys.exit(f"{release} is there already: those are what people have on their disks")
    told = {type(fact) for story in STORIES.values() for fact in story().facts}
    if missing := set(get_args(AnyFact)) - told:
        sys.exit(f"no story has {', '.join(sorted(kind.__name__ for kind in missing))}: tell one")
    asyncio.run(record(release))
    sys.stdout.write(f"recorded: {release}\n")


if __name__ == "__main__":
    main()
