"""The link to a server lost and back, and a new start: what lives goes on, what is gone is booked, what is nobody's is
hung up."""

from __future__ import annotations

import pytest

from acd.center import Center
from acd.center.facts import (
    AgentStateChanged,
    CallerReleased,
    CallersFellBack,
    ContradictionFound,
    IdentitiesSkipped,
    LegGone,
    LegReleased,
    OfferEnded,
    OfferMade,
    PbxStateChanged,
    PhoneTaken,
    RequestConnected,
    RequestEnded,
    RequestQueued,
)
from acd.center.inputs import ChannelGone, DaemonStarted, LiveChannel, PbxSurveyed
from acd.center.model import AgentName, Caller, ChannelId, Need, PbxName, QueueName
from acd.center.offers import HANG_UP_SECONDS

from .worlds import MAIN, START, World, one_queue


def _in(queue: str, channel: str, **rest: object) -> LiveChannel:
    return LiveChannel(channel=ChannelId(channel), bridged=False, queue=QueueName(queue), **rest)


# ---- The link


def test_a_server_is_steered_once_it_has_been_surveyed() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    request = world.caller_joins("sales", pbx="new")
    assert world.ringing == {}

    world.link_is_back("new")

    assert world.last(PbxStateChanged) == PbxStateChanged(at=world.now, pbx=PbxName("new"), up=True)
    assert world.ringing == {"alice": request}


def test_who_went_to_the_fallback_meanwhile_is_counted_once() -> None:
    world = World().with_queue("sales").with_queue("support")
    world.link_is_back(started="noon")
    world.link_is_lost()
    world.link_is_back(started="noon", fell_back={"sales": 3, "support": 0})
    assert _fell_back(world) == [("sales", 3)]

    world.daemon_restarts()
    world.link_is_back(started="noon", fell_back={"sales": 5, "support": 1})
    assert _fell_back(world) == [("sales", 3), ("sales", 2), ("support", 1)]

    world.link_is_lost()
    world.link_is_back(started="evening", fell_back={"sales": 5})  # a new Asterisk counts from the beginning
    assert _fell_back(world)[-1] == ("sales", 5)


def _fell_back(world: World) -> list[tuple[str, int]]:
    return [(fact.queue, fact.callers) for fact in world.told(CallersFellBack)]


def test_while_the_link_is_lost_its_callers_keep_their_places_and_are_offered_to_nobody() -> None:
    world = World().with_queue("sales")
    first, second = world.caller_joins("sales"), world.caller_joins("sales")
    world.link_is_lost()

    world.with_agents("alice", sales=1)

    assert world.ringing == {}
    assert world.line("sales") == [first, second]


def test_the_callers_of_other_servers_are_served_meanwhile() -> None:
    world = World("east", "west").with_queue("sales")
    east, west = world.caller_joins("sales", pbx="east"), world.caller_joins("sales", pbx="west")
    world.link_is_lost("east")

    world.with_agents("alice", sales=1)

    assert world.ringing == {"alice": west}
    assert world.place_of(east) == 1


def test_who_joins_while_the_link_is_lost_is_offered_when_it_is_back() -> None:
    world = one_queue()
    world.link_is_lost()
    request = world.caller_joins("sales")
    assert world.ringing == {}

    world.link_is_back()

    assert world.ringing == {"alice": request}


def test_an_offer_in_vain_during_an_outage_waits_for_the_link() -> None:
    world = one_queue("alice", "bob", ring_seconds=20)
    request = world.caller_joins("sales")
    world.link_is_lost()
    world.time_passes(60)
    assert world.offered_to(request) == ["alice"]

    world.link_is_back()
    world.time_passes(0)

    assert world.offered_to(request) == ["alice", "bob"]


def test_an_offer_that_comes_to_nothing_after_the_link_was_lost_waits_for_it() -> None:
    world = one_queue("alice", "bob")
    request = world.caller_joins("sales")
    world.link_is_lost()
    world.rejects("alice")
    assert world.ringing == {}

    world.link_is_back()

    assert world.ringing == {"bob": request}


