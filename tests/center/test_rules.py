"""New rules while callers wait, phones ring and people talk: nobody is lost, and nothing is decided twice."""

from __future__ import annotations

import pytest

from acd.center import inputs
from acd.center.facts import CallerReleased, OfferMade, PhoneTaken, RequestEnded, RulesChanged
from acd.center.reach import Device, Forward, Trunk

from .worlds import MAIN, START, World, one_queue


def test_the_same_rules_again_are_no_news() -> None:
    world = one_queue()
    facts = len(world.facts)

    world.loads()

    assert len(world.facts) == facts


# ---- Queues


def test_a_queue_that_is_added_takes_callers_at_once() -> None:
    world = one_queue().with_queue("support")

    request = world.caller_joins("support")

    assert world.line("support") == [request]


def test_the_rules_of_a_queue_that_change_keep_its_line_and_its_counts() -> None:
    world = World().with_queue("sales")
    request = world.caller_joins("sales")

    world.with_queue("sales", ring_seconds=3).with_agents("alice", sales=1)

    assert world.line("sales") == [request]
    assert world.queue("sales").entered == 1
    assert world.last(OfferMade).ring_seconds == 3


def test_a_phone_that_rings_rings_for_as_long_as_was_said_when_it_began() -> None:
    world = one_queue(ring_seconds=20)
    request = world.caller_joins("sales")
    world.with_queue("sales", ring_seconds=3)
    world.time_passes(19)

    assert world.ringing == {"alice": request}


def test_a_queue_that_is_taken_away_takes_nobody_in() -> None:
    world = one_queue()
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.without_queue("sales")

    world.caller_joins("sales")

    assert world.last(CallerReleased).status == "UNKNOWNQUEUE"


def test_a_talk_from_a_queue_that_is_taken_away_ends_as_any_other() -> None:
    world = one_queue(wrap_up_seconds=7)
    request = world.caller_joins("sales")
    world.takes_the_call("alice")
    world.without_queue("sales")

    world.hangs_up("alice")

    assert world.ending_of(request).outcome == "answered"
    assert (world.state_of("alice"), world.seconds_left("alice")) == ("wrap_up", 7)


def test_the_wrap_up_goes_by_a_queue_that_is_taken_away_twice() -> None:
    world = one_queue(wrap_up_seconds=7).with_queue("support")
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.without_queue("sales").with_queue("support", ring_seconds=3)

    world.hangs_up("alice")

    assert world.seconds_left("alice") == 7


def test_callers_of_a_queue_that_is_taken_away_go_on_in_their_dialplan() -> None:
    """No agent can serve it any more: without this they would wait for ever."""
    world = World().with_queue("sales")
    request = world.caller_joins("sales")

    world.without_queue("sales")

    assert world.last(CallerReleased).channel == "caller-1"
    assert len(world.told(RequestEnded, request=request)) == 1


def test_a_caller_whose_phone_rings_when_his_queue_is_taken_away_is_still_connected() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.without_queue("sales")

    world.takes_the_call("alice")

    assert world.agent("alice").request == request
    assert world.state_of("alice") == "connected"


def test_a_caller_whose_queue_is_taken_away_while_a_phone_rings_in_vain_goes_on_in_his_dialplan() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.without_queue("sales")

    world.rejects("alice")

    assert world.last(CallerReleased).channel == "caller-1"
    assert len(world.told(RequestEnded, request=request)) == 1


def test_a_queue_that_nobody_uses_any_more_is_forgotten_at_the_next_change() -> None:
    world = one_queue()
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.without_queue("sales")
    assert "sales" in world.center.state.queues
    world.hangs_up("alice")

    world.with_queue("support")

    assert set(world.center.state.queues) == {"support"}


def test_a_queue_that_comes_back_in_time_is_the_same_one() -> None:
    world = one_queue()
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.without_queue("sales").with_queue("sales")

    request = world.caller_joins("sales")

    assert world.line("sales") == [request]
    assert world.queue("sales").entered == 2


# ---- Agents


def test_an_agent_who_is_added_begins_logged_out() -> None:
    world = one_queue("alice")
    rules = world.rules

    world.without_agent("alice").loads(agents=rules.agents)

    assert world.state_of("alice") == "logged_out"


def test_an_agent_who_gets_another_queue_is_offered_its_callers_at_once() -> None:
    world = one_queue().with_queue("support")
    request = world.caller_joins("support")
    world.time_passes(30)

    world.with_agents("alice", sales=1, support=1)

    assert world.ringing == {"alice": request}
    assert world.last(OfferMade).ready_at == START + 30


def test_an_agent_whose_queue_is_taken_from_him_is_not_offered_its_callers() -> None:
    world = one_queue().with_queue("support")
    world.with_agents("alice", support=1)

    world.caller_joins("sales")

    assert world.ringing == {}


def test_a_new_priority_counts_for_the_next_call() -> None:
    world = one_queue("alice", "bob")
    world.with_agents("alice", sales=9)

    request = world.caller_joins("sales")

    assert world.ringing == {"bob": request}


