"""Agents: each cell of the table, what they wish for during a call, and the wrap-up after it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import pytest
from msgspec.structs import replace

from acd.center import Refused
from acd.center.agents import LATER, REFUSED, STAYS, Happening, ImpossibleHappening, happens, transitions
from acd.center.facts import AgentStateChanged, AgentWished, OfferEnded
from acd.center.inputs import LegEnd
from acd.center.model import AgentState, NotAllowed, UnknownName
from acd.center.turn import Turn

from .witness import TIMED
from .worlds import World, one_queue

CELLS = transitions()


def _is_offered(world: World) -> None:
    world.makes_himself_available("alice")
    world.caller_joins("sales")


def _is_connected(world: World) -> None:
    _is_offered(world)
    world.takes_the_call("alice")


def _is_in_wrap_up(world: World) -> None:
    _is_connected(world)
    world.hangs_up("alice")


def _has_rejected(world: World) -> None:
    _is_offered(world)
    world.rejects("alice")
    world.caller_hangs_up(world.line("sales")[0])


def _has_missed(world: World) -> None:
    _is_offered(world)
    world.leg_ends("alice", LegEnd.NO_ANSWER)
    world.caller_hangs_up(world.line("sales")[0])


def _is_on_the_phone(world: World) -> None:
    world.makes_himself_available("alice")
    world.phone_is_taken_up("alice")


def _misses_once_too_often(world: World) -> None:
    world.with_offer_rules(pause_after_missed=1)
    world.leg_ends("alice", LegEnd.NO_ANSWER)


def _mobile_cannot_be_reached(world: World) -> None:
    world.with_mobiles("alice").makes_himself_available("alice")
    world.forwards("alice", "mobile")
    request = world.caller_joins("sales")
    world.is_unreachable("alice")
    world.caller_hangs_up(request)


def _picks_up(world: World) -> None:
    world.with_queue("support").with_agents("bob", support=1)
    world.caller_joins("support")
    world.picks_up("alice", whose="bob")


INTO: dict[AgentState, Callable[[World], None]] = {
    AgentState.LOGGED_OUT: lambda world: world.logs_out("alice"),
    AgentState.AVAILABLE: lambda world: world.makes_himself_available("alice"),
    AgentState.CONNECTING: _is_offered,
    AgentState.CONNECTED: _is_connected,
    AgentState.WRAP_UP: _is_in_wrap_up,
    AgentState.BUSY: _has_rejected,
    AgentState.NO_ANSWER: _has_missed,
    AgentState.PAUSED: lambda world: world.pauses("alice", "lunch"),
}
HAPPEN: dict[Happening, Callable[[World], object]] = {
    Happening.LOGS_IN: lambda world: world.logs_in("alice"),
    Happening.LOGS_OUT: lambda world: world.logs_out("alice"),
    Happening.READY: lambda world: world.makes_himself_available("alice"),
    Happening.PAUSES: lambda world: world.pauses("alice", "tea"),
    Happening.OFFERED: lambda world: world.caller_joins("sales"),
    Happening.PICKS_UP: _picks_up,
    Happening.CONNECTED: lambda world: world.takes_the_call("alice"),
    Happening.CALL_OVER: lambda world: world.hangs_up("alice"),
    Happening.REJECTED: lambda world: world.rejects("alice"),
    Happening.MISSED: lambda world: world.leg_ends("alice", LegEnd.NO_ANSWER),
    Happening.UNREACHABLE: lambda world: world.is_unreachable("alice"),
    Happening.REACHABLE: lambda world: world.forwards("alice", "desk"),
    Happening.WITHDRAWN: lambda world: world.caller_hangs_up(world.line("sales")[0]),
    Happening.MISSED_TOO_OFTEN: _misses_once_too_often,
    Happening.EXTENDS: lambda world: world.extends_wrap_up("alice"),
    Happening.FINISHES: lambda world: world.finishes_wrap_up("alice"),
    Happening.PHONE_TAKEN: lambda world: world.phone_rings("alice"),
    Happening.PHONE_FREED: lambda world: (world.phone_rings("alice", "other"), world.phone_is_put_down("other")),
    Happening.TIME_UP: lambda world: world.time_passes(world.seconds_left("alice") or 0),
}


def _alice(state: AgentState) -> World:
    world = World().with_queue("sales", wrap_up_seconds=5).with_agents("alice", sales=1)
    INTO[state](world)
    assert world.state_of("alice") == state
    return world


@pytest.mark.parametrize(("state", "happening"), [cell for cell, follows in CELLS.items() if follows == REFUSED])
def test_what_the_table_refuses_is_refused_and_changes_nothing(state: AgentState, happening: Happening) -> None:
    world = _alice(state)
    facts = len(world.facts)

    with pytest.raises(Refused, match=r"^alice is (logged out; log in first|not in wrap-up)$"):
        HAPPEN[happening](world)

    assert len(world.facts) == facts


@pytest.mark.parametrize(("state", "happening"), [cell for cell, follows in CELLS.items() if follows == STAYS])
def test_where_the_table_says_so_nothing_changes(state: AgentState, happening: Happening) -> None:
    world = _alice(state)
    was = copy.deepcopy(world.agent("alice"))

    HAPPEN[happening](world)

    assert world.agent("alice") == was


@pytest.mark.parametrize(("state", "happening"), [cell for cell, follows in CELLS.items() if follows == LATER])
def test_where_the_table_says_later_a_wish_is_noted_and_the_call_goes_on(
    state: AgentState, happening: Happening
) -> None:
    world = _alice(state)
    request = world.agent("alice").request

    HAPPEN[happening](world)

    wish = {Happening.PAUSES: AgentState.PAUSED, Happening.LOGS_OUT: AgentState.LOGGED_OUT}[happening]
    assert world.last(AgentWished).wish == wish == world.agent("alice").wish
    assert world.state_of("alice") == state
    assert world.agent("alice").request == request


@pytest.mark.parametrize(
    ("state", "happening"), [cell for cell, follows in CELLS.items() if follows not in (STAYS, LATER, REFUSED, cell[0])]
)
def test_the_state_that_the_table_names_follows(state: AgentState, happening: Happening) -> None:
    world = _alice(state)
    happens = HAPPEN[happening]
    if (state, happening) == (AgentState.BUSY, Happening.PHONE_FREED):
        _is_on_the_phone(world)
        happens = World.phone_is_put_down
    if (state, happening) in ((AgentState.AVAILABLE, Happening.UNREACHABLE), (AgentState.BUSY, Happening.REACHABLE)):
        _mobile_cannot_be_reached(world)
    if (state, happening) == (AgentState.AVAILABLE, Happening.UNREACHABLE):
        world.forwards("alice", "desk")
        happens = partial(World.forwards, agent="alice", forward="mobile")
    world.time_passes(1)
    earlier = len(world.told(AgentStateChanged, agent="alice"))

    happens(world)

    followed = world.told(AgentStateChanged, agent="alice")[earlier:]
    if happening is Happening.CONNECTED or state is not AgentState.CONNECTING:
        assert len(followed) == 1
    assert (followed[0].was, followed[0].state) == (state, CELLS[state, happening])
    assert (world.agent("alice").state, world.agent("alice").since) == (followed[-1].state, world.now)


def test_what_the_table_leaves_empty_cannot_happen() -> None:
    world = World().with_queue("sales").with_agents("alice", sales=1)
    alice = world.agent("alice")
    for state in AgentState:
        alice.state = state
        for happening in Happening:
            if (state, happening) not in CELLS:
                with pytest.raises(ImpossibleHappening, match=f"alice is {state}, and "):
                    happens(Turn(world.center.state, world.now, 0), alice, happening)


def test_the_table_has_a_row_for_each_state_and_a_column_for_each_happening() -> None:
    assert {state for state, _ in CELLS} == set(AgentState)
    assert {happening for _, happening in CELLS} == set(Happening)
    assert set(CELLS.values()) <= {STAYS, LATER, REFUSED, *AgentState}


def test_from_each_state_a_way_leads_to_available() -> None:
    reached = {AgentState.AVAILABLE}
    while further := {state for (state, _), follows in CELLS.items() if follows in reached} - reached:
        reached |= further
    assert reached == set(AgentState)


def test_the_states_that_end_by_themselves_are_those_with_a_time() -> None:
    assert {state for state, happening in CELLS if happening is Happening.TIME_UP} == TIMED


# ---- Who asks


def test_nobody_is_found_by_a_name_that_is_not_there() -> None:
    with pytest.raises(UnknownName, match=r"^there is no agent 'mallory'$"):
        World().logs_in("mallory")


def test_a_pause_for_another_reason_is_another_pause() -> None:
    world = _alice(AgentState.PAUSED)
    since = world.now
    world.time_passes(10)

    world.pauses("alice", "lunch")
    assert world.agent("alice").since == since

    world.pauses("alice", "training")
    assert (world.agent("alice").reason, world.agent("alice").since) == ("training", world.now)


def test_a_reason_belongs_to_its_pause_alone() -> None:
    world = _alice(AgentState.PAUSED)
    world.makes_himself_available("alice")

    assert world.agent("alice").reason is None


def test_a_timer_of_a_state_that_was_left_is_forgotten() -> None:
    world = _alice(AgentState.BUSY)
    world.pauses("alice")
    world.time_passes(3600)

    assert world.state_of("alice") == "paused"


def test_an_agent_who_is_ready_early_is_offered_the_next_call_at_once() -> None:
    world = _alice(AgentState.WRAP_UP)
    request = world.caller_joins("sales")
    assert world.ringing == {}

    world.makes_himself_available("alice")

    assert world.ringing == {"alice": request}


@pytest.mark.parametrize("state", [AgentState.LOGGED_OUT, AgentState.PAUSED, *sorted(TIMED)])
def test_nobody_but_the_available_is_offered_a_call(state: AgentState) -> None:
    world = _alice(state)
    world.caller_joins("sales")

    assert world.ringing == {}


# ---- Wishes during a call


def test_a_pause_during_a_call_begins_after_its_wrap_up() -> None:
    world = _alice(AgentState.CONNECTED)
    world.pauses("alice", "lunch")
    world.hangs_up("alice")
    assert world.state_of("alice") == "wrap_up"

    world.time_passes(5)

    assert (world.state_of("alice"), world.agent("alice").reason) == ("paused", "lunch")
    assert world.agent("alice").until is None


def test_a_logout_while_the_phone_rings_takes_effect_when_the_offer_is_withdrawn() -> None:
    world = _alice(AgentState.CONNECTING)
    world.logs_out("alice")
    world.caller_hangs_up(world.line("sales")[0])

    assert world.state_of("alice") == "logged_out"


def test_the_last_wish_counts() -> None:
    world = _alice(AgentState.CONNECTED)
    world.pauses("alice", "lunch")
    world.logs_out("alice")
    world.hangs_up("alice")
    world.time_passes(5)

    assert (world.state_of("alice"), world.agent("alice").reason) == ("logged_out", None)


@pytest.mark.parametrize("changes_his_mind", [World.makes_himself_available, World.logs_in])
def test_a_wish_is_forgotten_by_who_is_ready_after_all(changes_his_mind: Callable[[World, str], None]) -> None:
    world = _alice(AgentState.CONNECTED)
    world.pauses("alice", "lunch")
    changes_his_mind(world, "alice")
    world.hangs_up("alice")
    world.time_passes(5)

    assert (world.state_of("alice"), world.agent("alice").reason) == ("available", None)


@pytest.mark.parametrize("says_so", [World.makes_himself_available, World.logs_in])
def test_who_is_ready_and_never_wished_otherwise_says_nothing_new(says_so: Callable[[World, str], None]) -> None:
    world = _alice(AgentState.CONNECTED)
    facts = len(world.facts)

    says_so(world, "alice")

    assert len(world.facts) == facts


def test_who_ends_his_wrap_up_himself_is_available_whatever_he_wished_before() -> None:
    world = _alice(AgentState.CONNECTED)
    world.pauses("alice")
    world.hangs_up("alice")

    world.makes_himself_available("alice")

    assert world.state_of("alice") == "available"
    assert world.agent("alice").wish is None


def test_a_wish_that_came_true_is_not_one_for_the_next_call() -> None:
    world = _alice(AgentState.CONNECTED)
    world.pauses("alice", "lunch")
    world.hangs_up("alice")
    world.pauses("alice", "training")
    world.makes_himself_available("alice")
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.hangs_up("alice")
    world.time_passes(5)

    assert world.state_of("alice") == "available"


def test_who_was_logged_out_by_his_own_wish_can_log_in_again() -> None:
    world = _alice(AgentState.CONNECTED)
    world.logs_out("alice")
    world.hangs_up("alice")
    world.time_passes(5)
    assert world.state_of("alice") == "logged_out"

    world.logs_in("alice")

    assert world.state_of("alice") == "available"


# ---- Wrap-up


def test_the_wrap_up_is_that_of_the_queue_that_the_call_came_from() -> None:
    world = World().with_queue("sales", wrap_up_seconds=5).with_queue("support", wrap_up_seconds=40)
    world.with_agents("alice", sales=1, support=1)
    world.caller_joins("support")
    world.takes_the_call("alice")
    world.hangs_up("alice")

    assert world.seconds_left("alice") == 40


@pytest.mark.parametrize("queue", ["sales", "support", "billing"])
def test_an_agent_in_three_queues_has_the_wrap_up_of_the_one_whichever_calls_next(queue: str) -> None:
    seconds = {"sales": 5, "support": 40, "billing": 15}
    world = World()
    for name, own in seconds.items():
        world.with_queue(name, wrap_up_seconds=own)
    world.with_agents("alice", **dict.fromkeys(seconds, 1))
    world.caller_joins(queue)
    world.takes_the_call("alice")
    for other in seconds:
        world.caller_joins(other)

    world.hangs_up("alice")

    assert world.seconds_left("alice") == seconds[queue]
    world.time_passes(seconds[queue] - 0.001)
    assert world.ringing == {}
    world.time_passes(0.001)
    assert len(world.ringing) == 1


@pytest.mark.parametrize("own", [40, 3, 0])
def test_an_agent_s_own_wrap_up_goes_before_those_of_his_queues(own: float) -> None:
    world = World().with_queue("sales", wrap_up_seconds=5).with_queue("support", wrap_up_seconds=15)
    world.with_agents("alice", "bob", sales=1, support=1)
    alice, bob = world.rules.agents
    world.loads(agents=(replace(alice, wrap_up_seconds=own), bob))

    for queue, of_the_queue in (("sales", 5), ("support", 15)):
        for _ in ("alice", "bob"):
            world.caller_joins(queue)
        for agent, seconds in (("alice", own), ("bob", of_the_queue)):
            world.takes_the_call(agent)
            world.hangs_up(agent)
            assert (world.seconds_left(agent) or 0) == seconds
        world.time_passes(60)


def test_an_agent_s_own_wrap_up_is_extended_by_the_step_of_the_call_s_queue() -> None:
    world = World().with_queue("sales", wrap_up_seconds=0, wrap_up_step_seconds=30).with_agents("alice", sales=1)
    (alice,) = world.rules.agents
    world.loads(agents=(replace(alice, wrap_up_seconds=5),))
    INTO[AgentState.WRAP_UP](world)

    world.extends_wrap_up("alice")

    assert world.seconds_left("alice") == 35


def test_a_wrap_up_ends_at_its_moment_and_not_before() -> None:
    world = _alice(AgentState.WRAP_UP)
    world.time_passes(4.999)
    assert world.state_of("alice") == "wrap_up"

    world.time_passes(0.001)
    assert world.state_of("alice") == "available"


def test_a_wrap_up_of_no_seconds_makes_the_agent_available_in_the_same_turn() -> None:
    world = World().with_queue("sales", wrap_up_seconds=0).with_agents("alice", sales=1)
    world.caller_joins("sales")
    world.takes_the_call("alice")
    request = world.caller_joins("sales")

    world.hangs_up("alice")

    assert world.ringing == {"alice": request}


def test_a_pause_wished_for_begins_at_once_after_a_wrap_up_of_no_seconds() -> None:
    world = World().with_queue("sales", wrap_up_seconds=0).with_agents("alice", sales=1)
    world.caller_joins("sales")
    world.takes_the_call("alice")
    world.pauses("alice", "lunch")

    world.hangs_up("alice")

    assert (world.state_of("alice"), world.agent("alice").reason) == ("paused", "lunch")


def test_an_agent_names_no_request_that_is_over() -> None:
    world = _alice(AgentState.CONNECTED)

    world.caller_hangs_up(world.agent("alice").request)

    assert world.agent("alice").request is None


@pytest.mark.parametrize("left", [5, 1])
def test_a_wrap_up_is_extended_by_the_step_of_its_queue_as_often_as_wanted(left: float) -> None:
    world = World().with_queue("sales", wrap_up_seconds=5, wrap_up_step_seconds=30).with_agents("alice", sales=1)
    INTO[AgentState.WRAP_UP](world)
    world.time_passes(5 - left)

    world.extends_wrap_up("alice")
    world.extends_wrap_up("alice")

    assert world.seconds_left("alice") == left + 60
    world.time_passes(left + 59)
    assert world.state_of("alice") == "wrap_up"
    world.time_passes(1)
    assert world.state_of("alice") == "available"


def test_the_moment_since_when_he_wraps_up_is_kept_when_it_is_extended() -> None:
    world = _alice(AgentState.WRAP_UP)
    since = world.agent("alice").since
    world.time_passes(3)
    world.extends_wrap_up("alice")

    assert world.agent("alice").since == since


def test_a_wrap_up_that_is_left_at_once_lets_the_wish_come_true() -> None:
    world = _alice(AgentState.CONNECTED)
    world.pauses("alice", "lunch")
    world.hangs_up("alice")
    assert world.state_of("alice") == "wrap_up"

    world.finishes_wrap_up("alice")

    assert (world.state_of("alice"), world.agent("alice").reason) == ("paused", "lunch")


# ---- Missed calls


def _misses_a_call(world: World) -> None:
    request = world.caller_joins("sales")
    leg = world.offer_to("alice")
    world.time_passes(20)
    world.hangs_up(leg)
    world.caller_hangs_up(request)


def test_so_many_missed_in_a_row_pause_an_agent() -> None:
    world = one_queue(ring_seconds=20).with_offer_rules(pause_after_missed=3, no_answer_seconds=1)
    for _ in range(2):
        _misses_a_call(world)
        assert world.state_of("alice") == "no_answer"
        world.time_passes(1)

    _misses_a_call(world)

    assert (world.state_of("alice"), world.agent("alice").reason) == ("paused", "no_answer")
    assert world.agent("alice").until is None
    world.makes_himself_available("alice")
    _misses_a_call(world)
    assert world.state_of("alice") == "no_answer"


@pytest.mark.parametrize("taken", [World.takes_the_call, World.rejects])
def test_a_call_that_was_taken_or_rejected_begins_the_count_anew(taken: Callable[[World, str], None]) -> None:
    world = one_queue(ring_seconds=20, wrap_up_seconds=0).with_offer_rules(
        pause_after_missed=2, no_answer_seconds=1, rejected_seconds=1
    )
    _misses_a_call(world)
    world.time_passes(1)
    request = world.caller_joins("sales")
    leg = world.offer_to("alice")
    taken(world, "alice")
    world.caller_hangs_up(request)
    world.hangs_up(leg)
    world.time_passes(1)

    _misses_a_call(world)

    assert world.state_of("alice") == "no_answer"


def test_one_who_hung_up_before_it_could_be_taken_or_missed_does_not() -> None:
    world = one_queue(ring_seconds=20).with_offer_rules(pause_after_missed=2, no_answer_seconds=1)
    _misses_a_call(world)
    world.time_passes(1)
    request = world.caller_joins("sales")
    leg = world.offer_to("alice")
    world.caller_hangs_up(request)
    world.hangs_up(leg)

    _misses_a_call(world)

    assert world.state_of("alice") == "paused"


def test_without_such_a_rule_nobody_is_ever_paused_for_it() -> None:
    world = one_queue(ring_seconds=20).with_offer_rules(no_answer_seconds=1)
    for _ in range(30):
        _misses_a_call(world)
        world.time_passes(1)

    assert world.state_of("alice") == "available"


def test_the_busy_signal_and_a_refusal_have_their_own_seconds() -> None:
    world = one_queue("alice", "bob").with_offer_rules(busy_seconds=7, rejected_seconds=9)
    world.caller_joins("sales")
    world.leg_ends("alice", LegEnd.BUSY)
    world.rejects("bob")

    assert (world.seconds_left("alice"), world.seconds_left("bob")) == (7, 9)
    assert (world.agent("alice").reason, world.agent("bob").reason) == ("rejected", "rejected")
    assert [ended.outcome for ended in world.told(OfferEnded)] == ["rejected", "rejected"]


# ---- Reasons for a pause


def test_a_reason_that_is_not_in_the_list_is_refused_and_told_which_are() -> None:
    world = one_queue().loads(pause_reasons=("lunch", "training"))

    with pytest.raises(NotAllowed, match="there is no pause reason 'nap'; allowed: lunch, training"):
        world.pauses("alice", "nap")

    assert world.state_of("alice") == "available"
    world.pauses("alice", "training")
    assert world.agent("alice").reason == "training"
    world.pauses("alice")
    assert (world.state_of("alice"), world.agent("alice").reason) == ("paused", None)