def test_all_who_can_be_served_are_offered_when_the_link_is_back() -> None:
    world = World().with_queue("nobody-s").with_queue("sales").with_agents("alice", "bob", sales=1)
    world.link_is_lost()
    nobody_s = world.caller_joins("nobody-s", priority=1)
    first, second = world.caller_joins("sales"), world.caller_joins("sales")

    world.link_is_back()

    assert world.ringing == {"alice": first, "bob": second}
    assert world.line("nobody-s") == [nobody_s]


def test_an_offer_is_ready_only_since_the_link_is_back() -> None:
    world = one_queue()
    world.link_is_lost()
    world.caller_joins("sales")
    world.time_passes(60)

    world.link_is_back()

    assert world.last(OfferMade).ready_at == START + 60


def test_a_link_lost_twice_is_lost_once() -> None:
    world = World()
    world.link_is_lost()
    world.link_is_lost()

    assert len(world.told(PbxStateChanged, up=False)) == 1


def test_a_survey_of_a_steered_server_is_no_news() -> None:
    world = one_queue("alice", "bob", "carol")
    world.phone_is_taken_up("carol")
    world.caller_joins("sales")
    world.takes_the_call("alice")
    for _ in range(2):
        world.caller_joins("sales")
    facts = len(world.facts)

    world.link_is_back()

    assert len(world.facts) == facts


# ---- Callers


def test_who_still_waits_keeps_his_place_and_his_moment_of_entry() -> None:
    world = World().with_queue("sales")
    first, second = world.caller_joins("sales"), world.caller_joins("sales")
    world.link_is_lost()
    world.time_passes(10)

    world.link_is_back()

    assert world.line("sales") == [first, second]
    assert world.request(first).entered_at == START
    assert len(world.told(RequestQueued)) == 2


def test_who_hung_up_unheard_is_booked_as_of_now() -> None:
    world = World().with_queue("sales")
    gone, here = world.caller_joins("sales"), world.caller_joins("sales")
    world.link_is_lost()
    world.time_passes(10)

    world.link_is_back(gone=["caller-1"])

    assert world.line("sales") == [here]
    assert (world.ending_of(gone).outcome, world.ending_of(gone).waited_seconds) == ("abandoned", 10)


def test_a_survey_says_nothing_of_other_servers() -> None:
    world = World("east", "west").with_queue("sales").with_agents("alice", sales=1)
    east, west = world.caller_joins("sales", pbx="east"), world.caller_joins("sales", pbx="west")

    world.link_is_back("west", gone=["caller-2"])

    assert world.told(RequestEnded, request=east) == []
    assert world.ending_of(west).outcome == "abandoned"
    assert world.ringing == {"alice": east}
    assert world.offered_to(east) == ["alice"]


def test_who_is_found_waiting_is_queued_as_of_his_own_moment_with_his_own_wishes() -> None:
    world = World().with_queue("sales", max_wait_seconds=300)
    here = world.caller_joins("sales")
    world.link_is_lost()
    world.time_passes(10)

    caller = Caller(number="+31612345678", name="Ann")
    world.link_is_back(
        found=[_in("sales", "found", caller=caller, joined_at=START - 5, priority=40, max_wait_seconds=60)]
    )

    found = world.last(RequestQueued)
    assert world.line("sales") == [found.request, here]
    assert (found.caller, found.entered_at, found.priority, found.leave_at) == (caller, START - 5, 40, START + 55)


def test_and_he_needs_what_he_needed_and_waits_for_whom_he_was_meant_for() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    world.pauses("alice")
    needs = (Need("french", 2),)

    world.link_is_back(found=[_in("sales", "found", needs=needs, preferred_agent=AgentName("alice"))])

    found = world.last(RequestQueued)
    assert (found.needs, found.held_for) == (needs, "alice")


@pytest.mark.parametrize("status", ["ANSWERED", "TIMEOUT", "FALLBACK"])
def test_who_has_left_the_line_before_is_not_taken_for_one_who_waits(status: str) -> None:
    world = World().with_queue("sales")

    talks = LiveChannel(ChannelId("talks"), bridged=True, queue=QueueName("sales"))
    elsewhere = _in("sales", "elsewhere", status=status)

    others = [LiveChannel(ChannelId(f"other-{bridged}"), bridged=bridged) for bridged in (False, True)]

    world.link_is_back(found=[elsewhere, talks, *others])

    assert world.line("sales") == []
    assert world.told(CallerReleased) == []


