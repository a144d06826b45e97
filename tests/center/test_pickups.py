"""Call pickup: who takes a colleague's call has it, and nothing is counted against the colleague."""

from __future__ import annotations

import pytest

from acd.center import inputs
from acd.center.facts import CustomerDialled, LegReleased, OfferEnded, RequestConnected, RequestEnded, RequestPassedOn
from acd.center.inputs import LegEnd
from acd.center.model import ChannelId, RequestId
from acd.center.offers import ACCEPT_SECONDS

from .test_callbacks import asks, callback_queue
from .worlds import MAIN, World, one_queue


def _rings_at_alice(**rules: object) -> tuple[World, RequestId]:
    """bob, who is there as well, serves another queue."""
    world = one_queue("alice", wrap_up_seconds=5, **rules).with_queue("support").with_agents("bob", support=1)
    return world, world.caller_joins("sales", channel="customer")


def _bob_picks_up(world: World) -> str:
    world.phone_is_taken_up("bob", "pickup")
    return world.picks_up("bob", whose="alice")


def test_an_agent_who_picks_up_has_the_call_and_the_one_whose_phone_rang_is_available() -> None:
    world, request = _rings_at_alice()
    waiting_since = world.agent("alice").idle_since
    world.time_passes(3)

    offer = _bob_picks_up(world)

    assert (world.state_of("alice"), world.state_of("bob")) == ("available", "connecting")
    assert world.agent("alice").idle_since == waiting_since
    world.accepts(offer)
    world.is_bridged(offer)
    assert world.state_of("bob") == "connected"
    connected = world.last(RequestConnected)
    assert (connected.request, connected.agent, connected.waited_seconds) == (request, "bob", 3)
    assert world.request(request).agent == "bob"
    assert [(ended.agent, ended.outcome) for ended in world.told(OfferEnded)] == [("bob", "accepted")]


def test_a_call_that_was_picked_up_and_is_never_accepted_is_offered_again() -> None:
    world, request = _rings_at_alice()
    _bob_picks_up(world)

    world.time_passes(ACCEPT_SECONDS - 1)
    assert world.state_of("bob") == "connecting"
    world.time_passes(1)

    assert (world.state_of("bob"), world.agent("bob").reason) == ("busy", "on_phone")
    assert world.ringing["alice"] == request


def test_after_it_he_wraps_up_by_the_rules_of_the_call_s_queue() -> None:
    world, request = _rings_at_alice()
    offer = _bob_picks_up(world)
    world.accepts(offer)
    world.is_bridged(offer)

    world.hangs_up(offer)
    world.phone_is_put_down("pickup")

    assert (world.state_of("bob"), world.seconds_left("bob")) == ("wrap_up", 5)
    assert (world.ending_of(request).agent, world.ending_of(request).ended_by) == ("bob", "agent")
    world.time_passes(5)
    assert world.state_of("bob") == "available"
    assert world.center.state.offers == {}


def test_the_next_call_rings_at_the_phone_from_which_one_was_picked_up() -> None:
    world, _ = _rings_at_alice()
    _bob_picks_up(world)

    another = world.caller_joins("sales")

    assert world.ringing["alice"] == another


@pytest.mark.parametrize(
    ("state", "after"), [("available", "available"), ("paused", "paused"), ("wrap_up", "available")]
)
def test_who_picks_up_is_after_the_call_what_he_was_before(state: str, after: str) -> None:
    world = one_queue("alice", wrap_up_seconds=5).with_queue("support", wrap_up_seconds=60)
    world.with_agents("bob", support=1)
    if state == "wrap_up":
        world.caller_joins("support")
        world.takes_the_call("bob")
        world.hangs_up("bob")
    if state == "paused":
        world.pauses("bob", "lunch")
    world.caller_joins("sales")
    offer = _bob_picks_up(world)
    world.accepts(offer)
    world.is_bridged(offer)
    assert world.state_of("bob") == "connected"

    world.hangs_up(offer)
    world.phone_is_put_down("pickup")
    world.time_passes(5)

    assert world.state_of("bob") == after
    assert world.agent("bob").reason == ("lunch" if state == "paused" else None)


def test_a_phone_at_which_no_agent_sits_talks_with_the_caller_and_the_request_goes_on_without_an_agent() -> None:
    world, request = _rings_at_alice()
    world.time_passes(3)
    offer = world.picks_up("reception", whose="alice")
    world.accepts(offer)

    world.is_bridged(offer)

    assert world.state_of("alice") == "available"
    connected = world.last(RequestConnected)
    assert (connected.agent, connected.waited_seconds) == (None, 3)
    assert (world.request(request).state, world.request(request).agent) == ("ongoing", None)
    assert (world.center.state.offers, world.agent("alice").request) == ({}, None)
    assert (world.agent("alice").taken_today, world.agent("alice").missed_in_a_row) == (0, 0)
    assert world.queue("sales").connected == 1
    world.time_passes(60)
    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))
    ended = world.ending_of(request)
    assert (ended.outcome, ended.agent, ended.talk_seconds) == ("answered", None, 60)


