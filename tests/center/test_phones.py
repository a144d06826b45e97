"""Telephones that are used for something else, and agents who sit where they like."""

from __future__ import annotations

import pytest

from acd.center import Refused
from acd.center.agents import ON_PHONE, UNREACHABLE
from acd.center.facts import LegReleased, OfferEnded, PhoneTaken
from acd.center.inputs import LiveChannel
from acd.center.model import OUTGOING_CALL, ChannelId, NotAllowed, Seat
from acd.center.reach import Device

from .worlds import MAIN, World, one_queue

# ---- Used for something else


@pytest.mark.parametrize("begins", [World.phone_rings, World.phone_is_taken_up])
def test_who_is_called_directly_or_dials_himself_is_busy_until_it_ends(begins) -> None:  # type: ignore[no-untyped-def]
    world = one_queue()
    begins(world, "alice")
    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")
    assert world.agent("alice").until is None
    request = world.caller_joins("sales")
    assert world.ringing == {}

    world.phone_is_put_down()

    assert world.ringing == {"alice": request}


def test_two_calls_at_one_phone_both_have_to_end() -> None:
    world = one_queue()
    world.phone_is_taken_up("alice", "first")
    world.phone_rings("alice", "second")
    world.phone_is_put_down("first")
    assert world.state_of("alice") == "busy"

    world.phone_is_put_down("second")

    assert world.state_of("alice") == "available"


def test_a_phone_at_which_nobody_sits_is_nobody_s_business() -> None:
    world = one_queue()
    facts = len(world.facts)
    world.phone_is_taken_up("stranger")
    world.phone_is_put_down()

    assert len(world.facts) == facts


def test_who_dials_while_an_offer_rings_leaves_the_caller_to_others_at_once() -> None:
    world = one_queue("alice", "bob")
    request = world.caller_joins("sales")
    leg = world.offer("alice").channel

    world.phone_is_taken_up("alice")

    assert world.ringing == {"bob": request}
    assert world.last(LegReleased).channel == leg
    assert world.last(OfferEnded).outcome == "cancelled"
    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")


def test_a_direct_call_that_only_rings_beside_an_offer_changes_nothing_until_it_is_answered() -> None:
    world = one_queue("alice", "bob")
    request = world.caller_joins("sales")
    world.phone_rings("alice")
    assert world.ringing == {"alice": request}

    world.phone_is_taken_up("alice")

    assert world.ringing == {"bob": request}


def test_who_takes_the_call_while_another_rings_is_busy_with_that_one_after_it() -> None:
    world = one_queue(wrap_up_seconds=5)
    world.caller_joins("sales")
    world.phone_rings("alice")
    world.takes_the_call("alice")
    assert world.state_of("alice") == "connected"
    world.hangs_up("alice")
    assert world.state_of("alice") == "wrap_up"

    world.time_passes(5)

    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")


def test_a_consultation_during_a_talk_changes_nothing() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.takes_the_call("alice")
    world.phone_is_taken_up("alice")
    world.phone_is_put_down()

    assert (world.state_of("alice"), world.agent("alice").request) == ("connected", request)


def test_and_lets_the_pause_begin_that_was_wished_for_before() -> None:
    world = one_queue(wrap_up_seconds=5)
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.pauses("alice", "lunch")
    world.phone_is_taken_up("alice")
    world.phone_is_put_down()
    world.hangs_up("alice")

    world.time_passes(5)

    assert (world.state_of("alice"), world.agent("alice").reason) == ("paused", "lunch")


@pytest.mark.parametrize("state", ["paused", "logged_out"])
def test_who_calls_during_a_pause_is_still_paused_after_it(state: str) -> None:
    world = one_queue()
    (world.pauses if state == "paused" else world.logs_out)("alice")
    world.phone_is_taken_up("alice")
    assert world.state_of("alice") == state
    world.phone_is_put_down()

    assert world.state_of("alice") == state


def test_who_comes_back_from_a_pause_with_the_phone_at_his_ear_is_busy() -> None:
    world = one_queue()
    world.pauses("alice")
    world.phone_is_taken_up("alice")

    world.makes_himself_available("alice")

    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")


def test_who_is_busy_for_having_rejected_stays_so_until_its_end_and_then_for_the_phone() -> None:
    world = one_queue().with_offer_rules(rejected_seconds=10)
    request = world.caller_joins("sales")
    world.rejects("alice")
    world.caller_hangs_up(request)
    world.phone_is_taken_up("alice")
    assert world.agent("alice").reason == "rejected"

    world.time_passes(10)

    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")


def test_a_pause_asked_for_on_the_phone_holds_when_it_ends() -> None:
    world = one_queue()
    world.phone_is_taken_up("alice")
    world.pauses("alice", "lunch")
    world.phone_is_put_down()

    assert world.state_of("alice") == "paused"


@pytest.mark.parametrize("reason", [ON_PHONE, UNREACHABLE, OUTGOING_CALL])
def test_a_pause_is_a_pause_whatever_he_calls_it(reason: str) -> None:
    world = one_queue()
    world.pauses("alice", reason)
    world.phone_is_taken_up("alice")
    world.phone_is_put_down()
    assert (world.state_of("alice"), world.agent("alice").reason) == ("paused", reason)

    world.makes_himself_available("alice")

    assert (world.state_of("alice"), world.agent("alice").reason) == ("available", None)


