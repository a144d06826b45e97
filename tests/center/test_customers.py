"""The agent's side of callbacks, and the calls that he makes himself."""

from __future__ import annotations

from typing import Any

import pytest

from acd.center import Refused, inputs
from acd.center.facts import CustomerDialled, CustomerMissed, LegReleased, RequestConnected, RequestEnded
from acd.center.folding import callbacks as folding
from acd.center.inputs import LegEnd, LiveChannel
from acd.center.model import (
    AgentName,
    AgentState,
    CallbackRules,
    ChannelId,
    ClickToDialRules,
    Missed,
    OfferId,
    QueueName,
    RequestId,
    Seat,
    UnknownName,
    Verdict,
)
from acd.center.reach import Forward

from .test_callbacks import NUMBER, OTHER, asks, callback_queue, with_busy_agents
from .worlds import START, World, one_queue

BUSY = ClickToDialRules(AgentState.BUSY)


def with_a_callback(*agents: str, **rules: Any) -> tuple[World, RequestId]:
    """Alice has taken it, and has heard the message."""
    world = callback_queue(*agents, **rules)
    for other in agents[1:]:
        world.pauses(other)
    request = asks(world)
    world.takes_the_callback("alice")
    return world, request


def test_she_is_connected_with_it_before_anybody_is_called() -> None:
    world, request = with_a_callback()

    assert world.state_of("alice") == "connected"
    assert world.told(RequestConnected, request=request)
    assert world.told(CustomerDialled) == []


def test_a_key_calls_the_customer() -> None:
    world, _ = with_a_callback()

    world.presses("alice", "call")

    dialled = world.last(CustomerDialled)
    assert (dialled.number, dialled.attempt, dialled.channel) == (NUMBER, 1, world.offer("alice").channel)


def test_and_so_does_the_api_but_not_twice_at_a_time() -> None:
    world, request = with_a_callback()

    world.tell(inputs.CallCustomer(request))
    with pytest.raises(Refused, match="already"):
        world.tell(inputs.CallCustomer(request))
    world.presses("alice", "call")

    assert len(world.told(CustomerDialled)) == 1


def test_what_is_heard_of_a_customer_whom_nobody_has_called_means_nothing() -> None:
    world, request = with_a_callback()
    for offer in (world.offer_to("alice"), OfferId("gone")):
        assert world.tell(inputs.CustomerAnswered(offer, ChannelId("customer"))) == []
        assert world.tell(inputs.CustomerNotReached(offer, Missed.NO_ANSWER)) == []
        assert world.tell(inputs.CustomerHungUp(offer)) == []

    assert (world.request(request).state, world.request(request).reach) == ("ongoing", None)


def test_a_customer_answers_once_and_is_not_missed_any_more_then() -> None:
    world, _ = with_a_callback()
    world.presses("alice", "call")
    world.customer_answers("alice")
    leg = world.offer_to("alice")

    assert world.tell(inputs.CustomerAnswered(leg, ChannelId("customer"))) == []
    assert world.tell(inputs.CustomerNotReached(leg, Missed.NO_ANSWER)) == []


@pytest.mark.parametrize("action", ["call", "later", "done", "not_reached", "not_possible"])
def test_the_keys_of_the_menu_mean_nothing_elsewhere(action: str) -> None:
    """In a talk with a caller, in a call that he makes himself, or on a leg of which nothing is known."""
    world = callback_queue("alice", "bob")
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.calls("bob", number=OTHER)
    world.takes_the_callback("bob")

    for offer in (world.offer_to("alice"), world.offer_to("bob"), OfferId("gone")):
        assert world.tell(inputs.CallbackKey(offer, action)) == []


def test_nobody_calls_who_has_it_not() -> None:
    world = with_busy_agents()
    request = asks(world)

    with pytest.raises(Refused, match="no agent has it"):
        world.tell(inputs.CallCustomer(request))


