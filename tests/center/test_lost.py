"""An Asterisk goes down under those who wait: where their queue says so, they are called back in their turn."""

from __future__ import annotations

from typing import Any

import pytest

from acd.center import inputs, lost
from acd.center.facts import CallbackPromised, CallbackRenewed, CallerAsked, PbxStateChanged, RequestEnded
from acd.center.inputs import LiveChannel
from acd.center.model import CallbackRules, Caller, ChannelId, Need, QueueName, RequestId

from .worlds import MAIN, World

ONE, TWO, THREE = "+31201234561", "+31201234562", "+31201234563"
EVERYBODY: dict[str, str | None] = dict.fromkeys((ONE, TWO, THREE))
SALES = QueueName("sales")


def keeping_queue(*agents: str, **rules: Any) -> World:
    """Agents who take callbacks, in a queue that keeps the places of those who were lost."""
    callbacks = CallbackRules(**{"after_pbx_lost": True} | rules)
    world = World().with_queue("sales", wrap_up_seconds=5, callbacks=callbacks)
    world.with_agents(*agents or ("alice",), callbacks=True, sales=1)
    world.link_is_back(started="monday")
    return world


def joins(world: World, number: str, **wishes: Any) -> RequestId:
    return world.caller_joins("sales", e164=number, **wishes)


def with_alice_in_a_talk(**rules: Any) -> tuple[World, RequestId]:
    world = keeping_queue(**rules)
    talks = joins(world, "+31201234569")
    world.takes_the_call("alice")
    return world, talks


def test_who_waited_is_called_back_at_his_place_as_the_same_request() -> None:
    world, talks = with_alice_in_a_talk()
    first, urgent = joins(world, ONE), joins(world, TWO, priority=10)
    entered_at = world.request(first).entered_at
    world.time_passes(60)

    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert world.line("sales") == [urgent, first]
    one = world.request(first)
    assert (one.kind, one.number, one.entered_at, one.channel) == ("callback", ONE, entered_at, "")
    assert [(fact.request, fact.message) for fact in world.told(CallbackPromised)] == [(urgent, None), (first, None)]
    assert world.ending_of(talks).outcome == "pbx_lost"
    world.time_passes(5)
    assert world.ringing == {"alice": urgent}
    world.takes_the_callback("alice")
    world.presses("alice", "call")
    world.customer_answers("alice")
    world.presses("alice", "done")
    assert (world.ending_of(urgent).outcome, world.ending_of(urgent).kind) == ("answered", "callback")


def test_who_was_passed_on_has_had_his_turn_too() -> None:
    world, talks = with_alice_in_a_talk()
    world.tell(inputs.CallPassedOn(MAIN, world.offer_to("alice")))
    world.time_passes(3)

    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert (world.ending_of(talks).outcome, world.ending_of(talks).agent) == ("pbx_lost", None)
    assert (world.state_of("alice"), world.seconds_left("alice")) == ("wrap_up", 2)


def test_his_needs_stay_his() -> None:
    world, _ = with_alice_in_a_talk()
    needing = joins(world, ONE, needs=(Need("french", 1),))

    world.asterisk_starts_anew(may_call=EVERYBODY)
    world.time_passes(5)

    assert Need("french", 1) in world.request(needing).needs
    assert world.ringing == {}


@pytest.mark.parametrize("strategy", ["priority", "ring_all"])
def test_for_whom_a_phone_rang_or_a_bridge_was_to_come_waits_too(strategy: str) -> None:
    world = keeping_queue("alice", "bob")
    world.with_queue(
        "sales", wrap_up_seconds=5, strategy=strategy, callbacks=CallbackRules(after_pbx_lost=True, at_once=1)
    )
    accepted = joins(world, ONE)
    world.answers("alice")
    world.accepts("alice")
    rung = joins(world, TWO)
    world.link_is_lost()

    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert world.told(RequestEnded) == []
    assert world.ringing.keys() <= {"alice", "bob"}
    assert set(world.ringing.values()) == {accepted}
    assert world.line("sales") == [accepted, rung]


def test_who_was_leaving_a_message_is_called_at_the_number_that_he_gave() -> None:
    world, _ = with_alice_in_a_talk()
    request = joins(world, ONE)
    world.begins_a_message(request, ONE)
    one = world.request(request)
    world.tell(inputs.NumberTyped(one.pbx, one.channel, TWO))

    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert (world.request(request).number, world.request(request).message) == (TWO, None)


# ---- Who is not


