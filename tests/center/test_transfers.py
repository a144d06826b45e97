"""Transfers: the agent is free, the talk goes on, and the list of those who talk tells with whom."""

from __future__ import annotations

import pytest

from acd.center import inputs
from acd.center.facts import LegGone, LegReleased, OfferEnded, RequestEnded, RequestHandedOver, RequestPassedOn
from acd.center.inputs import LegEnd
from acd.center.model import Caller, ChannelId, Need
from acd.center.reach import Forward

from .worlds import MAIN, START, World, one_queue


def _talks(*agents: str, **rules: object) -> World:
    world = one_queue(*agents or ("alice", "bob"), wrap_up_seconds=5, **rules)
    world.caller_joins("sales", channel="customer", number="+31201234567")
    world.takes_the_call("alice")
    return world


def _passes_on(world: World, agent: str = "alice", place: str | None = None) -> None:
    world.tell(inputs.CallPassedOn(MAIN, world.offer_to(agent), ChannelId(place) if place else None))


def test_who_passes_a_call_on_wraps_up_and_the_call_goes_on_without_an_agent() -> None:
    world = _talks()
    request = world.agent("alice").request
    world.time_passes(60)

    _passes_on(world)

    assert world.state_of("alice") == "wrap_up"
    assert (world.request(request).state, world.request(request).agent) == ("ongoing", None)
    assert world.told(RequestEnded) == []
    world.time_passes(30)
    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))
    ended = world.ending_of(request)
    assert (ended.outcome, ended.talk_seconds, ended.ended_by) == ("answered", 90, "caller")


def test_also_where_the_place_that_he_is_passed_on_to_is_his_own() -> None:
    world = _talks()
    request = world.agent("alice").request

    _passes_on(world, place="customer")

    assert world.state_of("alice") == "wrap_up"
    assert (world.request(request).agent, world.request(request).channel) == (None, "customer")


def test_with_the_agent_s_name_if_the_new_party_is_one() -> None:
    world = _talks()
    request = world.agent("alice").request
    _passes_on(world)

    world.tell(inputs.NewParty(MAIN, ChannelId("customer"), "PJSIP/bob"))
    assert world.request(request).agent == "bob"

    world.tell(inputs.NewParty(MAIN, ChannelId("customer"), "PJSIP/reception"))
    assert world.request(request).agent is None
    assert len(world.told(RequestPassedOn)) == 3


def test_one_passed_into_a_queue_waits_there() -> None:
    world = _talks().with_queue("support")
    talk = world.agent("alice").request
    world.time_passes(60)
    _passes_on(world)

    again = world.caller_joins("support", channel="customer")

    assert world.ending_of(talk).outcome == "answered"
    assert world.line("support") == [again]
    assert world.request(again).entered_at == START + 60


def test_with_his_first_moment_of_entry_if_the_queue_says_so() -> None:
    world = _talks().with_queue("support", transfers_keep_entry=True)
    world.time_passes(60)
    waits = world.caller_joins("support")
    world.time_passes(10)
    _passes_on(world)

    again = world.caller_joins("support", channel="customer")

    assert world.line("support") == [again, waits]


def test_whose_join_is_heard_before_the_transfer_is_queued_all_the_same() -> None:
    world = _talks().with_queue("support")
    leg = world.offer_to("alice")
    again = world.caller_joins("support", channel="customer")

    world.tell(inputs.CallPassedOn(MAIN, leg))

    assert world.line("support") == [again]
    assert world.state_of("alice") == "wrap_up"


def test_a_caller_takes_the_place_in_the_line_that_his_agent_held_for_him() -> None:
    world = _talks("alice").with_queue("support")
    talk = world.agent("alice").request
    world.time_passes(5)
    place = world.caller_joins("support", channel="consultation", number="alice")
    world.time_passes(20)

    _passes_on(world, place="consultation")
    world.tell(inputs.ChannelGone(MAIN, ChannelId("consultation")))

    assert world.ending_of(talk).outcome == "answered"
    assert world.line("support") == [place]
    assert (world.request(place).channel, world.request(place).caller.number) == ("customer", "+31201234567")
    assert world.request(place).entered_at == START + 5
    assert world.state_of("alice") == "wrap_up"
    world.with_agents("carol", support=1)
    world.takes_the_call("carol")
    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))
    assert world.ending_of(place).outcome == "answered"