def test_a_talk_that_both_have_ended_is_done() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")
    world.time_passes(10)
    world.customer_answers("alice")
    world.time_passes(60)
    world.customer_hangs_up("alice")
    world.time_passes(2)

    world.presses("alice", "done")

    ended = world.ending_of(request)
    assert (ended.kind, ended.outcome, ended.agent, ended.talk_seconds) == ("callback", "answered", "alice", 60)
    assert world.state_of("alice") == "wrap_up"


def test_who_says_nothing_has_done_it_when_his_wrap_up_is_over() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")
    world.customer_answers("alice")
    world.time_passes(30)
    world.hangs_up("alice")
    assert world.told(RequestEnded) == []
    assert world.state_of("alice") == "wrap_up"

    world.time_passes(5)

    assert (world.ending_of(request).outcome, world.ending_of(request).talk_seconds) == ("answered", 30)


def test_nor_need_one_who_is_taken_out_of_the_rules_meanwhile() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")
    world.customer_answers("alice")
    world.time_passes(30)
    world.hangs_up("alice")

    world.without_agent("alice")

    assert (world.ending_of(request).outcome, world.ending_of(request).agent) == ("answered", "alice")
    assert world.center.state.unsettled == {}


def test_in_his_wrap_up_he_can_say_that_it_was_an_answering_machine() -> None:
    world, request = with_a_callback(retry_seconds=1800)
    world.presses("alice", "call")
    world.customer_answers("alice")
    world.hangs_up("alice")

    world.tell(inputs.Settle(request, Verdict.NOT_REACHED, comment="a machine"))

    assert world.request(request).state == "scheduled"
    assert world.request(request).comment == "a machine"
    assert world.request(request).connected_at is None, "nobody has it any more"
    assert world.last(CustomerMissed).how == Missed.MACHINE
    world.time_passes(1800)
    assert world.ringing == {"alice": request}


def test_or_while_it_talks_still() -> None:
    world, request = with_a_callback(retry_seconds=1800)
    world.presses("alice", "call")
    world.customer_answers("alice", "machine")

    world.presses("alice", "not_reached")

    assert (world.request(request).state, world.request(request).channel) == ("scheduled", "")
    world.tell(inputs.ChannelGone(world.offer("alice").pbx, ChannelId("machine")))
    assert world.request(request).state == "scheduled"


def test_the_customer_may_hang_up_unheard_by_the_dialplan() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")
    world.customer_answers("alice", "customer")

    world.tell(inputs.ChannelGone(world.offer("alice").pbx, world.request(request).channel))

    assert world.request(request).reach == "left"


def test_who_is_not_reached_is_tried_again_and_closed_in_the_end() -> None:
    world, request = with_a_callback(attempts=3, retry_seconds=600)
    for attempt in (1, 2, 3):
        assert world.request(request).state == "ongoing"
        world.presses("alice", "call")
        world.customer_is_not_reached("alice", Missed.BUSY)
        world.presses("alice", "not_reached")
        world.hangs_up("alice")
        if attempt < 3:
            world.time_passes(600)
            world.takes_the_callback("alice")

    assert [fact.how for fact in world.told(CustomerMissed)] == [Missed.BUSY] * 3
    ended = world.ending_of(request)
    assert (ended.outcome, ended.attempts) == ("not_reached", 3)


def test_what_was_dialled_is_remembered_for_a_day() -> None:
    world, _ = with_a_callback()
    for _ in range(3):
        world.presses("alice", "call")
        world.customer_is_not_reached("alice", Missed.BUSY)
        world.time_passes(50_000)

    assert world.center.state.dialled == [(START + 50_000, NUMBER), (START + 100_000, NUMBER)]


def test_of_too_many_that_were_dialled_the_newest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "MOST_DIALLED", 6)
    world, _ = with_a_callback()
    for _ in range(7):
        world.presses("alice", "call")
        world.customer_is_not_reached("alice", Missed.BUSY)
        world.time_passes(60)

    assert [at - START for at, _ in world.center.state.dialled] == [60, 120, 180, 240, 300, 360]


def test_a_customer_who_was_called_is_not_remembered_as_a_caller_who_may_come_back() -> None:
    world = callback_queue().with_queue("sales", dropped_come_back=True, callbacks=CallbackRules())
    asks(world)
    world.takes_the_callback("alice")
    world.presses("alice", "call")
    world.customer_answers("alice")

    world.presses("alice", "done")

    assert world.center.state.last_talks == {}


