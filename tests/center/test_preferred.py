"""The preferred agent, those who have turned a caller down, and the order of a line that is not strict."""

from __future__ import annotations

import pytest

from acd.center import Refused
from acd.center.facts import HoldEnded, OfferMade, RequestReprioritized
from acd.center.inputs import SetPriority
from acd.center.model import AgentName, QueueName, RequestId

from .worlds import START, World, one_queue

ALICE, BOB = AgentName("alice"), AgentName("bob")


def _busy_alice() -> World:
    world = one_queue("alice", "bob", preferred_agent_seconds=20, wrap_up_seconds=0)
    world.pauses("bob")
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.makes_himself_available("bob")
    return world


def test_a_caller_goes_to_his_preferred_agent_first() -> None:
    world = one_queue("alice", "bob")

    request = world.caller_joins("sales", preferred_agent=BOB)

    assert world.ringing == {"bob": request}


def test_he_waits_for_him_although_others_are_free_and_sees_until_when() -> None:
    world = _busy_alice()

    request = world.caller_joins("sales", preferred_agent=ALICE)

    assert world.ringing == {}
    assert (world.request(request).held_for, world.request(request).held_until) == ("alice", START + 20)
    world.hangs_up("alice")
    assert world.ringing == {"alice": request}


def test_then_anyone_may_have_him() -> None:
    world = _busy_alice()
    request = world.caller_joins("sales", preferred_agent=ALICE)
    world.time_passes(19.9)
    assert world.ringing == {}

    world.time_passes(0.1)

    assert world.last(HoldEnded) == HoldEnded(at=world.now, request=request, queue=QueueName("sales"))
    assert world.ringing == {"bob": request}


def test_who_talks_with_him_waits_for_him_no_more_and_nothing_ends_then() -> None:
    world = one_queue("alice", "bob", preferred_agent_seconds=20)
    request = world.caller_joins("sales", preferred_agent=ALICE)
    world.takes_the_call("alice")

    world.time_passes(60)

    assert world.request(request).state == "ongoing"
    assert world.told(HoldEnded) == []


def test_two_who_wait_for_the_same_agent_have_him_one_after_the_other() -> None:
    world = _busy_alice()
    first = world.caller_joins("sales", preferred_agent=ALICE)
    second = world.caller_joins("sales", preferred_agent=ALICE)

    world.hangs_up("alice")
    assert world.ringing == {"alice": first}
    world.takes_the_call("alice")
    world.hangs_up("alice")

    assert world.ringing == {"alice": second}


def test_who_waits_for_somebody_stands_in_nobody_s_way() -> None:
    world = _busy_alice()
    world.caller_joins("sales", preferred_agent=ALICE)

    second = world.caller_joins("sales")

    assert world.ringing == {"bob": second}


@pytest.mark.parametrize("preferred", ["logged-out", "nobody", "support-only"])
def test_who_is_not_there_is_not_waited_for(preferred: str) -> None:
    world = one_queue("alice", "logged-out").with_queue("support").with_agents("support-only", support=1)
    world.logs_out("logged-out")

    request = world.caller_joins("sales", preferred_agent=AgentName(preferred))

    assert world.ringing == {"alice": request}


def test_who_logs_out_is_waited_for_no_more() -> None:
    world = _busy_alice()
    request = world.caller_joins("sales", preferred_agent=ALICE)
    world.logs_out("alice")
    assert world.ringing == {}

    world.hangs_up("alice")

    assert world.state_of("alice") == "logged_out"
    assert world.ringing == {"bob": request}


@pytest.mark.parametrize("turns_down", [World.rejects, World.is_unreachable, lambda world, who: world.time_passes(20)])
def test_who_turns_him_down_is_waited_for_no_more(turns_down) -> None:  # type: ignore[no-untyped-def]
    world = one_queue("alice", "bob", preferred_agent_seconds=300, ring_seconds=20)
    request = world.caller_joins("sales", preferred_agent=ALICE)

    turns_down(world, "alice")

    assert world.offered_to(request) == ["alice", "bob"]
    assert len(world.told(HoldEnded)) == 1


def test_of_who_waits_for_nobody_it_is_not_told_that_he_waits_for_somebody_no_more() -> None:
    world = one_queue("alice", "bob")
    request = world.caller_joins("sales")
    world.rejects("alice")
    world.rejects("bob")
    world.with_queue("sales", ring_seconds=3)

    assert world.line("sales") == [request]
    assert world.told(HoldEnded) == []


def test_a_preferred_agent_who_leaves_the_queue_is_waited_for_no_more() -> None:
    world = _busy_alice()
    request = world.caller_joins("sales", preferred_agent=ALICE)

    world.without_agent("alice")

    assert world.ringing == {"bob": request}


