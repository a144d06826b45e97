"""A state that was written down and read back is the state that it was. (The witness checks it of all stories.)"""

from __future__ import annotations

import pytest

from acd.center import Center
from acd.center.folding.snapshots import QueueSnapshot, Snapshot
from acd.center.state import Queue, State

from .witness import heir_of
from .worlds import World, one_queue

FOUND_ANEW = {
    Snapshot: {
        "request_of_channel",
        "phone_of_channel",
        "callbacks",
        "seats",
        "by_trunk",
        "ongoing",
        "touched",
        "doors",
        "_deadlines",
    },
    QueueSnapshot: {"line", "lanes", "held", "members", "in_states"},
}
"""What only serves to find things quickly."""


def parts_of(whole: object) -> set[str]:
    return set(getattr(whole, "__struct_fields__", ())) or set(vars(whole))


@pytest.mark.parametrize(("kept", "whole"), [(Snapshot, State()), (QueueSnapshot, Queue)])
def test_every_part_of_the_state_is_kept_or_found_anew(kept: type, whole: object) -> None:
    """Who adds a part to the state adds it to the snapshot, with a default for those that there are; or here."""
    assert parts_of(whole) == parts_of(kept) | FOUND_ANEW[kept]


def test_ids_go_on_behind_a_snapshot() -> None:
    world = one_queue()
    newest = max(world.caller_joins("sales"), world.offer_to("alice"))

    assert heir_of(world.center).state.next_id(0) > newest


def test_who_was_served_first_is_not_first_again_after_a_snapshot() -> None:
    world = one_queue("alice", "bob", strategy="round_robin", wrap_up_seconds=0)
    served = []
    for _ in range(4):
        request = world.caller_joins("sales")
        served += world.offered_to(request)
        world.caller_hangs_up(request)
        world.hangs_up(served[-1])
        world.time_passes(1)
        world.center = heir_of(world.center)

    assert served == ["alice", "bob", "alice", "bob"]


def test_a_timer_that_ran_when_the_snapshot_was_taken_still_runs() -> None:
    world = one_queue(ring_seconds=20, max_wait_seconds=60)
    world.caller_joins("sales")
    waiting = world.caller_joins("sales")
    world.time_passes(5)
    world.center = heir_of(world.center)

    world.time_passes(16)
    assert world.state_of("alice") == "no_answer"
    world.time_passes(60)
    assert world.ending_of(waiting).outcome == "timeout"


def test_a_line_keeps_its_order_in_a_snapshot() -> None:
    world = World().with_queue("sales")
    requests = [world.caller_joins("sales", priority=priority) for priority in (50, 10, 50, 1)]
    world.is_given_priority(requests[0], 90)

    heir = heir_of(world.center)

    (queue,) = heir.state.queues.values()
    assert queue.line.in_order() == world.line("sales") == [requests[at] for at in (3, 1, 2, 0)]


def test_a_snapshot_of_a_snapshot_is_the_same() -> None:
    world = one_queue()
    world.caller_joins("sales")

    assert heir_of(heir_of(world.center)).snapshot() == world.center.snapshot()


def test_a_snapshot_of_nothing_is_nothing() -> None:
    assert heir_of(Center()).snapshot() == Center().snapshot()
