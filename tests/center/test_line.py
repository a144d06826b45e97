"""The waiting line: who is next, and that nobody loses his place."""

from __future__ import annotations

import pytest

from acd.center.inputs import LegEnd
from acd.center.model import HIGHEST_PRIORITY, LOWEST_PRIORITY

from .worlds import START, World


def test_the_first_to_come_is_the_first_in_line() -> None:
    world = World().with_queue("sales")
    first = world.caller_joins("sales")
    world.time_passes(1)
    second = world.caller_joins("sales")

    assert world.line("sales") == [first, second]
    assert [world.place_of(first), world.place_of(second)] == [1, 2]


def test_priority_comes_before_the_moment_of_entry() -> None:
    world = World().with_queue("sales")
    low, middle, high = (
        world.caller_joins("sales", priority=LOWEST_PRIORITY),
        world.caller_joins("sales"),
        world.caller_joins("sales", priority=HIGHEST_PRIORITY),
    )

    assert world.line("sales") == [high, middle, low]


def test_several_joins_in_one_microsecond_keep_the_order_in_which_they_were_told() -> None:
    world = World().with_queue("sales")
    joined = [world.caller_joins("sales") for _ in range(20)]

    assert world.line("sales") == joined == sorted(set(joined))
    assert {len(request) for request in joined} == {16}


def test_ids_go_on_upwards_when_the_clock_goes_back() -> None:
    world = World().with_queue("sales")
    earlier = world.caller_joins("sales")
    world.now -= 3600

    assert world.caller_joins("sales") > earlier


def test_an_id_tells_the_microsecond_of_its_making() -> None:
    world = World().with_queue("sales")

    assert int(world.caller_joins("sales"), 16) == START * 1_000_000


def test_who_is_found_waiting_stands_where_he_entered() -> None:
    world = World().with_queue("sales")
    here = world.caller_joins("sales")
    world.time_passes(60)

    found = world.caller_joins("sales", joined_at=START - 1)

    assert world.line("sales") == [found, here]
    assert world.request(found).entered_at == START - 1


def test_nobody_enters_in_the_future() -> None:
    world = World().with_queue("sales")

    assert world.request(world.caller_joins("sales", joined_at=START + 60)).entered_at == START


def test_a_caller_keeps_his_place_while_he_is_offered() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    first, second = world.caller_joins("sales"), world.caller_joins("sales")

    assert world.ringing == {"alice": first}
    assert [world.place_of(first), world.place_of(second)] == [1, 2]


@pytest.mark.parametrize("how", LegEnd)
def test_an_offer_that_nobody_took_costs_the_caller_nothing(how: LegEnd) -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    first, second = world.caller_joins("sales"), world.caller_joins("sales")

    world.leg_ends("alice", how)
    assert world.line("sales") == [first, second]

    world.with_agents("bob", sales=1)
    assert world.ringing == {"bob": first}


def test_the_next_in_line_is_offered_while_the_first_one_s_phone_rings() -> None:
    world = World().with_queue("sales").with_agents("alice", "bob", sales=1)
    first, second, third = (world.caller_joins("sales") for _ in range(3))

    assert world.ringing == {"alice": first, "bob": second}
    assert world.place_of(third) == 3


def test_who_talks_stands_in_the_line_no_more() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    first, second = world.caller_joins("sales"), world.caller_joins("sales")

    world.takes_the_call("alice")

    assert world.line("sales") == [second]
    assert [world.place_of(first), world.place_of(second)] == [None, 1]


def test_who_hangs_up_leaves_the_line_and_all_behind_him_move_up() -> None:
    world = World().with_queue("sales")
    first, second, third = (world.caller_joins("sales") for _ in range(3))

    world.caller_hangs_up(second)

    assert world.line("sales") == [first, third]
    assert world.place_of(third) == 2


def test_each_queue_has_a_line_of_its_own() -> None:
    world = World().with_queue("sales").with_queue("support")
    sales, support = world.caller_joins("sales"), world.caller_joins("support")

    assert (world.line("sales"), world.line("support")) == ([sales], [support])