def test_nobody_is_held_longer_because_a_phone_rang_for_him() -> None:
    world = one_queue("alice", "bob", preferred_agent_seconds=10, ring_seconds=20)
    request = world.caller_joins("sales", preferred_agent=ALICE)
    world.time_passes(15)
    world.bridge_fails("alice")
    assert world.ringing == {"alice": request}

    world.rejects("alice")

    assert world.ringing == {"bob": request}


# ---- Those who have turned a caller down


def test_who_missed_a_caller_is_not_offered_him_again_while_another_is_free() -> None:
    world = one_queue("alice", "bob", ring_seconds=5).with_offer_rules(no_answer_seconds=1)
    world.pauses("bob")
    request = world.caller_joins("sales")
    world.time_passes(5)
    world.hangs_up("alice")
    world.makes_himself_available("bob")
    assert world.ringing == {"bob": request}
    world.time_passes(5)
    world.hangs_up("bob")

    assert world.offered_to(request) == ["alice", "bob", "alice"]


def test_who_missed_a_caller_may_have_him_when_nobody_else_is_free() -> None:
    world = one_queue(ring_seconds=5).with_offer_rules(no_answer_seconds=1)
    request = world.caller_joins("sales")
    world.time_passes(5)
    world.hangs_up("alice")

    world.time_passes(1)

    assert world.offered_to(request) == ["alice", "alice"]


def test_of_two_who_are_free_the_one_who_did_not_refuse_gets_him() -> None:
    world = one_queue("alice", "bob").with_offer_rules(rejected_seconds=1)
    world.pauses("bob")
    request = world.caller_joins("sales")
    world.rejects("alice")
    world.link_is_lost()
    world.time_passes(1)
    world.makes_himself_available("bob")

    world.link_is_back()

    assert world.ringing == {"bob": request}


# ---- Priority, changed by hand


def test_a_priority_that_is_changed_moves_the_caller() -> None:
    world = World().with_queue("sales")
    first, second = world.caller_joins("sales"), world.caller_joins("sales")

    world.is_given_priority(second, 1)

    assert world.line("sales") == [second, first]
    assert world.last(RequestReprioritized).was == 50
    world.with_agents("alice", sales=1)
    assert world.ringing == {"alice": second}


def test_the_same_priority_is_no_news() -> None:
    world = World().with_queue("sales")
    request = world.caller_joins("sales")
    world.is_given_priority(request, 50)

    assert world.told(RequestReprioritized) == []


def test_who_talks_has_no_priority_any_more() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.takes_the_call("alice")

    with pytest.raises(Refused, match="waits in no line"):
        world.is_given_priority(request, 1)


def test_a_request_that_is_not_there_has_no_priority() -> None:
    with pytest.raises(Refused, match="there is no live request '0000'"):
        World().tell(SetPriority(RequestId("0000"), 1))


def test_a_place_may_be_changed_while_the_phone_rings() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.is_given_priority(request, 1)
    world.rejects("alice")

    assert world.place_of(request) == 1


# ---- Head start


def test_a_priority_is_worth_seconds_of_waiting() -> None:
    world = World().with_queue("sales", order="head_start", head_start_seconds=10)
    patient = world.caller_joins("sales")
    world.time_passes(25)
    urgent = world.caller_joins("sales", priority=48)
    world.time_passes(1)
    more_urgent = world.caller_joins("sales", priority=47)

    assert world.line("sales") == [more_urgent, patient, urgent]


def test_nobody_starves() -> None:
    """The lowest priority is overtaken by the highest for 99 steps of waiting, and not for a moment longer."""
    world = World().with_queue("sales", order="head_start", head_start_seconds=10)
    lowest = world.caller_joins("sales", priority=100)
    world.time_passes(990 - 1)
    highest = world.caller_joins("sales", priority=1)
    assert world.line("sales") == [highest, lowest]
    world.caller_hangs_up(highest)
    world.time_passes(2)

    later = world.caller_joins("sales", priority=1)

    assert world.line("sales") == [lowest, later]


def test_another_order_in_new_rules_moves_those_who_wait() -> None:
    world = World().with_queue("sales")
    patient = world.caller_joins("sales")
    world.time_passes(25)
    urgent = world.caller_joins("sales", priority=49)
    assert world.line("sales") == [urgent, patient]

    world.with_queue("sales", order="head_start", head_start_seconds=10)

    assert world.line("sales") == [patient, urgent]
    world.with_agents("alice", sales=1)
    assert world.last(OfferMade).request == patient