@pytest.mark.parametrize("agents", [[], ["alice"]], ids=["waiting", "ringing"])
def test_who_went_on_in_the_dialplan_meanwhile_is_waited_for_no_more(agents: list[str]) -> None:
    """With the daemon's heartbeat older than 15 s, the dialplan sends those who wait to `acd-fallback`; they live on,
    perhaps in a talk, and must not be torn out of it by an offer."""
    world = World().with_queue("sales").with_agents(*agents, sales=1)
    request = world.caller_joins("sales")
    legs = [world.offer("alice").channel for _ in agents]
    world.link_is_lost()
    world.time_passes(16)

    world.link_is_back(found=[world.live(request, status="FALLBACK")], gone=legs)

    assert world.line("sales") == []
    assert len(world.told(RequestEnded, request=request)) == 1
    assert world.ringing == {}


def test_who_went_to_another_queue_meanwhile_waits_there() -> None:
    world = World().with_queue("sales").with_queue("support")
    request = world.caller_joins("sales")
    world.link_is_lost()
    world.time_passes(20)

    world.link_is_back(found=[world.live(request, queue=QueueName("support"), joined_at=START + 18)])

    assert world.line("sales") == []
    (moved,) = world.line("support")
    assert world.request(moved).entered_at == START + 18


def test_a_server_whose_own_name_is_acd_has_callers_like_any_other() -> None:
    """With `systemname = acd` in asterisk.conf each channel's Uniqueid begins with `acd-`."""
    world = World().with_queue("sales")

    world.link_is_back(found=[_in("sales", "acd-1700000000.12"), _in("", "acd-1700000000.13")])

    assert world.told(LegReleased) == []
    assert len(world.line("sales")) == 1


# ---- Talks and legs


def test_a_talk_goes_on() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.takes_the_call("alice")
    world.link_is_lost()
    world.time_passes(600)

    world.link_is_back()

    assert (world.state_of("alice"), world.agent("alice").request) == ("connected", request)
    assert world.told(RequestEnded) == []
    assert world.told(LegReleased) == []


@pytest.mark.parametrize("gone", ["caller", "agent", "both"])
def test_a_talk_that_ended_unheard_is_over(gone: str) -> None:
    world = one_queue(wrap_up_seconds=5)
    request = world.caller_joins("sales")
    world.takes_the_call("alice")
    leg = world.offer("alice").channel
    world.link_is_lost()
    world.time_passes(600)

    world.link_is_back(gone={"caller": ["caller-1"], "agent": [leg], "both": ["caller-1", leg]}[gone])

    ended = world.ending_of(request)
    assert (ended.outcome, ended.ended_by) == ("answered", "agent" if gone == "agent" else "caller")
    assert (world.state_of("alice"), world.seconds_left("alice")) == ("wrap_up", 5)
    assert bool(world.told(LegReleased)) == (gone == "caller")
    assert len(world.told(LegGone)) == (gone != "caller")


def test_who_was_queued_again_after_his_talk_ended_unheard_waits_again() -> None:
    world = one_queue(wrap_up_seconds=5)
    talk = world.caller_joins("sales")
    world.takes_the_call("alice")
    leg = world.offer("alice").channel
    world.link_is_lost()
    world.time_passes(600)

    world.link_is_back(found=[world.live(talk, bridged=False, status="", joined_at=world.now)], gone=[leg])

    assert world.ending_of(talk).outcome == "answered"
    (again,) = world.line("sales")
    assert world.request(again).entered_at == world.now


def test_who_were_bridged_unheard_talk_since_now() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.answers("alice")
    world.accepts("alice")
    leg = world.offer("alice").channel
    world.link_is_lost()
    world.time_passes(1)

    world.link_is_back(
        found=[world.live(request, bridged=True), LiveChannel(leg, bridged=True, queue=QueueName("sales"))]
    )

    assert world.state_of("alice") == "connected"
    assert world.last(RequestConnected).request == request
    assert len(world.told(OfferEnded)) == 1


