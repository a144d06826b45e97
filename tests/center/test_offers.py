"""Offers: each way in which one can end, and what it means for caller, agent and numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from acd.center.facts import (
    AgentUnreachable,
    LegGone,
    LegReleased,
    OfferAnswered,
    OfferEnded,
    OfferMade,
    RequestConnected,
    RequestEnded,
)
from acd.center.inputs import LegBegan, LegEnd, LegHungUp, LegRejected
from acd.center.model import AgentName, Caller, OfferOutcome
from acd.center.offers import BRIDGE_SECONDS, HANG_UP_SECONDS, LEG_ENDS_SECONDS, offer_of
from acd.center.reach import Device

from .worlds import MAIN, START, World, one_queue


def test_an_offer_says_all_that_it_takes_to_ring_the_phone() -> None:
    world = one_queue(ring_seconds=7)
    request = world.caller_joins("sales")

    (made,) = world.told(OfferMade)
    assert (made.request, made.queue, made.agent, made.pbx) == (request, "sales", "alice", MAIN)
    assert (made.device, made.caller) == (Device(kind="desk", dial="PJSIP/alice"), Caller(number="caller-1"))
    assert (made.channel, made.ring_seconds) == (f"acd-{made.offer}", 7)
    assert made.offer > request


def test_a_call_that_is_taken_is_told_in_this_order() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    earlier = len(world.facts)

    world.takes_the_call("alice")

    kinds = [type(fact).__name__ for fact in world.facts[earlier:]]
    assert kinds == ["OfferAnswered", "OfferEnded", "RequestConnected", "AgentStateChanged"]
    assert world.last(OfferEnded).outcome is OfferOutcome.ACCEPTED
    assert world.last(OfferEnded).caller_channel == "caller-1"
    assert world.last(RequestConnected).request == request
    assert (world.state_of("alice"), world.agent("alice").request) == ("connected", request)


def test_the_moments_of_a_call_are_told_as_durations() -> None:
    world = one_queue(service_level_seconds=4)
    request = world.caller_joins("sales")
    world.time_passes(3)
    world.answers("alice")
    world.time_passes(0.5)
    world.accepts("alice")
    world.time_passes(0.5)
    world.is_bridged("alice")
    world.time_passes(100)
    world.hangs_up("alice")

    connected, ended = world.last(RequestConnected), world.ending_of(request)
    assert (connected.waited_seconds, connected.connect_seconds, connected.in_service_level) == (4, 1, True)
    assert (ended.entered_at, ended.waited_seconds, ended.talk_seconds, ended.offers) == (START, 4, 100, 1)
    assert (ended.agent, ended.connected_at, ended.ended_by) == ("alice", START + 4, "agent")


def test_an_answer_after_the_service_level_is_not_in_it() -> None:
    world = one_queue(service_level_seconds=4)
    world.caller_joins("sales")
    world.time_passes(4.5)
    world.takes_the_call("alice")
    queue = world.queue("sales")

    assert not world.last(RequestConnected).in_service_level
    assert (queue.connected, queue.in_service_level) == (1, 0)


def test_an_offer_is_ready_since_both_could_have_had_each_other() -> None:
    world = one_queue(wrap_up_seconds=5)
    world.time_passes(3)
    world.caller_joins("sales")
    assert world.last(OfferMade).ready_at == START + 3

    world.takes_the_call("alice")
    world.caller_joins("sales")
    world.time_passes(3)
    world.hangs_up("alice")
    world.time_passes(5)
    assert world.last(OfferMade).ready_at == START + 6 + 5


def test_an_offer_after_one_in_vain_is_ready_since_then() -> None:
    world = one_queue("alice", "bob")
    world.caller_joins("sales")
    world.time_passes(3)

    world.rejects("alice")

    assert world.last(OfferMade, agent="bob").ready_at == START + 3


# ---- Not answered


def test_who_does_not_answer_is_left_alone_for_a_while_and_the_caller_is_offered_to_another_at_once() -> None:
    world = one_queue("alice", "bob", ring_seconds=20).with_offer_rules(no_answer_seconds=15)
    request = world.caller_joins("sales")
    world.time_passes(19.999)
    assert world.ringing == {"alice": request}

    world.time_passes(0.001)

    assert (world.state_of("alice"), world.seconds_left("alice")) == ("no_answer", 15)
    assert world.last(OfferEnded, agent="alice").outcome is OfferOutcome.NO_ANSWER
    assert world.ringing == {"bob": request}
    assert world.place_of(request) == 1


def test_a_phone_that_rang_out_is_told_to_stop_ringing() -> None:
    world = one_queue(ring_seconds=20)
    world.caller_joins("sales")
    offer = world.offer("alice")

    world.time_passes(20)

    (released,) = world.told(LegReleased)
    assert (released.offer, released.pbx, released.channel) == (offer.id, MAIN, offer.channel)


def test_a_no_answer_of_the_network_is_one_like_ours() -> None:
    world = one_queue()
    request = world.caller_joins("sales")

    world.leg_ends("alice", LegEnd.NO_ANSWER, "19 No answer")

    ended = world.last(OfferEnded)
    assert (ended.outcome, ended.cause) == (OfferOutcome.NO_ANSWER, "19 No answer")
    assert world.state_of("alice") == "no_answer"
    assert world.told(LegReleased) == []
    assert world.place_of(request) == 1


def test_who_picked_up_in_time_may_hear_the_whisper_out() -> None:
    world = one_queue(ring_seconds=20)
    world.caller_joins("sales")
    world.time_passes(19)
    world.answers("alice")
    world.time_passes(2)

    world.accepts("alice")
    world.is_bridged("alice")

    assert world.state_of("alice") == "connected"


def test_a_phone_that_was_picked_up_and_never_accepts_does_not_hold_the_caller_for_ever() -> None:
    world = one_queue("alice", "bob", ring_seconds=20)
    request = world.caller_joins("sales")
    world.answers("alice")

    world.time_passes(60)

    assert world.offered_to(request)[:2] == ["alice", "bob"]


# ---- Rejected


@pytest.mark.parametrize("how", [LegEnd.REJECTED, LegEnd.HUNG_UP])
def test_who_rejects_is_busy_for_a_while_and_the_caller_is_offered_to_another_at_once(how: LegEnd) -> None:
    world = one_queue("alice", "bob").with_offer_rules(rejected_seconds=30)
    request = world.caller_joins("sales")

    world.leg_ends("alice", how, "21 Call Rejected")

    assert (world.state_of("alice"), world.seconds_left("alice")) == ("busy", 30)
    assert world.agent("alice").reason == "rejected"
    ended = world.last(OfferEnded)
    assert (ended.outcome, ended.cause) == (OfferOutcome.REJECTED, "21 Call Rejected")
    assert world.ringing == {"bob": request}
    assert world.place_of(request) == 1


def test_who_answers_and_hangs_up_before_he_accepts_has_rejected() -> None:
    world = one_queue()
    world.caller_joins("sales")
    world.answers("alice")

    world.hangs_up("alice")

    assert world.last(OfferEnded).outcome is OfferOutcome.REJECTED
    assert world.agent("alice").reason == "rejected"


@pytest.mark.parametrize("accepts", [False, True])
def test_a_phone_that_hangs_up_before_it_is_bridged_ends_no_talk(accepts: bool) -> None:
    """`HangupRequest` is heard of it as well; what came of the offer is told by the end of its leg."""
    world = one_queue("alice")
    request = world.caller_joins("sales")
    world.answers("alice")
    if accepts:
        world.accepts("alice")

    assert world.tell(LegHungUp(world.offer_to("alice"))) == []

    assert world.request(request).state == "offered"


def test_who_accepts_and_hangs_up_before_he_is_bridged_has_rejected() -> None:
    world = one_queue("alice", "bob")
    request = world.caller_joins("sales")
    world.answers("alice")
    world.accepts("alice")

    world.hangs_up("alice")

    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "rejected")
    assert world.ringing == {"bob": request}


# ---- Unreachable


def _fails_once(world: World) -> float:
    """The phone of the only agent fails; answers with how long he is left alone, which passes."""
    world.is_unreachable("alice")
    seconds = world.seconds_left("alice")
    assert seconds is not None
    assert world.agent("alice").reason == "unreachable"
    world.time_passes(seconds)
    return seconds


def test_an_unreachable_phone_is_left_alone_for_twice_as_long_each_time_up_to_a_limit() -> None:
    world = one_queue().with_offer_rules(unreachable_first_seconds=5, unreachable_limit_seconds=60)
    world.caller_joins("sales")

    assert [_fails_once(world) for _ in range(7)] == [5, 10, 20, 40, 60, 60, 60]


def test_an_unreachable_phone_does_not_keep_the_caller_from_another() -> None:
    world = one_queue("alice", "bob")
    request = world.caller_joins("sales")

    world.leg_ends("alice", LegEnd.UNREACHABLE, "20 Subscriber absent")

    assert world.ringing == {"bob": request}
    assert world.place_of(request) == 1
    assert (world.last(OfferEnded).outcome, world.last(OfferEnded).cause) == (
        OfferOutcome.FAILED,
        "20 Subscriber absent",
    )
    assert world.last(AgentUnreachable).cause == "20 Subscriber absent"


@pytest.mark.parametrize("sign_of_life", [World.answers, World.rejects, lambda w, a: w.leg_ends(a, LegEnd.NO_ANSWER)])
def test_any_sign_of_life_ends_the_back_off(sign_of_life: Callable[[World, str], None]) -> None:
    world = one_queue().with_offer_rules(unreachable_first_seconds=5)
    world.caller_joins("sales")
    for _ in range(3):
        _fails_once(world)

    sign_of_life(world, "alice")

    assert world.agent("alice").failures == {}
    assert world.last(AgentUnreachable).in_a_row == 0


def test_a_phone_that_rang_out_can_be_reached() -> None:
    world = one_queue(ring_seconds=20)
    world.caller_joins("sales")
    _fails_once(world)
    world.time_passes(20)

    assert world.agent("alice").failures == {}


def test_of_a_phone_that_can_be_reached_nothing_is_told() -> None:
    world = one_queue()
    world.caller_joins("sales")
    world.takes_the_call("alice")

    assert world.told(AgentUnreachable) == []


def test_a_withdrawn_offer_is_no_sign_of_life() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    _fails_once(world)

    world.caller_hangs_up(request)

    assert [one.in_a_row for one in world.agent("alice").failures.values()] == [1]


def test_a_phone_may_be_unreachable_for_a_year() -> None:
    world = one_queue().with_offer_rules(unreachable_first_seconds=2.5, unreachable_limit_seconds=300.0)
    world.caller_joins("sales")
    a_year_of_failures = AgentUnreachable(
        at=world.now, agent=AgentName("alice"), in_a_row=100_000, device="PJSIP/alice"
    )
    world.knows(a_year_of_failures)

    assert _fails_once(world) == 300


@pytest.mark.parametrize("how", LegEnd)
def test_who_picks_up_and_hangs_up_has_rejected_whatever_the_network_calls_it(how: LegEnd) -> None:
    world = one_queue("alice", "bob")
    request = world.caller_joins("sales")
    world.answers("alice")

    world.leg_ends("alice", how)

    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "rejected")
    assert world.ringing == {"bob": request}


# ---- Withdrawn


def test_a_caller_who_hangs_up_while_a_phone_rings_stops_it() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    offer = world.offer("alice")

    world.caller_hangs_up(request)

    assert world.last(OfferEnded).outcome is OfferOutcome.CANCELLED
    assert world.last(LegReleased).channel == offer.channel
    assert world.state_of("alice") == "available"


def test_an_agent_is_offered_nothing_before_his_phone_has_gone_silent() -> None:
    world = one_queue()
    gone = world.caller_joins("sales")
    leg = world.offer_to("alice")
    world.caller_hangs_up(gone)
    request = world.caller_joins("sales")
    assert world.ringing == {}

    world.hangs_up(leg)

    assert world.ringing == {"alice": request}


def test_an_agent_whose_leg_s_end_is_never_heard_is_given_the_next_call_all_the_same() -> None:
    world = one_queue()
    gone = world.caller_joins("sales")
    leg = world.offer_to("alice")
    world.caller_hangs_up(gone)
    request = world.caller_joins("sales")

    world.time_passes(HANG_UP_SECONDS)

    assert world.last(LegGone) == LegGone(at=START + HANG_UP_SECONDS, offer=leg, overdue=True)
    assert world.ringing == {"alice": request}


def test_a_talk_whose_leg_s_end_is_never_heard_leaves_the_agent_free_after_all() -> None:
    world = one_queue(wrap_up_seconds=0)
    talk = world.caller_joins("sales")
    world.takes_the_call("alice")
    world.time_passes(60)
    world.caller_hangs_up(talk)
    assert world.tell(LegHungUp(world.offer_to("alice"))) == []
    request = world.caller_joins("sales")

    world.time_passes(LEG_ENDS_SECONDS - 0.1)
    assert world.told(LegReleased) == []
    world.time_passes(0.1)
    assert len(world.told(LegReleased)) == 1
    world.time_passes(HANG_UP_SECONDS)

    assert world.ringing == {"alice": request}


def test_a_leg_whose_agent_has_refused_by_a_key_and_that_does_not_end_is_told_to() -> None:
    world = one_queue()
    world.caller_joins("sales")
    world.answers("alice")
    leg = world.offer_to("alice")
    world.tell(LegRejected(leg, pause=False))

    world.time_passes(LEG_ENDS_SECONDS)

    assert [told.offer for told in world.told(LegReleased)] == [leg]
    assert world.told(LegGone) == []


@pytest.mark.parametrize("stage", ["ringing", "answered", "accepted"])
def test_a_caller_who_hangs_up_costs_the_agent_nothing_at_any_stage(stage: str) -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    idle_since = world.agent("alice").idle_since
    world.time_passes(3)
    if stage != "ringing":
        world.answers("alice")
    if stage == "accepted":
        world.accepts("alice")

    world.caller_hangs_up(request)

    assert (world.state_of("alice"), world.agent("alice").idle_since) == ("available", idle_since)
    assert world.ending_of(request).outcome == "abandoned"
    assert len(world.told(LegReleased)) == 1


# ---- Not bridged


def test_a_bridge_that_fails_is_nobody_s_fault() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    leg = world.offer_to("alice")
    idle_since = world.agent("alice").idle_since
    world.time_passes(2)
    world.answers("alice")
    world.accepts("alice")

    world.bridge_fails("alice")

    assert (world.state_of("alice"), world.agent("alice").idle_since) == ("available", idle_since)
    assert world.last(LegReleased).offer == leg
    assert world.place_of(request) == 1
    assert world.ringing == {}

    world.hangs_up(leg)
    assert world.ringing == {"alice": request}


def test_a_bridge_that_is_never_confirmed_has_failed() -> None:
    world = one_queue("alice", "bob")
    request = world.caller_joins("sales")
    world.answers("alice")
    world.accepts("alice")
    world.time_passes(BRIDGE_SECONDS - 0.001)
    assert world.state_of("alice") == "connecting"

    world.time_passes(0.001)

    assert (world.state_of("alice"), len(world.told(LegReleased))) == ("available", 1)
    assert world.ringing == {"bob": request}


def test_a_bridge_has_its_time_however_late_the_agent_accepts() -> None:
    world = one_queue(ring_seconds=20)
    world.caller_joins("sales")
    world.time_passes(19)
    world.answers("alice")
    world.accepts("alice")
    world.time_passes(BRIDGE_SECONDS - 1)

    world.is_bridged("alice")

    assert world.state_of("alice") == "connected"


# ---- Late, and for nobody


def _rang_out(world: World) -> None:
    world.time_passes(20)


def _cancelled(world: World) -> None:
    world.caller_hangs_up(world.agent("alice").request)


def _not_bridged(world: World) -> None:
    world.answers("alice")
    world.accepts("alice")
    world.bridge_fails("alice")


def _over(world: World) -> None:
    world.takes_the_call("alice")
    world.caller_hangs_up(world.agent("alice").request)


@pytest.mark.parametrize("leg_is", ["not yet gone", "gone"])
@pytest.mark.parametrize("ended", [_rang_out, _cancelled, _not_bridged, _over])
@pytest.mark.parametrize("late", [World.answers, World.accepts, World.is_bridged, World.bridge_fails])
def test_what_is_heard_of_an_offer_after_its_end_changes_nothing(
    late: Callable[[World, str], None], ended: Callable[[World], None], leg_is: str
) -> None:
    world = one_queue(ring_seconds=20)
    world.caller_joins("sales")
    offer = world.offer_to("alice")
    ended(world)
    if leg_is == "gone":
        world.hangs_up(offer)
    facts = len(world.facts)

    late(world, offer)

    assert len(world.facts) == facts


def test_a_leg_that_begins_when_its_offer_is_over_is_told_to_end() -> None:
    """It was asked for over a connection that broke; the survey behind it did not find it yet."""
    world = one_queue("alice")
    world.caller_joins("sales")
    late = world.offer("alice")
    world.link_is_lost()
    world.link_is_back(gone=[late.channel])

    world.tell(LegBegan(MAIN, late.id))

    assert world.told(LegReleased, offer=late.id, channel=late.channel)
    assert world.ringing.keys() == {"alice"}, "for another offer"


def test_a_leg_that_begins_in_time_is_let_ring() -> None:
    world = one_queue("alice")
    world.caller_joins("sales")

    assert world.tell(LegBegan(MAIN, world.offer_to("alice"))) == []


@pytest.mark.parametrize(
    ("channel", "offer"),
    [
        ("acd-0123456789abcdef", "0123456789abcdef"),
        ("acd-0123456789ABCDEF", None),
        ("acd-0123456789abcde", None),
        ("acd-0123456789abcdef0", None),
        ("acd-1700000000.12345", None),
        ("0123456789abcdef0123", None),
        ("0123456789abcdef", None),
    ],
)
def test_a_leg_is_known_by_the_name_of_its_channel(channel: str, offer: str | None) -> None:
    assert offer_of(channel) == offer


def test_the_end_of_a_leg_that_nobody_knows_changes_nothing() -> None:
    world = one_queue()
    facts = len(world.facts)

    world.hangs_up("0000000000000001")

    assert len(world.facts) == facts


def test_a_bridge_is_none_before_the_agent_has_accepted() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.answers("alice")

    world.is_bridged("alice")
    world.bridge_fails("alice")

    assert world.ringing == {"alice": request}
    assert world.told(RequestConnected) == []


def test_a_second_answer_is_not_told_again() -> None:
    world = one_queue()
    world.caller_joins("sales")
    world.answers("alice")
    world.time_passes(1)
    world.answers("alice")

    assert [fact.at for fact in world.told(OfferAnswered)] == [START]


def test_the_end_of_a_leg_is_no_end_of_the_caller_s_next_talk() -> None:
    """Alice's phone rang out; Bob talks to the caller when the end of Alice's leg is heard."""
    world = one_queue("alice", "bob", ring_seconds=20)
    world.caller_joins("sales")
    rang_out = world.offer_to("alice")
    world.time_passes(20)
    world.takes_the_call("bob")

    world.hangs_up(rang_out)

    assert world.state_of("bob") == "connected"
    assert world.told(RequestEnded) == []