@pytest.mark.parametrize("has_one_coming", [False, True])
def test_what_he_was_saying_is_to_be_deleted(has_one_coming: bool) -> None:
    """It ended within a word, and nobody could hear that."""
    world, _ = with_alice_in_a_talk()
    if has_one_coming:
        world.leaves_a_message(joins(world, TWO), ONE)
    request = joins(world, TWO)
    world.begins_a_message(request, ONE)
    recording = world.request(request).message
    assert recording

    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert world.center.state.unwanted == {recording.name: MAIN}
    assert len(world.center.state.callbacks) == 1


def test_a_queue_that_does_not_say_so_loses_them() -> None:
    world, _ = with_alice_in_a_talk(after_pbx_lost=False)
    request = joins(world, ONE)
    assert list(lost.numbers(world.center.state, MAIN)) == []

    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert world.ending_of(request).outcome == "pbx_lost"


def test_who_has_withheld_his_number_or_may_not_be_called_is_lost() -> None:
    world, _ = with_alice_in_a_talk()
    withheld, barred = joins(world, ""), joins(world, THREE)
    assert list(lost.numbers(world.center.state, MAIN)) == [THREE]

    world.asterisk_starts_anew(may_call={ONE: None})

    assert [world.ending_of(request).outcome for request in (withheld, barred)] == ["pbx_lost", "pbx_lost"]


def test_nobody_is_kept_by_an_asterisk_that_ran_on() -> None:
    world, _ = with_alice_in_a_talk()
    request = joins(world, ONE)
    world.link_is_lost()

    world.link_is_back(gone=[world.request(request).channel], started="monday", may_call=EVERYBODY)

    assert world.ending_of(request).outcome == "abandoned"


def test_nor_by_one_that_does_not_say_when_it_was_started() -> None:
    world, talks = with_alice_in_a_talk()
    request = joins(world, ONE)
    world.link_is_lost()

    world.link_is_back(may_call=EVERYBODY)

    assert (world.request(request).kind, world.request(talks).state) == ("call", "ongoing")
    world.asterisk_starts_anew(may_call=EVERYBODY)
    assert (world.request(request).kind, world.ending_of(talks).outcome) == ("callback", "pbx_lost")


def test_nor_by_one_that_has_not_told_before_when_it_was_started() -> None:
    world = World().with_queue("sales", callbacks=CallbackRules(after_pbx_lost=True))
    request = joins(world, ONE)
    world.link_is_lost()

    world.link_is_back(started="monday", may_call=EVERYBODY)

    assert world.request(request).kind == "call"


def test_one_number_is_called_back_once_and_at_the_older_place() -> None:
    world, _ = with_alice_in_a_talk()
    older = joins(world, TWO)
    world.leaves_a_message(older, TWO)
    message = world.request(older).message
    later, again, urgent = joins(world, ONE), joins(world, ONE), joins(world, ONE, priority=10)
    twice = world.caller_joins("sales", number="another", e164=THREE)
    world.begins_a_message(twice, TWO)

    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert world.line("sales") == [urgent, older]
    endings = [world.ending_of(request) for request in (later, again, twice)]
    assert {(ending.outcome, ending.ended_by) for ending in endings} == {("callback", "pbx")}
    assert (world.told(CallbackRenewed), world.request(older).message) == ([], message)


# ---- Afterwards


def test_his_hours_and_those_of_the_queue_are_kept() -> None:
    world, _ = with_alice_in_a_talk()
    world.calendar_turns("zone", is_open=False)
    request = joins(world, ONE)
    world.asterisk_starts_anew(may_call={ONE: "zone"})
    world.time_passes(3600)
    assert world.ringing == {}

    world.calendar_turns("zone", is_open=True)

    assert world.ringing == {"alice": request}


def test_a_daemon_that_was_away_meanwhile_keeps_them_too_and_knows_them_after_its_next_start() -> None:
    world, _ = with_alice_in_a_talk()
    first, second = joins(world, ONE), joins(world, TWO)
    world.daemon_restarts()

    world.asterisk_starts_anew(may_call=EVERYBODY)
    world.daemon_restarts()
    world.link_is_back(started="after monday")

    assert world.line("sales") == [first, second]
    world.time_passes(5)
    assert world.ringing == {"alice": first}


def test_who_has_waited_for_too_long_by_then_does_not_run_out_of_time() -> None:
    world, _ = with_alice_in_a_talk(offer_after_seconds=600)
    request = joins(world, ONE, max_wait_seconds=30)
    world.link_is_lost()
    world.time_passes(60)

    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert world.line("sales") == [request]
    assert (world.request(request).leave_at, world.request(request).offer_at) == (None, None)