def test_how_long_a_machine_was_listened_to_is_no_part_of_the_talk_that_follows() -> None:
    world, request = with_a_callback(retry_seconds=600)
    for seconds, verdict in ((20, "not_reached"), (30, "done")):
        world.presses("alice", "call")
        world.customer_answers("alice")
        world.time_passes(seconds)
        world.customer_hangs_up("alice")
        world.presses("alice", verdict)
        world.hangs_up("alice")
        if verdict == "not_reached":
            world.time_passes(600)
            world.takes_the_callback("alice")

    assert world.ending_of(request).talk_seconds == 30


def test_who_has_it_next_and_hangs_up_before_he_calls_has_reached_nobody() -> None:
    world, request = with_a_callback(retry_seconds=600)
    world.presses("alice", "call")
    world.customer_answers("alice", "machine")
    world.presses("alice", "not_reached")
    world.hangs_up("alice")
    world.time_passes(600)
    world.takes_the_callback("alice")

    world.hangs_up("alice")

    assert (world.request(request).state, world.request(request).reach) == ("waiting", None)
    world.time_passes(5)
    assert world.told(RequestEnded) == []


def test_he_can_call_again_at_once() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")
    world.customer_is_not_reached("alice", Missed.BUSY)

    world.presses("alice", "call")
    world.customer_answers("alice")

    assert world.request(request).attempts == 2


def test_who_hangs_up_while_it_rings_has_not_reached_him() -> None:
    world, request = with_a_callback(retry_seconds=600)
    world.presses("alice", "call")

    world.hangs_up("alice")
    world.time_passes(5)

    assert world.request(request).due_at == START + 605


def test_who_hangs_up_before_he_calls_gives_it_back_at_its_place() -> None:
    world, request = with_a_callback("alice", "bob")
    later = world.caller_joins("sales")

    world.hangs_up("alice")

    assert world.line("sales") == [request, later]
    world.makes_himself_available("bob")
    assert world.ringing == {"bob": request}


def test_a_key_pushes_it_back() -> None:
    world, request = with_a_callback(put_off_seconds=600)

    world.presses("alice", "later")

    assert world.request(request).due_at == START + 600
    assert world.state_of("alice") == "wrap_up"


def test_an_appointment_with_me_waits_for_me_for_a_while() -> None:
    world, request = with_a_callback("alice", "bob", reserved_seconds=60)
    world.presses("alice", "appointment", at=START + 1000, with_me=True)
    world.hangs_up("alice")
    world.time_passes(900)
    world.pauses("alice")
    world.makes_himself_available("bob")

    world.time_passes(159)
    assert world.ringing == {}

    world.time_passes(1)
    assert world.ringing == {"bob": request}


def test_an_appointment_with_anyone_waits_for_nobody() -> None:
    world, request = with_a_callback("alice", "bob", reserved_seconds=60)
    world.presses("alice", "appointment", at=START + 1000)
    world.hangs_up("alice")
    world.time_passes(900)
    world.pauses("alice")
    world.makes_himself_available("bob")

    world.time_passes(100)

    assert world.ringing == {"bob": request}


def test_an_appointment_may_be_for_now_but_not_for_a_moment_that_is_over() -> None:
    world, request = with_a_callback()
    world.time_passes(60)

    world.presses("alice", "appointment", at=world.now - 1)
    assert world.request(request).state == "ongoing", "he is asked again"
    world.presses("alice", "appointment", at=world.now)

    assert world.request(request).due_at == world.now


def test_if_he_is_logged_off_then_it_is_anyone_s_at_once() -> None:
    world, request = with_a_callback("alice", "bob")
    world.presses("alice", "appointment", at=START + 1000, with_me=True)
    world.hangs_up("alice")
    world.logs_out("alice")
    world.makes_himself_available("bob")

    world.time_passes(1000)

    assert world.ringing == {"bob": request}


