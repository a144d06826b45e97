"""The clock is set while everything is under way: what was due in ten seconds is due in ten seconds still."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from acd.center.facts import AgentStateChanged
from acd.center.model import EasingStep

from .worlds import START, World, one_queue

AN_HOUR = 3600.0
EITHER_WAY = pytest.mark.parametrize("by", [AN_HOUR, -AN_HOUR])


@EITHER_WAY
def test_a_phone_rings_for_as_long_as_it_would_have(by: float) -> None:
    world = one_queue("alice", ring_seconds=20)
    request = world.caller_joins("sales")
    world.time_passes(15)

    world.clock_steps(by)

    world.time_passes(4)
    assert world.ringing == {"alice": request}
    world.time_passes(1)
    assert world.state_of("alice") == "no_answer"


@EITHER_WAY
def test_a_caller_waits_for_as_long_as_he_would_have(by: float) -> None:
    world = World().with_queue("sales", max_wait_seconds=60)
    request = world.caller_joins("sales")
    world.time_passes(50)

    world.clock_steps(by)
    assert world.line("sales") == [request]
    world.time_passes(10)

    assert (world.ending_of(request).outcome, world.ending_of(request).waited_seconds) == ("timeout", 60)


@EITHER_WAY
def test_wrap_up_lasts_for_as_long_as_it_would_have(by: float) -> None:
    world = one_queue(wrap_up_seconds=30)
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.hangs_up("alice")
    world.time_passes(10)

    world.clock_steps(by)
    assert (world.state_of("alice"), world.seconds_left("alice")) == ("wrap_up", 20)
    world.time_passes(20)

    assert world.state_of("alice") == "available"


@EITHER_WAY
def test_a_talk_was_as_long_as_it_was(by: float) -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.takes_the_call("alice")
    world.time_passes(100)

    world.clock_steps(by)
    world.time_passes(20)
    world.hangs_up("alice")

    assert (world.ending_of(request).talk_seconds, world.ending_of(request).waited_seconds) == (120, 0)


@EITHER_WAY
def test_the_order_of_the_line_and_of_the_agents_is_kept(by: float) -> None:
    world = one_queue("alice", "bob", strategy="longest_idle")
    world.time_passes(5)
    for agent in ("alice", "bob"):
        world.pauses(agent)
    first = world.caller_joins("sales")
    world.time_passes(5)
    world.makes_himself_available("alice")
    world.leg_ends("alice", how="hung_up")
    world.pauses("alice")

    world.clock_steps(by)

    second = world.caller_joins("sales")
    assert world.line("sales") == [first, second]


@EITHER_WAY
def test_a_new_start_after_the_step_finds_everything_as_it_was(by: float) -> None:
    world = one_queue(wrap_up_seconds=30)
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.hangs_up("alice")
    world.clock_steps(by)

    world.daemon_restarts()
    world.time_passes(30)

    assert world.last(AgentStateChanged).state == "available"
    assert world.last(AgentStateChanged).at == START + by + 30


def test_no_moment_of_what_is_so_is_left_behind() -> None:
    """A new field that holds a moment, and does not move along, is found here."""
    world = _with_moments_of_all_kinds()
    before = list(_moments(world))
    assert len({where for where, _ in before}) > 20

    world.clock_steps(AN_HOUR)

    assert list(_moments(world)) == [(where, at + AN_HOUR) for where, at in before]


def _with_moments_of_all_kinds() -> World:
    world = one_queue(
        "alice", "bob", "carol", redial_seconds=600, dropped_come_back=True, last_agent_days=1, max_wait_seconds=600
    )
    world.with_queue("french", easing=(EasingStep(60, level=0),), preferred_agent_seconds=60)
    world.with_agents("alice", skills={"french": 1}, sales=1, french=1)
    world.takes_the_call(_agent_for(world, world.caller_joins("sales")))
    talked = world.caller_joins("sales")
    agent = _agent_for(world, talked)
    world.takes_the_call(agent)
    world.caller_hangs_up(talked)
    world.answers(_agent_for(world, world.caller_joins("sales")))
    world.caller_hangs_up(world.caller_joins("sales"))
    world.caller_joins("sales")
    world.needing_caller_joins("french", french=1)
    world.caller_joins("french", preferred_agent="alice")
    return world


def _agent_for(world: World, request: str) -> str:
    return next(agent for agent, rings_for in world.ringing.items() if rings_for == request)


def _moments(world: World) -> Iterable[tuple[str, float]]:
    state = vars(world.center.state)
    yield from sorted(
        ("deadline", due[0]) for due in set(state["_deadlines"]) if world.center.state._still_stands(*due)
    )
    for part in ("agents", "requests", "offers", "last_talks", "last_agents"):
        yield from _floats(part, msgspec.to_builtins(state[part]))
    for queue in world.center.state.queues.values():
        yield from _floats("gave_up", msgspec.to_builtins(queue.gave_up))
        yield from _floats("line", queue.line._everyone)
        for lane in queue.all_lanes():
            yield from _floats("lane", lane.open)


def _floats(where: str, thing: Any) -> Iterable[tuple[str, float]]:
    if isinstance(thing, float) and thing > START / 2:
        yield where, thing
    elif isinstance(thing, dict):
        for name, part in thing.items():
            yield from _floats(f"{where}.{name}", part)
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from _floats(where, part)