def test_a_new_device_rings_with_the_next_call() -> None:
    world = one_queue()
    desk = Device(kind="desk", dial="PJSIP/alice-2")
    (alice,) = world.rules.agents
    world.loads(agents=(type(alice)(name=alice.name, queues=alice.queues, devices=(desk,)),))

    world.caller_joins("sales")

    assert world.last(OfferMade).device == desk


def test_rules_that_change_leave_the_agents_order_of_idleness() -> None:
    world = one_queue("zoe")
    world.time_passes(10)
    world.with_agents("alice", sales=1)

    request = world.caller_joins("sales")

    assert world.ringing == {"zoe": request}


@pytest.mark.parametrize("state", ["available", "wrap_up", "paused", "logged_out"])
def test_an_agent_who_is_removed_is_forgotten_at_once(state: str) -> None:
    world = one_queue(wrap_up_seconds=60)
    if state == "wrap_up":
        world.caller_joins("sales")
        world.takes_the_call("alice")
        world.hangs_up("alice")
    elif state == "paused":
        world.pauses("alice")
    elif state == "logged_out":
        world.logs_out("alice")
    assert world.state_of("alice") == state

    world.without_agent("alice")
    world.caller_joins("sales")
    world.time_passes(3600)

    assert world.center.state.agents == {}
    assert world.ringing == {}


def test_an_agent_who_is_removed_while_his_phone_rings_may_still_take_the_call() -> None:
    world = one_queue(wrap_up_seconds=5)
    request = world.caller_joins("sales")
    world.without_agent("alice")
    world.takes_the_call("alice")

    world.hangs_up("alice")

    assert world.ending_of(request).agent == "alice"
    assert world.center.state.agents == {}


def test_an_agent_who_is_removed_while_he_talks_is_forgotten_after_it() -> None:
    world = one_queue(wrap_up_seconds=5)
    request = world.caller_joins("sales")
    world.takes_the_call("alice")
    leg = world.offer_to("alice")
    world.without_agent("alice")
    world.caller_hangs_up(request)
    assert world.state_of("alice") == "wrap_up"

    world.hangs_up(leg)

    assert world.center.state.agents == {}


def test_an_agent_who_is_removed_while_his_phone_rings_in_vain_does_not_keep_the_caller() -> None:
    world = one_queue("alice", "bob")
    request = world.caller_joins("sales")
    world.without_agent("alice")

    world.rejects("alice")

    assert world.ringing == {"bob": request}
    assert set(world.center.state.agents) == {"bob"}


def test_an_agent_who_is_back_in_the_rules_before_his_talk_is_over_stays() -> None:
    world = one_queue(wrap_up_seconds=5)
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.without_agent("alice").with_agents("alice", sales=1)

    world.hangs_up("alice")
    world.time_passes(5)
    request = world.caller_joins("sales")

    assert world.ringing == {"alice": request}


def test_an_agent_who_is_moved_while_he_talks_serves_his_new_queue_after_it() -> None:
    world = one_queue(wrap_up_seconds=5).with_queue("support")
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.with_agents("alice", support=1)
    request = world.caller_joins("support")
    world.caller_joins("sales")

    world.hangs_up("alice")
    world.time_passes(5)

    assert world.ringing == {"alice": request}


def test_new_rules_are_one_fact_with_all_of_them() -> None:
    world = one_queue()

    assert world.last(RulesChanged).rules == world.rules


def test_new_rules_leave_no_lane_of_the_old_ones_behind() -> None:
    """A caller who is told of in a lane that is no more would be offered twice, or after his end."""
    world = one_queue("alice", strategy="ring_all")
    gone = world.caller_joins("sales")
    world.link_is_lost()
    world.loads(agents=())
    world.with_queue("sales", strategy="priority")
    world.daemon_restarts()
    world.link_is_back(gone=["caller-1"])
    world.with_agents("bob", sales=1)

    assert world.ending_of(gone).outcome == "abandoned"
    assert world.ringing == {}
    assert all(lane in set(world.queue("sales").all_lanes()) for lane in world.center.state.touched)


def test_who_could_not_be_rung_under_the_old_rules_is_not_offered_one_who_is_gone_after_a_new_start() -> None:
    world = one_queue("alice", "bob").with_mobiles("alice", "bob", forward=Forward.MOBILE)
    world.loads(trunks={MAIN: Trunk(1)})
    world.caller_joins("sales")
    gone = world.caller_joins("sales")
    world.with_queue("sales", ring_seconds=30)
    world.caller_hangs_up(gone)

    world.daemon_restarts()

    assert list(world.ringing) == ["alice"]
    assert world.offered_to(gone) == []


# ---- What is left of them


def test_the_phone_of_an_agent_who_was_taken_away_may_be_used() -> None:
    world = one_queue("alice", "bob").without_agent("alice")

    world.phone_is_taken_up("alice")

    assert world.told(PhoneTaken) == []


def test_the_same_day_does_not_begin_twice() -> None:
    world = one_queue("alice")
    world.tell(inputs.DayBegan("2026-11-24"))
    world.caller_joins("sales")
    world.takes_the_call("alice")

    assert world.tell(inputs.DayBegan("2026-11-24")) == []

    assert world.agent("alice").taken_today == 1