def test_an_appointment_is_with_somebody_who_takes_callbacks_of_that_queue() -> None:
    world, request = with_a_callback()
    world.with_queue("support").with_agents("carol", callbacks=True, support=1)

    for agent, why in (("carol", "does not serve sales"), ("nora", "takes no callbacks"), ("nobody", "no agent")):
        with pytest.raises(Refused, match=why):
            world.tell(inputs.Reschedule(request, START + 1000, AgentName(agent)))

    assert world.state_of("alice") == "connected"


def test_over_the_api_with_a_comment_also_while_a_phone_rings_for_it() -> None:
    world = callback_queue()
    request = asks(world)
    assert world.ringing

    world.tell(inputs.Reschedule(request, START + 50, comment="after lunch"))

    assert world.ringing == {}
    world.time_passes(50)
    assert world.request(request).comment == "after lunch"


def test_and_while_an_agent_has_it_who_is_done_with_it_then() -> None:
    world, request = with_a_callback()
    leg = world.offer_to("alice")

    world.tell(inputs.Reschedule(request, START + 50))

    assert world.last(LegReleased).offer == leg
    assert (world.state_of("alice"), world.seconds_left("alice")) == ("wrap_up", 5)
    world.hangs_up("alice")
    world.time_passes(49)
    assert world.ringing == {}
    world.time_passes(1)
    assert world.ringing == {"alice": request}


def test_and_in_his_wrap_up_after_which_nothing_is_left_to_settle() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")
    world.customer_is_not_reached("alice")
    world.hangs_up("alice")

    world.tell(inputs.Reschedule(request, START + 50))

    world.time_passes(10)
    assert (world.request(request).state, world.request(request).due_at) == ("scheduled", START + 50)
    assert world.state_of("alice") == "available"


def test_what_was_said_about_it_is_kept_when_another_moment_is_found_without_a_word() -> None:
    world = callback_queue()
    request = asks(world, comment="about the invoice")

    world.tell(inputs.Reschedule(request, START + 50))

    assert world.request(request).comment == "about the invoice"


def test_not_into_the_past() -> None:
    world, request = with_a_callback()

    with pytest.raises(Refused, match="past"):
        world.tell(inputs.Reschedule(request, START - 1))

    assert world.state_of("alice") == "connected"


def test_but_for_this_very_moment() -> None:
    world, request = with_a_callback()

    world.tell(inputs.Reschedule(request, START))

    assert world.request(request).due_at == START


def test_not_possible_ends_it_with_the_reason() -> None:
    world, request = with_a_callback()

    world.tell(inputs.Settle(request, Verdict.NOT_POSSIBLE, comment="moved away"))

    assert (world.ending_of(request).outcome, world.ending_of(request).comment) == ("not_possible", "moved away")
    assert world.told(CustomerDialled) == []


def test_or_by_a_key_that_stands_for_it() -> None:
    world, request = with_a_callback(not_possible_reasons=("moved", "nuisance"))

    world.presses("alice", "not_possible", reason="3")
    assert world.request(request).state == "ongoing", "there is no third one: he is asked again"
    world.presses("alice", "not_possible", reason="2")

    assert (world.ending_of(request).outcome, world.ending_of(request).comment) == ("not_possible", "nuisance")


def test_who_gives_no_reason_need_not() -> None:
    world, request = with_a_callback(not_possible_reasons=("moved",))

    world.presses("alice", "not_possible")

    assert (world.ending_of(request).outcome, world.ending_of(request).comment) == ("not_possible", "")


@pytest.mark.parametrize("word", ["done", "not_reached", "later"])
def test_his_telephone_is_free_as_soon_as_he_has_said_how_it_ended(word: str) -> None:
    world, _ = with_a_callback()
    world.presses("alice", "call")
    world.customer_is_not_reached("alice")

    world.presses("alice", word)

    assert world.last(LegReleased).at == START