def test_a_phone_that_still_rings_rings_on() -> None:
    world = one_queue(ring_seconds=20)
    request = world.caller_joins("sales")
    world.link_is_lost()
    world.time_passes(5)

    world.link_is_back()

    assert world.ringing == {"alice": request}
    assert world.told(LegReleased) == []


def test_a_phone_that_still_rings_has_not_taken_a_caller_who_is_in_a_bridge_with_somebody_else() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    leg = world.live_leg(world.offer("alice"), talks=False)
    world.link_is_lost()

    world.link_is_back(found=[world.live(request, bridged=True), leg])

    assert world.ringing == {"alice": request}
    assert world.told(OfferEnded) == []


def test_nor_has_one_that_is_in_a_bridge_with_somebody_else_taken_a_caller_who_waits() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    leg = world.live_leg(world.offer("alice"), bridged=True, talks=True)
    world.link_is_lost()

    world.link_is_back(found=[leg])

    assert world.place_of(request) == 1
    assert (world.told(OfferEnded), world.told(RequestConnected)) == ([], [])


@pytest.mark.parametrize("accepted", [False, True])
def test_nobody_is_blamed_for_a_leg_that_ended_unheard(accepted: bool) -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    leg = world.offer("alice").channel
    idle_since = world.agent("alice").idle_since
    if accepted:
        world.answers("alice")
        world.accepts("alice")
    world.link_is_lost()
    world.time_passes(1)

    world.link_is_back(gone=[leg], found=[world.live(request, status="")])

    assert len(world.told(LegGone)) == 1
    assert world.last(OfferEnded).outcome == ("accepted" if accepted else "cancelled")
    assert world.agent("alice").idle_since == idle_since
    assert world.offered_to(request) == ["alice", "alice"]


def test_a_phone_that_rings_for_a_caller_is_not_used_for_something_else() -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    leg = world.live_leg(world.offer("alice"), dial="PJSIP/alice")

    world.link_is_back(found=[leg])

    assert world.ringing == {"alice": request}
    assert world.told(PhoneTaken) == []


def test_a_leg_that_is_about_to_end_on_one_server_is_not_hung_up_by_a_survey_of_another() -> None:
    world = World("east", "west").with_queue("sales").with_agents("alice", sales=1)
    world.caller_joins("sales", pbx="west")
    world.takes_the_call("alice")
    world.tell(ChannelGone(PbxName("west"), ChannelId("caller-1")))

    world.link_is_back("east")

    assert world.told(LegReleased) == []


def test_a_leg_that_rang_out_and_ended_unheard_ends_no_talk_of_the_caller_s() -> None:
    world = one_queue("alice", "bob", ring_seconds=20)
    request = world.caller_joins("sales")
    rang_out = world.offer("alice").channel
    world.time_passes(20)
    world.takes_the_call("bob")
    world.link_is_lost()

    world.link_is_back(gone=[rang_out])

    assert world.told(RequestEnded) == []
    assert (world.state_of("bob"), world.agent("bob").request) == ("connected", request)


def test_a_leg_that_rang_out_and_ended_unheard_leaves_the_caller_in_the_line() -> None:
    world = one_queue(ring_seconds=20)
    request = world.caller_joins("sales")
    rang_out = world.offer("alice").channel
    world.time_passes(20)
    world.link_is_lost()

    world.link_is_back(gone=[rang_out])

    assert world.line("sales") == [request]
    assert world.state_of("alice") == "no_answer"


def test_a_leg_of_nobody_is_hung_up() -> None:
    world = World()

    world.link_is_back(found=[LiveChannel(ChannelId("acd-0000000000000001"), bridged=False)])

    (released,) = world.told(LegReleased)
    assert (released.offer, released.channel) == ("0000000000000001", "acd-0000000000000001")


def test_a_phone_that_rang_out_during_the_outage_is_told_to_stop_after_it() -> None:
    world = one_queue(ring_seconds=20)
    world.caller_joins("sales")
    leg = world.offer("alice").channel
    world.link_is_lost()
    world.time_passes(20 + HANG_UP_SECONDS - 1)
    back_at = world.now

    world.link_is_back()
    world.time_passes(0)

    assert [released.at for released in world.told(LegReleased, channel=leg)][-1:] == [back_at]