def test_and_waits_there_since_his_first_moment_of_entry_if_the_queue_says_so() -> None:
    world = _talks("alice").with_queue("support", transfers_keep_entry=True)
    world.time_passes(20)
    place = world.caller_joins("support", channel="consultation", number="alice")

    _passes_on(world, place="consultation")

    assert world.line("support") == [place]
    assert world.request(place).entered_at == START


def test_a_caller_takes_the_place_in_the_talk_that_his_agent_had_with_a_colleague() -> None:
    world = _talks("alice").with_queue("support", wrap_up_seconds=5, transfers_keep_entry=True)
    world.with_agents("carol", support=1)
    talk = world.agent("alice").request
    world.time_passes(5)
    consultation = world.caller_joins("support", channel="consultation")
    world.takes_the_call("carol")
    leg = world.offer_to("alice")

    world.tell(inputs.TalksTogether(MAIN, world.offer_to("carol"), ChannelId("customer")))
    world.tell(inputs.CallPassedOn(MAIN, leg, ChannelId("consultation")))
    world.tell(inputs.ChannelGone(MAIN, ChannelId("consultation")))

    assert world.ending_of(talk).outcome == "answered"
    assert (world.state_of("alice"), world.state_of("carol")) == ("wrap_up", "connected")
    assert (world.request(consultation).channel, world.request(consultation).entered_at) == ("customer", START + 5)
    assert len(world.told(RequestHandedOver)) == 1
    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))
    assert world.state_of("carol") == "wrap_up"


@pytest.mark.parametrize("heard_first", ["his coming back", "the end of the leg"])
def test_whose_agent_s_phone_vanished_is_back_with_all_that_he_had(heard_first: str) -> None:
    world = one_queue("alice", dropped_come_back=True)
    needs = (Need("french", 1),)
    world.with_agents("alice", sales=1, skills={"french": 1})
    world.caller_joins("sales", channel="customer", priority=7, needs=needs)
    world.takes_the_call("alice")
    world.time_passes(60)
    later = world.caller_joins("sales", priority=7)
    if heard_first == "the end of the leg":
        world.leg_ends("alice", LegEnd.UNREACHABLE, cause="44")

    again = world.caller_joins("sales", channel="customer", dropped=True)

    assert world.line("sales") == [again, later]
    assert (world.request(again).priority, world.request(again).needs) == (7, needs)
    assert world.request(again).entered_at == START


def test_where_the_queue_does_not_say_so_he_comes_back_as_anybody() -> None:
    world = one_queue("alice")
    world.caller_joins("sales", channel="customer", priority=7)
    world.takes_the_call("alice")
    world.time_passes(60)
    world.leg_ends("alice", LegEnd.UNREACHABLE, cause="44")

    again = world.caller_joins("sales", channel="customer", dropped=True)

    assert (world.request(again).entered_at, world.request(again).priority) == (START + 60, 50)


def test_who_still_waits_and_is_put_into_a_talk_stops_the_phone_that_rings_for_him() -> None:
    world = _talks("alice", "bob")
    waits = world.caller_joins("sales", channel="waiting")
    assert world.ringing == {"bob": waits}

    world.tell(inputs.TalksTogether(MAIN, world.offer_to("alice"), ChannelId("waiting")))

    assert world.ringing == {}
    assert world.state_of("bob") == "available"
    assert len(world.told(RequestEnded, request=waits)) == 1


def test_the_end_of_the_leg_after_a_transfer_ends_nothing_else() -> None:
    world = _talks()
    request = world.agent("alice").request
    leg = world.offer_to("alice")
    _passes_on(world)

    world.hangs_up(leg)

    assert world.told(RequestEnded, request=request) == []
    assert world.center.state.offers == {}