@pytest.mark.parametrize("word", ["done", "later"])
def test_and_what_is_heard_or_pressed_there_after_it_means_nothing(word: str) -> None:
    world, _ = with_a_callback()
    world.presses("alice", "call")
    world.customer_is_not_reached("alice")
    leg = world.offer_to("alice")
    world.presses(leg, word)

    for told in (
        inputs.CustomerAnswered(leg, ChannelId("customer")),
        inputs.CustomerNotReached(leg, Missed.NO_ANSWER),
        inputs.CustomerHungUp(leg),
        inputs.CallbackKey(leg, "call"),
        inputs.CallbackKey(leg, "not_possible"),
    ):
        assert world.tell(told) == []


def test_how_the_last_attempt_failed_is_known_until_the_customer_is_reached() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")
    world.customer_is_not_reached("alice", Missed.BUSY)
    assert world.request(request).missed == Missed.BUSY

    world.presses("alice", "call")
    world.customer_answers("alice")

    assert world.request(request).missed is None


def test_the_customer_can_be_passed_on() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")
    world.customer_answers("alice")
    leg = world.offer("alice")

    world.tell(inputs.CallPassedOn(leg.pbx, leg.id))

    assert world.ending_of(request).outcome == "answered"
    assert world.state_of("alice") == "wrap_up"


def test_an_agent_who_does_not_take_it_costs_it_nothing() -> None:
    world = callback_queue("alice", "bob")
    request = asks(world)
    first = next(iter(world.ringing))

    world.rejects(first)

    (second,) = world.ringing
    assert {first, second} == {"alice", "bob"}
    assert world.line("sales") == [request]


# ---- After a crash


def test_an_attempt_that_was_made_is_known_after_a_crash_and_its_leg_goes_on() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")

    world.daemon_restarts()
    world.link_is_back()

    assert world.request(request).reach == "dialling"
    world.customer_answers("alice")
    world.hangs_up("alice")
    world.time_passes(5)
    assert world.ending_of(request).outcome == "answered"


def after_a_crash_while_it_rang(**rules: Any) -> tuple[World, RequestId]:
    world, request = with_a_callback(**rules)
    world.presses("alice", "call")
    world.daemon_restarts()
    return world, request


def test_who_talked_unheard_and_is_alone_now_has_reached_the_customer() -> None:
    world, request = after_a_crash_while_it_rang()

    world.link_is_back(found=[world.live_leg(world.offer("alice"), attempt_ended="answered")])

    assert world.request(request).reach == "left"
    world.hangs_up("alice")
    world.time_passes(5)
    assert world.ending_of(request).outcome == "answered"


def test_who_talks_still_has_reached_him() -> None:
    world, request = after_a_crash_while_it_rang()

    world.link_is_back(found=[world.live_leg(world.offer("alice"), bridged=True, attempt_ended="answered")])

    assert world.request(request).reach == "talking"


def test_also_where_it_was_believed_that_he_was_not_reached() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")
    world.customer_is_not_reached("alice", Missed.BUSY)
    leg = world.live_leg(world.offer("alice"), bridged=True, attempt_ended="answered")

    world.comparison_finds(found=[leg])

    assert world.request(request).reach == "talking"


def test_who_was_not_reached_unheard_can_be_called_again_by_key() -> None:
    world, request = after_a_crash_while_it_rang()

    world.link_is_back(found=[world.live_leg(world.offer("alice"), attempt_ended="busy")])

    assert (world.request(request).reach, world.last(CustomerMissed).how) == ("missed", "busy")
    world.presses("alice", "call")
    assert world.last(CustomerDialled).attempt == 2


@pytest.mark.parametrize("attempt", ["", "0000000000000001.1"])
def test_an_attempt_that_was_written_down_and_never_made_can_be_made_by_key(attempt: str) -> None:
    world, request = after_a_crash_while_it_rang()

    world.link_is_back(found=[world.live_leg(world.offer("alice"), attempt=attempt, attempt_ended="busy")])

    assert (world.request(request).reach, world.last(CustomerMissed).how) == ("missed", "failed")
    world.presses("alice", "call")
    assert world.last(CustomerDialled).attempt == 2
    world.customer_answers("alice")
    assert world.request(request).reach == "talking"


