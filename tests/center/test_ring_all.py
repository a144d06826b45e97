"""Ring-all: every available agent's phone rings, the first to accept has the call, and nobody is blamed for losing."""

from __future__ import annotations

import pytest

from acd.center.facts import LegReleased, OfferEnded, OfferMade
from acd.center.model import AgentName, RequestState
from acd.center.reach import Forward, Trunk

from .worlds import MAIN, World


def _everybody(*agents: str, **rules: object) -> World:
    return World().with_queue("sales", strategy="ring_all", **rules).with_agents(*agents, sales=1)


def test_all_available_agents_phones_ring() -> None:
    world = _everybody("alice", "bob", "carol")
    world.pauses("carol")

    request = world.caller_joins("sales")

    assert world.ringing == {"alice": request, "bob": request}
    assert all(made.shared for made in world.told(OfferMade))


@pytest.mark.parametrize("winner", ["alice", "bob", "carol"])
def test_the_first_to_accept_has_it_and_the_others_are_available_again(winner: str) -> None:
    world = _everybody("alice", "bob", "carol")
    request = world.caller_joins("sales")
    losers = {"alice", "bob", "carol"} - {winner}

    world.takes_the_call(winner)

    assert world.request(request).agent == winner
    assert [world.state_of(loser) for loser in losers] == ["available", "available"]
    released = world.told(LegReleased, answered_elsewhere=True)
    assert {fact.channel for fact in released} == {world.offer(loser).channel for loser in losers}
    assert [fact.linger_seconds for fact in released] == [0, 0]
    assert {fact.outcome for fact in world.told(OfferEnded) if fact.agent in losers} == {"cancelled"}


def test_two_who_accept_in_the_same_moment_are_one_too_many() -> None:
    world = _everybody("alice", "bob")
    request = world.caller_joins("sales")
    bobs = world.offer_to("bob")

    world.answers("alice")
    world.answers("bob")
    world.accepts("alice")
    world.accepts(bobs)
    world.is_bridged("alice")
    world.is_bridged(bobs)

    assert world.request(request).agent == "alice"
    assert world.state_of("bob") == "available"
    assert len(world.told(OfferEnded, outcome="accepted")) == 1


def test_who_becomes_available_meanwhile_rings_too() -> None:
    world = _everybody("alice", "bob")
    world.pauses("bob")
    request = world.caller_joins("sales")
    world.time_passes(3)

    world.makes_himself_available("bob")

    assert world.ringing == {"alice": request, "bob": request}


def test_for_who_waits_for_one_agent_his_phone_rings_alone_for_as_long_as_it_rings() -> None:
    world = _everybody("alice", "bob", preferred_agent_seconds=10, ring_seconds=20)
    request = world.caller_joins("sales", preferred_agent=AgentName("alice"))
    world.time_passes(15)
    assert world.ringing == {"alice": request}

    world.time_passes(5)

    assert world.ringing == {"bob": request}


def test_the_second_in_line_waits_for_those_whom_the_first_one_did_not_need() -> None:
    world = _everybody("alice", "bob")
    world.caller_joins("sales")
    second = world.caller_joins("sales")
    losing = world.offer_to("bob")

    world.takes_the_call("alice")
    world.hangs_up(losing)

    assert world.ringing == {"bob": second}


def test_who_rejects_is_left_in_peace_while_others_ring() -> None:
    world = _everybody("alice", "bob").with_offer_rules(rejected_seconds=2)
    request = world.caller_joins("sales")
    world.rejects("alice")
    world.time_passes(5)
    assert world.state_of("alice") == "available"

    assert world.ringing == {"bob": request}
    second = world.caller_joins("sales")
    assert world.ringing == {"bob": request, "alice": second}


def test_the_next_one_rings_at_who_rejected_the_first_also_where_others_cannot_be_rung_for_want_of_room() -> None:
    world = _everybody("alice", "bob", "carol", "dave").with_offer_rules(rejected_seconds=2)
    world.with_mobiles("carol", "dave", forward=Forward.MOBILE).loads(trunks={MAIN: Trunk(1)})
    world.caller_joins("sales")
    others = [world.offer_to(agent) for agent in ("alice", "bob")]
    world.takes_the_call("carol")
    for offer in others:
        world.hangs_up(offer)
    first = world.caller_joins("sales")
    world.rejects("alice")
    world.time_passes(5)
    assert world.ringing == {"bob": first}

    second = world.caller_joins("sales")

    assert world.ringing == {"bob": first, "alice": second}


def test_who_rejected_rings_again_when_nobody_else_does() -> None:
    world = _everybody("alice", "bob").with_offer_rules(rejected_seconds=2)
    request = world.caller_joins("sales")
    world.rejects("alice")
    world.time_passes(5)

    world.rejects("bob")

    assert world.ringing == {"alice": request}


def test_when_all_have_rung_out_all_ring_again() -> None:
    world = _everybody("alice", "bob", ring_seconds=10).with_offer_rules(no_answer_seconds=5)
    request = world.caller_joins("sales")
    world.time_passes(10)
    assert world.request(request).state is RequestState.WAITING
    for agent in ("alice", "bob"):
        world.hangs_up(agent)

    world.time_passes(5)

    assert world.ringing == {"alice": request, "bob": request}


def test_a_caller_who_hangs_up_stops_all_phones() -> None:
    world = _everybody("alice", "bob")
    request = world.caller_joins("sales")

    world.caller_hangs_up(request)

    assert world.ringing == {}
    assert [world.state_of(agent) for agent in ("alice", "bob")] == ["available", "available"]
    assert world.told(LegReleased, answered_elsewhere=True) == []


def test_a_winner_who_is_never_bridged_leaves_the_caller_to_the_others() -> None:
    world = _everybody("alice", "bob")
    request = world.caller_joins("sales")
    losing = world.offer_to("bob")
    world.answers("alice")
    world.accepts("alice")
    world.hangs_up(losing)
    assert world.ringing == {}

    world.bridge_fails("alice")

    assert world.ringing == {"bob": request}