def test_a_leg_whose_release_was_lost_with_the_link_is_released_again() -> None:
    world = one_queue()
    gone = world.caller_joins("sales")
    leg = world.offer("alice").channel
    world.caller_hangs_up(gone)
    world.link_is_lost()
    world.time_passes(1)

    world.link_is_back()

    assert len(world.told(LegReleased, channel=leg)) == 2
    assert world.told(ContradictionFound) == []


@pytest.mark.parametrize("restarts", [False, True])
def test_who_were_bridged_unheard_talk_on_however_long_nobody_listened(restarts: bool) -> None:
    world = one_queue()
    request = world.caller_joins("sales")
    world.answers("alice")
    world.accepts("alice")
    caller = world.live(request, bridged=True, status="ANSWERED")
    leg = LiveChannel(world.offer("alice").channel, bridged=True, queue=QueueName("sales"))
    if restarts:
        world.daemon_restarts()
    else:
        world.link_is_lost()
    world.time_passes(60)

    world.tell(PbxSurveyed(MAIN, (caller, leg)))

    assert (world.state_of("alice"), world.agent("alice").request) == ("connected", request)
    assert world.told(LegReleased) == []
    assert world.told(RequestEnded) == []


def test_who_has_waited_long_enough_during_the_outage_is_told_so_after_it_and_booked_once() -> None:
    world = World().with_queue("sales", max_wait_seconds=30)
    request = world.caller_joins("sales")
    world.link_is_lost()
    world.time_passes(60)
    back_at = world.now

    world.link_is_back(found=[_in("sales", "caller-1", joined_at=START)])
    world.time_passes(0)

    assert world.last(CallerReleased).at == back_at
    assert world.ending_of(request).outcome == "timeout"
    assert world.queue("sales").entered == 1


# ---- A new start


def test_after_a_new_start_nothing_is_offered_before_the_survey() -> None:
    world = World().with_queue("sales")
    world.caller_joins("sales")
    world.daemon_restarts()
    world.with_agents("alice", sales=1)

    assert world.ringing == {}


def test_a_new_start_finds_everything_as_it_was() -> None:
    world = one_queue("alice", "bob", max_wait_seconds=60)
    talk, rings, waits, gone = (world.caller_joins("sales") for _ in range(4))
    world.takes_the_call("alice")
    world.daemon_restarts()
    world.time_passes(10)

    world.link_is_back(gone=["caller-4"])

    assert (world.state_of("alice"), world.agent("alice").request) == ("connected", talk)
    assert world.ringing == {"bob": rings}
    assert (world.line("sales"), world.request(waits).entered_at) == ([rings, waits], START)
    assert world.ending_of(gone).outcome == "abandoned"


def test_deadlines_outlive_a_new_start() -> None:
    world = one_queue("alice", "bob", wrap_up_seconds=30, ring_seconds=20).with_queue("empty", max_wait_seconds=60)
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.hangs_up("alice")
    world.caller_joins("sales")
    waits = world.caller_joins("empty")
    world.daemon_restarts()
    world.link_is_back()

    world.time_passes(20)
    assert world.state_of("bob") == "no_answer"

    world.time_passes(10)
    assert world.last(AgentStateChanged, was="wrap_up").at == START + 30

    world.time_passes(30)
    assert world.ending_of(waits).outcome == "timeout"


def test_ids_that_were_lost_are_not_made_again_by_a_clock_that_was_set_back() -> None:
    world = World().with_queue("sales")
    world.caller_joins("sales")
    on_disk = list(world.facts)
    world.clock_steps(-3600)
    lost = world.caller_joins("sales")

    heir = Center()
    heir.fold(on_disk)
    *_, skipped = heir.decide(DaemonStarted(), world.now, 1)

    assert isinstance(skipped, IdentitiesSkipped)
    assert heir.state.next_id(world.now) > skipped.upto > lost


def test_ids_made_after_a_new_start_are_new() -> None:
    world = World().with_queue("sales")
    before = world.caller_joins("sales")
    world.daemon_restarts()

    assert world.caller_joins("sales") > before