def test_who_calls_again_himself_is_asked_what_he_wants_of_it() -> None:
    world, _ = with_alice_in_a_talk()
    request = joins(world, ONE)
    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert joins(world, ONE, channel="again") == ""

    assert (world.last(CallerAsked).request, world.last(CallerAsked).place) == (request, 1)
    world.tell(inputs.CallbackChosen(MAIN, ChannelId("again"), request, "line", Caller(e164=ONE)))
    assert (world.request(request).kind, world.request(request).channel) == ("call", "again")


def test_who_has_called_again_before_anybody_listened_is_asked_too() -> None:
    world, _ = with_alice_in_a_talk()
    request = joins(world, ONE)
    again = LiveChannel(
        ChannelId("again"), bridged=False, queue=SALES, joined_at=world.now, caller=Caller(number="one", e164=ONE)
    )

    world.asterisk_starts_anew(found=[again], may_call=EVERYBODY)

    assert (world.last(CallerAsked).request, world.last(CallerAsked).channel) == (request, "again")
    assert world.line("sales") == [request]


def test_who_went_back_to_the_line_and_is_lost_again_is_kept_again() -> None:
    world, _ = with_alice_in_a_talk()
    request = joins(world, ONE)
    world.asterisk_starts_anew(may_call=EVERYBODY)
    joins(world, ONE, channel="again")
    world.tell(inputs.CallbackChosen(MAIN, ChannelId("again"), request, "line", Caller(e164=ONE)))

    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert (world.request(request).kind, world.line("sales")) == ("callback", [request])


# ---- Told to stop


def test_an_asterisk_that_was_told_to_stop_frees_its_agents_at_once_and_who_waits_waits_for_the_next_one() -> None:
    world, talks = with_alice_in_a_talk()
    request = joins(world, ONE)

    world.tell(inputs.PbxShutDown(MAIN))

    assert (world.last(PbxStateChanged).up, world.last(PbxStateChanged).hung_up) == (False, True)
    assert (world.ending_of(talks).outcome, world.ending_of(talks).ended_by) == ("pbx_lost", "pbx")
    assert world.state_of("alice") == "wrap_up"
    assert world.request(request).kind == "call"
    world.time_passes(5)
    assert world.state_of("alice") == "available"

    world.asterisk_starts_anew(may_call=EVERYBODY)
    assert world.ringing == {"alice": request}
    assert world.request(request).kind == "callback"


def test_who_is_not_to_be_called_back_is_lost_when_the_next_one_is_there() -> None:
    world, _ = with_alice_in_a_talk()
    request = joins(world, ONE)
    world.tell(inputs.PbxShutDown(MAIN))
    assert world.told(RequestEnded, request=request) == []

    world.asterisk_starts_anew()

    assert world.ending_of(request).outcome == "pbx_lost"


def test_a_last_look_at_it_on_its_way_down_takes_nobody_for_one_who_left() -> None:
    world, _ = with_alice_in_a_talk()
    request = joins(world, ONE)
    world.tell(inputs.PbxShutDown(MAIN))
    world.daemon_restarts()

    world.tell(inputs.PbxSurveyed(MAIN, (), "monday", may_call=EVERYBODY))
    assert world.request(request).kind == "callback"

    world.link_is_lost()
    world.asterisk_starts_anew()
    assert world.line("sales") == [request]


def test_a_phone_that_rang_on_it_is_free_and_so_is_one_that_was_used_for_something_else() -> None:
    world = keeping_queue("alice", "bob")
    world.phone_is_taken_up("bob")
    request = joins(world, ONE)
    assert world.ringing == {"alice": request}

    world.tell(inputs.PbxShutDown(MAIN))

    assert (world.state_of("alice"), world.state_of("bob")) == ("available", "available")
    assert world.ringing == {}
    assert world.told(RequestEnded) == []


def test_the_calls_of_other_servers_go_on_when_one_is_told_to_stop() -> None:
    world = World("east", "west").with_queue("sales").with_agents("alice", "bob", sales=1)
    world.caller_joins("sales", pbx="east")
    world.takes_the_call("alice")
    west = world.caller_joins("sales", pbx="west")
    world.takes_the_call("bob")

    world.tell(inputs.PbxShutDown("east"))

    assert world.told(RequestEnded, request=west) == []
    assert (world.state_of("alice"), world.state_of("bob")) == ("wrap_up", "connected")


def test_nobody_is_called_back_in_a_queue_that_is_no_more() -> None:
    world, _ = with_alice_in_a_talk()
    request = joins(world, ONE)
    world.link_is_lost()
    world.without_queue("sales")

    world.asterisk_starts_anew(may_call=EVERYBODY)

    assert world.ending_of(request).outcome == "pbx_lost"
