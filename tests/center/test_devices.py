"""An agent's devices: his desk and his mobiles, where his calls go, and what his carrier does to him."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from acd.center import Refused
from acd.center.facts import (
    AgentForwarded,
    AgentStateChanged,
    AgentUnreachable,
    LegEnding,
    LegReleased,
    OfferEnded,
    OfferMade,
    OfferProgressed,
    RequestConnected,
    RequestRequeued,
)
from acd.center.inputs import FeatureDialled, LegEnd, LegProgressed, LegRejected
from acd.center.model import ChannelId, OfferId, PbxName, Seat
from acd.center.offers import LINGER_SECONDS, SAY_WHY_SECONDS
from acd.center.reach import Device, Forward, Forwarding, Hours, Trunk

from .worlds import MAIN, MOBILES, World, one_queue

SPARE = "+31612345679"


def _with_mobile(*agents: str, forward: str = "mobile", accept_key: str = "1", **more: Any) -> World:
    """The queue "sales", alice (and others) with a desk phone, and alice with a mobile to which her calls go."""
    world = one_queue(*agents or ("alice",), ring_seconds=20, wrap_up_seconds=5)
    return world.with_mobiles("alice", accept_key=accept_key, forward=Forward(forward), **more)


def _with_spare(world: World) -> World:
    alice, *others = world.rules.agents
    devices = (*alice.devices, Device(kind="mobile", number=SPARE, accept_key="1"))
    return world.loads(agents=(replace(alice, devices=devices), *others))


def _rung(world: World, agent: str = "alice") -> list[str]:
    """At which of his devices he is being rung."""
    offers = (world.center.state.offers[name] for name in world.agent(agent).offers)
    return [offer.device.kind for offer in offers if offer.outcome is None]


def _at(world: World, kind: str) -> OfferId:
    (offer,) = [one for one in world.center.state.offers.values() if (one.device.kind, one.outcome) == (kind, None)]
    return offer.id


def _rings_aloud(world: World, offer: OfferId | None = None) -> None:
    world.tell(LegProgressed(offer or _at(world, "mobile"), rings=True))


# ---- Where calls go


@pytest.mark.parametrize(
    ("forward", "rings"),
    [
        ("desk", ["desk"]),
        ("mobile", ["mobile"]),
        ("desk_then_mobile", ["desk"]),
        ("both", ["desk", "mobile"]),
    ],
)
def test_calls_ring_where_they_are_forwarded_to(forward: str, rings: list[str]) -> None:
    world = _with_mobile(forward=forward)
    request = world.caller_joins("sales")

    assert _rung(world) == rings
    assert world.state_of("alice") == "connecting"
    assert world.request(request).offers_made == len(rings)


def test_an_offer_to_a_mobile_says_all_that_it_takes_to_ring_it() -> None:
    world = _with_mobile().with_queue("sales", caller_id="+31201234567", name_sound="queues/sales", ring_seconds=25)
    world.caller_joins("sales", number="+31101112222")

    made = world.last(OfferMade)
    assert made.device == Device(kind="mobile", number=MOBILES["alice"], accept_key="1")
    assert (made.queue_number, made.name_sound, made.caller.number) == (
        "+31201234567",
        "queues/sales",
        "+31101112222",
    )
    assert made.ring_seconds == 25


def test_an_agent_without_a_desk_is_rung_at_his_mobile_and_needs_no_seat_to_log_in() -> None:
    world = _with_mobile(forward="desk").without_desk("alice")
    world.logs_out("alice")
    world.logs_in("alice")
    world.caller_joins("sales")

    assert _rung(world) == ["mobile"]


def test_or_at_the_seat_that_he_takes() -> None:
    world = one_queue().with_mobiles("alice").without_desk("alice").loads(seats=(Seat("window", "PJSIP/1001"),))
    world.logs_out("alice")

    world.sits_down("alice", "window")

    world.caller_joins("sales")
    assert _rung(world) == ["desk"]


def test_of_whom_the_rules_say_nothing_calls_go_to_his_desk_or_where_he_has_none_to_his_mobile() -> None:
    world = one_queue("alice", "bob", "carol").with_mobiles("alice", "bob").without_desk("bob")
    world.logs_out("carol")
    alice, bob, carol = world.rules.agents
    world.loads(agents=(alice, bob, replace(carol, devices=())))

    assert [world.agent(agent).forward for agent in ("alice", "bob", "carol")] == ["desk", "mobile", "desk"]


def test_who_switches_himself_is_rung_there_until_he_logs_out() -> None:
    world = _with_mobile(forward="desk")

    world.forwards("alice", "mobile")

    assert world.last(AgentForwarded).forward is Forward.MOBILE
    request = world.caller_joins("sales")
    assert _rung(world) == ["mobile"]
    world.caller_hangs_up(request)
    world.logs_out("alice")
    assert world.agent("alice").forward is Forward.DESK


def test_who_switches_while_his_phone_rings_is_rung_elsewhere_the_next_time() -> None:
    world = _with_mobile("alice", forward="desk")
    request = world.caller_joins("sales")

    world.forwards("alice", "mobile")

    assert _rung(world) == ["desk"]
    world.caller_hangs_up(request)
    world.leg_ends(world.last(OfferMade).offer, LegEnd.HUNG_UP)
    world.caller_joins("sales")
    assert _rung(world) == ["mobile"]


def test_who_has_no_mobile_cannot_forward_to_it_and_is_told_so() -> None:
    world = one_queue()

    with pytest.raises(Refused, match="alice has no mobile"):
        world.forwards("alice", "desk_then_mobile")


def test_who_has_no_desk_cannot_forward_to_it() -> None:
    world = _with_mobile().without_desk("alice")

    with pytest.raises(Refused, match="alice has no desk phone and sits at no seat"):
        world.forwards("alice", "both")

    world.forwards("alice", "mobile")
    assert world.agent("alice").forward_chosen


def test_his_calendar_says_where_calls_go_until_he_says_otherwise() -> None:
    world = _with_mobile(forward="desk", by=(Hours("evenings", Forward.MOBILE),))
    world.calendar_turns("evenings", is_open=True)
    assert world.agent("alice").forward is Forward.MOBILE

    world.forwards("alice", "desk")
    assert world.agent("alice").forward is Forward.DESK
    world.calendar_turns("evenings", is_open=False)
    world.calendar_turns("evenings", is_open=True)
    assert world.agent("alice").forward is Forward.DESK

    world.logs_out("alice")
    assert world.agent("alice").forward is Forward.MOBILE


def test_a_calendar_of_which_nothing_is_known_yet_forwards_nobody() -> None:
    world = _with_mobile(forward="desk", by=(Hours("evenings", Forward.MOBILE),))

    assert world.agent("alice").forward is Forward.DESK


def test_what_he_switched_means_nothing_when_the_device_is_taken_away() -> None:
    world = _with_mobile(forward="desk")
    world.forwards("alice", "mobile")
    world.with_agents("alice", sales=1)

    assert world.agent("alice").forward is Forward.DESK
    world.caller_joins("sales")
    assert _rung(world) == ["desk"]


def test_whom_new_rules_forward_to_the_desk_phone_at_his_ear_is_busy() -> None:
    world = _with_mobile(forward="mobile")
    world.phone_is_taken_up("alice")
    assert world.state_of("alice") == "available"
    (alice,) = world.rules.agents

    world.loads(agents=(replace(alice, forwarding=Forwarding(Forward.DESK)),))

    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")
    world.loads(agents=(alice,))
    assert world.state_of("alice") == "available"


@pytest.mark.parametrize(("action", "forward"), [("mobile", "mobile"), ("desk", "desk")])
def test_feature_codes_forward(action: str, forward: str) -> None:
    world = _with_mobile(forward="both")

    world.tell(FeatureDialled(MAIN, ChannelId("code"), "PJSIP/alice", action))

    assert world.agent("alice").forward == forward


# ---- Both at once


@pytest.mark.parametrize(("winner", "loser"), [("desk", "mobile"), ("mobile", "desk")])
def test_the_first_device_to_accept_has_the_call_and_the_other_is_told_it_was_answered_elsewhere(
    winner: str, loser: str
) -> None:
    world = _with_mobile(forward="both")
    request = world.caller_joins("sales")
    won, lost = _at(world, winner), _at(world, loser)
    world.answers(won)

    world.accepts(won)
    world.is_bridged(won)

    released = world.last(LegReleased)
    assert (released.offer, released.answered_elsewhere, released.linger_seconds) == (lost, True, LINGER_SECONDS)
    assert world.last(OfferEnded, offer=lost).outcome == "cancelled"
    assert world.last(RequestConnected).device == winner
    assert (world.state_of("alice"), world.agent("alice").request) == ("connected", request)
    world.leg_ends(lost, LegEnd.HUNG_UP)
    assert (world.state_of("alice"), world.agent("alice").request) == ("connected", request)
    world.leg_ends(won, LegEnd.HUNG_UP)
    assert world.state_of("alice") == "wrap_up"
    assert world.ending_of(request).device == winner


def test_who_picked_up_both_in_the_same_instant_talks_on_one_and_hears_why_on_the_other() -> None:
    world = _with_mobile(forward="both", accept_key="")
    world.caller_joins("sales")
    desk, mobile = _at(world, "desk"), _at(world, "mobile")
    world.answers(desk)
    world.answers(mobile)
    world.accepts(mobile)
    world.accepts(desk)

    assert [ended.offer for ended in world.told(OfferEnded, outcome="accepted")] == [mobile]
    released = world.last(LegReleased)
    assert (released.offer, released.answered_elsewhere, released.linger_seconds) == (desk, True, 0)
    assert released.deadline == world.now + SAY_WHY_SECONDS


def test_a_refusal_ends_it_at_all_of_his_devices() -> None:
    world = _with_mobile("alice", "bob", forward="both")
    request = world.caller_joins("sales")
    mobile = _at(world, "mobile")

    world.rejects(_at(world, "desk"))

    assert world.ringing == {"bob": request}
    assert world.last(LegReleased).offer == mobile
    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "rejected")
    assert len(world.told(RequestRequeued)) == 1


@pytest.mark.parametrize("how", [LegEnd.BUSY, LegEnd.UNREACHABLE])
def test_a_device_that_is_busy_or_fails_ends_only_its_own(how: LegEnd) -> None:
    world = _with_mobile(forward="both")
    request = world.caller_joins("sales")

    world.leg_ends(_at(world, "mobile"), how)

    assert _rung(world) == ["desk"]
    assert world.state_of("alice") == "connecting"
    assert world.told(RequestRequeued) == []
    world.takes_the_call(_at(world, "desk"))
    assert world.agent("alice").request == request


def test_an_agent_is_marked_once_when_both_have_rung_out() -> None:
    world = _with_mobile("alice", "bob", forward="both").with_offer_rules(pause_after_missed=2)
    request = world.caller_joins("sales")
    _rings_aloud(world)

    world.time_passes(20)

    assert world.state_of("alice") == "no_answer"
    assert world.ringing == {"bob": request}
    assert len(world.told(AgentStateChanged, agent="alice", state="no_answer")) == 1
    assert world.agent("alice").missed_in_a_row == 1


def test_the_next_call_waits_until_all_legs_are_gone() -> None:
    world = _with_mobile(forward="both")
    request = world.caller_joins("sales")
    desk, mobile = _at(world, "desk"), _at(world, "mobile")
    world.caller_hangs_up(request)
    world.caller_joins("sales")

    world.leg_ends(desk, LegEnd.HUNG_UP)
    assert world.ringing == {}
    world.leg_ends(mobile, LegEnd.HUNG_UP)

    assert _rung(world) == ["desk", "mobile"]


@pytest.mark.parametrize("picked_up", [False, True])
def test_who_takes_up_his_desk_phone_for_something_else_is_left_alone_at_both(picked_up: bool) -> None:
    world = _with_mobile("alice", "bob", forward="both")
    request = world.caller_joins("sales")
    if picked_up:
        world.answers(_at(world, "mobile"))

    world.phone_is_taken_up("alice")

    if picked_up:
        assert _rung(world) == ["desk", "mobile"]
        return
    assert world.ringing == {"bob": request}
    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")


def test_what_his_desk_phone_is_used_for_means_nothing_to_who_is_forwarded_to_his_mobile() -> None:
    world = _with_mobile()
    world.phone_is_taken_up("alice")
    world.caller_joins("sales")

    assert _rung(world) == ["mobile"]
    world.phone_is_taken_up("alice", "another")
    assert _rung(world) == ["mobile"]


# ---- The desk, and then the mobile


def test_his_mobile_rings_when_the_desk_phone_has_rung_in_vain_and_the_caller_notices_nothing() -> None:
    world = _with_mobile("alice", "bob", forward="desk_then_mobile", mobile_after_seconds=8)
    request, behind = world.caller_joins("sales"), world.caller_joins("sales")
    world.rejects("bob")
    world.time_passes(8)

    assert _rung(world) == ["mobile"]
    assert world.state_of("alice") == "connecting"
    assert world.line("sales") == [request, behind]
    assert world.told(RequestRequeued, request=request) == []
    assert world.told(AgentStateChanged, agent="alice", state="no_answer") == []
    world.takes_the_call(_at(world, "mobile"))
    assert world.agent("alice").request == request
    assert world.last(RequestConnected).device == "mobile"


def test_who_answers_neither_has_missed_one_call() -> None:
    world = _with_mobile(forward="desk_then_mobile", mobile_after_seconds=8).with_offer_rules(pause_after_missed=2)
    world.caller_joins("sales")
    world.time_passes(8)
    _rings_aloud(world)
    world.time_passes(20)

    assert world.state_of("alice") == "no_answer"
    assert world.agent("alice").missed_in_a_row == 1


def test_a_refusal_at_the_desk_is_one() -> None:
    world = _with_mobile(forward="desk_then_mobile")
    world.caller_joins("sales")
    world.rejects("alice")

    assert (_rung(world), world.state_of("alice")) == ([], "busy")


@pytest.mark.parametrize("asks", [World.pauses, World.logs_out])
def test_who_asked_for_peace_while_his_desk_rang_is_not_rung_at_his_mobile(asks: Any) -> None:
    world = _with_mobile(forward="desk_then_mobile", mobile_after_seconds=8)
    world.caller_joins("sales")
    asks(world, "alice")
    world.time_passes(8)

    assert _rung(world) == []


def test_nor_is_one_who_was_taken_out_of_the_rules_meanwhile() -> None:
    world = _with_mobile("alice", "bob", forward="desk_then_mobile", mobile_after_seconds=8)
    request = world.caller_joins("sales")
    world.without_agent("alice")

    world.time_passes(8)

    assert world.ringing == {"bob": request}


def test_who_takes_up_his_desk_phone_for_something_else_while_his_mobile_rings_is_left_alone_there() -> None:
    world = _with_mobile("alice", "bob", forward="desk_then_mobile", mobile_after_seconds=8)
    request = world.caller_joins("sales")
    world.time_passes(8)
    mobile = _at(world, "mobile")

    world.phone_is_taken_up("alice")

    assert world.ringing == {"bob": request}
    assert world.last(LegReleased).offer == mobile
    assert [ended.outcome for ended in world.told(OfferEnded)] == ["no_answer", "cancelled"]


def test_the_caller_may_leave_during_the_hand_over() -> None:
    world = _with_mobile(forward="desk_then_mobile", mobile_after_seconds=8)
    request = world.caller_joins("sales")
    world.time_passes(8)
    mobile = _at(world, "mobile")

    world.caller_hangs_up(request)

    assert world.last(LegReleased).offer == mobile
    assert world.ending_of(request).outcome == "abandoned"
    assert world.state_of("alice") == "available"


# ---- Acceptance


def _picks_up_his_mobile(world: World) -> OfferId:
    mobile = _at(world, "mobile")
    _rings_aloud(world)
    world.answers(mobile)
    return mobile


def test_a_mailbox_that_answers_and_never_presses_the_key_is_no_answer_within_its_time() -> None:
    world = _with_mobile("alice", "bob").with_offer_rules(accept_seconds=15)
    request = world.caller_joins("sales")
    mobile = _picks_up_his_mobile(world)
    world.time_passes(14.9)
    assert (world.place_of(request), _rung(world)) == (1, ["mobile"])

    world.time_passes(0.1)

    assert world.last(OfferEnded).outcome == "no_answer"
    assert world.last(LegReleased).offer == mobile
    assert world.state_of("alice") == "no_answer"
    assert world.ringing == {"bob": request}


def test_nor_is_it_the_carrier_s_doing_if_its_network_told_nothing_before_the_answer() -> None:
    world = _with_mobile().with_offer_rules(accept_seconds=15)
    world.caller_joins("sales")
    world.answers("alice")

    world.time_passes(15)

    assert world.last(OfferEnded).outcome == "no_answer"
    assert world.state_of("alice") == "no_answer"
    assert world.told(AgentUnreachable) == []


def test_who_answers_and_hangs_up_without_a_key_did_not_answer() -> None:
    world = _with_mobile()
    world.caller_joins("sales")

    world.hangs_up(_picks_up_his_mobile(world))

    assert world.state_of("alice") == "no_answer"


def test_a_mobile_that_asks_for_no_key_takes_whoever_picks_up() -> None:
    world = _with_mobile(accept_key="").with_offer_rules(accept_seconds=1)
    world.caller_joins("sales")
    mobile = _picks_up_his_mobile(world)
    world.hangs_up(mobile)

    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "rejected")


@pytest.mark.parametrize(("pause", "state"), [(False, "busy"), (True, "paused")])
def test_a_call_is_refused_by_key_and_the_dialplan_hangs_up(pause: bool, state: str) -> None:
    world = _with_mobile("alice", "bob", forward="both")
    request = world.caller_joins("sales")
    mobile = _picks_up_his_mobile(world)

    world.tell(LegRejected(mobile, pause))

    assert world.ringing == {"bob": request}
    assert (world.state_of("alice"), world.agent("alice").reason) == (state, "rejected")
    assert world.last(OfferEnded, offer=mobile).outcome == "rejected"
    assert world.last(LegEnding).offer == mobile


def test_a_key_that_comes_too_late_changes_nothing() -> None:
    world = _with_mobile()
    request = world.caller_joins("sales")
    mobile = _picks_up_his_mobile(world)
    world.caller_hangs_up(request)
    facts = len(world.facts)

    world.tell(LegRejected(mobile, pause=True))
    world.accepts(mobile)

    assert len(world.facts) == facts


# ---- What carriers do


@pytest.mark.parametrize("how", [how for how in LegEnd if how is not LegEnd.BUSY])
def test_a_mobile_that_never_rang_is_its_carrier_s_doing(how: LegEnd) -> None:
    world = _with_mobile("alice", "bob").with_offer_rules(unreachable_first_seconds=5)
    request = world.caller_joins("sales")

    world.leg_ends("alice", how, "34 Circuit/channel congestion")

    assert world.ringing == {"bob": request}
    ended = world.last(OfferEnded)
    assert (ended.outcome, ended.device, ended.cause) == ("failed", "mobile", "34 Circuit/channel congestion")
    assert (world.state_of("alice"), world.agent("alice").reason, world.seconds_left("alice")) == (
        "busy",
        "unreachable",
        5,
    )
    assert world.agent("alice").missed_in_a_row == 0


@pytest.mark.parametrize(
    ("how", "state", "reason"),
    [
        (LegEnd.REJECTED, "busy", "rejected"),
        (LegEnd.HUNG_UP, "busy", "rejected"),
        (LegEnd.NO_ANSWER, "no_answer", None),
        (LegEnd.UNREACHABLE, "busy", "unreachable"),
    ],
)
def test_a_mobile_that_rang_was_its_owner_s(how: LegEnd, state: str, reason: str | None) -> None:
    world = _with_mobile()
    world.caller_joins("sales")
    _rings_aloud(world)

    world.leg_ends("alice", how)

    assert (world.state_of("alice"), world.agent("alice").reason) == (state, reason)


def test_an_owner_who_talks_on_his_mobile_is_busy() -> None:
    world = _with_mobile().with_offer_rules(busy_seconds=30)
    world.caller_joins("sales")
    world.leg_ends("alice", LegEnd.BUSY)

    assert (world.state_of("alice"), world.seconds_left("alice")) == ("busy", 30)
    assert world.agent("alice").failures == {}


def test_a_trunk_that_says_nothing_at_all_is_no_missed_call() -> None:
    world = _with_mobile()
    world.caller_joins("sales")
    world.time_passes(20)

    assert (world.last(OfferEnded).outcome, world.agent("alice").reason) == ("failed", "unreachable")


def test_a_network_that_is_at_it_without_ringing_aloud_may_be_missed_but_not_refused() -> None:
    world = _with_mobile()
    world.caller_joins("sales")
    world.tell(LegProgressed(_at(world, "mobile"), rings=False))
    world.tell(LegProgressed(_at(world, "mobile"), rings=False))
    assert len(world.told(OfferProgressed)) == 1
    world.leg_ends("alice", LegEnd.NO_ANSWER)
    assert world.agent("alice").reason == "unreachable"
    world.time_passes(5)
    world.tell(LegProgressed(_at(world, "mobile"), rings=False))
    world.time_passes(20)

    assert world.state_of("alice") == "no_answer"


def test_that_it_rings_is_told_once_and_of_mobiles_alone() -> None:
    world = _with_mobile(forward="both")
    world.caller_joins("sales")
    for _ in range(2):
        _rings_aloud(world)
        _rings_aloud(world, _at(world, "desk"))
    world.tell(LegProgressed(_at(world, "mobile"), rings=False))

    assert [(told.offer, told.rings) for told in world.told(OfferProgressed)] == [(_at(world, "mobile"), True)]


def test_the_spare_mobile_rings_at_once_in_place_of_one_that_fails() -> None:
    world = _with_spare(_with_mobile())
    world.caller_joins("sales")

    world.leg_ends("alice", LegEnd.UNREACHABLE)

    assert [made.device.number for made in world.told(OfferMade)] == [MOBILES["alice"], SPARE]
    assert world.state_of("alice") == "connecting"
    world.leg_ends("alice", LegEnd.UNREACHABLE)
    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "unreachable")


def test_a_spare_mobile_does_not_ring_when_the_first_was_not_answered() -> None:
    world = _with_spare(_with_mobile())
    world.caller_joins("sales")
    _rings_aloud(world)
    world.time_passes(20)

    assert len(world.told(OfferMade)) == 1
    assert world.state_of("alice") == "no_answer"


def test_as_many_of_his_mobiles_ring_at_once_as_may() -> None:
    world = _with_spare(_with_mobile()).with_offer_rules(mobile_legs_per_agent=2)
    world.caller_joins("sales")

    assert _rung(world) == ["mobile", "mobile"]


def test_each_device_backs_off_for_itself_and_longer_each_time() -> None:
    world = _with_mobile(forward="both").with_offer_rules(unreachable_first_seconds=5)
    first = world.caller_joins("sales")
    world.leg_ends(_at(world, "mobile"), LegEnd.UNREACHABLE)
    world.caller_hangs_up(first)
    world.leg_ends("alice", LegEnd.HUNG_UP)
    second = world.caller_joins("sales")
    assert _rung(world) == ["desk"]
    world.caller_hangs_up(second)
    world.leg_ends("alice", LegEnd.HUNG_UP)

    world.time_passes(5)
    world.caller_joins("sales")

    assert _rung(world) == ["desk", "mobile"]
    world.leg_ends(_at(world, "mobile"), LegEnd.UNREACHABLE)
    failed = world.last(AgentUnreachable)
    assert (failed.device, failed.in_a_row, failed.until) == (MOBILES["alice"], 2, world.now + 10)


def _whose_mobile_failed(unreachable_seconds: float = 60) -> World:
    """And then the caller hung up."""
    world = _with_mobile(forward="mobile").with_offer_rules(unreachable_first_seconds=unreachable_seconds)
    request = world.caller_joins("sales")
    world.leg_ends("alice", LegEnd.UNREACHABLE)
    world.caller_hangs_up(request)
    return world


def test_who_says_that_he_is_ready_is_tried_again_at_once() -> None:
    world = _whose_mobile_failed()
    assert world.agent("alice").reason == "unreachable"

    world.makes_himself_available("alice")

    world.caller_joins("sales")
    assert _rung(world) == ["mobile"]


@pytest.mark.parametrize("is_over", [False, True])
def test_but_not_if_he_is_logged_out(is_over: bool) -> None:
    world = _whose_mobile_failed()
    world.logs_out("alice")
    until = world.now + 60
    world.now = until if is_over else world.now

    with pytest.raises(Refused, match="log in first"):
        world.makes_himself_available("alice")

    assert world.agent("alice").failures[MOBILES["alice"]].until == until


def test_who_forwards_to_a_mobile_that_is_left_alone_is_so_himself_until_he_comes_back_to_his_desk() -> None:
    world = _whose_mobile_failed()
    world.forwards("alice", "desk")
    assert world.state_of("alice") == "available"

    world.forwards("alice", "mobile")

    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "unreachable")
    assert world.seconds_left("alice") == 60


@pytest.mark.parametrize(("desk_seconds", "mobile_seconds"), [(20, 60), (60, 20)])
def test_where_both_are_left_alone_he_is_back_with_the_one_that_he_has_forwarded_to(
    desk_seconds: float, mobile_seconds: float
) -> None:
    world = _with_mobile(forward="desk")
    for forward, seconds in (("desk", desk_seconds), ("mobile", mobile_seconds)):
        world.forwards("alice", forward)
        world.with_offer_rules(unreachable_first_seconds=seconds)
        request = world.caller_joins("sales")
        world.leg_ends("alice", LegEnd.UNREACHABLE)
        world.caller_hangs_up(request)
    assert world.seconds_left("alice") == mobile_seconds

    world.forwards("alice", "desk")

    assert world.seconds_left("alice") == desk_seconds
    world.time_passes(desk_seconds - 1)
    assert world.state_of("alice") == "busy"
    world.time_passes(1)
    assert world.state_of("alice") == "available"


@pytest.mark.parametrize("forward", ["desk", "desk_then_mobile"])
def test_a_desk_phone_that_cannot_be_reached_falls_through_to_the_mobile_if_that_is_allowed(forward: str) -> None:
    world = _with_mobile(forward=forward, mobile_if_unreachable=forward == "desk")
    world.caller_joins("sales")

    world.leg_ends("alice", LegEnd.UNREACHABLE)

    assert _rung(world) == ["mobile"]
    assert world.told(RequestRequeued) == []


def test_it_does_not_if_it_is_not_allowed() -> None:
    world = _with_mobile(forward="desk")
    world.caller_joins("sales")
    world.leg_ends("alice", LegEnd.UNREACHABLE)

    assert (_rung(world), world.agent("alice").reason) == ([], "unreachable")


def test_while_the_desk_phone_is_left_alone_the_mobile_rings_first() -> None:
    world = _with_mobile(forward="desk", mobile_if_unreachable=True)
    request = world.caller_joins("sales")
    world.leg_ends("alice", LegEnd.UNREACHABLE)
    world.caller_hangs_up(request)
    world.leg_ends("alice", LegEnd.HUNG_UP)

    world.caller_joins("sales")

    assert [made.device.kind for made in world.told(OfferMade)] == ["desk", "mobile", "mobile"]


def test_who_answers_his_desk_phone_late_is_not_blamed_for_a_carrier_that_fails() -> None:
    world = _with_mobile("alice", "bob", forward="desk_then_mobile", mobile_after_seconds=8)
    request = world.caller_joins("sales")
    world.time_passes(8)

    world.leg_ends(_at(world, "mobile"), LegEnd.UNREACHABLE)

    assert world.state_of("alice") == "available"
    assert world.agent("alice").missed_in_a_row == 0
    assert world.ringing == {"bob": request}


# ---- Trunks have room for so many


def _crowd(mobile_legs: int | None, *agents: str) -> World:
    """All of them at mobiles alone."""
    world = one_queue(*agents, wrap_up_seconds=0).with_mobiles(*agents, forward=Forward.MOBILE)
    return world.loads(trunks={MAIN: Trunk(mobile_legs)})


def test_where_the_trunk_is_full_agents_at_desks_are_next_and_the_others_wait_for_room() -> None:
    world = _crowd(1, "alice", "bob", "carol")
    world.forwards("carol", "desk")
    first, second, third = (world.caller_joins("sales") for _ in range(3))

    assert world.ringing == {"alice": first, "carol": second}
    assert world.state_of("bob") == "available"

    world.takes_the_call("alice")
    assert "bob" not in world.ringing
    world.hangs_up("alice")

    assert world.ringing == {"carol": second, "alice": third}


def test_who_waits_for_room_on_one_server_s_trunk_stands_in_nobody_s_way_on_another() -> None:
    world = _crowd(1, "alice", "bob", "carol")
    world.loads(trunks=world.rules.trunks | {PbxName("west"): Trunk(1)})
    world.link_is_back("west")
    first, second = world.caller_joins("sales"), world.caller_joins("sales")

    west = world.caller_joins("sales", pbx="west")
    last = world.caller_joins("sales", pbx="west")

    assert world.ringing == {"alice": first, "bob": west}
    assert world.line("sales") == [first, second, west, last]


def test_who_hangs_up_makes_room_for_another_before_his_wrap_up_is_over() -> None:
    world = _crowd(1, "alice", "bob").with_queue("sales", wrap_up_seconds=60)
    world.caller_joins("sales")
    second = world.caller_joins("sales")
    world.takes_the_call("alice")
    assert world.ringing == {}

    world.hangs_up("alice")

    assert world.ringing == {"bob": second}


def test_the_room_that_a_mobile_gave_back_is_told_as_the_moment_since_when_it_could_ring() -> None:
    world = _crowd(1, "alice", "bob")
    world.caller_joins("sales")
    world.caller_joins("sales")
    world.time_passes(3)
    world.leg_ends("alice", LegEnd.BUSY)

    made = world.last(OfferMade)
    assert (made.agent, made.ready_at) == ("bob", world.now)


def test_who_switches_to_his_desk_while_the_trunk_is_full_is_rung_there_at_once() -> None:
    world = _crowd(1, "alice", "bob")
    world.caller_joins("sales")
    second = world.caller_joins("sales")

    world.forwards("bob", "desk")

    assert world.ringing["bob"] == second


def test_where_no_server_reaches_mobiles_nobody_is_rung_there() -> None:
    world = _crowd(None, "alice", "bob").loads(trunks={})
    world.caller_joins("sales")
    assert world.ringing == {}

    world.loads(trunks={MAIN: Trunk()})

    assert list(world.ringing) == ["alice"]


def test_both_rings_at_the_desk_alone_when_the_trunk_is_full() -> None:
    world = _crowd(1, "alice", "bob")
    world.forwards("bob", "both")
    world.caller_joins("sales")
    world.caller_joins("sales")

    assert _rung(world, "bob") == ["desk"]


def test_who_cannot_be_rung_on_for_want_of_room_has_missed_nothing() -> None:
    world = _crowd(1, "alice", "bob")
    world.loads(
        agents=tuple(
            replace(one, forwarding=replace(one.forwarding, forward=Forward.DESK_THEN_MOBILE, mobile_after_seconds=8))
            if one.name == "bob"
            else one
            for one in world.rules.agents
        )
    )
    world.caller_joins("sales")
    second = world.caller_joins("sales")
    assert world.ringing["bob"] == second
    world.time_passes(8)

    assert world.told(AgentStateChanged, agent="bob", state="no_answer") == []


# ---- Links and starts


def test_both_legs_are_known_again_after_a_restart() -> None:
    world = _with_mobile(forward="both")
    request = world.caller_joins("sales")
    desk, mobile = _at(world, "desk"), _at(world, "mobile")
    world.daemon_restarts()
    world.link_is_back()
    assert world.ringing == {"alice": request}

    world.takes_the_call(mobile)

    assert world.last(LegReleased).offer == desk
    assert world.agent("alice").request == request


@pytest.mark.parametrize(("gone", "stays"), [("desk", "mobile"), ("mobile", "desk")])
def test_a_leg_that_ended_unheard_leaves_the_other_ringing(gone: str, stays: str) -> None:
    world = _with_mobile(forward="both")
    world.caller_joins("sales")
    channel = world.center.state.offers[_at(world, gone)].channel
    world.link_is_lost()

    world.link_is_back(gone=[channel])

    assert (_rung(world), world.state_of("alice")) == ([stays], "connecting")


def test_both_legs_that_ended_unheard_blame_nobody() -> None:
    world = _with_mobile(forward="both")
    world.caller_joins("sales")
    channels = [offer.channel for offer in world.center.state.offers.values()]
    world.link_is_lost()

    world.link_is_back(gone=channels)

    assert _rung(world) == ["desk", "mobile"]
    assert len(world.told(RequestRequeued)) == 1
    assert world.told(AgentStateChanged, state="no_answer") == []
