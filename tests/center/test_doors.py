"""Doors: who is let in, who may stay, and where those go who are not or may not."""

from __future__ import annotations

from typing import Any

import pytest

from acd.center import Refused
from acd.center.facts import CallerReleased, QueueDrained, RequestEnded, RequestMoved, RequestQueued
from acd.center.folding import requests
from acd.center.model import AgentName, EasingStep, KnownCaller, Presence, QueueName, WayOut

from .worlds import START, World, one_queue


def _leads(**ways: str) -> dict[str, WayOut]:
    """`_leads(FULL="support")`; what begins with `@` is a context of the dialplan."""
    return {
        status: WayOut(context=name[1:]) if name.startswith("@") else WayOut(queue=QueueName(name))
        for status, name in ways.items()
    }


def _two_queues(**rules: Any) -> World:
    return World().with_queue("support").with_queue("sales", **rules)


def _sent_on_with(world: World, status: str) -> bool:
    released = world.told(CallerReleased)
    return len(released) == 1 and released[0].status == status and released[0].refused


# ---- Full


def test_a_full_queue_takes_nobody_in() -> None:
    world = _two_queues(max_waiting=2)
    for _ in range(2):
        world.caller_joins("sales")

    assert world.caller_joins("sales") == ""
    assert _sent_on_with(world, "FULL")
    assert world.queue("sales").entered == 2


def test_those_who_talk_do_not_fill_a_queue() -> None:
    world = one_queue(max_waiting=1)
    world.caller_joins("sales")
    world.takes_the_call("alice")

    assert world.caller_joins("sales")


def test_who_is_offered_still_fills_his_place() -> None:
    world = one_queue(max_waiting=1)
    world.caller_joins("sales")

    assert not world.caller_joins("sales")


def test_a_full_queue_may_lead_to_another() -> None:
    world = _two_queues(max_waiting=1, ways_out=_leads(FULL="support"))
    world.caller_joins("sales")

    second = world.caller_joins("sales")

    assert world.line("support") == [second]
    assert world.last(RequestQueued).came_to == "sales"
    assert world.told(CallerReleased) == []


def test_a_way_that_leads_round_in_a_circle_ends() -> None:
    world = World().with_queue("support", max_waiting=0, ways_out=_leads(FULL="sales"))
    world.with_queue("sales", max_waiting=0, ways_out=_leads(FULL="support"))

    assert not world.caller_joins("sales")
    assert _sent_on_with(world, "FULL")


def test_a_way_may_lead_into_the_dialplan() -> None:
    world = _two_queues(max_waiting=0, ways_out=_leads(FULL="@evening"))
    world.caller_joins("sales")

    assert world.last(CallerReleased).context == "evening"


# ---- Nobody there


@pytest.mark.parametrize(
    ("needs", "states", "is_let_in"),
    [
        ("nobody", [], True),
        ("logged_in", ["logged_out"], False),
        ("logged_in", ["paused"], True),
        ("ready", ["paused"], False),
        ("ready", ["connected"], True),
        ("available", ["connected", "paused"], False),
        ("available", ["connected", "available"], True),
    ],
)
def test_a_queue_takes_callers_in_if_those_are_there_whom_it_needs(
    needs: str, states: list[str], is_let_in: bool
) -> None:
    world = World().with_queue("sales")
    for n, state in enumerate(states):
        agent = f"agent-{n}"
        world.with_agents(agent, sales=1)
        if state == "connected":
            world.caller_joins("sales")
            world.takes_the_call(agent)
        elif state == "paused":
            world.pauses(agent)
        elif state == "logged_out":
            world.logs_out(agent)
    world.with_queue("sales", join_needs=Presence(needs))

    assert bool(world.caller_joins("sales")) == is_let_in
    assert is_let_in or _sent_on_with(world, "EMPTY")


def test_when_the_last_one_logs_out_those_who_wait_leave() -> None:
    world = one_queue("alice", "bob", stay_needs=Presence.LOGGED_IN)
    world.pauses("alice")
    world.pauses("bob")
    waits = world.caller_joins("sales")
    world.logs_out("alice")
    assert world.line("sales") == [waits]

    world.logs_out("bob")

    assert world.ending_of(waits).outcome == "empty"
    assert world.last(CallerReleased).status == "EMPTY"


