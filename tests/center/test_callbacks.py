"""The caller's side of callbacks: a message instead of waiting, at the place that he has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from acd.center import Refused, inputs
from acd.center.facts import (
    AnnouncementMade,
    CallbackOffered,
    CallbackPromised,
    CallbackRenewed,
    CallerAnswered,
    CallerAsked,
    CallerReleased,
    OfferMade,
    RequestEnded,
    RequestQueued,
)
from acd.center.inputs import Input
from acd.center.model import (
    AgentName,
    AnnounceRules,
    CallbackRules,
    Caller,
    ChannelId,
    EasingStep,
    Message,
    Need,
    PbxName,
    PromptRules,
    QueueName,
    RequestId,
    UnknownName,
    Verdict,
)

from .worlds import MAIN, START, World

NUMBER, OTHER = "+31201234567", "+31612345678"
SALES = QueueName("sales")


def callback_queue(*agents: str, easing: tuple[EasingStep, ...] = (), **rules: Any) -> World:
    """Agents who take callbacks, and an agent of another kind, `nora`, who is paused."""
    world = World().with_queue("sales", wrap_up_seconds=5, callbacks=CallbackRules(**rules), easing=easing)
    world.with_agents("nora", sales=1)
    world.pauses("nora")
    return world.with_agents(*agents or ("alice",), callbacks=True, sales=1)


def with_busy_agents(*agents: str, **rules: Any) -> World:
    world = callback_queue(*agents, **rules)
    for agent in agents or ("alice",):
        world.caller_joins("sales")
        world.takes_the_call(agent)
    return world


# ---- He is told that he may


def test_he_is_told_of_it_on_joining() -> None:
    world = with_busy_agents(offer_after_seconds=0, key="7")

    request = world.caller_joins("sales")
    world.time_passes(0)

    assert world.last(CallbackOffered, request=request).key == "7"


def test_or_after_a_while_and_once() -> None:
    world = with_busy_agents(offer_after_seconds=60)
    request = world.caller_joins("sales")

    world.time_passes(59)
    assert world.told(CallbackOffered, request=request) == []

    world.time_passes(600)
    assert [fact.at - START for fact in world.told(CallbackOffered, request=request)] == [60]


def test_or_when_he_is_thought_to_wait_for_long() -> None:
    world = with_busy_agents(offer_above_seconds=30)
    for _ in range(5):  # handling times of 60 s, as the queue learns them
        world.time_passes(55)
        world.hangs_up("alice")
        world.time_passes(5)
        world.caller_joins("sales")
        world.takes_the_call("alice")
    soon, late = world.caller_joins("sales"), world.caller_joins("sales")
    world.caller_joins("sales")

    world.time_passes(1)

    assert not world.told(CallbackOffered, request=soon) or world.told(CallbackOffered, request=late)
    assert world.told(CallbackOffered, request=late)


def test_but_not_while_nothing_is_known_of_his_wait() -> None:
    world = with_busy_agents(offer_above_seconds=0)

    world.caller_joins("sales")
    world.time_passes(120)

    assert world.told(CallbackOffered) == []


def test_both_at_once_and_the_moment_is_not_missed() -> None:
    world = with_busy_agents(offer_above_seconds=600, offer_after_seconds=45)
    request = world.caller_joins("sales")

    world.time_passes(100)

    assert [fact.at - START for fact in world.told(CallbackOffered, request=request)] == [45]


def test_nobody_is_told_in_a_queue_that_has_none() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    world.pauses("alice")
    request = world.caller_joins("sales")
    world.time_passes(3600)

    world.begins_a_message(request)

    assert world.told(CallbackOffered) == []
    assert not world.request(request).aside


def test_nor_if_it_has_none_any_more_when_his_moment_comes() -> None:
    world = with_busy_agents(offer_after_seconds=20)
    request = world.caller_joins("sales")
    world.with_queue("sales")

    world.time_passes(60)

    assert world.told(CallbackOffered) == []
    assert world.line("sales") == [request]


# ---- He leaves a message


def test_while_he_speaks_the_next_one_is_served_and_his_place_is_kept() -> None:
    world = with_busy_agents()
    first, second = world.caller_joins("sales"), world.caller_joins("sales")
    world.begins_a_message(first)

    world.hangs_up("alice")
    world.time_passes(5)

    assert world.ringing == {"alice": second}
    assert world.line("sales") == [first, second]


def test_whose_phone_rings_for_him_is_called_off() -> None:
    world = callback_queue()
    first = world.caller_joins("sales")
    assert world.ringing == {"alice": first}

    world.begins_a_message(first)

    assert world.ringing == {}
    world.hangs_up(world.last(OfferMade).offer)
    assert world.state_of("alice") == "available"


def test_whom_an_agent_has_picked_up_for_leaves_no_message() -> None:
    world = callback_queue()
    request = world.caller_joins("sales")
    world.answers("alice")
    world.accepts("alice")

    world.begins_a_message(request, NUMBER)

    world.is_bridged("alice")
    assert world.state_of("alice") == "connected"
    assert world.request(request).state == "ongoing"


def test_who_would_rather_wait_is_back_at_his_place() -> None:
    world = with_busy_agents()
    first, second = world.caller_joins("sales"), world.caller_joins("sales")
    world.begins_a_message(first)
    one = world.request(first)

    world.tell(inputs.MessageDropped(one.pbx, one.channel))
    world.hangs_up("alice")
    world.time_passes(5)

    assert world.ringing == {"alice": first}
    assert world.place_of(second) == 2


def test_nobody_is_timed_out_while_he_speaks() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales", max_wait_seconds=10)
    world.begins_a_message(request)

    world.time_passes(60)

    assert world.request(request).aside


def test_who_hangs_up_without_a_message_has_abandoned() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.begins_a_message(request)

    world.caller_hangs_up(request)

    assert world.ending_of(request).outcome == "abandoned"


def test_what_is_heard_twice_begins_no_second_message() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.begins_a_message(request, NUMBER)
    file = file_of(world, request)

    world.begins_a_message(request, OTHER)

    assert file_of(world, request) == file
    assert world.request(request).number == NUMBER


@pytest.mark.parametrize("channel", ["nobody", "caller-2"])
def test_who_has_begun_none_leaves_none(channel: str) -> None:
    """Neither one of whom nothing is known, nor one who waits."""
    world = with_busy_agents()
    request = world.caller_joins("sales")
    where = (MAIN, ChannelId(channel))

    for told in (
        inputs.NumberTyped(*where, NUMBER),
        inputs.MessageDropped(*where),
        inputs.MessageLeft(*where, seconds=5),
        inputs.MessageBegun(MAIN, ChannelId("nobody"), NUMBER),
    ):
        assert world.tell(told) == []

    assert (world.line("sales"), world.request(request).channel) == ([request], "caller-2")


def test_who_has_left_a_message_before_he_was_told_of_it_is_told_no_more() -> None:
    world = with_busy_agents(offer_after_seconds=60)
    request = world.caller_joins("sales")
    world.leaves_a_message(request)

    assert world.request(request).offer_at is None
    assert world.center.next_deadline() is None


def test_the_message_has_his_place() -> None:
    world = with_busy_agents()
    first, second, third = (world.caller_joins("sales") for _ in range(3))

    world.leaves_a_message(second, OTHER)

    assert world.line("sales") == [first, second, third]
    promised = world.last(CallbackPromised)
    assert (promised.request, promised.number, promised.message.seconds) == (second, OTHER, 7.5)
    assert world.request(second).kind == "callback"


def test_who_is_offered_it_is_told_what_to_listen_to() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.leaves_a_message(request)

    world.hangs_up("alice")
    world.time_passes(5)

    assert world.last(OfferMade, request=request).message == world.request(request).message is not None


def test_who_has_left_one_is_told_nothing_any_more() -> None:
    world = with_busy_agents()
    prompts = PromptRules(("one",), every_seconds=30)
    world.with_queue("sales", callbacks=CallbackRules(), prompts=prompts, announce=AnnounceRules(every_seconds=60))
    request = world.caller_joins("sales")
    world.leaves_a_message(request)

    world.time_passes(600)

    assert world.told(AnnouncementMade, request=request) == []


def test_where_all_phones_ring_nobody_s_rings_for_who_is_speaking() -> None:
    world = callback_queue("alice", "bob").with_queue("sales", strategy="ring_all", callbacks=CallbackRules())
    request = world.caller_joins("sales")
    legs = [world.offer_to(agent) for agent in ("alice", "bob")]
    world.begins_a_message(request)

    for leg in legs:
        world.hangs_up(leg)

    assert world.ringing == {}
    assert world.request(request).aside


def test_of_ten_callers_the_third_and_seventh_leave_messages_and_all_are_served_in_order() -> None:
    world = with_busy_agents()
    callers = [world.caller_joins("sales") for _ in range(10)]
    world.leaves_a_message(callers[2], NUMBER)
    world.leaves_a_message(callers[6], OTHER)
    served = []

    for _ in callers:
        world.hangs_up("alice")
        world.time_passes(5)
        served.append(world.ringing["alice"])
        if served[-1] in (callers[2], callers[6]):
            world.takes_the_callback("alice")
            world.presses("alice", "call")
            world.customer_answers("alice")
        else:
            world.takes_the_call("alice")

    assert served == callers


def test_only_who_takes_callbacks_is_offered_one() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    later = world.caller_joins("sales")

    world.makes_himself_available("nora")

    assert world.ringing == {"nora": later}


def test_needs_that_ease_leave_it_a_callback() -> None:
    world = with_busy_agents(easing=(EasingStep(30, level=0),))
    request = world.needing_caller_joins("sales", french=1)
    world.leaves_a_message(request)
    assert Need("french", 1) in world.request(request).needs

    world.time_passes(30)
    world.makes_himself_available("nora")

    assert world.ringing == {}
    world.hangs_up("alice")
    world.time_passes(5)
    assert world.ringing == {"alice": request}


def test_his_preferred_agent_is_tried_first_and_then_anyone() -> None:
    world = with_busy_agents("alice", "bob")
    request = world.caller_joins("sales", preferred_agent=AgentName("bob"))
    world.leaves_a_message(request)

    world.hangs_up("alice")
    world.time_passes(5)
    assert world.ringing == {}  # he waits for bob, for as long as the queue says

    world.time_passes(20)
    assert world.ringing == {"alice": request}


@pytest.mark.parametrize("speaks_after_seconds", [0, 30])
def test_a_preferred_agent_has_it_even_after_that_if_he_is_free(speaks_after_seconds: float) -> None:
    world = with_busy_agents("alice", "bob")
    request = world.caller_joins("sales", preferred_agent=AgentName("bob"))
    world.time_passes(speaks_after_seconds)
    world.leaves_a_message(request)
    world.time_passes(60)
    world.link_is_lost()
    for agent in ("alice", "bob"):
        world.hangs_up(agent)
    world.time_passes(10)

    world.link_is_back()

    assert world.ringing == {"bob": request}


def test_without_a_number_nothing_is_promised() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.begins_a_message(request)
    one = world.request(request)

    world.tell(inputs.MessageLeft(one.pbx, one.channel, seconds=5))
    assert world.told(CallbackPromised) == []

    world.tell(inputs.NumberTyped(one.pbx, one.channel, OTHER))
    world.tell(inputs.MessageLeft(one.pbx, one.channel, seconds=5))
    assert world.last(CallbackPromised).number == OTHER


def test_a_second_message_joins_the_first_which_keeps_its_place() -> None:
    world = with_busy_agents()
    first = world.caller_joins("sales")
    world.leaves_a_message(first)
    between, second = world.caller_joins("sales"), world.caller_joins("sales")
    old = world.request(first).message

    world.leaves_a_message(second)

    assert world.line("sales") == [first, between]
    assert world.ending_of(second).outcome == "callback"
    assert world.last(CallbackRenewed).was == old
    assert world.request(first).message != old


# ---- Hours


def test_nobody_is_called_back_outside_his_hours() -> None:
    world = with_busy_agents()
    world.calendar_turns("zone", is_open=False)
    request = world.caller_joins("sales")
    world.leaves_a_message(request, hours="zone")
    world.hangs_up("alice")
    world.time_passes(3600)
    assert world.ringing == {}

    world.calendar_turns("zone", is_open=True)

    assert world.ringing == {"alice": request}


def test_nor_outside_those_of_the_queue() -> None:
    world = with_busy_agents(calendar="daytime")
    world.calendar_turns("daytime", is_open=False)
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    world.hangs_up("alice")
    world.time_passes(60)
    assert world.ringing == {}

    world.calendar_turns("daytime", is_open=True)
    assert world.ringing == {"alice": request}


def test_nor_where_all_phones_ring_for_it_when_the_hours_end() -> None:
    """It rings on, and in vain: it is not offered anew."""
    world = callback_queue("alice", "bob", calendar="daytime").with_queue(
        "sales", strategy="ring_all", callbacks=CallbackRules(calendar="daytime")
    )
    world.tell(inputs.AskForCallback(SALES, NUMBER, MAIN))
    assert world.ringing.keys() == {"alice", "bob"}
    world.calendar_turns("daytime", is_open=False)

    world.is_unreachable("alice")
    assert world.ringing.keys() == {"bob"}
    world.is_unreachable("bob")
    world.time_passes(60)

    assert world.ringing == {}
    world.calendar_turns("daytime", is_open=True)
    assert world.ringing.keys() == {"alice", "bob"}


def test_a_queue_that_closes_lets_go_of_callers_but_of_no_callback() -> None:
    world, request = whose_callback_rings()
    world.with_queue("sales", callbacks=CallbackRules(), calendar="office", leave_when_closed=True)
    world.calendar_turns("office", is_open=False)

    world.rejects("alice")

    assert world.told(CallerReleased) == []
    assert world.line("sales") == [request]


def test_a_backlog_is_paced() -> None:
    """One agent at a time is at work on callbacks; the other has who waits on the line, though he came later."""
    world = with_busy_agents("alice", "bob", at_once=1)
    first, second = world.caller_joins("sales"), world.caller_joins("sales")
    world.leaves_a_message(first, NUMBER)
    world.leaves_a_message(second, OTHER)
    third = world.caller_joins("sales")

    world.hangs_up("alice")
    world.time_passes(5)
    assert world.ringing == {"alice": first}
    world.hangs_up("bob")
    world.time_passes(5)
    assert world.ringing == {"alice": first, "bob": third}

    world.takes_the_callback("alice")
    world.presses("alice", "not_possible")
    assert world.line("sales") == [second, third]


@pytest.mark.parametrize("goes", ["cancelled", "put off", "back to the line"])
def test_one_that_no_agent_was_at_work_on_makes_no_room_for_two_others(goes: str) -> None:
    world = with_busy_agents("alice", "bob", at_once=1)
    waits, first, second = (world.caller_joins("sales") for _ in range(3))
    world.leaves_a_message(waits, NUMBER)
    for request, number in ((first, OTHER), (second, "+31301234567")):
        world.leaves_a_message(request, number)
    if goes == "cancelled":
        world.tell(inputs.CancelRequest(waits))
    elif goes == "put off":
        world.tell(inputs.Reschedule(waits, START + 3600))
    else:
        joins_again(world)
        chooses(world, waits, "line")
        world.tell(inputs.ChannelGone(MAIN, ChannelId("again")))

    for agent in ("alice", "bob"):
        world.hangs_up(agent)
    world.time_passes(5)

    assert list(world.ringing.values()) == [first]


def test_it_is_paced_whatever_each_of_them_needs() -> None:
    world = with_busy_agents("alice", "bob", at_once=1)
    world.with_agents("alice", "bob", callbacks=True, skills={"french": 1}, sales=1)
    first, second = world.needing_caller_joins("sales", french=1), world.caller_joins("sales")
    world.leaves_a_message(first, NUMBER)
    world.leaves_a_message(second, OTHER)
    world.link_is_lost()
    for agent in ("alice", "bob"):
        world.hangs_up(agent)
    world.time_passes(5)

    world.link_is_back()

    assert list(world.ringing.values()) == [first]


# ---- He calls again


def joins_again(world: World, number: str = NUMBER) -> None:
    caller = Caller(number="020", e164=number)
    world.tell(inputs.CallerJoined(pbx=MAIN, channel=ChannelId("again"), queue=SALES, caller=caller))


def chooses(world: World, request: RequestId, choice: str) -> str:
    caller = Caller(number="020", e164=NUMBER)
    world.tell(inputs.CallbackChosen(PbxName(MAIN), ChannelId("again"), request, choice, caller))
    return world.last(CallerAnswered).result


def test_who_calls_again_is_asked_what_he_wants_and_told_his_place() -> None:
    world = with_busy_agents()
    world.caller_joins("sales")
    request = world.caller_joins("sales")
    world.leaves_a_message(request)

    joins_again(world)

    assert (world.last(CallerAsked).request, world.last(CallerAsked).place) == (request, 2)
    assert len(world.line("sales")) == 2


def test_whose_callback_an_agent_has_by_now_is_asked_nothing_and_joins() -> None:
    world = with_busy_agents()
    world.leaves_a_message(world.caller_joins("sales"))
    world.hangs_up("alice")
    world.time_passes(5)
    world.takes_the_callback("alice")

    joins_again(world)

    assert world.told(CallerAsked) == []
    assert world.last(RequestQueued).channel == "again"


def test_and_so_does_who_calls_a_queue_that_takes_no_messages_any_more() -> None:
    world = with_busy_agents()
    world.leaves_a_message(world.caller_joins("sales"))
    world.with_queue("sales")

    joins_again(world)

    assert world.told(CallerAsked) == []
    assert world.last(RequestQueued).channel == "again"


def test_he_may_keep_it() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    joins_again(world)

    assert chooses(world, request, "keep") == "keep"

    assert world.request(request).kind == "callback"


def test_or_wait_on_the_line_at_that_place() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    later = world.caller_joins("sales")
    joins_again(world)

    assert chooses(world, request, "line") == "line"

    assert world.line("sales") == [request, later]
    world.hangs_up("alice")
    world.time_passes(5)
    world.takes_the_call("alice")
    assert world.request(request).channel == "again"
    world.hangs_up("alice")
    assert (world.ending_of(request).outcome, world.ending_of(request).kind) == ("answered", "call")


def test_where_he_needs_what_he_needed_before_of_whoever_talks_with_callers() -> None:
    world = with_busy_agents()
    request = world.needing_caller_joins("sales", french=1)
    world.leaves_a_message(request)
    joins_again(world)
    chooses(world, request, "line")
    world.makes_himself_available("nora")
    assert world.ringing == {}

    world.with_agents("claire", sales=1, skills={"french": 1})

    assert world.ringing == {"claire": request}


def test_where_anybody_may_talk_with_him_whichever_server_he_calls_this_time() -> None:
    world = with_busy_agents()
    world.link_is_back("west")
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    caller = Caller(number="020", e164=NUMBER)
    world.caller_joins("sales", pbx="west", channel="again", e164=NUMBER)

    world.tell(inputs.CallbackChosen(PbxName("west"), ChannelId("again"), request, "line", caller))
    world.makes_himself_available("nora")

    assert world.ringing == {"nora": request}
    assert world.last(OfferMade).pbx == "west"
    assert world.request(request).caller == caller
    world.link_is_lost(MAIN)
    assert world.line("sales") == [request]


def test_or_wait_on_the_line_at_once_for_one_that_is_to_be_made_later() -> None:
    world = with_busy_agents()
    request = asks(world, due_at=START + 3600)
    early = world.caller_joins("sales")
    joins_again(world)

    assert chooses(world, request, "line") == "line"

    assert world.line("sales") == [request, early]
    world.time_passes(3600)
    world.hangs_up("alice")
    world.time_passes(5)
    assert world.ringing == {"alice": request}


def test_or_have_it_cancelled() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    joins_again(world)

    assert chooses(world, request, "cancel") == "cancel"

    assert world.ending_of(request).outcome == "cancelled"
    joins_again(world)
    assert world.told(RequestQueued)[-1].channel == "again"


@pytest.mark.parametrize("choice", ["fly", "", "KEEP"])
def test_whoever_chooses_something_else_joins_and_is_asked_again(choice: str) -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    joins_again(world)

    assert chooses(world, request, choice) == "gone"

    joins_again(world)
    assert len(world.told(CallerAsked, request=request)) == 2


def test_what_was_cancelled_already_is_cancelled_and_what_is_over_is_not_kept() -> None:
    """He says it again, for the daemon died before it could answer."""
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    joins_again(world)

    assert [chooses(world, request, choice) for choice in ("cancel", "cancel", "keep")] == ["cancel", "cancel", "gone"]


def test_an_agent_may_have_it_by_then() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    joins_again(world)
    world.hangs_up("alice")
    world.time_passes(5)
    world.takes_the_callback("alice")

    assert [chooses(world, request, choice) for choice in ("line", "cancel")] == ["gone", "gone"]


def whose_callback_rings(**rules: Any) -> tuple[World, RequestId]:
    world = with_busy_agents(**rules)
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    world.hangs_up("alice")
    world.time_passes(5)
    assert world.ringing == {"alice": request}
    joins_again(world)
    return world, request


def test_as_long_as_an_agent_s_phone_only_rings_for_it_he_can_have_it_on_the_line() -> None:
    world, request = whose_callback_rings(at_once=1)
    leg = world.offer_to("alice")

    assert chooses(world, request, "line") == "line"

    assert world.state_of("alice") == "available"
    world.hangs_up(leg)
    assert world.ringing == {"alice": request}
    world.takes_the_call("alice")
    assert world.request(request).channel == "again"
    assert world.queue("sales").calling_back == 0


def test_or_cancel_it() -> None:
    world, request = whose_callback_rings()

    assert chooses(world, request, "cancel") == "cancel"

    assert world.ringing == {}
    assert world.ending_of(request).outcome == "cancelled"


# ---- Somebody asks without calling


def asks(world: World, **about: Any) -> RequestId:
    world.tell(inputs.AskForCallback(SALES, NUMBER, MAIN, **about))
    return world.told(RequestQueued)[-1].request


def test_a_web_form_makes_one_that_stands_in_line() -> None:
    world = with_busy_agents()

    request = asks(world, comment="about the invoice")
    world.hangs_up("alice")
    world.time_passes(5)

    assert world.ringing == {"alice": request}
    assert (world.request(request).comment, world.last(OfferMade).message) == ("about the invoice", None)


def test_its_hours_are_those_of_the_customer() -> None:
    world = callback_queue()
    world.calendar_turns("zone", is_open=False)
    request = asks(world, hours="zone")
    assert world.ringing == {}

    world.calendar_turns("zone", is_open=True)

    assert world.ringing == {"alice": request}


def test_one_for_somebody_is_anyone_s_after_a_while() -> None:
    world = with_busy_agents("alice", "bob", reserved_seconds=60)
    request = asks(world, agent=AgentName("bob"))
    world.hangs_up("alice")
    world.time_passes(59)
    assert world.ringing == {}

    world.time_passes(1)

    assert world.ringing == {"alice": request}


def test_a_second_one_of_the_same_number_updates_the_first() -> None:
    world = with_busy_agents()
    request = asks(world)

    asks(world, comment="it is urgent")

    assert world.line("sales") == [request]
    assert world.request(request).comment == "it is urgent"


def test_one_for_a_moment_waits_for_it_and_has_the_place_of_it() -> None:
    world = with_busy_agents()
    request = asks(world, due_at=START + 100)
    early = world.caller_joins("sales")
    world.time_passes(90)
    assert world.line("sales") == [early]
    world.time_passes(20)
    late = world.caller_joins("sales")

    assert world.line("sales") == [early, request, late]


def test_and_is_reserved_for_whom_it_is_from_that_moment_on() -> None:
    world = with_busy_agents("alice", "bob", reserved_seconds=60)
    world.hangs_up("alice")
    request = asks(world, due_at=START + 100, agent=AgentName("bob"))
    world.time_passes(159)
    assert world.ringing == {}

    world.time_passes(1)

    assert world.ringing == {"alice": request}


def test_it_has_that_place_also_when_its_moment_is_heard_of_late() -> None:
    world = with_busy_agents()
    request = asks(world, due_at=START + 100)
    world.now += 140
    other = world.caller_joins("sales")

    world.now += 10
    world.time_passes(0)

    assert world.line("sales") == [request, other]


def test_one_for_this_very_moment_is_due_at_once() -> None:
    world = callback_queue()

    request = asks(world, due_at=START)
    world.time_passes(0)

    assert world.ringing == {"alice": request}


def test_its_priority_counts_from_that_moment_on() -> None:
    world = with_busy_agents()
    request = asks(world, due_at=START + 100)
    early = world.caller_joins("sales")

    world.is_given_priority(request, 10)
    assert world.line("sales") == [early]

    world.time_passes(100)
    assert world.line("sales") == [request, early]


@pytest.mark.parametrize("wrong", [{"due_at": START - 1}, {"agent": AgentName("nora")}, {"agent": AgentName("nobody")}])
def test_one_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    world = with_busy_agents()

    with pytest.raises(Refused):
        asks(world, **wrong)

    assert world.line("sales") == []


def test_nor_can_one_in_a_queue_that_is_taken_away_or_never_was() -> None:
    world = with_busy_agents().without_queue("sales")
    with pytest.raises(Refused, match="there is no queue 'sales'"):
        asks(world)

    with pytest.raises(Refused, match="there is no queue 'sales'"):
        asks(World())


def test_one_that_nobody_has_can_be_cancelled_also_while_a_phone_rings_for_it() -> None:
    world = callback_queue()
    request = asks(world)
    assert world.ringing == {"alice": request}

    world.tell(inputs.CancelRequest(request))

    assert world.ringing == {}
    assert world.last(RequestEnded).outcome == "cancelled"


def test_but_not_when_an_agent_has_it_who_settles_it() -> None:
    world = callback_queue()
    request = asks(world)
    world.takes_the_callback("alice")

    with pytest.raises(Refused, match="alice has it; settle it instead"):
        world.tell(inputs.CancelRequest(request))

    assert world.state_of("alice") == "connected"


# ---- Files that are nobody's any more


def file_of(world: World, request: RequestId) -> str:
    message = world.request(request).message
    assert message
    return message.name


def test_the_recording_of_who_would_rather_wait_is_to_be_deleted_also_after_a_crash() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.begins_a_message(request)
    file = file_of(world, request)

    world.link_is_lost()
    world.link_is_back(found=[world.live(request, aside=False)])

    assert world.center.state.unwanted == {file: MAIN}
    world.daemon_restarts()
    world.tell(inputs.DeleteMessage(file))
    assert world.center.state.unwanted == {}


def test_and_of_who_hung_up_without_a_word() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.begins_a_message(request)
    file = file_of(world, request)

    world.caller_hangs_up(request)

    assert list(world.center.state.unwanted) == [file]
    assert world.ending_of(request).message == Message(file, 0, START)


def test_and_the_message_that_another_one_replaces_but_not_that_one() -> None:
    world = with_busy_agents()
    first = world.caller_joins("sales")
    world.leaves_a_message(first)
    old = file_of(world, first)

    world.leaves_a_message(world.caller_joins("sales"))

    assert list(world.center.state.unwanted) == [old]
    assert world.center.state.callback_with(file_of(world, first)) is world.request(first)


def test_and_that_of_who_waits_on_the_line_after_all() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    file = file_of(world, request)
    joins_again(world)

    chooses(world, request, "line")

    assert list(world.center.state.unwanted) == [file]


def test_what_was_left_for_a_callback_is_kept_when_it_is_over() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    world.leaves_a_message(request)
    file = file_of(world, request)

    world.tell(inputs.CancelRequest(request))

    assert world.center.state.unwanted == {}
    assert [kept.name for kept in world.center.state.kept_messages.values()] == [file]


def test_what_was_kept_is_kept_until_it_is_deleted_and_nothing_else_goes_with_it() -> None:
    world = with_busy_agents()
    one, other, waits = (world.caller_joins("sales") for _ in range(3))
    for request, number in ((one, NUMBER), (other, OTHER), (waits, "+31301234567")):
        world.leaves_a_message(request, number)
    file = file_of(world, one)
    world.tell(inputs.CancelRequest(one))
    world.tell(inputs.CancelRequest(other))

    world.tell(inputs.DeleteMessage(file))

    assert list(world.center.state.kept_messages) == [other]
    assert world.request(waits).message
    world.tell(inputs.DeleteMessage(file_of(world, waits)))
    world.tell(inputs.DeleteMessage("another"))
    assert world.request(waits).message is None


# ---- After a crash


def test_who_was_promised_a_callback_and_not_told_so_yet_is_not_taken_for_one_who_waits() -> None:
    world = with_busy_agents()
    request = world.caller_joins("sales")
    channel = world.request(request).channel
    world.begins_a_message(request, NUMBER)
    world.tell(inputs.MessageLeft(MAIN, channel, seconds=5))
    world.daemon_restarts()
    tells = inputs.LiveChannel(channel, bridged=False, queue=SALES, aside=True, caller=Caller(e164=NUMBER))

    world.link_is_back(found=[tells])

    assert world.told(CallerAsked) == []
    assert world.line("sales") == [request]


# ---- With somebody


def test_one_can_be_reassigned_and_is_anyone_s_after_a_while() -> None:
    world = with_busy_agents("alice", "bob", reserved_seconds=60)
    request = asks(world)
    world.tell(inputs.Reassign(request, AgentName("bob")))

    world.hangs_up("alice")
    world.time_passes(59)
    assert world.ringing == {}

    world.time_passes(1)
    assert world.ringing == {"alice": request}


def test_or_at_once_if_somebody_says_so() -> None:
    world = with_busy_agents("alice", "bob", reserved_seconds=60)
    request = asks(world, agent=AgentName("bob"))
    world.hangs_up("alice")
    world.time_passes(5)
    assert world.ringing == {}

    world.tell(inputs.Reassign(request, None))

    assert world.ringing == {"alice": request}


@pytest.mark.parametrize("agent", ["nora", "zoe", "nobody"])
def test_but_only_to_who_takes_callbacks_of_its_queue(agent: str) -> None:
    world = with_busy_agents().with_queue("support").with_agents("zoe", callbacks=True, support=1)
    request = asks(world)

    with pytest.raises(Refused):
        world.tell(inputs.Reassign(request, AgentName(agent)))

    assert world.request(request).held_for is None


def test_and_not_while_an_agent_is_at_it() -> None:
    world, request = whose_callback_rings()
    with pytest.raises(Refused, match="has it"):
        world.tell(inputs.Reassign(request, None))

    world.takes_the_callback("alice")

    with pytest.raises(Refused, match="alice has it"):
        world.tell(inputs.Reassign(request, None))


@pytest.mark.parametrize(
    "act",
    [
        partial(inputs.Reassign, agent=None),
        inputs.CallCustomer,
        partial(inputs.Settle, verdict=Verdict.DONE),
        partial(inputs.Reschedule, due_at=START + 60),
    ],
)
def test_who_waits_on_the_line_is_no_callback_and_neither_is_who_is_gone(act: Callable[[RequestId], Input]) -> None:
    world = with_busy_agents()
    for request in (world.caller_joins("sales"), RequestId("gone")):
        with pytest.raises(UnknownName, match=f"there is no open callback '{request}'"):
            world.tell(act(request))


@pytest.mark.parametrize(("given_to", "has_it"), [("bob", "bob"), (None, "alice")])
def test_whose_it_is_now_has_it_even_after_that_if_he_is_free(given_to: str | None, has_it: str) -> None:
    """And not the one for whom it was meant before."""
    world = with_busy_agents("alice", "bob", reserved_seconds=60)
    request = asks(world, agent=AgentName("alice" if given_to else "bob"))
    world.tell(inputs.Reassign(request, AgentName(given_to) if given_to else None))
    world.time_passes(60)
    world.link_is_lost()
    for agent in ("alice", "bob"):
        world.hangs_up(agent)
    world.time_passes(10)

    world.link_is_back()

    assert world.ringing == {has_it: request}


def test_or_at_once_if_he_is_not_there() -> None:
    world = with_busy_agents("alice", "bob")
    world.hangs_up("bob")
    world.logs_out("bob")

    request = asks(world, agent=AgentName("bob"))
    world.hangs_up("alice")
    world.time_passes(5)

    assert world.ringing == {"alice": request}


def test_or_at_once_if_he_logs_out() -> None:
    world = with_busy_agents("alice", "bob")
    request = asks(world, agent=AgentName("bob"))
    world.hangs_up("alice")
    world.hangs_up("bob")

    world.logs_out("bob")
    world.time_passes(5)

    assert world.ringing == {"alice": request}