def test_while_somebody_steers_an_order_to_dial_may_be_on_its_way() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")

    world.comparison_finds(found=[world.live_leg(world.offer("alice"), attempt="")])

    assert world.request(request).reach == "dialling"


def test_whose_end_was_not_heard_either_is_found_out_when_the_leg_is_gone() -> None:
    world, request = after_a_crash_while_it_rang()
    leg = world.offer("alice")

    world.link_is_back(gone=[leg.channel], attempts={leg.id: "answered"})
    world.time_passes(5)

    assert world.ending_of(request).outcome == "answered"
    assert len(world.told(CustomerDialled)) == 1


def test_who_was_busy_when_nobody_listened_is_tried_again_later() -> None:
    world, request = after_a_crash_while_it_rang(retry_seconds=600)
    leg = world.offer("alice")

    world.link_is_back(gone=[leg.channel], attempts={leg.id: "busy"})
    world.time_passes(5)

    assert world.last(CustomerMissed).how == "busy"
    assert world.request(request).due_at == START + 605


def test_a_customer_of_whose_channel_nothing_is_known_is_missed_when_the_leg_is_alone() -> None:
    world, request = after_a_crash_while_it_rang()
    leg = world.offer("alice")
    world.link_is_back(found=[world.live_leg(leg, bridged=True)])
    world.link_is_lost()

    world.link_is_back(found=[world.live_leg(leg, bridged=False)])

    assert world.request(request).reach == "left"


def test_a_customer_who_answers_was_reached_whatever_was_believed() -> None:
    world, request = with_a_callback()
    world.presses("alice", "call")
    world.customer_is_not_reached("alice", "failed")

    world.customer_answers("alice")

    assert world.request(request).reach == "talking"


def test_a_phone_that_rings_for_a_callback_of_which_nothing_was_written_down_rings_on() -> None:
    world = callback_queue("alice", "bob")
    world.link_is_lost()
    request = asks(world)
    leg = LiveChannel(
        ChannelId("acd-0000000000000001"),
        bridged=False,
        talks=True,
        dial="PJSIP/bob",
        agent=AgentName("bob"),
        device="PJSIP/bob",
        request=request,
        accepted=True,
    )

    world.link_is_back(found=[leg])

    assert world.told(LegReleased) == []
    assert (world.request(request).agent, world.state_of("bob")) == ("bob", "connected")


def test_who_took_it_unheard_and_hangs_up_while_it_rings_has_done_so_himself() -> None:
    world = callback_queue()
    request = asks(world)
    leg = world.live_leg(world.offer("alice"), talks=True, accepted=True)
    world.link_is_lost()
    world.link_is_back(found=[leg])
    world.presses("alice", "call")

    world.hangs_up("alice")

    assert world.told(CustomerMissed) == []
    assert world.request(request).reach == "dialling"
    assert world.state_of("alice") == "wrap_up"


def test_of_a_leg_that_ended_unheard_nothing_is_dialled_again_blindly() -> None:
    world, request = with_a_callback(retry_seconds=600)
    world.presses("alice", "call")
    leg = world.offer("alice").channel
    world.daemon_restarts()

    world.link_is_back(gone=[leg])
    world.time_passes(5)

    assert world.request(request).state == "scheduled"
    assert len(world.told(CustomerDialled)) == 1


def test_of_a_call_that_ended_unheard_while_it_was_dialled_the_customer_was_not_reached() -> None:
    world = callback_queue()
    request = world.calls("alice", number=OTHER)
    world.takes_the_callback("alice")
    leg = world.offer("alice").channel
    world.daemon_restarts()

    world.link_is_back(gone=[leg])

    assert world.ending_of(request).outcome == "not_reached"
    assert world.state_of("alice") == "wrap_up"


# ---- Calls that an agent makes


def test_his_own_telephone_rings_first_then_the_customer_s() -> None:
    world = callback_queue()

    request = world.calls("alice", number=OTHER)

    assert world.ringing == {"alice": request}
    world.takes_the_callback("alice")
    assert world.last(CustomerDialled).number == OTHER
    world.customer_answers("alice")
    world.time_passes(30)
    world.hangs_up("alice")
    ended = world.ending_of(request)
    assert (ended.kind, ended.outcome, ended.talk_seconds, ended.queue) == ("dial", "answered", 30, "sales")
    assert world.state_of("alice") == "wrap_up"