def test_a_stranger_may_pass_the_caller_on_into_a_queue() -> None:
    world, request = _rings_at_alice()
    offer = world.picks_up("reception", whose="alice")
    world.accepts(offer)
    world.is_bridged(offer)

    again = world.caller_joins("support", channel="customer")

    assert world.ending_of(request).outcome == "answered"
    assert world.ringing == {"bob": again}


def test_whoever_missed_calls_before_is_not_acquitted_by_a_pickup() -> None:
    world = one_queue("alice", ring_seconds=10).with_offer_rules(no_answer_seconds=1, pause_after_missed=2)
    first = world.caller_joins("sales")
    world.time_passes(10)
    world.caller_hangs_up(first)
    world.hangs_up(world.told(OfferEnded)[-1].offer)
    world.time_passes(1)
    world.caller_joins("sales")

    offer = world.picks_up("reception", whose="alice")
    world.accepts(offer)
    world.is_bridged(offer)

    assert world.agent("alice").missed_in_a_row == 1


@pytest.mark.parametrize("by", ["bob", "reception"])
@pytest.mark.parametrize("moment", ["before he takes it", "before the bridge"])
def test_who_picks_up_and_hangs_up_again_is_not_blamed_and_neither_is_the_other(by: str, moment: str) -> None:
    world, request = _rings_at_alice()
    if by == "bob":
        world.phone_is_taken_up("bob", "pickup")
    offer = world.picks_up(by, whose="alice")
    if moment == "before the bridge":
        world.accepts(offer)

    world.leg_ends(offer, LegEnd.HUNG_UP)
    world.phone_is_put_down("pickup")

    assert world.state_of("bob") == "available"
    assert world.ringing == {"alice": request}
    assert world.request(request).turned_down_by == set()


@pytest.mark.parametrize("by", ["bob", "reception"])
def test_who_picks_up_and_never_takes_it_does_not_hold_the_caller_for_ever(by: str) -> None:
    world, request = _rings_at_alice(ring_seconds=600)
    offer = world.picks_up(by, whose="alice")
    released = len(world.told(LegReleased))

    world.time_passes(30)

    assert [fact.channel for fact in world.told(LegReleased)[released:]] == ["pickup"]
    world.hangs_up(offer)
    assert world.ringing == {"alice": request}
    assert world.state_of("bob") == "available"


@pytest.mark.parametrize("by", ["bob", "reception"])
def test_a_caller_who_hangs_up_meanwhile_costs_nobody_anything(by: str) -> None:
    world, request = _rings_at_alice()
    offer = world.picks_up(by, whose="alice")

    world.caller_hangs_up(request)

    assert world.ending_of(request).outcome == "abandoned"
    assert world.told(LegReleased)[-1].channel == "pickup"
    world.hangs_up(offer)
    assert (world.state_of("alice"), world.state_of("bob")) == ("available", "available")


@pytest.mark.parametrize("by", ["bob", "reception"])
def test_of_several_phones_that_ring_the_others_fall_silent_when_one_was_picked_up(by: str) -> None:
    world = World().with_queue("sales", strategy="ring_all").with_agents("alice", "carol", sales=1)
    world.with_queue("support").with_agents("bob", support=1)
    world.caller_joins("sales")
    carols = world.offer("carol").channel
    offer = world.picks_up(by, whose="alice")
    assert "carol" in world.ringing

    world.accepts(offer)
    world.is_bridged(offer)

    assert [fact.channel for fact in world.told(LegReleased, answered_elsewhere=True)] == [carols]
    assert (world.state_of("alice"), world.state_of("carol")) == ("available", "available")


@pytest.mark.parametrize("then", ["new rules", "the link is back"])
def test_nobody_else_s_phone_begins_to_ring_while_one_was_picked_up(then: str) -> None:
    world = World().with_queue("sales", strategy="ring_all").with_agents("alice", "carol", sales=1)
    request = world.caller_joins("sales")
    world.picks_up("reception", whose="alice")

    if then == "new rules":
        world.with_agents("dave", sales=1)
    else:
        world.link_is_lost()
        world.logs_in("alice")
        world.link_is_back()

    assert set(world.ringing) == {"alice", "carol"}, "alice's is the one that was picked up"
    assert world.request(request).offers_made == 2


def test_a_callback_that_a_stranger_picks_up_is_not_his_to_make() -> None:
    world = callback_queue("alice")
    request = asks(world)

    offer = world.picks_up("reception", whose="alice")

    assert world.told(LegReleased)[-1].channel == "pickup"
    assert world.told(OfferEnded)[-1].outcome == "cancelled"
    world.hangs_up(offer)
    assert world.ringing == {"alice": request}