def test_an_agent_who_calls_a_queue_himself_is_busy_meanwhile() -> None:
    world = one_queue()
    world.phone_is_taken_up("alice", "his-own")
    request = world.caller_joins("sales", channel="his-own")
    assert world.ringing == {}

    world.phone_is_put_down("his-own")

    assert world.ending_of(request).outcome == "abandoned"
    assert world.state_of("alice") == "available"


def test_what_was_taken_up_or_put_down_unheard_is_found_out() -> None:
    world = one_queue("alice", "bob")
    world.phone_is_taken_up("alice", "old")
    world.link_is_lost()

    world.link_is_back(gone=["old"], found=[LiveChannel(ChannelId("new"), bridged=True, dial="PJSIP/bob")])

    assert [world.state_of("alice"), world.state_of("bob")] == ["available", "busy"]
    assert len(world.told(PhoneTaken)) == 2


def test_a_survey_of_one_server_says_nothing_of_the_phones_at_another() -> None:
    world = World(MAIN, "west").with_queue("sales").with_agents("alice", sales=1)
    world.phone_is_taken_up("alice")

    world.link_is_lost("west")
    world.link_is_back("west")

    assert world.state_of("alice") == "busy"


def test_a_new_start_remembers_who_is_on_the_phone() -> None:
    world = one_queue()
    world.phone_is_taken_up("alice")
    world.daemon_restarts()
    assert world.state_of("alice") == "busy"

    world.link_is_back()
    assert world.state_of("alice") == "busy"
    world.phone_is_put_down()
    assert world.state_of("alice") == "available"


# ---- Seats


def _with_seats(*agents: str) -> World:
    return one_queue(*agents).loads(seats=(Seat("seat-1", "PJSIP/1001"), Seat("seat-2", "PJSIP/1002")))


def test_who_logs_in_at_a_seat_is_rung_there() -> None:
    world = _with_seats("alice")
    world.logs_out("alice")

    world.sits_down("alice", "seat-2")
    world.caller_joins("sales")

    assert world.offer("alice").device == Device(kind="desk", dial="PJSIP/1002")


def test_the_phone_that_he_left_for_a_seat_is_nobody_s_business() -> None:
    world = _with_seats("alice")
    world.logs_out("alice")
    world.sits_down("alice", "seat-2")

    world.phone_is_taken_up("alice")

    assert world.told(PhoneTaken) == []
    assert world.state_of("alice") == "available"


def test_after_a_logout_he_is_back_at_his_own() -> None:
    world = _with_seats("alice")
    world.sits_down("alice", "seat-1")
    world.logs_out("alice")
    world.logs_in("alice")
    world.caller_joins("sales")

    assert world.offer("alice").device.dial == "PJSIP/alice"


def test_a_seat_that_is_taken_is_refused() -> None:
    world = _with_seats("alice", "bob")
    world.sits_down("alice", "seat-1")

    with pytest.raises(Refused, match="seat-1 is taken by alice"):
        world.sits_down("bob", "seat-1")

    world.logs_out("alice")
    world.sits_down("bob", "seat-1")


def test_a_seat_that_was_left_is_the_next_one_s_alone() -> None:
    world = _with_seats("alice", "bob")
    world.sits_down("alice", "seat-1")
    world.logs_out("alice")
    world.sits_down("bob", "seat-1")
    world.logs_in("alice")

    world.sits_down("bob", "seat-1")

    world.phone_is_taken_up("1001")
    assert (world.state_of("alice"), world.state_of("bob")) == ("available", "busy")


def test_a_device_that_is_no_seat_and_not_his_own_is_refused() -> None:
    world = _with_seats("alice", "bob")

    with pytest.raises(
        NotAllowed, match="there is no device 'PJSIP/bob' for alice; allowed: PJSIP/alice, seat-1, seat-2"
    ):
        world.sits_down("alice", "PJSIP/bob")


def test_nobody_moves_in_the_middle_of_a_call() -> None:
    world = _with_seats("alice")
    world.caller_joins("sales")

    with pytest.raises(Refused, match="alice is on a call; he can move after it"):
        world.sits_down("alice", "seat-1")


def test_who_has_no_device_of_his_own_logs_in_at_a_seat() -> None:
    world = _with_seats("alice")
    (alice,) = world.rules.agents
    world.logs_out("alice")
    world.loads(agents=(type(alice)(name=alice.name, queues=alice.queues, devices=()),))
    with pytest.raises(Refused, match="alice has no device of his own; log in at a seat"):
        world.logs_in("alice")

    world.sits_down("alice", "seat-1")

    request = world.caller_joins("sales")
    assert world.ringing == {"alice": request}


def test_a_seat_s_phone_that_is_used_makes_busy_who_sits_there() -> None:
    world = _with_seats("alice")
    world.phone_is_taken_up("1001")
    world.sits_down("alice", "seat-1")

    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")
    world.phone_is_put_down()
    assert world.state_of("alice") == "available"
    world.phone_is_taken_up("alice", "his old one")
    assert world.state_of("alice") == "available"
