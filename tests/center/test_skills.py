"""Skills: who can serve whom, and how a request comes to need less."""

from __future__ import annotations

from acd.center.facts import RequestEased
from acd.center.folding.lanes import LANES_KEPT
from acd.center.model import EasingStep, Need, QueueName

from .worlds import START, World

EASING = (EasingStep(30, level=2), EasingStep(60, level=0))


def _office() -> World:
    world = World().with_queue("sales", easing=EASING)
    world.with_agents("alice", sales=1).with_agents("bob", sales=2, skills={"french": 2, "billing": 1})
    return world.with_agents("claire", sales=3, skills={"french": 3})


def test_a_request_goes_to_who_has_the_skill_whatever_the_others_priorities() -> None:
    world = _office()

    request = world.needing_caller_joins("sales", french=2)

    assert world.ringing == {"bob": request}


def test_a_level_that_is_too_low_is_not_enough() -> None:
    world = _office()

    request = world.needing_caller_joins("sales", french=3)

    assert world.ringing == {"claire": request}


def test_all_needed_skills_are_needed() -> None:
    world = _office()

    request = world.needing_caller_joins("sales", billing=1, french=1)
    other = world.needing_caller_joins("sales", billing=1, german=1)

    assert world.ringing == {"bob": request}
    assert world.place_of(other) == 2


def test_who_cannot_be_served_now_stands_in_nobody_s_way() -> None:
    world = _office()
    world.needing_caller_joins("sales", german=1)

    second = world.caller_joins("sales")

    assert world.ringing == {"alice": second}


def test_after_a_while_a_lower_level_is_enough() -> None:
    world = _office()
    world.pauses("claire")
    request = world.needing_caller_joins("sales", french=3)
    world.time_passes(29.9)
    assert world.ringing == {}

    world.time_passes(0.1)

    assert world.ringing == {"bob": request}
    assert world.last(RequestEased) == RequestEased(
        at=START + 30, request=request, needs=(Need("french", 2),), ease_at=START + 60, queue=QueueName("sales")
    )


def test_in_the_end_no_skill_is_needed() -> None:
    world = _office()
    request = world.needing_caller_joins("sales", german=2)
    world.time_passes(59)
    assert world.ringing == {}

    world.time_passes(1)

    assert world.ringing == {"alice": request}
    assert world.last(RequestEased).ease_at is None


def test_a_step_that_changes_nothing_is_passed_over() -> None:
    world = _office()
    world.needing_caller_joins("sales", german=1)

    world.time_passes(60)

    assert [fact.at for fact in world.told(RequestEased)] == [START + 60]


def test_who_talks_needs_what_he_needed() -> None:
    world = _office()
    request = world.needing_caller_joins("sales", french=3)
    world.takes_the_call("claire")

    world.time_passes(100)

    assert world.told(RequestEased) == []
    assert world.request(request).needs == (Need("french", 3),)


def test_the_place_is_kept_through_all_easing() -> None:
    world = _office()
    for agent in ("alice", "bob", "claire"):
        world.pauses(agent)
    first = world.needing_caller_joins("sales", german=2)
    world.time_passes(1)
    second = world.caller_joins("sales")
    world.time_passes(100)
    assert world.line("sales") == [first, second]

    world.makes_himself_available("alice")

    assert world.ringing == {"alice": first}


def test_the_first_whom_he_can_serve_is_next_for_an_agent() -> None:
    world = World().with_queue("sales")
    needing = world.needing_caller_joins("sales", french=1)
    world.time_passes(1)
    world.caller_joins("sales")

    world.with_agents("bob", sales=1, skills={"french": 1})

    assert world.ringing == {"bob": needing}


def test_what_nobody_needs_any_more_is_forgotten_where_it_has_been_much() -> None:
    world = World().with_queue("sales")
    for number in range(100):
        world.caller_hangs_up(world.needing_caller_joins("sales", **{f"product_{number}": 1}))
    here, gone = (world.needing_caller_joins("sales", product_99=1) for _ in range(2))
    world.caller_hangs_up(gone)

    assert len(world.queue("sales").lanes) <= LANES_KEPT + 1
    world.with_agents("alice", sales=1, skills={"product_99": 1})
    assert world.ringing == {"alice": here}


def test_a_skill_that_is_learned_counts_at_once() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    request = world.needing_caller_joins("sales", french=1)
    assert world.ringing == {}

    world.with_agents("alice", sales=1, skills={"french": 1})

    assert world.ringing == {"alice": request}