def test_after_a_new_start_a_call_that_was_passed_on_goes_on() -> None:
    world = _talks()
    request = world.agent("alice").request
    leg = world.offer_to("alice")
    _passes_on(world)
    world.hangs_up(leg)
    world.daemon_restarts()

    world.link_is_back()

    assert world.request(request).state == "ongoing"


def test_who_is_not_bridged_yet_cannot_be_passed_on() -> None:
    world = one_queue("alice")
    world.caller_joins("sales")
    world.answers("alice")
    world.accepts("alice")
    facts = len(world.facts)

    _passes_on(world)

    assert world.facts[facts:] == []


def test_what_is_heard_of_a_talk_that_is_over_passes_nobody_on() -> None:
    world = _talks("alice")
    leg = world.offer_to("alice")
    waits = world.caller_joins("sales", channel="waiting")
    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))
    facts = len(world.facts)

    world.tell(inputs.TalksTogether(MAIN, leg, ChannelId("waiting")))
    world.tell(inputs.CallPassedOn(MAIN, leg))
    world.tell(inputs.NewParty(MAIN, ChannelId("customer"), "PJSIP/bob"))
    world.hangs_up(leg)
    world.tell(inputs.TalksTogether(MAIN, leg, ChannelId("waiting")))
    world.tell(inputs.LegSentOn(MAIN, leg))

    assert [type(fact) for fact in world.facts[facts:]] == [LegGone]
    assert world.line("sales") == [waits]


# ---- A caller who transfers


def _leg_of(world: World, agent: str) -> ChannelId:
    return world.offer(agent).channel


def test_an_agent_whom_his_caller_transfers_wraps_up_and_is_on_the_phone_until_that_ends() -> None:
    world = _talks("alice")
    leg = _leg_of(world, "alice")
    request = world.agent("alice").request
    world.time_passes(60)

    world.tell(inputs.LegSentOn(MAIN, world.offer_to("alice")))
    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))

    ended = world.ending_of(request)
    assert (ended.outcome, ended.ended_by, ended.talk_seconds) == ("answered", "caller", 60)
    assert world.state_of("alice") == "wrap_up"
    world.time_passes(10)
    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")
    assert world.told(LegReleased) == []
    world.tell(inputs.ChannelGone(MAIN, leg))
    assert world.state_of("alice") == "available"


def test_whether_his_caller_s_end_is_heard_first_or_the_transfer() -> None:
    world = _talks("alice")
    leg = world.offer_to("alice")

    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))
    world.tell(inputs.LegSentOn(MAIN, leg))

    world.time_passes(60)
    assert world.told(LegReleased) == []
    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")


@pytest.mark.parametrize("heard_first", ["the transfer", "the join"])
def test_an_agent_whom_his_caller_transfers_into_a_queue_waits_there_as_anybody(heard_first: str) -> None:
    world = _talks("alice").with_queue("support").with_agents("carol", support=1)
    leg, talk = _leg_of(world, "alice"), world.agent("alice").request
    offer = world.offer_to("alice")
    world.pauses("carol")
    if heard_first == "the transfer":
        world.tell(inputs.LegSentOn(MAIN, offer))

    again = world.caller_joins("support", channel=leg)

    world.tell(inputs.LegSentOn(MAIN, offer))
    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))
    assert len(world.told(RequestEnded, request=talk)) == 1
    assert world.line("support") == [again]
    world.makes_himself_available("carol")
    world.takes_the_call("carol")
    world.time_passes(60)
    assert (world.state_of("alice"), world.state_of("carol")) == ("busy", "connected")
    world.tell(inputs.ChannelGone(MAIN, leg))
    assert world.ending_of(again).outcome == "answered"
    assert (world.state_of("alice"), world.state_of("carol")) == ("available", "wrap_up")


def test_an_agent_s_leg_that_joins_a_line_by_whatever_way_is_a_caller_there() -> None:
    world = _talks("alice").with_queue("support")
    leg, talk = _leg_of(world, "alice"), world.agent("alice").request

    again = world.caller_joins("support", channel=leg)

    assert world.ending_of(talk).outcome == "answered"
    assert world.state_of("alice") == "wrap_up"
    world.tell(inputs.ChannelGone(MAIN, leg))
    assert world.ending_of(again).outcome == "abandoned"
    world.time_passes(5)
    assert world.state_of("alice") == "available"