@pytest.mark.parametrize("state", ["connected", "busy"])
def test_the_rules_say_what_his_state_is_called_from_his_answer_to_his_wrap_up(state: str) -> None:
    world = callback_queue().loads(click_to_dial=ClickToDialRules(AgentState(state)))
    world.calls("alice", number=OTHER)
    assert world.state_of("alice") == "connecting"

    world.takes_the_callback("alice")
    assert (world.state_of("alice"), world.agent("alice").reason) == (state, "outgoing_call")
    assert world.agent("alice").until is None
    caller = world.caller_joins("sales")
    world.customer_answers("alice")
    world.time_passes(3600)
    assert (world.state_of("alice"), world.ringing) == (state, {})

    world.hangs_up("alice")
    assert world.state_of("alice") == "wrap_up"
    world.time_passes(5)
    assert world.ringing == {"alice": caller}


def test_what_he_asks_for_while_he_is_busy_with_his_own_call_waits_until_after_it() -> None:
    world = callback_queue().with_agents("bob", sales=2).loads(click_to_dial=BUSY)
    world.calls("alice", number=OTHER)
    world.takes_the_callback("alice")

    world.pauses("alice", "lunch")
    world.makes_himself_available("alice")
    world.logs_out("alice")
    with pytest.raises(Refused, match="not in wrap-up"):
        world.finishes_wrap_up("alice")
    with pytest.raises(Refused, match="only who is available"):
        world.calls("alice", number=NUMBER)

    assert (world.state_of("alice"), world.agent("alice").wish) == ("busy", "logged_out")
    world.customer_is_not_reached("alice")
    world.time_passes(5)
    assert world.state_of("alice") == "logged_out"


def test_who_is_busy_with_his_own_call_moves_to_no_seat_and_picks_nothing_up() -> None:
    world = callback_queue("alice", "bob").loads(click_to_dial=BUSY, seats=(Seat("seat-1", "PJSIP/1001"),))
    world.pauses("bob")
    world.calls("alice", number=OTHER)
    world.takes_the_callback("alice")
    world.makes_himself_available("bob")
    world.caller_joins("sales")

    world.picks_up("alice", whose="bob")

    assert world.state_of("alice") == "busy"
    with pytest.raises(Refused, match="on a call"):
        world.sits_down("alice", "seat-1")


def test_new_rules_change_nothing_for_the_call_that_there_is() -> None:
    world = callback_queue().loads(click_to_dial=BUSY)
    world.calls("alice", number=OTHER)
    world.takes_the_callback("alice")

    world.loads(click_to_dial=ClickToDialRules())
    world.daemon_restarts()
    world.link_is_back()
    world.hangs_up("alice")

    assert world.state_of("alice") == "wrap_up"


def test_a_call_that_an_agent_makes_takes_nobody_s_place_and_is_none_of_the_queue_s_numbers() -> None:
    world = callback_queue().with_queue("sales", max_waiting=1)
    request = world.calls("alice", number=OTHER)
    queue = world.queue("sales")
    assert (world.line("sales"), world.place_of(request), queue.offered, queue.entered) == ([], None, 0, 0)

    caller = world.caller_joins("sales")
    assert world.place_of(caller) == 1
    with pytest.raises(Refused, match="waits in no line"):
        world.is_given_priority(request, 1)
    world.takes_the_callback("alice")
    world.customer_answers("alice")
    world.hangs_up("alice")

    assert world.ending_of(request).outcome == "answered"
    assert (queue.entered, queue.connected, queue.in_service_level, queue.ended) == (1, 0, 0, {})


def test_the_customer_may_hang_up_first() -> None:
    world = callback_queue()
    request = world.calls("alice", number=OTHER)
    world.takes_the_callback("alice")
    world.customer_answers("alice")

    world.customer_hangs_up("alice")

    assert world.ending_of(request).outcome == "answered"