def test_or_go_to_another_queue_with_their_moment_of_entry() -> None:
    world = _two_queues(stay_needs=Presence.LOGGED_IN, ways_out=_leads(EMPTY="support")).with_agents("alice", sales=1)
    world.pauses("alice")
    waits = world.caller_joins("sales", priority=7)
    world.time_passes(30)
    other = world.caller_joins("support", priority=7)

    world.logs_out("alice")

    assert world.line("support") == [waits, other]
    assert (world.request(waits).entered_at, world.request(waits).queue) == (START, "support")
    assert world.last(RequestMoved).waited_seconds == 30
    assert world.queue("sales").ended == {"overflowed": 1}
    assert world.queue("support").entered == 2


@pytest.mark.parametrize("after_seconds", [20, 30, 50])
def test_who_goes_to_a_queue_that_eases_what_he_needs_has_it_eased_by_all_that_he_has_waited(
    after_seconds: float,
) -> None:
    world = World().with_queue("support", easing=(EasingStep(after_seconds=after_seconds, level=0),))
    world.with_queue("sales", max_wait_seconds=30, ways_out=_leads(TIMEOUT="support")).with_agents("bob", support=1)
    request = world.needing_caller_joins("sales", french=1)
    world.time_passes(max(after_seconds, 30) - 1)
    assert world.ringing == {}

    world.time_passes(1)

    assert world.ringing == {"bob": request}


def test_two_queues_that_nobody_attends_do_not_throw_a_caller_to_and_fro() -> None:
    world = World().with_queue("support", stay_needs=Presence.LOGGED_IN, ways_out=_leads(EMPTY="sales"))
    world.with_queue("sales", stay_needs=Presence.LOGGED_IN, ways_out=_leads(EMPTY="support"))
    world.with_agents("alice", sales=1, support=1)
    world.pauses("alice")
    waits = world.caller_joins("sales")

    world.logs_out("alice")

    assert len(world.told(RequestMoved, request=waits)) == 1


def test_whose_phone_rings_for_somebody_is_not_led_out_before_it_stops() -> None:
    world = one_queue(stay_needs=Presence.READY)
    request = world.caller_joins("sales")
    world.pauses("alice")
    assert world.ringing == {"alice": request}

    world.rejects("alice")
    world.time_passes(30)

    assert world.ending_of(request).outcome == "empty"


# ---- Time


def test_who_has_waited_long_enough_may_go_on_waiting_elsewhere() -> None:
    world = World().with_queue("support", max_wait_seconds=60)
    world.with_queue("sales", max_wait_seconds=30, ways_out=_leads(TIMEOUT="support"))
    request = world.caller_joins("sales")

    world.time_passes(30)
    assert world.line("support") == [request]

    world.time_passes(60)
    assert (world.ending_of(request).outcome, world.ending_of(request).queue) == ("timeout", "support")
    assert world.ending_of(request).waited_seconds == 90


def test_an_agent_of_the_other_queue_takes_him_at_once() -> None:
    world = _two_queues(max_wait_seconds=30, ways_out=_leads(TIMEOUT="support")).with_agents("bob", support=1)
    request = world.caller_joins("sales")

    world.time_passes(30)

    assert world.ringing == {"bob": request}


def test_and_so_does_he_whose_time_was_up_while_a_phone_rang_for_him_in_vain() -> None:
    world = _two_queues(max_wait_seconds=10, ring_seconds=20, ways_out=_leads(TIMEOUT="support"))
    world.with_agents("alice", sales=1).with_agents("bob", support=1)
    request = world.caller_joins("sales")

    world.time_passes(20)

    assert world.ringing == {"bob": request}
    assert world.told(RequestEnded) == []


def test_whom_he_waited_for_here_he_does_not_wait_for_elsewhere() -> None:
    world = _two_queues(max_wait_seconds=30, ways_out=_leads(TIMEOUT="support"), preferred_agent_seconds=600)
    world.with_agents("alice", sales=1).with_agents("bob", support=1)
    world.pauses("alice")
    request = world.caller_joins("sales", preferred_agent=AgentName("alice"))

    world.time_passes(30)

    assert world.ringing == {"bob": request}
    assert (world.request(request).held_for, world.request(request).held_until) == (None, None)


