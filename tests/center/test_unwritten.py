"""What was done and not written down: the journal ends a moment before the last deeds, and a survey finds them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from acd.center.facts import (
    BridgeRepeated,
    LegReleased,
    OfferAnswered,
    OfferEnded,
    OfferMade,
    RequestEnded,
    RequestRequeued,
)
from acd.center.inputs import LegEnd, LiveChannel
from acd.center.model import AgentName, CallbackRules, ChannelId, QueueName, RequestId
from acd.center.offers import ACCEPT_SECONDS, BRIDGE_SECONDS
from acd.center.reach import Forward

from .worlds import START, World, one_queue


def _in(queue: str, channel: str, **rest: object) -> LiveChannel:
    return LiveChannel(channel=ChannelId(channel), bridged=False, queue=QueueName(queue), **rest)


LOST = ChannelId("acd-0000000000000001")
"""A leg of an offer that the journal did not keep."""


def _leg(request: str, agent: str, world: World, **rest: Any) -> LiveChannel:
    caller = world.request(RequestId(request)).channel
    found = LiveChannel(
        LOST, bridged=False, dial=f"PJSIP/{agent}", agent=AgentName(agent), device=f"PJSIP/{agent}", rings_for=caller
    )
    return replace(found, **{"talks": False} | rest)


def test_a_phone_that_rings_for_an_offer_that_was_not_written_down_rings_on() -> None:
    world = one_queue("alice", "bob", ring_seconds=20)
    world.link_is_lost()
    request = world.caller_joins("sales")

    world.link_is_back(found=[_leg(request, "bob", world)])

    assert world.ringing == {"bob": request}
    (made,) = world.told(OfferMade)
    assert (made.found, made.channel) == (True, LOST)
    assert world.told(LegReleased) == []
    world.time_passes(20)
    assert world.state_of("bob") == "no_answer"


def test_who_took_the_call_of_an_offer_that_was_not_written_down_is_bridged_and_once() -> None:
    world = one_queue("alice", "bob")
    world.link_is_lost()
    request = world.caller_joins("sales")

    world.link_is_back(found=[_leg(request, "bob", world, talks=True, accepted=True)])

    (ended,) = world.told(OfferEnded)
    assert (ended.agent, ended.outcome, ended.found_bridged) == ("bob", "accepted", False)
    assert world.told(BridgeRepeated) == []


def test_a_phone_that_rings_for_a_caller_already_is_not_taken_for_a_second_offer_to_him() -> None:
    world = one_queue("alice")
    request = world.caller_joins("sales")
    made = world.offer("alice")

    world.link_is_back(found=[_leg(request, "alice", world)])

    assert list(world.center.state.offers) == [made.id]
    assert [released.channel for released in world.told(LegReleased)] == [LOST]


def test_nor_is_one_at_his_desk_while_his_mobile_rings_for_another() -> None:
    world = one_queue("alice").with_mobiles("alice", forward=Forward.MOBILE)
    first = world.caller_joins("sales")
    waits = world.caller_joins("sales")

    world.link_is_back(found=[_leg(waits, "alice", world)])

    assert world.ringing == {"alice": first}
    assert [released.channel for released in world.told(LegReleased)] == [LOST]


def test_but_one_at_his_desk_beside_his_mobile_is() -> None:
    world = one_queue("alice").with_mobiles("alice", forward=Forward.MOBILE)
    request = world.caller_joins("sales")

    world.link_is_back(found=[_leg(request, "alice", world)])

    assert [world.center.state.offers[name].device.kind for name in world.request(request).offers] == ["mobile", "desk"]
    assert world.told(LegReleased) == []


def test_where_all_phones_are_to_ring_the_others_ring_besides_one_that_was_not_written_down() -> None:
    world = one_queue("alice", "bob", strategy="ring_all")
    world.link_is_lost()
    request = world.caller_joins("sales")

    world.link_is_back(found=[_leg(request, "bob", world)])

    assert world.ringing == {"alice": request, "bob": request}


def test_and_one_that_was_not_written_down_rings_besides_the_others() -> None:
    world = one_queue("alice", "bob", strategy="ring_all")
    world.pauses("bob")
    request = world.caller_joins("sales")
    world.link_is_lost()
    world.makes_himself_available("bob")

    world.link_is_back(found=[_leg(request, "bob", world)])

    assert world.ringing == {"alice": request, "bob": request}
    assert world.offer("bob").channel == LOST


@pytest.mark.parametrize("caller", ["talks", "is to be bridged", "leaves a message"])
def test_a_phone_that_rings_for_one_who_can_be_offered_to_nobody_is_hung_up(caller: str) -> None:
    world = one_queue("alice", "bob", callbacks=CallbackRules())
    request = world.caller_joins("sales")
    if caller == "leaves a message":
        world.begins_a_message(request)
        world.hangs_up("alice")
    else:
        world.answers("alice")
        world.accepts("alice")
        if caller == "talks":
            world.is_bridged("alice")
    released = len(world.told(LegReleased))

    world.link_is_back(found=[_leg(request, "bob", world)])

    assert [fact.channel for fact in world.told(LegReleased)[released:]] == [LOST]
    assert world.offered_to(request) == ["alice"]


@pytest.mark.parametrize(
    ("agent", "device"),
    [("mallory", "PJSIP/mallory"), ("nora", "PJSIP/nora"), ("alice", "PJSIP/nora"), (None, "PJSIP/alice")],
    ids=["of an unknown agent", "of another queue's", "not his own", "of nobody"],
)
def test_a_phone_at_which_nobody_may_be_rung_for_a_caller_is_hung_up(agent: str | None, device: str) -> None:
    world = one_queue("alice").with_queue("support").with_agents("nora", support=1)
    world.link_is_lost()
    request = world.caller_joins("sales")
    leg = _leg(request, "alice", world, dial="", device=device)

    world.link_is_back(found=[replace(leg, agent=AgentName(agent) if agent else None)])

    assert [released.channel for released in world.told(LegReleased)] == [LOST]
    assert [made.found for made in world.told(OfferMade)] == [False]


def test_who_joined_and_was_offered_without_a_word_of_it_in_the_journal_is_not_offered_twice() -> None:
    world = one_queue("alice", "bob")
    world.link_is_lost()
    leg = LiveChannel(
        LOST, bridged=False, talks=False, agent=AgentName("bob"), device="PJSIP/bob", rings_for=ChannelId("caller-9")
    )

    world.link_is_back(found=[leg, _in("sales", "caller-9", joined_at=START)])

    assert list(world.ringing) == ["bob"]
    assert len(world.told(OfferMade)) == 1


def test_a_leg_that_cannot_be_an_offer_any_more_is_hung_up_and_its_phone_rings_for_nobody_until_it_is_gone() -> None:
    world = one_queue("alice", "bob")
    world.link_is_lost()
    request = world.caller_joins("sales")
    world.pauses("bob")

    world.link_is_back(found=[_leg(request, "bob", world, rings_for=ChannelId("somebody-else"))])
    assert [released.channel for released in world.told(LegReleased)] == [LOST]
    world.makes_himself_available("bob")
    assert (world.state_of("bob"), world.agent("bob").reason) == ("busy", "on_phone")
    assert world.ringing == {"alice": request}

    world.leg_ends("0000000000000001", LegEnd.HUNG_UP)

    assert world.state_of("bob") == "available"


def test_who_picked_up_unheard_has_time_to_take_the_call() -> None:
    world = one_queue(ring_seconds=20)
    world.caller_joins("sales")
    leg = world.offer("alice").channel
    world.link_is_lost()

    world.link_is_back(found=[LiveChannel(leg, bridged=False, talks=True)])

    answered = world.last(OfferAnswered)
    assert (answered.agent, answered.queue, answered.unheard) == ("alice", "sales", True)
    assert answered.deadline == world.now + ACCEPT_SECONDS
    assert world.told(LegReleased) == []


def test_who_picked_up_unheard_where_another_has_taken_the_call_is_given_no_time_for_it() -> None:
    world = one_queue("alice", "bob", strategy="ring_all")
    request = world.caller_joins("sales")
    alices, bobs = (world.offer(agent).channel for agent in ("alice", "bob"))
    world.link_is_lost()

    world.link_is_back(
        found=[LiveChannel(alices, bridged=False, accepted=True), LiveChannel(bobs, bridged=False, talks=True)]
    )

    assert world.request(request).agent == "alice"
    assert [(released.channel, released.answered_elsewhere) for released in world.told(LegReleased)] == [(bobs, True)]
    assert world.told(OfferAnswered, agent="bob") == []


@pytest.mark.parametrize("answer_was_heard", [False, True])
def test_who_took_the_call_unheard_is_bridged(answer_was_heard: bool) -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    leg = world.offer("alice").channel
    if answer_was_heard:
        world.answers("alice")
    world.link_is_lost()

    world.link_is_back(found=[LiveChannel(leg, bridged=False, accepted=True)])

    (ended,) = world.told(OfferEnded)
    assert (ended.outcome, ended.found_bridged, ended.caller_channel) == ("accepted", False, "caller-1")
    assert world.request(request).agent == "alice"


@pytest.mark.parametrize("accepted", [False, True])
def test_who_was_kept_waiting_by_nobody_and_hangs_up_is_not_blamed(accepted: bool) -> None:
    world = one_queue("alice", "bob")
    request = world.caller_joins("sales")
    leg = world.offer("alice").channel
    world.link_is_lost()
    world.link_is_back(found=[LiveChannel(leg, bridged=False, talks=True, accepted=accepted)])

    world.hangs_up("alice")

    assert world.ringing == {"alice": request}


@pytest.mark.parametrize("marked", [False, True])
def test_an_order_to_bridge_that_was_lost_with_the_link_is_given_again(marked: bool) -> None:
    world = one_queue(dropped_come_back=True)
    request = world.caller_joins("sales")
    world.answers("alice")
    world.accepts("alice")
    world.link_is_lost()
    world.time_passes(60)

    world.link_is_back(found=[world.live(request, status="ANSWERED" if marked else "")])

    repeated = world.last(BridgeRepeated)
    assert (repeated.caller_channel, repeated.deadline) == ("caller-1", world.now + BRIDGE_SECONDS)
    assert repeated.comes_back_if_dropped
    world.is_bridged("alice")
    assert world.state_of("alice") == "connected"


def test_who_were_bridged_with_none_of_it_written_down_talk_on() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    leg = world.offer("alice").channel
    world.link_is_lost()
    world.time_passes(30)
    caller = world.live(request, bridged=True, status="ANSWERED", never_bridged=False)

    world.link_is_back(found=[caller, LiveChannel(leg, bridged=True, accepted=True)])
    world.time_passes(60)

    assert world.last(OfferEnded).found_bridged
    assert (world.state_of("alice"), world.agent("alice").request) == ("connected", request)
    assert world.told(LegReleased) == []


def test_a_talk_of_an_offer_that_was_not_written_down_goes_on_and_is_known() -> None:
    world = one_queue()
    world.link_is_lost()
    request = world.caller_joins("sales")
    caller = world.live(request, bridged=True, status="ANSWERED", never_bridged=False)

    world.link_is_back(found=[caller, _leg(request, "alice", world, bridged=True, talks=True, accepted=True)])

    assert (world.state_of("alice"), world.agent("alice").request) == ("connected", request)
    assert world.told(LegReleased) == []


def test_a_talk_on_a_leg_that_nobody_knows_is_not_cut() -> None:
    world = one_queue()
    request = world.caller_joins("support")
    assert not request

    world.link_is_back(found=[LiveChannel(LOST, bridged=True, dial="PJSIP/alice", agent=AgentName("alice"))])

    assert world.told(LegReleased) == []
    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")


def test_a_caller_marked_for_a_bridge_that_never_came_waits_on_without_the_mark() -> None:
    world = World().with_queue("sales")
    request = world.caller_joins("sales")
    world.link_is_lost()

    world.link_is_back(found=[world.live(request, status="ANSWERED")])

    assert world.line("sales") == [request]
    assert world.last(RequestRequeued).channel == "caller-1"
    assert world.told(RequestEnded) == []


def test_a_caller_marked_in_vain_whose_joining_was_not_written_down_either_waits() -> None:
    world = World().with_queue("sales")

    world.link_is_back(found=[_in("sales", "found", joined_at=START - 5, status="ANSWERED", never_bridged=True)])

    (request,) = world.line("sales")
    assert world.last(RequestRequeued).request == request


@pytest.mark.parametrize("written", ["nothing", "offered", "accepted"])
def test_who_has_talked_with_none_of_it_written_down_is_not_torn_out_of_his_dialplan(written: str) -> None:
    world = World().with_queue("sales") if written == "nothing" else one_queue()
    request = world.caller_joins("sales")
    leg = [world.offer("alice").channel] if written != "nothing" else []
    if written == "accepted":
        world.answers("alice")
        world.accepts("alice")
    world.link_is_lost()
    caller = world.live(request, status="ANSWERED", never_bridged=False)

    world.link_is_back(found=[caller], gone=leg)

    assert world.ending_of(request).outcome == "answered"
    assert world.told(RequestRequeued) == []
    assert world.ringing == {}
    assert leg == [] or world.state_of("alice") == "available"


def test_who_is_talked_to_by_somebody_unknown_was_answered() -> None:
    world = World().with_queue("sales")
    request = world.caller_joins("sales")
    world.link_is_lost()

    world.link_is_back(found=[world.live(request, status="ANSWERED", bridged=True, never_bridged=False)])

    assert world.ending_of(request).outcome == "answered"


@pytest.mark.parametrize(("status", "outcome"), [("TIMEOUT", "timeout"), ("EMPTY", "empty"), ("FALLBACK", "fallback")])
def test_who_was_led_out_with_nothing_of_it_written_down_is_booked_by_what_he_was_told(
    status: str, outcome: str
) -> None:
    world = World().with_queue("sales")
    request = world.caller_joins("sales")
    world.link_is_lost()

    world.link_is_back(found=[world.live(request, status=status)])

    assert world.ending_of(request).outcome == outcome
