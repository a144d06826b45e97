"""An Asterisk that is another one than before, and one that says otherwise while the link is up."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from acd.center.facts import (
    ContradictionFound,
    LegReleased,
    RequestEnded,
    RequestQueued,
)
from acd.center.inputs import Contradiction, LiveChannel, MessageBegun, PbxContradicted
from acd.center.model import AgentName, CallbackRules, ChannelId, Difference, QueueName, RequestId

from .worlds import MAIN, START, World, one_queue


def _in(queue: str, channel: str, **rest: object) -> LiveChannel:
    return LiveChannel(channel=ChannelId(channel), bridged=False, queue=QueueName(queue), **rest)


def _with_one_of_each() -> tuple[World, dict[str, RequestId]]:
    world = one_queue("alice", "bob", "carol", wrap_up_seconds=5)
    world.link_is_back(started="monday")
    requests = {"talks": world.caller_joins("sales")}
    world.takes_the_call("alice")
    requests["is offered"] = world.caller_joins("sales")
    requests["is to be bridged"] = world.caller_joins("sales")
    world.answers("carol")
    world.accepts("carol")
    requests["waits"] = world.caller_joins("sales")
    world.link_is_lost()
    return world, requests


def test_the_calls_of_an_asterisk_that_has_started_anew_are_lost_and_their_agents_free() -> None:
    world, requests = _with_one_of_each()
    everything = [live.channel for live in world.everything_on(MAIN)]

    world.link_is_back(gone=everything, started="tuesday")

    for request in requests.values():
        ending = world.ending_of(request)
        assert (ending.outcome, ending.ended_by, ending.caller.number) == ("pbx_lost", "pbx", ending.channel)
    assert [world.state_of(agent) for agent in ("alice", "bob", "carol")] == ["wrap_up", "available", "available"]
    assert (world.center.state.offers, world.told(LegReleased)) == ({}, [])
    world.time_passes(5)
    assert world.state_of("alice") == "available"


def test_an_asterisk_that_ran_on_has_lost_nothing() -> None:
    world, requests = _with_one_of_each()

    world.link_is_back(started="monday")

    assert world.told(RequestEnded) == []
    assert set(world.center.state.requests) == set(requests.values())


def test_a_new_asterisk_is_known_after_a_new_start_of_the_daemon_too() -> None:
    world, requests = _with_one_of_each()
    world.daemon_restarts()

    world.link_is_back(gone=[live.channel for live in world.everything_on(MAIN)], started="tuesday")

    assert len(world.told(RequestEnded, outcome="pbx_lost")) == len(requests)


def test_who_calls_a_new_asterisk_before_it_is_steered_waits_there() -> None:
    world, _ = _with_one_of_each()
    before = [live.channel for live in world.everything_on(MAIN)]

    world.link_is_back(gone=before, found=[_in("sales", "newcomer", joined_at=START)], started="tuesday")

    assert world.ringing == {"bob": world.last(RequestQueued).request}


def test_the_callers_of_other_servers_lose_nothing_with_one() -> None:
    world = World("east", "west").with_queue("sales")
    world.link_is_back("east", started="monday")
    east, west = world.caller_joins("sales", pbx="east"), world.caller_joins("sales", pbx="west")

    world.link_is_back("east", gone=["caller-1"], started="tuesday")

    assert world.ending_of(east).outcome == "pbx_lost"
    assert world.line("sales") == [west]


# ---- The comparison while the link is up


def test_a_contradiction_is_told_with_both_views_and_put_right() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    leg = world.offer("alice").channel

    world.comparison_finds(gone=["caller-1", leg])

    assert [(told.kind, told.channel, told.believed, told.found) for told in world.told(ContradictionFound)] == [
        ("caller_gone", "caller-1", "offered in sales", "no such channel"),
        ("leg_gone", leg, "alice: cancelled", "no such channel"),
    ]
    assert all(told.comparing for told in world.told(ContradictionFound))
    assert world.ending_of(request).outcome == "abandoned"
    assert world.state_of("alice") == "available"


@pytest.mark.parametrize(
    ("is_so", "kind", "found"),
    [
        ({"status": "FALLBACK"}, "caller_went_on", "left sales with FALLBACK"),
        ({"queue": QueueName("")}, "caller_went_on", "left the line with no status"),
        ({"status": "ANSWERED"}, "caller_marked", "waits, marked as answered"),
        ({"status": "ANSWERED", "bridged": True}, "caller_marked", "talks with somebody"),
        (
            {"status": "ANSWERED", "never_bridged": False},
            "caller_has_talked",
            "was bridged and goes on in his dialplan",
        ),
    ],
)
def test_of_a_caller_it_is_one_and_told_by_its_name(is_so: dict[str, Any], kind: str, found: str) -> None:
    world = World().with_queue("sales")
    request = world.caller_joins("sales")

    believed = world.comparison_finds(found=[world.live(request, **is_so)])

    assert believed == {Contradiction(Difference(kind), ChannelId("caller-1"))}
    (told,) = world.told(ContradictionFound)
    assert (told.kind, told.believed, told.found) == (kind, "waiting in sales", found)


@pytest.mark.parametrize(
    ("is_so", "found"),
    [
        ({"talks": False, "agent": AgentName("alice"), "dial": "PJSIP/9"}, "alice rings"),
        ({"talks": True, "dial": "PJSIP/9"}, "PJSIP/9 has answered"),
        ({"accepted": True, "dial": "PJSIP/9"}, "PJSIP/9 has taken the call"),
        ({"bridged": True, "dial": "PJSIP/9"}, "PJSIP/9 talks"),
    ],
)
def test_a_leg_of_nobody_is_told_as_what_it_is(is_so: dict[str, Any], found: str) -> None:
    world = one_queue()

    world.comparison_finds(found=[replace(LiveChannel(ChannelId("acd-0000000000000001"), bridged=False), **is_so)])

    (told,) = world.told(ContradictionFound)
    assert (told.kind, told.believed, told.found) == ("leg_unknown", "nothing", found)


def test_a_phone_that_was_taken_up_unheard_is_in_use() -> None:
    world = one_queue()

    world.comparison_finds(found=[LiveChannel(ChannelId("direct"), bridged=True, dial="PJSIP/alice")])

    (told,) = world.told(ContradictionFound)
    assert (told.kind, told.channel, told.believed) == ("phone_in_use", "direct", "PJSIP/alice not in use")
    assert (world.state_of("alice"), world.agent("alice").reason) == ("busy", "on_phone")


def test_where_asterisk_agrees_there_is_nothing_to_tell() -> None:
    world, _ = _with_one_of_each()
    world.link_is_back(started="monday")
    facts = len(world.facts)

    assert world.comparison_finds() == frozenset()

    assert len(world.facts) == facts


def test_only_what_is_to_be_believed_is_put_right() -> None:
    world = World().with_queue("sales")
    first, second = world.caller_joins("sales"), world.caller_joins("sales")
    only_the_first = frozenset({Contradiction(Difference.CALLER_GONE, ChannelId("caller-1"))})

    world.tell(PbxContradicted(MAIN, (), only_the_first))

    assert world.line("sales") == [second]
    assert world.ending_of(first).outcome == "abandoned"


def test_what_is_true_no_more_when_it_is_told_changes_nothing() -> None:
    world = World().with_queue("sales")
    request = world.caller_joins("sales")
    waits = world.live(request)
    gone = frozenset({Contradiction(Difference.CALLER_GONE, ChannelId("caller-1"))})

    world.tell(PbxContradicted(MAIN, (waits,), gone))
    world.link_is_lost()
    world.tell(PbxContradicted(MAIN, (), gone))

    assert world.line("sales") == [request]
    assert world.told(ContradictionFound) == []


def test_events_that_were_lost_are_made_up_for() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    leg = LiveChannel(world.offer("alice").channel, bridged=True, accepted=True)
    caller = world.live(request, bridged=True, status="ANSWERED", never_bridged=False)

    world.comparison_finds(found=[caller, leg])

    assert (world.state_of("alice"), world.agent("alice").request) == ("connected", request)
    assert world.last(ContradictionFound).kind == "leg_further"


def test_who_is_gone_in_the_middle_of_his_message_is_told_of_and_not_booked_before_that_is_listened_to() -> None:
    world = World().with_queue("sales", callbacks=CallbackRules())
    request = world.caller_joins("sales")
    world.tell(MessageBegun(MAIN, ChannelId("caller-1"), number="+31201234567"))

    world.comparison_finds(gone=["caller-1"])

    assert world.last(ContradictionFound).kind == "caller_gone"
    assert world.told(RequestEnded) == []
    assert world.center.state.requests[request].message


def test_a_phone_that_was_put_down_unheard_is_free() -> None:
    world = one_queue()
    world.phone_is_taken_up("alice")

    world.comparison_finds(gone=["direct"])

    assert world.state_of("alice") == "available"
    assert world.last(ContradictionFound).kind == "phone_put_down"


def test_a_leg_on_its_way_out_is_left_to_its_deadline() -> None:
    world = one_queue()
    gone = world.caller_joins("sales")
    leg = world.offer("alice").channel
    world.caller_hangs_up(gone)

    assert world.comparison_finds(found=[LiveChannel(leg, bridged=False, talks=False)]) == frozenset()