def test_a_callback_that_another_agent_picks_up_is_his() -> None:
    world = callback_queue("alice").with_queue("support").with_agents("bob", support=1)
    request = asks(world)

    world.picks_up("bob", whose="alice")
    world.accepts("bob")

    assert (world.state_of("alice"), world.state_of("bob")) == ("available", "connected")
    assert world.request(request).agent == "bob"
    world.presses("bob", "call")
    assert world.last(CustomerDialled).channel == "pickup"


def test_who_picks_up_in_the_wrap_up_of_a_callback_has_done_that_and_has_this_call() -> None:
    world = callback_queue("alice", "bob")
    world.pauses("alice")
    callback = asks(world)
    world.takes_the_callback("bob")
    world.presses("bob", "call")
    world.customer_answers("bob")
    world.hangs_up("bob")
    world.makes_himself_available("alice")
    request = world.caller_joins("sales")

    offer = _bob_picks_up(world)

    assert world.ending_of(callback).outcome == "answered"
    world.accepts(offer)
    world.is_bridged(offer)
    assert (world.state_of("bob"), world.agent("bob").request) == ("connected", request)


def test_when_a_pickup_comes_to_nothing_all_phones_ring_again() -> None:
    world = World().with_queue("sales", strategy="ring_all").with_agents("alice", "carol", sales=1)
    request = world.caller_joins("sales")
    offer = world.picks_up("reception", whose="alice")

    world.hangs_up(offer)

    assert world.ringing == {"alice": request, "carol": request}


def test_the_other_devices_of_whose_call_a_colleague_has_picked_up_fall_silent() -> None:
    world = one_queue("alice").with_queue("support").with_agents("bob", support=1).with_mobiles("alice")
    world.forwards("alice", "both")
    request = world.caller_joins("sales")
    desk, mobile = (world.center.state.offers[name] for name in world.agent("alice").offers)

    world.tell(inputs.CallPickedUp(MAIN, desk.id, ChannelId("pickup"), "PJSIP/bob"))

    assert (world.state_of("alice"), world.state_of("bob")) == ("available", "connecting")
    assert [fact.channel for fact in world.told(LegReleased)] == [mobile.channel]
    world.tell(inputs.LegAccepted(mobile.id))
    world.accepts(desk.id)
    world.is_bridged(desk.id)
    assert world.request(request).agent == "bob"


def test_who_comes_too_late_to_pick_up_is_hung_up_on() -> None:
    world, request = _rings_at_alice()
    offer = world.offer_to("alice")
    world.caller_hangs_up(request)

    world.picks_up("reception", whose=offer)

    assert world.told(LegReleased)[-1].channel == "pickup"
    assert world.state_of("alice") == "available"


def test_an_agent_who_talks_already_picks_up_as_any_other_phone() -> None:
    world, request = _rings_at_alice()
    world.caller_joins("support")
    world.takes_the_call("bob")
    talk = world.agent("bob").request

    offer = world.picks_up("bob", whose="alice")
    world.accepts(offer)
    world.is_bridged(offer)

    assert (world.state_of("bob"), world.agent("bob").request) == ("connected", talk)
    assert (world.request(request).state, world.request(request).agent) == ("ongoing", None)


def test_who_picked_up_passes_the_call_on_as_any_agent() -> None:
    world, _ = _rings_at_alice()
    offer = _bob_picks_up(world)
    world.accepts(offer)
    world.is_bridged(offer)

    world.tell(inputs.CallPassedOn(MAIN, offer))

    assert world.state_of("bob") == "wrap_up"
    assert world.last(RequestPassedOn).was == "bob"
    assert world.told(RequestEnded) == []


@pytest.mark.parametrize("by", ["bob", "reception"])
def test_a_new_start_takes_who_has_just_picked_up_for_no_caller(by: str) -> None:
    world, request = _rings_at_alice()
    offer = world.picks_up(by, whose="alice")

    world.daemon_restarts()
    world.link_is_back()

    assert world.line("sales") == [request]
    assert list(world.center.state.offers) == [offer]
    assert world.told(LegReleased) == []


@pytest.mark.parametrize("by", ["bob", "reception"])
def test_a_new_start_finds_the_one_who_picked_up(by: str) -> None:
    world, request = _rings_at_alice()
    offer = world.picks_up(by, whose="alice")
    world.accepts(offer)
    world.is_bridged(offer)

    world.daemon_restarts()
    world.link_is_back()

    assert world.request(request).state == "ongoing"
    assert world.state_of("alice") == "available"
    assert world.state_of("bob") == ("connected" if by == "bob" else "available")