def test_a_way_into_a_queue_that_is_full_is_none() -> None:
    world = World().with_queue("support", max_waiting=0)
    world.with_queue("sales", max_wait_seconds=30, ways_out=_leads(TIMEOUT="support"))
    request = world.caller_joins("sales")

    world.time_passes(30)

    assert world.ending_of(request).outcome == "timeout"


# ---- Hours


def test_outside_its_hours_a_queue_takes_nobody_in() -> None:
    world = _two_queues(calendar="office")
    world.calendar_turns("office", is_open=False)

    assert not world.caller_joins("sales")
    assert _sent_on_with(world, "CLOSED")
    world.calendar_turns("office", is_open=True)
    assert world.caller_joins("sales")


def test_at_the_closing_hour_those_who_wait_are_served() -> None:
    world = _two_queues(calendar="office")
    request = world.caller_joins("sales")
    world.calendar_turns("office", is_open=False)

    world.with_agents("alice", sales=1)

    assert world.ringing == {"alice": request}


def test_or_leave_if_the_queue_says_so() -> None:
    world = _two_queues(calendar="office", leave_when_closed=True)
    request = world.caller_joins("sales")

    world.calendar_turns("office", is_open=False)

    assert world.ending_of(request).outcome == "closed"
    assert world.last(CallerReleased).status == "CLOSED"


def test_a_calendar_of_which_nothing_is_known_yet_closes_nothing() -> None:
    assert _two_queues(calendar="office").caller_joins("sales")


def test_a_new_start_remembers_the_hour() -> None:
    world = _two_queues(calendar="office")
    world.calendar_turns("office", is_open=False)
    world.daemon_restarts()

    assert not world.caller_joins("sales")


# ---- Draining


def test_a_drained_queue_takes_nobody_in_and_finishes_those_it_has() -> None:
    world = World().with_queue("sales")
    waits = world.caller_joins("sales")

    world.is_drained("sales")

    assert not world.caller_joins("sales")
    assert _sent_on_with(world, "CLOSED")
    world.with_agents("alice", sales=1)
    assert world.ringing == {"alice": waits}


def test_the_other_queues_stay_open() -> None:
    world = _two_queues()

    world.is_drained("sales")

    assert world.caller_joins("support")


def test_a_queue_that_is_drained_already_is_no_news() -> None:
    world = _two_queues()
    world.is_drained("sales")

    world.is_drained("sales")
    world.is_drained("support", drain=False)
    world.is_drained(None)

    assert [drained.queue for drained in world.told(QueueDrained)] == ["sales", "support"]


def test_the_whole_site_is_drained_and_opened_again() -> None:
    world = _two_queues()
    world.is_drained(None)
    assert not world.caller_joins("sales")
    assert not world.caller_joins("support")

    world.is_drained(None, drain=False)

    assert world.caller_joins("sales")


def test_a_queue_that_is_not_there_cannot_be_drained() -> None:
    with pytest.raises(Refused, match="there is no queue 'slaes'"):
        World().is_drained("slaes")


# ---- During an outage


def test_who_is_found_waiting_is_not_sent_away_for_what_is_so_by_now() -> None:
    world = _two_queues(max_waiting=0)

    assert world.caller_joins("sales", joined_at=START - 60)


def test_who_is_to_leave_while_nobody_steers_leaves_when_somebody_does() -> None:
    world = one_queue(stay_needs=Presence.LOGGED_IN)
    world.pauses("alice")
    request = world.caller_joins("sales")
    world.link_is_lost()
    world.logs_out("alice")
    assert world.line("sales") == [request]

    world.link_is_back()

    assert world.ending_of(request).outcome == "empty"


# ---- Who calls again, and who is known


def test_who_hung_up_a_moment_ago_has_his_old_place_back() -> None:
    world = _two_queues(redial_seconds=60)
    gone = world.caller_joins("sales", number="0612345678")
    world.time_passes(30)
    other = world.caller_joins("sales")
    world.caller_hangs_up(gone)
    world.time_passes(60)

    again = world.caller_joins("sales", number="0612345678")

    assert world.line("sales") == [again, other]
    world.caller_hangs_up(again)
    world.time_passes(61)
    too_late = world.caller_joins("sales", number="0612345678")
    assert world.line("sales") == [other, too_late]