def test_or_not_be_reached() -> None:
    world = callback_queue()
    request = world.calls("alice", number=OTHER)
    world.takes_the_callback("alice")

    world.customer_is_not_reached("alice", Missed.NO_ANSWER)

    assert world.ending_of(request).outcome == "not_reached"
    assert world.state_of("alice") == "wrap_up"


def test_who_does_not_pick_up_his_own_telephone_has_cancelled_it() -> None:
    world = callback_queue()
    request = world.calls("alice", number=OTHER)

    world.leg_ends("alice", LegEnd.NO_ANSWER)

    assert world.ending_of(request).outcome == "cancelled"
    assert world.told(CustomerDialled) == []


def test_a_call_can_be_taken_back_at_any_time() -> None:
    world = callback_queue()
    request = world.calls("alice", number=OTHER)
    world.tell(inputs.CancelRequest(request))
    assert world.ringing == {}
    world.hangs_up("alice")

    second = world.calls("alice", number=OTHER)
    world.takes_the_callback("alice")
    world.customer_answers("alice")
    world.tell(inputs.CancelRequest(second))

    assert [world.ending_of(request).outcome, world.ending_of(second).outcome] == ["cancelled", "answered"]


def test_who_waits_or_is_not_there_cannot_be_taken_back() -> None:
    world = with_busy_agents()
    waits = world.caller_joins("sales")

    for request in (waits, RequestId("gone")):
        with pytest.raises(UnknownName, match=f"there is no callback or outgoing call '{request}'"):
            world.tell(inputs.CancelRequest(request))

    assert world.line("sales") == [waits]


@pytest.mark.parametrize(("answers", "outcome"), [(False, "cancelled"), (True, "answered")])
def test_who_hangs_up_his_own_call_has_talked_only_if_somebody_answered(answers: bool, outcome: str) -> None:
    world = callback_queue()
    request = world.calls("alice", number=OTHER)
    world.takes_the_callback("alice")
    if answers:
        world.customer_answers("alice")

    world.hangs_up("alice")

    assert world.ending_of(request).outcome == outcome


@pytest.mark.parametrize("talks", [False, True])
def test_whose_call_is_taken_back_has_his_telephone_free_at_once(talks: bool) -> None:
    world = callback_queue()
    request = world.calls("alice", number=OTHER)
    world.takes_the_callback("alice")
    if talks:
        world.customer_answers("alice")

    world.tell(inputs.CancelRequest(request))

    assert world.last(LegReleased).offer == world.offer_to("alice")
    assert (world.state_of("alice"), world.ending_of(request).talk_seconds) == ("wrap_up", 0)
    assert world.ending_of(request).outcome == ("answered" if talks else "cancelled")


def test_only_who_is_available_calls() -> None:
    world = with_busy_agents()

    with pytest.raises(Refused, match="connected"):
        world.calls("alice", number=OTHER)


def test_and_only_from_a_server_that_is_there_and_reaches_him() -> None:
    world = one_queue().with_mobiles("alice", forward=Forward.MOBILE).loads(trunks={})
    with pytest.raises(Refused, match="alice cannot be reached from main just now"):
        world.calls("alice", number=OTHER)

    world = one_queue()
    world.link_is_lost()

    with pytest.raises(Refused, match="alice cannot be reached from main just now"):
        world.calls("alice", number=OTHER)


def test_it_is_a_call_of_one_of_his_queues() -> None:
    world = callback_queue()

    with pytest.raises(Refused, match="does not serve"):
        world.calls("alice", number=OTHER, queue=QueueName("support"))


@pytest.mark.parametrize(
    ("queues", "queue"),
    [
        ({"sales": 2, "support": 1}, "support"),
        ({"sales": 1, "support": 2}, "sales"),
        ({"support": 1, "sales": 1}, "sales"),
    ],
)
def test_if_he_names_none_of_the_one_that_comes_first_for_him(queues: dict[str, int], queue: str) -> None:
    world = World().with_queue("support").with_queue("sales").with_agents("alice", **queues)

    request = world.calls("alice", number=OTHER)

    assert world.request(request).queue == queue