def test_an_agent_without_wrap_up_is_not_offered_a_call_at_the_phone_that_goes_on() -> None:
    world = one_queue("alice", wrap_up_seconds=0)
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.caller_joins("sales")

    world.tell(inputs.LegSentOn(MAIN, world.offer_to("alice")))

    assert world.ringing == {}
    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")


def test_a_new_start_does_not_cut_off_an_agent_whom_his_caller_has_transferred() -> None:
    world = _talks("alice")
    offer = world.offer_to("alice")
    world.tell(inputs.LegSentOn(MAIN, offer))
    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))

    world.daemon_restarts()
    world.link_is_back()

    assert world.told(LegReleased) == []
    world.time_passes(60)
    assert world.agent("alice").reason == "on_phone"
    world.hangs_up(offer)
    assert world.state_of("alice") == "available"


def test_nor_one_who_was_transferred_into_a_queue_on_his_mobile() -> None:
    world = one_queue("alice").with_mobiles("alice", forward=Forward.MOBILE).with_queue("support")
    world.caller_joins("sales", channel="customer")
    world.takes_the_call("alice")
    leg, offer = _leg_of(world, "alice"), world.offer_to("alice")
    world.tell(inputs.LegSentOn(MAIN, offer))
    again = world.caller_joins("support", channel=leg)
    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))

    world.daemon_restarts()
    world.link_is_back()

    assert world.told(LegReleased) == []
    assert world.line("support") == [again]


def test_who_waits_hands_his_place_over() -> None:
    world = _talks("alice")
    place = world.caller_joins("sales", channel="assistant", number="10")
    behind = world.caller_joins("sales")
    boss = Caller(number="11", name="Boss")

    world.tell(inputs.PlaceTaken(MAIN, (ChannelId("consultation"), ChannelId("assistant")), ChannelId("boss"), boss))
    world.tell(inputs.ChannelGone(MAIN, ChannelId("assistant")))

    assert world.told(RequestEnded) == []
    assert world.line("sales") == [place, behind]
    assert (world.request(place).channel, world.request(place).caller) == ("boss", boss)
    world.tell(inputs.ChannelGone(MAIN, ChannelId("boss")))
    assert world.ending_of(place).outcome == "abandoned"


def test_of_two_calls_the_place_is_that_of_the_one_that_waits() -> None:
    world = _talks("alice").with_queue("support")
    talk = world.agent("alice").request
    place = world.caller_joins("support", channel="second")

    world.tell(inputs.PlaceTaken(MAIN, (ChannelId("customer"), ChannelId("second")), ChannelId("boss"), Caller()))

    assert (world.request(talk).channel, world.request(place).channel) == ("customer", "boss")


def test_who_takes_the_place_of_one_for_whom_a_phone_rings_is_connected_there() -> None:
    world = one_queue("alice")
    request = world.caller_joins("sales", channel="assistant")

    world.tell(inputs.PlaceTaken(MAIN, (ChannelId("assistant"),), ChannelId("boss"), Caller()))

    world.takes_the_call("alice")
    assert world.told(OfferEnded)[-1].caller_channel == "boss"
    assert (world.request(request).state, world.request(request).agent) == ("ongoing", "alice")


def test_an_agent_takes_the_place_in_a_line_that_his_caller_held() -> None:
    world = _talks("alice").with_queue("support")
    leg, talk = _leg_of(world, "alice"), world.agent("alice").request
    place = world.caller_joins("support", channel="second")

    world.tell(inputs.LegSentOn(MAIN, world.offer_to("alice")))
    world.tell(inputs.PlaceTaken(MAIN, (ChannelId("customer"), ChannelId("second")), leg, Caller(number="alice")))
    world.tell(inputs.ChannelGone(MAIN, ChannelId("customer")))
    world.tell(inputs.ChannelGone(MAIN, ChannelId("second")))

    assert world.ending_of(talk).outcome == "answered"
    assert world.line("support") == [place]
    assert world.request(place).channel == leg