def test_of_too_many_numbers_those_who_called_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "NUMBERS_KEPT", 2)
    world = one_queue(redial_seconds=600, last_agent_days=1, wrap_up_seconds=0)
    for number in ("1", "2", "1", "3"):
        talk = world.caller_joins("sales", number=number)
        world.takes_the_call("alice")
        world.caller_hangs_up(talk)
        world.hangs_up("alice")

    assert list(world.center.state.last_agents) == ["1", "3"]


def test_who_was_served_or_hides_his_number_has_no_old_place() -> None:
    world = one_queue(redial_seconds=60)
    talk = world.caller_joins("sales", number="0612345678")
    world.takes_the_call("alice")
    world.caller_hangs_up(talk)
    hidden = world.caller_joins("sales", number="")
    world.caller_hangs_up(hidden)
    world.time_passes(10)

    assert world.request(world.caller_joins("sales", number="0612345678")).entered_at == START + 10
    assert world.request(world.caller_joins("sales", number="")).entered_at == START + 10


def test_where_the_queue_gives_no_place_back_he_is_a_newcomer_however_soon_he_calls_again() -> None:
    world = _two_queues()
    gone = world.caller_joins("sales", number="0612345678")
    world.time_passes(30)
    world.caller_hangs_up(gone)

    assert world.request(world.caller_joins("sales", number="0612345678")).entered_at == START + 30


def test_an_old_place_is_given_back_once() -> None:
    world = one_queue(redial_seconds=600)
    world.pauses("alice")
    world.caller_hangs_up(world.caller_joins("sales", number="0612345678"))
    world.time_passes(10)
    again = world.caller_joins("sales", number="0612345678")
    assert world.request(again).entered_at == START
    world.makes_himself_available("alice")
    world.takes_the_call("alice")
    world.caller_hangs_up(again)

    assert world.request(world.caller_joins("sales", number="0612345678")).entered_at == START + 10


def test_an_old_place_does_not_make_him_leave_at_once() -> None:
    world = _two_queues(redial_seconds=60, max_wait_seconds=30)
    gone = world.caller_joins("sales", number="1")
    world.time_passes(20)
    world.caller_hangs_up(gone)
    world.time_passes(20)

    again = world.caller_joins("sales", number="1")
    world.time_passes(29)

    assert world.line("sales") == [again]


def test_a_number_that_is_known_has_its_priority_and_its_agent() -> None:
    world = one_queue("alice", "bob").loads(callers={"1": KnownCaller(priority=3, agent=AgentName("bob"))})

    vip = world.caller_joins("sales", number="1")

    assert world.request(vip).priority == 3
    assert world.ringing == {"bob": vip}


def test_the_dialplan_s_word_goes_before_the_list() -> None:
    world = one_queue("alice", "bob").loads(callers={"1": KnownCaller(priority=3, agent=AgentName("bob"))})

    vip = world.caller_joins("sales", number="1", priority=9, preferred_agent=AgentName("alice"))

    assert world.request(vip).priority == 9
    assert world.ringing == {"alice": vip}


def test_who_talked_with_it_in_a_queue_that_remembers_nobody_is_not() -> None:
    world = (
        _two_queues(last_agent_days=2, wrap_up_seconds=0).with_agents("alice", sales=1).with_agents("bob", support=1)
    )
    world.with_agents("alice", sales=1, support=2)
    for queue, agent in (("sales", "alice"), ("support", "bob")):
        talk = world.caller_joins(queue, number="1")
        leg = world.offer_to(agent)
        world.takes_the_call(agent)
        world.caller_hangs_up(talk)
        world.hangs_up(leg)

    assert world.request(world.caller_joins("support", number="1")).held_for is None
    assert world.request(world.caller_joins("sales", number="1")).held_for == "alice"


def test_who_talked_with_a_number_last_is_its_preferred_agent_for_some_days() -> None:
    world = one_queue("alice", "bob", last_agent_days=2, wrap_up_seconds=0)
    world.pauses("alice")
    talk = world.caller_joins("sales", number="1")
    leg = world.offer_to("bob")
    world.takes_the_call("bob")
    world.caller_hangs_up(talk)
    world.hangs_up(leg)
    world.makes_himself_available("alice")
    world.time_passes(2 * 86_400)

    again = world.caller_joins("sales", number="1")
    assert world.ringing == {"bob": again}

    world.caller_hangs_up(again)
    world.hangs_up(world.offer_to("bob"))
    world.time_passes(1)
    assert world.request(world.caller_joins("sales", number="1")).held_for is None
