"""Callers: how they join and leave at each stage, how long they wait at most, and what is heard twice."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from acd.center import inputs
from acd.center.center import Undecided
from acd.center.facts import CallerReleased, LegReleased, RequestEnded, RequestQueued
from acd.center.inputs import Input, LegEnd
from acd.center.model import AgentName, Caller, ChannelId, QueueName
from acd.center.offers import LEG_ENDS_SECONDS

from .witness import likeness
from .worlds import MAIN, START, World, one_queue

# ---- Joining and leaving


def test_a_caller_who_joins_is_a_request_in_his_queue() -> None:
    world = World().with_queue("sales")

    request = world.caller_joins("sales", priority=7)

    assert world.told(RequestQueued) == [
        RequestQueued(
            at=START,
            request=request,
            kind="call",
            queue=QueueName("sales"),
            priority=7,
            entered_at=START,
            caller=Caller(number="caller-1"),
            pbx=MAIN,
            channel=ChannelId("caller-1"),
        )
    ]


def _is_picked_up_for(world: World) -> None:
    world.with_agents("alice", sales=1)
    world.answers("alice")
    world.accepts("alice")


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(lambda w: None, id="waiting"),
        pytest.param(lambda w: w.with_agents("alice", sales=1), id="ringing"),
        pytest.param(_is_picked_up_for, id="picked up"),
    ],
)
def test_a_caller_who_hangs_up_before_he_talks_has_abandoned(told: Callable[[World], object]) -> None:
    world = World().with_queue("sales")
    request = world.caller_joins("sales")
    world.time_passes(12)
    told(world)

    world.caller_hangs_up(request)

    ended = world.ending_of(request)
    assert (ended.outcome, ended.ended_by, ended.waited_seconds) == ("abandoned", "caller", 12)
    assert (ended.agent, ended.device, ended.connected_at, ended.talk_seconds) == (None, "", None, None)
    assert world.queue("sales").ended == {"abandoned": 1}


def test_a_caller_who_hangs_up_ends_the_talk() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.takes_the_call("alice")
    leg = world.offer("alice").channel
    world.time_passes(60)

    world.caller_hangs_up(request)

    ended = world.ending_of(request)
    assert (ended.outcome, ended.ended_by, ended.talk_seconds) == ("answered", "caller", 60)
    assert (ended.agent, ended.device) == ("alice", "desk")
    assert world.state_of("alice") == "wrap_up"
    assert world.told(LegReleased) == []
    world.time_passes(LEG_ENDS_SECONDS)
    assert world.last(LegReleased).channel == leg


def test_an_agent_who_hangs_up_ends_the_talk() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.takes_the_call("alice")

    world.hangs_up("alice")

    assert (world.ending_of(request).outcome, world.ending_of(request).ended_by) == ("answered", "agent")
    assert world.state_of("alice") == "wrap_up"
    assert world.told(LegReleased) == []


def test_who_hung_up_is_told_apart_although_the_other_channel_ends_first() -> None:
    world = one_queue("alice", "bob")
    by_caller, by_agent = world.caller_joins("sales"), world.caller_joins("sales")
    for agent in ("alice", "bob"):
        world.takes_the_call(agent)

    world.caller_hangs_up(by_caller)
    world.hangs_up("alice")
    world.tell(inputs.LegHungUp(world.offer_to("bob")))
    world.caller_hangs_up(by_agent)

    assert world.ending_of(by_caller).ended_by == "caller"
    assert world.ending_of(by_agent).ended_by == "agent"


def test_an_agent_who_has_hung_up_is_offered_nothing_before_his_leg_is_gone() -> None:
    world = one_queue(wrap_up_seconds=0)
    world.caller_joins("sales")
    world.takes_the_call("alice")
    leg = world.offer_to("alice")
    request = world.caller_joins("sales")
    world.tell(inputs.LegHungUp(leg))
    assert world.ringing == {}

    world.hangs_up(leg)

    assert world.ringing == {"alice": request}


def test_the_second_of_the_two_to_hang_up_changes_nothing() -> None:
    world = one_queue(wrap_up_seconds=15)
    first = world.caller_joins("sales")
    world.takes_the_call("alice")
    leg = world.offer_to("alice")
    world.caller_hangs_up(first)
    world.time_passes(1)

    world.hangs_up(leg)
    world.caller_hangs_up(first)

    assert len(world.told(RequestEnded)) == 1
    assert (world.state_of("alice"), world.seconds_left("alice")) == ("wrap_up", 14)


def test_a_caller_of_a_queue_that_is_not_there_goes_on_in_his_dialplan() -> None:
    world = World().with_queue("sales")

    world.caller_joins("slaes")

    (released,) = world.told(CallerReleased)
    assert (released.channel, released.queue, released.status) == ("caller-1", "slaes", "UNKNOWNQUEUE")
    assert world.told(RequestQueued) == []


def test_a_channel_that_nobody_knows_may_hang_up() -> None:
    world = World().with_queue("sales")
    facts = len(world.facts)

    world.tell(inputs.ChannelGone(pbx=MAIN, channel=ChannelId("1700000000.1")))

    assert len(world.facts) == facts


def test_a_channel_s_id_is_its_own_on_each_server() -> None:
    world = World("east", "west").with_queue("sales")
    east = world.caller_joins("sales", pbx="east", channel="1700000000.1")
    west = world.caller_joins("sales", pbx="west", channel="1700000000.1")

    world.caller_hangs_up(east)

    assert world.line("sales") == [west]


def test_a_caller_who_comes_back_is_another_request() -> None:
    world = World().with_queue("sales")
    world.caller_hangs_up(world.caller_joins("sales", channel="1700000000.1"))

    again = world.caller_joins("sales", channel="1700000000.1")

    assert world.line("sales") == [again]
    assert world.queue("sales").entered == 2


# ---- At most so long


@pytest.mark.parametrize(
    ("of_the_queue", "of_the_caller", "waits"), [(60, None, 60), (None, 60, 60), (60, 30, 30), (30, 60, 30)]
)
def test_a_caller_waits_for_as_long_as_both_he_and_his_queue_allow(
    of_the_queue: float | None, of_the_caller: float | None, waits: float
) -> None:
    world = World().with_queue("sales", max_wait_seconds=of_the_queue)
    request = world.caller_joins("sales", max_wait_seconds=of_the_caller)
    world.time_passes(waits - 0.001)
    assert world.line("sales") == [request]

    world.time_passes(0.001)

    ended = world.ending_of(request)
    assert (ended.outcome, ended.ended_by, ended.waited_seconds) == ("timeout", "acd", waits)
    assert world.last(CallerReleased).status == "TIMEOUT"
    assert world.last(CallerReleased).channel == "caller-1"


def test_without_a_limit_a_caller_waits_for_ever() -> None:
    world = World().with_queue("sales")
    request = world.caller_joins("sales")
    world.time_passes(1_000_000)

    assert world.line("sales") == [request]


def test_the_limit_counts_from_the_moment_of_entry() -> None:
    world = World().with_queue("sales", max_wait_seconds=60)
    request = world.caller_joins("sales", joined_at=START - 50)

    world.time_passes(10)

    assert world.ending_of(request).waited_seconds == 60


def test_nobody_is_cut_off_while_a_phone_rings_for_him() -> None:
    world = one_queue(max_wait_seconds=10, ring_seconds=20)
    request = world.caller_joins("sales")
    world.time_passes(15)

    world.takes_the_call("alice")

    assert world.agent("alice").request == request
    assert world.state_of("alice") == "connected"


def test_who_has_waited_long_enough_leaves_when_the_phone_has_rung_in_vain() -> None:
    world = one_queue("alice", "bob", max_wait_seconds=10, ring_seconds=20)
    request = world.caller_joins("sales")

    world.time_passes(20)

    assert (world.ending_of(request).outcome, world.ending_of(request).waited_seconds) == ("timeout", 20)
    assert world.last(CallerReleased).status == "TIMEOUT"
    assert world.offered_to(request) == ["alice"]


@pytest.mark.parametrize("seconds", [10, 15])
def test_who_has_waited_long_enough_leaves_when_the_agent_rejects(seconds: float) -> None:
    world = one_queue("alice", "bob", max_wait_seconds=10, ring_seconds=20)
    request = world.caller_joins("sales")
    world.time_passes(seconds)

    world.rejects("alice")

    assert (world.ending_of(request).outcome, world.ending_of(request).waited_seconds) == ("timeout", seconds)
    assert world.offered_to(request) == ["alice"]


def test_the_limit_still_stands_after_an_offer_in_vain() -> None:
    world = one_queue(max_wait_seconds=30, ring_seconds=20)
    request = world.caller_joins("sales")
    world.rejects("alice")
    world.time_passes(29)
    assert world.line("sales") == [request]

    world.time_passes(1)

    assert world.ending_of(request).outcome == "timeout"


def test_a_limit_that_was_passed_over_while_a_phone_rang_is_not_forgotten() -> None:
    """It is passed over while the phone rings, and must stand again when that was in vain."""
    world = one_queue(max_wait_seconds=10, ring_seconds=20)
    request = world.caller_joins("sales")
    assert world.center.next_deadline() == START + 20
    world.time_passes(5)
    world.rejects("alice")

    world.time_passes(5)

    assert (world.ending_of(request).outcome, world.ending_of(request).waited_seconds) == ("timeout", 10)


def test_the_limit_is_no_limit_of_the_talk() -> None:
    world = one_queue(max_wait_seconds=10)
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.time_passes(3600)

    assert world.state_of("alice") == "connected"


# ---- From one talk into the next line


def test_who_is_queued_again_before_the_leg_s_end_is_heard_has_ended_his_talk() -> None:
    world = one_queue(wrap_up_seconds=5).with_queue("support")
    talk = world.caller_joins("sales", channel="1700000000.1")
    world.takes_the_call("alice")
    leg = world.offer_to("alice")
    world.time_passes(60)

    again = world.caller_joins("support", channel="1700000000.1")

    assert (world.ending_of(talk).outcome, world.ending_of(talk).ended_by) == ("answered", "agent")
    assert world.line("support") == [again]
    assert world.state_of("alice") == "wrap_up"

    world.hangs_up(leg)
    assert world.line("support") == [again]
    assert world.told(RequestEnded, request=again) == []


def test_who_is_queued_again_does_not_hold_the_agent_whose_leg_s_end_is_never_heard() -> None:
    world = one_queue(wrap_up_seconds=5)
    world.caller_joins("sales", channel="1700000000.1")
    world.takes_the_call("alice")

    again = world.caller_joins("sales", channel="1700000000.1")
    world.time_passes(60)

    assert "alice" in world.offered_to(again)


# ---- Heard twice


STORY: list[Callable[[World], Input]] = [
    lambda w: inputs.CallerJoined(pbx=MAIN, channel=ChannelId("c"), queue=QueueName("sales"), caller=Caller()),
    lambda w: inputs.LegAnswered(w.offer_to("alice")),
    lambda w: inputs.LegAccepted(w.offer_to("alice")),
    lambda w: inputs.BridgeFailed(w.offer_to("alice"), cause="x"),
    lambda w: inputs.LegEnded(w.offer_to("alice"), how=LegEnd.HUNG_UP),
    lambda w: inputs.LegAnswered(w.offer_to("alice")),
    lambda w: inputs.LegAccepted(w.offer_to("alice")),
    lambda w: inputs.CallBridged(w.offer_to("alice")),
    lambda w: inputs.Pause(AgentName("alice"), "lunch"),
    lambda w: inputs.CallerJoined(pbx=MAIN, channel=ChannelId("d"), queue=QueueName("sales"), caller=Caller()),
    lambda w: inputs.CallerJoined(pbx=MAIN, channel=ChannelId("e"), queue=QueueName("slaes"), caller=Caller()),
    lambda w: inputs.PbxLost(MAIN),
    lambda w: inputs.PbxSurveyed(MAIN, w.everything_on(MAIN)),
    lambda w: inputs.ChannelGone(pbx=MAIN, channel=ChannelId("c")),
    lambda w: inputs.LegEnded(w.offer_to("alice"), how=LegEnd.HUNG_UP),
    lambda w: inputs.Pause(AgentName("alice"), "lunch"),
    lambda w: inputs.MakeAvailable(AgentName("alice")),
    lambda w: inputs.LegEnded(w.offer_to("alice"), how=LegEnd.UNREACHABLE),
    lambda w: inputs.LogOut(AgentName("alice")),
    lambda w: inputs.LogIn(AgentName("alice")),
    lambda w: inputs.LegEnded(w.offer_to("alice"), how=LegEnd.NO_ANSWER),
    lambda w: inputs.RulesLoaded(w.rules),
    lambda w: inputs.TimePassed(),
    lambda w: inputs.DaemonStarted(),
]


def test_what_is_heard_twice_changes_nothing_the_second_time() -> None:
    world = one_queue()
    for line in STORY:
        told = line(world)
        world.tell(told)
        once = copy.deepcopy(likeness(world.center.state))

        world.tell(told)

        assert likeness(world.center.state) == once, told


# ---- A bug in the center itself


def test_what_was_decided_before_a_rule_broke_is_handed_out_all_the_same() -> None:
    world = one_queue()
    world.agent("alice").free_since = None

    with pytest.raises(Undecided) as broken:
        world.caller_joins("sales")

    assert [type(fact) for fact in broken.value.facts] == [RequestQueued]
    assert isinstance(broken.value.__cause__, AssertionError)


def test_the_clock_may_be_late() -> None:
    """Deadlines that passed while nobody looked are all met in one turn, in their order."""
    world = one_queue("alice", "bob", ring_seconds=20, max_wait_seconds=50).with_queue("empty", max_wait_seconds=5)
    first, second = world.caller_joins("sales"), world.caller_joins("empty")
    world.rejects("alice")
    world.now += 3600

    world.tell(inputs.TimePassed())

    assert [ended.request for ended in world.told(RequestEnded)] == [second, first]
    assert [world.state_of("alice"), world.state_of("bob")] == ["available", "no_answer"]
