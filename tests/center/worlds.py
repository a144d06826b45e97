"""Worlds to tell telephone stories in: queues, agents with their phones, callers, and a clock that moves when told to.

    world = World().with_queue("sales", wrap_up_seconds=5).with_agents("alice", "bob", sales=1)
    request = world.caller_joins("sales")
    world.takes_the_call("alice")

Each word is one input or a few, told at the world's own moment; after each of them a `Witness` checks all that must
always be so. `world.facts` are all the facts so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any, TypeVar

from msgspec.structs import replace

from acd.center import Center, Refused, customers, inputs, survey
from acd.center.facts import AnyFact, OfferMade, RequestEnded, RequestQueued
from acd.center.inputs import Contradiction, Input, LegEnd, LiveChannel
from acd.center.model import (
    Agent,
    AgentName,
    AgentRules,
    Caller,
    ChannelId,
    Kind,
    Missed,
    Need,
    Offer,
    OfferId,
    OfferOutcome,
    OfferRules,
    PbxName,
    QueueName,
    QueueRules,
    Reach,
    Request,
    RequestId,
    RequestState,
    SiteRules,
)
from acd.center.reach import Device, Forward, Forwarding, Trunk
from acd.center.state import Queue

from .witness import Witness, heir_of

START = 1_700_000_000.0
MOBILES = {name: f"+3161234567{n}" for n, name in enumerate(("alice", "bob", "carol", "dave"))}
MAIN = PbxName("main")
ENDS = {Reach.DIALLING: "", Reach.TALKING: "answered", Reach.LEFT: "answered", Reach.MISSED: "no_answer"}
"""What an agent's leg knows of his attempt to reach a customer."""
FactT = TypeVar("FactT")


