"""What must always be so, whatever happens and in whichever order.

A witness watches a center from the outside: it folds the facts, written as JSON and read back, into a center of its own
that never decides anything, and holds the two against each other after each input. Beside it stands an heir, who begins
anew with a snapshot every few inputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import inf
from typing import Any

import msgspec

from acd.center import Center, devices, estimates, laws
from acd.center.agents import ON_PHONE
from acd.center.estimates import is_there
from acd.center.facts import AnnouncementMade, AnyFact, OfferMade, RequestReprioritized, RulesChanged
from acd.center.folding.snapshots import Snapshot
from acd.center.line import Lane
from acd.center.model import (
    OUTGOING_CALL,
    Agent,
    AgentState,
    CallbackRules,
    Kind,
    Offer,
    OfferOutcome,
    PbxName,
    QueueName,
    Reach,
    Request,
    RequestId,
    RequestState,
)
from acd.center.reach import DESK, MOBILE, Forward
from acd.center.state import State

_json = msgspec.json.Encoder()
_read = msgspec.json.Decoder(AnyFact)
_snapshot = msgspec.json.Decoder(Snapshot)

INPUTS_TO_A_SNAPSHOT = 3

TIMED = {AgentState.WRAP_UP, AgentState.BUSY, AgentState.NO_ANSWER}
ENDED_BY_NO_TIME = {ON_PHONE, OUTGOING_CALL}
"""The reasons of a `busy` that something else ends."""
WITHOUT_WISH = {AgentState.AVAILABLE, AgentState.PAUSED, AgentState.LOGGED_OUT}


class Witness:
    def __init__(self) -> None:
        self._reader = Center()
        self._heir = Center()
        self._inputs = 0
        self._lines: dict[QueueName, list[RequestId]] = {}

    def saw(self, center: Center, facts: Iterable[AnyFact]) -> None:
        for fact in facts:
            read = _read.decode(_json.encode(fact))
            assert read == fact
            if isinstance(fact, RequestReprioritized | RulesChanged):
                self._lines.clear()
            if isinstance(fact, OfferMade) and not fact.found:
                is_the_right_offer(self._reader.state, fact)
            if isinstance(fact, AnnouncementMade):
                is_true_and_disturbs_nobody(self._reader.state, fact)
            self._reader.fold([read])
            self._heir.fold([read])
        assert likeness(center.state) == likeness(self._reader.state)
        self._watch_the_heir(center)
        self._places_are_kept(center.state)
        holds_together(center.state)
        nobody_is_stuck(center)

    def _watch_the_heir(self, center: Center) -> None:
        self._inputs += 1
        if self._inputs % INPUTS_TO_A_SNAPSHOT == 0:
            self._heir = heir_of(self._heir)
        assert likeness(center.state) == likeness(self._heir.state)
        assert center.next_deadline() == self._heir.next_deadline()

    def _places_are_kept(self, state: State) -> None:
        """But for those whose priority was changed by hand, and the rules of whose queue were."""
        lines = {name: queue.line.in_order() for name, queue in state.queues.items()}
        for name, line in lines.items():
            before, now = self._lines.get(name, []), set(line)
            stayed = [request for request in before if request in now]
            assert [request for request in line if request in set(stayed)] == stayed
        self._lines = lines


def heir_of(center: Center) -> Center:
    """One that knows nothing but a snapshot of it, which was written down and read back."""
    heir = Center()
    heir.restore(_snapshot.decode(_json.encode(center.snapshot())))
    return heir


def likeness(state: State) -> dict[str, Any]:
    """All that is so, in a form that compares; what only serves to find it quickly is left out."""
    parts = {name: part for name, part in vars(state).items() if name not in ("touched", "doors", "_deadlines")}
    parts["queues"] = {
        name: msgspec.structs.asdict(queue)
        | {
            "line": vars(queue.line),
            "in_states": Counter(queue.in_states) + Counter(),
            "lanes": {needs: _lane(lane) for needs, lane in queue.lanes.items() if lane.open or not needs},
            "held": {agent: _lane(lane) for agent, lane in queue.held.items()},
        }
        for name, queue in state.queues.items()
    }
    return parts


def _lane(lane: Lane) -> dict[str, Any]:
    return vars(lane) | {"pool": list(lane.pool)}


def is_true_and_disturbs_nobody(state: State, made: AnnouncementMade) -> None:
    """What is told is so just before it, and is told to one who waits, hears music, and whom nobody is ringing for."""
    request = state.requests[made.request]
    assert (request.state, request.accepted, request.aside) == (RequestState.WAITING, None, False)
    assert not request.spoken_to
    assert made.pbx in state.steered
    assert (request.pbx, request.channel) == (made.pbx, made.channel)
    assert made.channel
    line = state.queues[request.queue].line.in_order()
    assert made.place in (None, line.index(request.id) + 1)
    if made.minutes is not None:
        wait = estimates.of_request(state, request)
        assert wait
        assert abs(wait.p50 / 60 - made.minutes) <= (0.5 if made.minutes else 1)


def is_the_right_offer(state: State, made: OfferMade) -> None:
    """Judged by the state just before it, and by looking at everybody."""
    agent, request = state.agents[made.agent], state.requests[made.request]
    assert made.device.name not in agent.tried
    assert made.device.kind == DESK or devices.trunk_room(state, made.pbx) >= 1
    if agent.tried:  # another device of an agent to whom it is offered already, or in the same moment
        assert agent.request in (request.id, None)
        return
    beyond = devices.beyond_reach(state, request.pbx)
    assert agent.name not in beyond
    able = [one for one in state.agents.values() if is_free(one) and may_serve(one, request)]
    free = [one for one in able if one.name not in beyond]
    assert agent in free
    assert is_open(state, request)
    may_take = [
        one
        for one in state.requests.values()
        if is_open(state, one) and wants(one, agent) and agent.name not in devices.beyond_reach(state, one.pbx)
    ]
    assert request.place_key == min(one.place_key for one in may_take)
    willing = [one for one in free if one.name not in request.turned_down_by] or free
    wanted = {request.preferred} - request.turned_down_by if request.kind == Kind.CALLBACK else set()
    if wanted & {one.name for one in free}:
        assert agent.name == request.preferred
        return
    if state.queues[made.queue].rules.strategy == "priority":
        best = min((one.queues[made.queue], one.idle_since) for one in willing)
        assert (agent.queues[made.queue], agent.idle_since) == best
    assert agent in willing


def may_serve(agent: Agent, request: Request) -> bool:
    if request.queue not in agent.queues:
        return False
    return agent.name == request.held_for if request.held_for else agent.has(request.needs)


def wants(request: Request, agent: Agent) -> bool:
    """Among those for whom several phones ring already, who was turned down by him looks for others first."""
    return may_serve(agent, request) and not (request.offers and agent.name in request.turned_down_by)


def holds_together(state: State) -> None:
    for request in state.requests.values():
        _request_holds_together(state, request)
    for agent in state.agents.values():
        _agent_holds_together(state, agent)
    for offer in state.offers.values():
        assert offer.id in state.agents[offer.agent].offers
    with_a_channel = [request for request in state.requests.values() if request.channel]
    assert len(state.request_of_channel) == len(with_a_channel)
    callbacks = [request for request in state.requests.values() if request.kind == Kind.CALLBACK]
    assert state.callbacks == {(request.queue, request.number): request.id for request in callbacks}
    assert len(state.callbacks) == len(callbacks)
    for name, request in state.unsettled.items():
        assert (state.requests[request].agent, state.agents[name].state) == (name, AgentState.WRAP_UP)
    legs = Counter(offer.pbx for offer in state.offers.values() if offer.device.kind == MOBILE)
    assert {pbx: n for pbx, n in state.trunk_legs.items() if n} == legs
    _lines_and_pools_are_right(state)
    assert laws.unconserved(state) == []
    assert laws.idle_waste(state) == []


def is_free(agent: Agent) -> bool:
    return agent.state is AgentState.AVAILABLE and not agent.offers


def is_open(state: State, request: Request) -> bool:
    rings_for_more = request.state is RequestState.OFFERED and request.shared and request.accepted is None
    rings_for_more = rings_for_more and not any(state.offers[name].picked_up for name in request.offers)
    waits = request.state is RequestState.WAITING and not request.aside
    if request.kind == Kind.CALLBACK:
        rules = state.queues[request.queue].rules.callbacks or CallbackRules()
        in_hands = [
            one
            for one in (state.requests[name] for name in state.callbacks.values())
            if one.queue == request.queue and one.state in (RequestState.OFFERED, RequestState.ONGOING)
        ]
        waits = (
            waits
            and (request.hours is None or state.calendars.get(request.hours, False))
            and (rules.calendar is None or state.calendars.get(rules.calendar, True))
            and (rules.at_once is None or len(in_hands) < rules.at_once)
        )
    return (waits or rings_for_more) and request.pbx in state.steered


def _request_holds_together(state: State, request: Request) -> None:
    """It waits, or is offered once, or is talked to by one."""
    if request.channel:
        assert state.request_of_channel[request.pbx, request.channel] == request.id
    assert request.channel or request.kind != Kind.CALL
    assert bool(request.channel) == (request.kind == Kind.CALL or request.reach is Reach.TALKING) or not request.channel
    if request.state in (RequestState.WAITING, RequestState.SCHEDULED):
        assert (request.offers, request.accepted, request.agent) == ([], None, None)
        assert (request.due_at is not None) == (request.state is RequestState.SCHEDULED)
        return
    assert not request.aside
    if request.id in state.unsettled.values():
        assert request.offers == []
        assert request.accepted is None
        return
    if request.accepted is None and request.state is RequestState.ONGOING:
        assert request.offers == []  # passed on
        return
    if request.accepted is None:
        assert request.state is RequestState.OFFERED
        agents = {state.offers[name].agent for name in request.offers}
        picked_up = any(state.offers[name].picked_up for name in request.offers)
        assert len(agents) == 1 or (agents and (request.shared or picked_up))
        for offer in (state.offers[name] for name in request.offers):
            assert (offer.request, offer.outcome) == (request.id, None)
            assert state.agents[offer.agent].state is AgentState.CONNECTING
        return
    assert request.offers == [request.accepted]
    offer = state.offers[request.accepted]
    assert (offer.request, offer.agent, offer.outcome) == (request.id, request.agent, OfferOutcome.ACCEPTED)
    if request.state is RequestState.OFFERED:
        assert offer.connected_at is None
        assert state.agents[offer.agent].state is AgentState.CONNECTING
        return
    assert request.state is RequestState.ONGOING
    assert offer.connected_at == request.connected_at is not None
    agent = state.agents[offer.agent]
    assert agent.state is AgentState.CONNECTED or agent.is_busy_with_a_call
    assert (agent.reason == OUTGOING_CALL) == (request.kind == Kind.DIAL)


def _agent_holds_together(state: State, agent: Agent) -> None:
    assert (agent.until is not None) == (agent.state in TIMED and agent.reason not in ENDED_BY_NO_TIME)
    is_rung_there = agent.forward is not Forward.MOBILE or not agent.mobiles
    on_phone = agent.desk is not None and agent.desk.dial in state.phones and is_rung_there
    if agent.state is AgentState.AVAILABLE:
        assert not on_phone
        assert devices.in_order_again_at(agent) is None
    assert devices.is_by_trunk(agent) == (agent.name in state.by_trunk)
    assert agent.tried == set() or agent.state is AgentState.CONNECTING
    if (agent.state, agent.reason) == (AgentState.BUSY, ON_PHONE):
        assert on_phone
    assert agent.wish in (None, AgentState.PAUSED, AgentState.LOGGED_OUT)
    assert (agent.free_since is not None) == is_free(agent)
    assert all(state.offers[name].agent == agent.name for name in agent.offers)
    if agent.is_on_a_call:
        assert agent.request is not None
        assert not set(agent.offers).isdisjoint(state.requests[agent.request].offers)
    if agent.state in WITHOUT_WISH:
        assert agent.wish is None


def _lines_and_pools_are_right(state: State) -> None:
    for name, queue in state.queues.items():
        wait = [
            request
            for request in state.requests.values()
            if request.queue == name and request.state in (RequestState.WAITING, RequestState.OFFERED)
        ]
        in_line = [request for request in wait if request.kind != Kind.DIAL]
        in_order = sorted(request.place_key for request in in_line)
        assert queue.line.in_order() == [request for _, _, request in in_order]
        in_lanes = sorted(key for lane in queue.all_lanes() for key in lane.open)
        assert in_lanes == sorted(request.place_key for request in wait if is_open(state, request))
        in_states = Counter(state.agents[member].state for member in queue.members)
        assert {agent_state: n for agent_state, n in queue.in_states.items() if n} == in_states
        members = {agent.name for agent in state.agents.values() if name in agent.queues}
        assert queue.members == members
        assert queue.offered == sum(request.state is RequestState.OFFERED for request in in_line)
        for lane in queue.all_lanes():
            able = members & {lane.held_for} if lane.held_for else members
            there = [state.agents[name] for name in able if is_there(state.agents[name])]
            assert lane.able == sum(agent.has(lane.needs) for agent in there)
            free = (state.agents[name] for name in able if is_free(state.agents[name]))
            assert sorted(lane.pool) == sorted(agent.name for agent in free if agent.has(lane.needs))
            for _, _, name in lane.open:
                waits = state.requests[name]
                assert waits.held_for == lane.held_for
                assert lane.held_for or waits.needs == lane.needs


def nobody_is_stuck(center: Center) -> None:
    """What does not wait for a person, or for the end of a conversation, has a deadline, and the daemon is told it."""
    state = center.state
    for offer in state.offers.values():
        assert (offer.deadline is None) == is_a_conversation(state, offer)
    due = center.next_deadline() or inf
    assert due <= min(_deadlines_that_stand(state), default=inf)
    assert due == inf or due in {*_deadlines_that_stand(state), *_deadlines_on_hold(state)}


def _deadlines_that_stand(state: State) -> Iterable[float]:
    yield from (agent.until for agent in state.agents.values() if agent.until is not None)
    failures = (one for agent in state.agents.values() for one in agent.failures.values())
    yield from (one.until for one in failures if one.until is not None)
    yield from (request.ease_at for request in state.requests.values() if request.ease_at is not None)
    yield from (request.held_until for request in state.requests.values() if request.held_until is not None)
    yield from (request.due_at for request in state.requests.values() if request.due_at is not None)
    yield from (deadline for pbx, deadline in _deadlines_on(state) if pbx in state.steered)


def _deadlines_on_hold(state: State) -> Iterable[float]:
    """Whether somebody's time runs out while nobody steers his server is not for us to say."""
    return (deadline for pbx, deadline in _deadlines_on(state) if pbx not in state.steered)


def _deadlines_on(state: State) -> Iterable[tuple[PbxName, float]]:
    for request in state.requests.values():
        if request.state is RequestState.WAITING and not request.aside:
            to_be_said = () if request.spoken_to else (request.offer_at, request.announce_at, request.prompt_at)
            yield from ((request.pbx, at) for at in (request.leave_at, *to_be_said) if at is not None)
    for offer in state.offers.values():
        if offer.deadline is not None:
            yield offer.pbx, offer.deadline


def is_a_conversation(state: State, offer: Offer) -> bool:
    request = state.requests.get(offer.request)
    return request is not None and request.state is RequestState.ONGOING and request.accepted == offer.id
