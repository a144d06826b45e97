"""The laws see it when they are broken, which the center itself never does."""

from __future__ import annotations

from acd.center.facts import RequestQueued
from acd.center.laws import idle_waste, unconserved

from .worlds import one_queue


def test_a_caller_and_an_agent_who_both_wait_are_seen() -> None:
    world = one_queue()
    world.caller_joins("sales")
    world.caller_joins("sales")
    queued = world.last(RequestQueued)
    world.rejects("alice")
    assert idle_waste(world.center.state) == []

    unseen = one_queue().center
    unseen.fold([queued])

    assert idle_waste(unseen.state) == ["sales"]


def test_where_all_pairs_are_made_nobody_need_look_again() -> None:
    world = one_queue("alice", "bob")
    for _ in range(3):
        world.caller_joins("sales")
    world.rejects("alice")
    world.takes_the_call("bob")

    assert world.center.state.touched == set()


def test_a_caller_who_is_lost_is_seen() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    assert unconserved(world.center.state) == []

    del world.center.state.requests[request]

    assert unconserved(world.center.state) == ["sales"]