class World:
    def __init__(self, *pbxs: str) -> None:
        self.center = Center()
        self.now = START
        self.rules = SiteRules()
        self.facts: list[AnyFact] = []
        self._witness = Witness()
        self._seed = 0
        self._callers = 0
        self.tell(inputs.DaemonStarted())
        for pbx in pbxs or (MAIN,):
            self.tell(inputs.PbxSurveyed(pbx=PbxName(pbx), channels=()))

    def tell(self, told: Input) -> list[AnyFact]:
        """Has the center decide an input, and checks what came of it."""
        self._seed += 1
        try:
            facts = self.center.decide(told, self.now, self._seed)
        except Refused:
            self._witness.saw(self.center, [])
            raise
        self.facts += facts
        self._witness.saw(self.center, facts)
        return facts

    def knows(self, fact: AnyFact) -> None:
        """A fact of the journal, whatever inputs it came from."""
        self.center.fold([fact])
        self.facts.append(fact)
        self._witness.saw(self.center, [fact])

    # ---- What the operator writes

    def with_queue(self, name: str, **rules: Any) -> World:
        queue = QueueRules(name=QueueName(name), **rules)
        others = tuple(other for other in self.rules.queues if other.name != name)
        return self.loads(queues=(*others, queue))

    def with_agents(
        self, *names: str, skills: dict[str, int] | None = None, callbacks: bool = False, **queues: int
    ) -> World:
        """Agents with a desk phone each, who log in one after the other; or who serve other queues from now on."""
        serves = {QueueName(queue): priority for queue, priority in queues.items()}
        rules = tuple(
            AgentRules(
                name=AgentName(name),
                queues=serves,
                devices=(Device(kind="desk", dial=f"PJSIP/{name}"),),
                skills=skills or {},
                callbacks=callbacks,
            )
            for name in names
        )
        newcomers = [name for name in names if name not in self.center.state.agents]
        others = tuple(other for other in self.rules.agents if other.name not in names)
        self.loads(agents=(*others, *rules))
        for name in newcomers:
            self.logs_in(name)
        return self

    def with_mobiles(self, *agents: str, accept_key: str = "1", **forwarding: Any) -> World:
        """Each of them has one besides; `MOBILES` are their numbers."""
        rules = tuple(
            replace(
                agent,
                devices=(*agent.devices, Device(kind="mobile", number=MOBILES[agent.name], accept_key=accept_key)),
                forwarding=Forwarding(**forwarding),
            )
            if agent.name in agents
            else agent
            for agent in self.rules.agents
        )
        return self.loads(agents=rules, trunks={MAIN: Trunk()} | self.rules.trunks)

    def without_desk(self, agent: str) -> World:
        rules = (
            replace(one, devices=tuple(device for device in one.devices if device.kind == "mobile"))
            if one.name == agent
            else one
            for one in self.rules.agents
        )
        return self.loads(agents=tuple(rules))

    def with_offer_rules(self, **rules: float) -> World:
        return self.loads(offers=OfferRules(**rules))

    def without_queue(self, name: str) -> World:
        agents = (
            replace(agent, queues={queue: priority for queue, priority in agent.queues.items() if queue != name})
            for agent in self.rules.agents
        )
        return self.loads(queues=tuple(q for q in self.rules.queues if q.name != name), agents=tuple(agents))

    def without_agent(self, name: str) -> World:
        return self.loads(agents=tuple(agent for agent in self.rules.agents if agent.name != name))

    def loads(self, **changes: Any) -> World:
        self.rules = replace(self.rules, **changes)
        self.tell(inputs.RulesLoaded(self.rules))
        return self

    # ---- What callers do

    def caller_joins(
        self,
        queue: str,
        *,
        pbx: str = MAIN,
        channel: str | None = None,
        number: str | None = None,
        e164: str = "",
        **wishes: Any,
    ) -> RequestId:
        """A new caller, or the one on `channel`; answers with his request, empty if he got none."""
        self._callers += 1
        where = ChannelId(channel or f"caller-{self._callers}")
        caller = Caller(number=where if number is None else number, e164=e164)
        told = inputs.CallerJoined(pbx=PbxName(pbx), channel=where, queue=QueueName(queue), caller=caller, **wishes)
        queued = [fact.request for fact in self.tell(told) if isinstance(fact, RequestQueued)]
        return queued[0] if queued else RequestId("")

    def needing_caller_joins(self, queue: str, **needs: int) -> RequestId:
        return self.caller_joins(queue, needs=tuple(Need(skill, needs[skill]) for skill in sorted(needs)))

    def hears_music(self, request: RequestId) -> None:
        """What was said to him is over."""
        self.tell(inputs.CallerWaits(*self._line_of(request)))

    def presses_a_key(self, request: RequestId) -> None:
        """One that the dialplan is about now."""
        self.tell(inputs.KeyPressed(*self._line_of(request)))

    def _line_of(self, request: RequestId) -> tuple[PbxName, ChannelId]:
        one = self.request(request)
        return one.pbx, one.channel

    def is_given_priority(self, request: RequestId, priority: int) -> None:
        self.tell(inputs.SetPriority(request, priority))

    def caller_hangs_up(self, request: RequestId) -> None:
        (queued,) = self.told(RequestQueued, request=request)
        self.tell(inputs.ChannelGone(pbx=queued.pbx, channel=queued.channel))

    def begins_a_message(self, request: RequestId, number: str = "") -> None:
        one = self.request(request)
        self.tell(inputs.MessageBegun(one.pbx, one.channel, number or one.caller.e164))

    def leaves_a_message(self, request: RequestId, number: str = "+31201234567", **about: Any) -> None:
        """And hangs up."""
        self.begins_a_message(request, number)
        one = self.request(request)
        where = (one.pbx, one.channel)
        self.tell(inputs.MessageLeft(*where, seconds=7.5, **about))
        self.tell(inputs.ChannelGone(*where))

    # ---- What an agent does, and his phone; an offer can be named in place of its agent, above all when it is over

    def answers(self, who: str) -> None:
        self.tell(inputs.LegAnswered(self._offer(who)))

    def accepts(self, who: str) -> None:
        self.tell(inputs.LegAccepted(self._offer(who)))

    def is_bridged(self, who: str) -> None:
        self.tell(inputs.CallBridged(self._offer(who)))

    def takes_the_call(self, who: str) -> None:
        offer = self._offer(who)
        self.answers(offer)
        self.accepts(offer)
        self.is_bridged(offer)

    def bridge_fails(self, who: str, cause: str = "no such channel") -> None:
        self.tell(inputs.BridgeFailed(self._offer(who), cause=cause))

    def takes_the_callback(self, who: str) -> None:
        offer = self._offer(who)
        self.answers(offer)
        self.accepts(offer)

    def presses(self, who: str, action: str, **more: Any) -> None:
        self.tell(inputs.CallbackKey(self._offer(who), action, **more))

    def customer_answers(self, who: str, channel: str = "customer") -> None:
        self.tell(inputs.CustomerAnswered(self._offer(who), ChannelId(channel)))

    def customer_is_not_reached(self, who: str, how: Missed = Missed.NO_ANSWER) -> None:
        self.tell(inputs.CustomerNotReached(self._offer(who), how))

    def customer_hangs_up(self, who: str) -> None:
        self.tell(inputs.CustomerHungUp(self._offer(who)))

    def calls(self, who: str, **about: Any) -> RequestId:
        """Who may see a request of an agent's own."""
        self.tell(inputs.PlaceCall(AgentName(who), pbx=MAIN, **about))
        return self.told(RequestQueued)[-1].request

    def hangs_up(self, who: str) -> None:
        self.leg_ends(who, LegEnd.HUNG_UP)

    def rejects(self, who: str) -> None:
        self.leg_ends(who, LegEnd.REJECTED)

    def is_unreachable(self, who: str) -> None:
        self.leg_ends(who, LegEnd.UNREACHABLE)

    def leg_ends(self, who: str, how: LegEnd, cause: str = "") -> None:
        self.tell(inputs.LegEnded(self._offer(who), how=how, cause=cause))

    def logs_in(self, agent: str) -> None:
        self.tell(inputs.LogIn(AgentName(agent)))

    def logs_out(self, agent: str) -> None:
        self.tell(inputs.LogOut(AgentName(agent)))

    def makes_himself_available(self, agent: str) -> None:
        self.tell(inputs.MakeAvailable(AgentName(agent)))

    def pauses(self, agent: str, reason: str | None = None) -> None:
        self.tell(inputs.Pause(AgentName(agent), reason))

    def extends_wrap_up(self, agent: str) -> None:
        self.tell(inputs.ExtendWrapUp(AgentName(agent)))

    def finishes_wrap_up(self, agent: str) -> None:
        self.tell(inputs.FinishWrapUp(AgentName(agent)))

    def sits_down(self, agent: str, device: str) -> None:
        self.tell(inputs.LogIn(AgentName(agent), device))

    def forwards(self, agent: str, forward: str) -> None:
        self.tell(inputs.SwitchForward(AgentName(agent), Forward(forward)))

    # ---- What telephones are used for besides

    def phone_rings(self, dial: str, channel: str = "direct") -> None:
        self.tell(inputs.PhoneUsed(MAIN, f"PJSIP/{dial}", ChannelId(channel), talks=False))

    def phone_is_taken_up(self, dial: str, channel: str = "direct") -> None:
        self.tell(inputs.PhoneUsed(MAIN, f"PJSIP/{dial}", ChannelId(channel), talks=True))

    def phone_is_put_down(self, channel: str = "direct") -> None:
        self.tell(inputs.ChannelGone(MAIN, ChannelId(channel)))

    def picks_up(self, dial: str, whose: str, channel: str = "pickup") -> OfferId:
        """What rings at `whose`; his leg ends, and what is heard of the offer from then on is of the other channel."""
        offer = self._offer(whose)
        self.tell(inputs.CallPickedUp(MAIN, offer, ChannelId(channel), f"PJSIP/{dial}"))
        return offer

    def _offer(self, who: str) -> OfferId:
        agent = self.center.state.agents.get(AgentName(who))
        return OfferId(who) if agent is None else self.offer_to(who)

    # ---- What time does, and the link

    def time_passes(self, seconds: float) -> None:
        """Every deadline on the way is told at its own moment."""
        then = self.now + seconds
        while (due := self.center.next_deadline()) is not None and due <= then:
            self.now = max(self.now, due)
            self.tell(inputs.TimePassed())
            assert (self.center.next_deadline() or inf) > self.now, "a deadline was not met"
        self.now = then

    def clock_steps(self, by: float) -> None:
        self.now += by
        self.tell(inputs.ClockStepped(by))

    def calendar_turns(self, name: str, *, is_open: bool) -> None:
        self.tell(inputs.CalendarTurned(name, is_open))

    def is_drained(self, queue: str | None, drain: bool = True) -> None:
        self.tell(inputs.Drain(QueueName(queue) if queue else None, drain))

    def link_is_lost(self, pbx: str = MAIN) -> None:
        self.tell(inputs.PbxLost(PbxName(pbx)))

    def link_is_back(
        self,
        pbx: str = MAIN,
        *,
        gone: Iterable[str] = (),
        found: Iterable[LiveChannel] = (),
        started: str = "",
        fell_back: dict[str, int] | None = None,
        may_call: dict[str, str | None] | None = None,
        attempts: dict[OfferId, str] | None = None,
    ) -> None:
        """The survey finds what the center believes in, but for what is gone meanwhile, or is found otherwise."""
        lives = {live.channel: live for live in (*self.everything_on(pbx), *found)}
        channels = tuple(live for channel, live in lives.items() if channel not in gone)
        counted = {QueueName(queue): callers for queue, callers in (fell_back or {}).items()}
        self.tell(inputs.PbxSurveyed(PbxName(pbx), channels, started, counted, may_call or {}, attempts or {}))

    def comparison_finds(
        self, pbx: str = MAIN, *, gone: Iterable[str] = (), found: Iterable[LiveChannel] = ()
    ) -> frozenset[Contradiction]:
        """The same while the link is up; answers with what is believed."""
        lives = {live.channel: live for live in (*self.everything_on(pbx), *found)}
        channels = tuple(live for channel, live in lives.items() if channel not in gone)
        believed = survey.contradictions(self.center.state, PbxName(pbx), channels)
        self.tell(inputs.PbxContradicted(PbxName(pbx), channels, believed))
        return believed

    def asterisk_starts_anew(self, pbx: str = MAIN, **what: Any) -> None:
        """Nothing that lived there does any more; `what` else the survey finds. Its former start must be known."""
        before = self.center.state.started[PbxName(pbx)]
        gone = [live.channel for live in self.everything_on(pbx)]
        self.link_is_back(pbx, gone=gone, started=f"after {before}", **what)

    def daemon_restarts(self) -> None:
        """Nothing is left of it but its journal, in which a snapshot stands."""
        half = len(self.facts) // 2
        reader = Center()
        reader.fold(self.facts[:half])
        self.center = heir_of(reader)
        self.center.fold(self.facts[half:])
        self.tell(inputs.DaemonStarted())

    def live(self, request: RequestId, **changes: Any) -> LiveChannel:
        """A caller's channel as a survey finds it."""
        one = self.center.state.requests[request]
        marked = one.accepted is not None or one.state is RequestState.ONGOING
        lives = LiveChannel(
            channel=one.channel,
            bridged=one.state is RequestState.ONGOING,
            caller=one.caller,
            queue=one.queue,
            status="ANSWERED" if marked else "",
            never_bridged=one.state is not RequestState.ONGOING,
            joined_at=one.entered_at,
            priority=one.priority,
            max_wait_seconds=None if one.leave_at is None else one.leave_at - one.entered_at,
            needs=one.needs,
            aside=one.aside,
        )
        return replace(lives, **changes)

    def everything_on(self, pbx: str) -> tuple[LiveChannel, ...]:
        """All that the center believes to live there."""
        state = self.center.state
        callers = [
            self.live(request.id) for request in state.requests.values() if request.pbx == pbx and request.channel
        ]
        legs = [self.live_leg(offer) for offer in state.offers.values() if offer.pbx == pbx]
        phones = [
            LiveChannel(channel=channel, bridged=True, dial=dial)
            for (where, channel), dial in state.phone_of_channel.items()
            if where == pbx and (where, channel) not in state.request_of_channel
            if channel not in {leg.channel for leg in legs}
        ]
        return (*callers, *legs, *phones)

    def live_leg(self, offer: Offer, **changes: Any) -> LiveChannel:
        """An agent's channel as a survey finds it."""
        called = customers.being_called(self.center.state, offer)
        lives = LiveChannel(
            channel=offer.channel,
            bridged=self._is_bridged(offer),
            talks=offer.answered_at is not None,
            queue=offer.queue,
            agent=offer.agent,
            device=offer.device.name,
            request=offer.request,
            accepted=offer.outcome is OfferOutcome.ACCEPTED,
            attempt=customers.attempt(offer.id, called.attempts) if called else "",
            attempt_ended=ENDS[called.reach] if called and called.reach else "",
        )
        return replace(lives, **changes)

    def _is_bridged(self, offer: Offer) -> bool:
        request = self.center.state.requests.get(offer.request)
        if request is not None and request.kind != Kind.CALL:
            return request.reach is Reach.TALKING
        return offer.connected_at is not None

    # ---- What can be seen

    def agent(self, name: str) -> Agent:
        return self.center.state.agents[AgentName(name)]

    def state_of(self, agent: str) -> str:
        return self.agent(agent).state.value

    def seconds_left(self, agent: str) -> float | None:
        """Until the agent's state ends by itself."""
        until = self.agent(agent).until
        return None if until is None else until - self.now

    def request(self, name: RequestId) -> Request:
        return self.center.state.requests[name]

    def offer_to(self, agent: str) -> OfferId:
        """The first that rings or talks, or else one whose leg is not yet gone."""
        offers = [self.center.state.offers[name] for name in self.agent(agent).offers]
        assert offers, f"{agent} is offered nothing"
        return min(offers, key=lambda offer: offer.outcome not in (None, OfferOutcome.ACCEPTED)).id

    def offer(self, agent: str) -> Offer:
        return self.center.state.offers[self.offer_to(agent)]

    @property
    def ringing(self) -> dict[str, RequestId]:
        """Whose phones ring, and for whom."""
        return {offer.agent: offer.request for offer in self.center.state.offers.values() if offer.outcome is None}

    def queue(self, name: str) -> Queue:
        return self.center.state.queues[QueueName(name)]

    def line(self, queue: str) -> list[RequestId]:
        return self.queue(queue).line.in_order()

    def place_of(self, request: RequestId) -> int | None:
        return self.center.state.place_of(self.request(request))

    def told(self, kind: type[FactT], **about: Any) -> list[FactT]:
        """The facts of a kind so far, or those of them that say this."""
        return [
            fact
            for fact in self.facts
            if isinstance(fact, kind) and all(getattr(fact, key) == value for key, value in about.items())
        ]

    def last(self, kind: type[FactT], **about: Any) -> FactT:
        return self.told(kind, **about)[-1]

    def ending_of(self, request: RequestId) -> RequestEnded:
        """How it ended, which it did once."""
        (ended,) = self.told(RequestEnded, request=request)
        return ended

    def offered_to(self, request: RequestId) -> list[str]:
        """The agents whose phones have rung for it, in that order."""
        return [fact.agent for fact in self.told(OfferMade, request=request)]


def one_queue(*agents: str, **rules: Any) -> World:
    """The queue "sales", and the agents who serve it: alice, if nobody is named."""
    return World().with_queue("sales", **rules).with_agents(*agents or ("alice",), sales=1)
