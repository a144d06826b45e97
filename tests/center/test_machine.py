"""Anything in any order: inputs that come late, twice, never, or contradict each other, with the witness watching.

`HYPOTHESIS_PROFILE=soak pytest tests/center/test_machine.py` looks for longer, each time elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from acd.center import Refused, inputs, survey
from acd.center.changes import Act
from acd.center.facts import CallerAsked, OfferMade, RequestQueued
from acd.center.inputs import Input, LegEnd, LiveChannel
from acd.center.model import (
    AgentName,
    AgentRules,
    AgentState,
    AnnounceRules,
    CallbackRules,
    Caller,
    ChannelId,
    ClickToDialRules,
    EasingStep,
    Missed,
    Need,
    Needs,
    OfferId,
    OfferRules,
    PbxName,
    Presence,
    PromptRules,
    QueueName,
    QueueRules,
    RequestId,
    Seat,
    SiteRules,
    Verdict,
    WayOut,
)
from acd.center.reach import Device, Forward, Forwarding, Hours, Trunk

from .worlds import World

BASE = settings(deadline=None, phases=(Phase.generate,), database=None)
PROFILES = {
    "ci": settings(BASE, max_examples=100, stateful_step_count=50, derandomize=True),
    "mutants": settings(BASE, max_examples=150, stateful_step_count=50, derandomize=True),
    "soak": settings(
        BASE, max_examples=10_000, stateful_step_count=150, phases=(Phase.generate, Phase.shrink), print_blob=True
    ),
}
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
TIMEOUTS = {"ci": 180, "mutants": 60, "soak": 3600}

PBXS = (PbxName("east"), PbxName("west"))
SALES, SUPPORT = QueueName("sales"), QueueName("support")
AGENTS = tuple(AgentName(name) for name in ("alice", "bob", "carol", "dave"))


SKILLS = {"alice": {"french": 3}, "bob": {"french": 1, "billing": 2}}
WRAP_UPS = {"carol": 20.0, "dave": 0.0}


def _agents(**queues: dict[QueueName, int]) -> tuple[AgentRules, ...]:
    return tuple(
        AgentRules(
            name=AgentName(name),
            queues=serves,
            devices=(Device(kind="desk", dial=f"PJSIP/{name}"),),
            skills=SKILLS.get(name, {}),
            callbacks=name != "carol",
            wrap_up_seconds=WRAP_UPS.get(name),
        )
        for name, serves in queues.items()
    )


FULL = SiteRules(
    queues=(
        QueueRules(
            SALES,
            wrap_up_seconds=5,
            max_wait_seconds=120,
            easing=(EasingStep(10, level=2), EasingStep(25, level=0)),
            callbacks=CallbackRules(offer_after_seconds=10, attempts=2, retry_seconds=60, calendar="office"),
            announce=AnnounceRules(every_seconds=20),
            prompts=PromptRules(("queue-thankyou", "beep"), every_seconds=15),
        ),
        QueueRules(
            SUPPORT,
            strategy="random",
            wrap_up_seconds=0,
            callbacks=CallbackRules(at_once=1, offer_above_seconds=5, after_pbx_lost=True),
        ),
    ),
    agents=_agents(
        alice={SALES: 1, SUPPORT: 1}, bob={SALES: 1, SUPPORT: 2}, carol={SALES: 2, SUPPORT: 1}, dave={SUPPORT: 9}
    ),
    seats=(Seat("seat", "PJSIP/seat"),),
)
ALICE, BOB, CAROL, DAVE = FULL.agents
MOBILE = Device(kind="mobile", number="+31612345678", accept_key="1")
SPARE = Device(kind="mobile", number="+31612345679")
MOBILES = replace(
    FULL,
    agents=(
        replace(ALICE, devices=(*ALICE.devices, MOBILE, SPARE), forwarding=Forwarding(Forward.BOTH)),
        replace(
            BOB,
            devices=(*BOB.devices, MOBILE),
            forwarding=Forwarding(by=(Hours("office", Forward.DESK_THEN_MOBILE),), mobile_after_seconds=2),
        ),
        replace(CAROL, devices=(MOBILE, SPARE)),
        replace(DAVE, devices=(*DAVE.devices, MOBILE), forwarding=Forwarding(mobile_if_unreachable=True)),
    ),
    trunks={PBXS[0]: Trunk(mobile_legs=2)},
)
RULES = (
    FULL,
    MOBILES,
    replace(MOBILES, click_to_dial=ClickToDialRules(AgentState.BUSY)),
    replace(MOBILES, trunks={pbx: Trunk() for pbx in PBXS}, offers=OfferRules(mobile_legs_per_agent=2)),
    replace(MOBILES, queues=tuple(replace(queue, strategy="ring_all") for queue in FULL.queues)),
    replace(FULL, agents=_agents(alice={SUPPORT: 3}, bob={SALES: 2}, dave={})),
    replace(FULL, queues=tuple(replace(queue, prompts=None, announce=AnnounceRules()) for queue in FULL.queues)),
    replace(FULL, queues=FULL.queues[:1], agents=_agents(alice={SALES: 5}, carol={SALES: 1})),
    replace(
        FULL, queues=(replace(FULL.queues[0], strategy="random"), FULL.queues[1]), offers=OfferRules(0, 1, 0, 0, 0, 0)
    ),
    replace(FULL, queues=(replace(FULL.queues[0], strategy="ring_all", order="head_start"), FULL.queues[1])),
    replace(FULL, queues=tuple(replace(queue, strategy="ring_all") for queue in FULL.queues)),
    replace(
        FULL,
        queues=(
            replace(
                FULL.queues[0],
                max_waiting=3,
                stay_needs=Presence.READY,
                calendar="office",
                leave_when_closed=True,
                redial_seconds=60,
                last_agent_days=1,
                ways_out={status: WayOut(queue=SUPPORT) for status in ("FULL", "EMPTY", "CLOSED", "TIMEOUT")},
            ),
            replace(
                FULL.queues[1],
                stay_needs=Presence.LOGGED_IN,
                join_needs=Presence.LOGGED_IN,
                max_wait_seconds=20,
                ways_out={
                    "EMPTY": WayOut(queue=SALES),
                    "TIMEOUT": WayOut(queue=SALES),
                    "CLOSED": WayOut(context="evening"),
                },
            ),
        ),
    ),
)
ASKS: tuple[Callable[[AgentName], Input], ...] = (
    inputs.LogIn,
    inputs.MakeAvailable,
    inputs.Pause,
    inputs.LogOut,
    inputs.ExtendWrapUp,
    inputs.FinishWrapUp,
    lambda agent: inputs.LogIn(agent, "seat"),
    *(lambda agent, forward=forward: inputs.SwitchForward(agent, forward) for forward in Forward),
)
HEARD: tuple[Callable[[OfferId], Input], ...] = (
    lambda offer: inputs.LegBegan(PBXS[0], offer),
    *(lambda offer, rings=rings: inputs.LegProgressed(offer, rings) for rings in (False, True)),
    *(lambda offer, pause=pause: inputs.LegRejected(offer, pause) for pause in (False, True)),
    inputs.LegAnswered,
    inputs.LegAccepted,
    inputs.CallBridged,
    inputs.LegHungUp,
    lambda offer: inputs.BridgeFailed(offer, cause="?"),
    inputs.CustomerHungUp,
    lambda offer: inputs.CustomerNotReached(offer, Missed.BUSY),
    *(lambda offer, how=how: inputs.LegEnded(offer, how=how) for how in LegEnd),
)
NUMBERS = ("+31201234567", "+31612345678")
KEYS = ("call", "call", "later", "appointment", "fly", *Verdict)
ON_CALLBACKS: tuple[Callable[[RequestId, float], Input], ...] = (
    lambda request, now: inputs.CallCustomer(request),
    lambda request, now: inputs.CancelRequest(request),
    lambda request, now: inputs.Reassign(request, AgentName("bob")),
    lambda request, now: inputs.Reassign(request, None),
    lambda request, now: inputs.Reschedule(request, now + 30, AgentName("alice")),
    lambda request, now: inputs.Reschedule(request, now - 30),
    *(lambda request, now, verdict=verdict: inputs.Settle(request, verdict) for verdict in Verdict),
)
T = TypeVar("T")
WHICH = st.integers(0, 12)
"""Counted from the newest."""


class CallCenter(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(*PBXS)
        self.heard: list[Input] = []
        self.lost_legs = 0
        self.broken = False

    def tell(self, told: Input) -> None:
        self.heard.append(told)
        self.broken = True
        with suppress(Refused):
            self.world.tell(told)
        self.broken = False

    @initialize(rules=st.sampled_from(RULES))
    def the_day_begins(self, rules: SiteRules) -> None:
        self.tell(inputs.RulesLoaded(rules))
        self.all_agents_are_ready()

    # ---- Callers

    @rule(
        queue=st.sampled_from((SALES, SALES, SUPPORT, SUPPORT, QueueName("nowhere"))),
        pbx=st.sampled_from(PBXS),
        channel=st.integers(0, 15),
        priority=st.sampled_from((None, None, 1, 100)),
        waits=st.sampled_from((None, None, 0, 10, 30)),
        ago=st.sampled_from((None, None, 10, -10)),
        needs=st.sampled_from(((), (), (Need("french", 1),), (Need("billing", 2), Need("french", 3)))),
        preferred=st.sampled_from((None, None, *AGENTS, AgentName("nobody"))),
        number=st.sampled_from(("", "", *NUMBERS)),
    )
    def a_caller_joins(
        self,
        queue: QueueName,
        pbx: PbxName,
        channel: int,
        priority: int | None,
        waits: float | None,
        ago: float | None,
        needs: Needs,
        preferred: AgentName | None,
        number: str,
    ) -> None:
        self.tell(
            inputs.CallerJoined(
                pbx=pbx,
                channel=ChannelId(f"caller-{channel}"),
                queue=queue,
                caller=Caller(e164=number),
                priority=priority,
                max_wait_seconds=waits,
                joined_at=None if ago is None else self.world.now - ago,
                needs=needs,
                preferred_agent=preferred,
            )
        )

    @precondition(lambda self: self.world.center.state.requests)
    @rule(which=WHICH, priority=st.integers(1, 100))
    def a_caller_is_given_another_priority(self, which: int, priority: int) -> None:
        self.tell(
            Act("board", "an act", inputs.SetPriority(_newest(list(self.world.center.state.requests), which), priority))
        )

    @precondition(lambda self: self.world.told(RequestQueued))
    @rule(which=WHICH)
    def a_caller_hangs_up(self, which: int) -> None:
        queued = _newest(self.world.told(RequestQueued), which)
        self.tell(inputs.ChannelGone(pbx=queued.pbx, channel=queued.channel))

    @precondition(lambda self: self.world.told(RequestQueued))
    @rule(which=WHICH)
    def a_key_of_a_caller_is_heeded(self, which: int) -> None:
        queued = _newest(self.world.told(RequestQueued), which)
        self.tell(inputs.KeyPressed(pbx=queued.pbx, channel=queued.channel))

    @precondition(lambda self: self.world.told(RequestQueued))
    @rule(which=WHICH)
    def a_caller_hears_music_again(self, which: int) -> None:
        queued = _newest(self.world.told(RequestQueued), which)
        self.tell(inputs.CallerWaits(pbx=queued.pbx, channel=queued.channel))

    # ---- Callbacks

    @rule(
        pbx=st.sampled_from(PBXS),
        channel=st.integers(0, 15),
        number=st.sampled_from(("", *NUMBERS)),
        hours=st.sampled_from((None, None, "zone")),
        hears=st.sampled_from(("begun", "typed", "left", "left", "dropped")),
    )
    def a_caller_leaves_a_message(self, pbx: PbxName, channel: int, number: str, hours: str | None, hears: str) -> None:
        where = (pbx, ChannelId(f"caller-{channel}"))
        if hears == "typed" and number:
            self.tell(inputs.NumberTyped(*where, number))
        elif hears == "dropped":
            self.tell(inputs.MessageDropped(*where))
        else:
            self.tell(inputs.MessageBegun(*where, number))
        if hears == "left":
            self.tell(inputs.MessageLeft(*where, 5, hours))

    @rule(
        number=st.sampled_from(NUMBERS),
        queue=st.sampled_from((SALES, SUPPORT)),
        later=st.sampled_from((None, 30, -30)),
        agent=st.sampled_from((None, None, *AGENTS)),
    )
    def somebody_asks_for_a_callback(
        self, number: str, queue: QueueName, later: float | None, agent: AgentName | None
    ) -> None:
        due_at = None if later is None else self.world.now + later
        self.tell(inputs.AskForCallback(queue, number, PBXS[0], due_at=due_at, agent=agent))

    @precondition(lambda self: self.world.center.state.callbacks)
    @rule(which=WHICH, asks=st.sampled_from(ON_CALLBACKS))
    def somebody_says_something_of_a_callback(self, which: int, asks: Callable[[RequestId, float], Input]) -> None:
        asked = asks(_newest(list(self.world.center.state.callbacks.values()), which), self.world.now)
        self.tell(Act("board", "an act", asked))

    @precondition(lambda self: self.world.told(CallerAsked))
    @rule(which=WHICH, choice=st.sampled_from(("keep", "line", "cancel", "fly")))
    def who_calls_again_chooses(self, which: int, choice: str) -> None:
        asked = _newest(self.world.told(CallerAsked), which)
        if (asked.pbx, asked.channel) not in self.world.center.state.request_of_channel:
            self.tell(inputs.CallbackChosen(asked.pbx, asked.channel, asked.request, choice))

    @precondition(lambda self: self.world.center.state.offers)
    @rule(which=WHICH, action=st.sampled_from(KEYS), later=st.sampled_from((None, 30, -30)), with_me=st.booleans())
    def an_agent_presses_a_key(self, which: int, action: str, later: float | None, with_me: bool) -> None:
        offer = _newest(list(self.world.center.state.offers), which)
        at = None if later is None else self.world.now + later
        self.tell(inputs.CallbackKey(offer, action, at, with_me))

    @precondition(lambda self: self.world.center.state.offers)
    @rule(which=WHICH, customer=st.integers(0, 3))
    def a_customer_answers(self, which: int, customer: int) -> None:
        offer = _newest(list(self.world.center.state.offers.values()), which)
        if not any(where[1] == f"customer-{customer}" for where in self.world.center.state.request_of_channel):
            self.tell(inputs.CustomerAnswered(offer.id, ChannelId(f"customer-{customer}")))

    @rule(pbx=st.sampled_from(PBXS), customer=st.integers(0, 3))
    def a_customer_hangs_up(self, pbx: PbxName, customer: int) -> None:
        self.tell(inputs.ChannelGone(pbx, ChannelId(f"customer-{customer}")))

    @rule(
        agent=st.sampled_from(AGENTS),
        number=st.sampled_from(NUMBERS),
        pbx=st.sampled_from(PBXS),
        picks_up=st.booleans(),
    )
    def an_agent_calls_somebody(self, agent: AgentName, number: str, pbx: PbxName, picks_up: bool) -> None:
        self.tell(inputs.PlaceCall(agent, number, pbx))
        if picks_up and agent in self.world.ringing:
            self.tell(inputs.LegAccepted(self.world.offer_to(agent)))

    # ---- Transfers

    @precondition(lambda self: self.world.told(OfferMade))
    @rule(which=WHICH, place=st.sampled_from((None, *range(6))))
    def an_agent_passes_a_call_on(self, which: int, place: int | None) -> None:
        made = _newest(self.world.told(OfferMade), which)
        where = None if place is None else ChannelId(f"caller-{place}")
        self.tell(inputs.CallPassedOn(made.pbx, made.offer, where))

    @precondition(lambda self: self.world.told(OfferMade))
    @rule(which=WHICH, channel=st.integers(0, 15))
    def a_leg_is_found_with_another_caller(self, which: int, channel: int) -> None:
        made = _newest(self.world.told(OfferMade), which)
        self.tell(inputs.TalksTogether(made.pbx, made.offer, ChannelId(f"caller-{channel}")))

    @precondition(lambda self: self.world.told(OfferMade))
    @rule(which=WHICH, queue=st.sampled_from((None, SALES, SUPPORT)))
    def a_caller_transfers_his_agent(self, which: int, queue: QueueName | None) -> None:
        made = _newest(self.world.told(OfferMade), which)
        if queue:
            self.tell(inputs.CallerJoined(pbx=made.pbx, channel=made.channel, queue=queue, caller=Caller()))
        else:
            self.tell(inputs.LegSentOn(made.pbx, made.offer))

    @precondition(lambda self: self.world.told(OfferMade))
    @rule(which=WHICH)
    def who_was_transferred_by_his_caller_hangs_up(self, which: int) -> None:
        made = _newest(self.world.told(OfferMade), which)
        self.tell(inputs.ChannelGone(made.pbx, made.channel))

    @rule(pbx=st.sampled_from(PBXS), places=st.tuples(st.integers(0, 15), st.integers(0, 15)), to=st.integers(0, 15))
    def who_waits_hands_his_place_over(self, pbx: PbxName, places: tuple[int, ...], to: int) -> None:
        places_of = tuple(ChannelId(f"caller-{place}") for place in places)
        self.tell(inputs.PlaceTaken(pbx, places_of, ChannelId(f"caller-{to}"), Caller()))

    @rule(pbx=st.sampled_from(PBXS), channel=st.integers(0, 15), dial=st.sampled_from(("PJSIP/bob", "PJSIP/stranger")))
    def a_caller_has_a_new_party(self, pbx: PbxName, channel: int, dial: str) -> None:
        self.tell(inputs.NewParty(pbx, ChannelId(f"caller-{channel}"), dial))

    # ---- Doors

    @rule(is_open=st.booleans())
    def the_calendar_turns(self, is_open: bool) -> None:
        self.tell(inputs.CalendarTurned("office", is_open))
        self.tell(inputs.CalendarTurned("zone", is_open))

    @rule(queue=st.sampled_from((None, SALES, SUPPORT, QueueName("nowhere"))), drain=st.booleans())
    def a_queue_is_drained(self, queue: QueueName | None, drain: bool) -> None:
        self.tell(inputs.Drain(queue, drain))

    # ---- Phones

    @precondition(lambda self: self.world.ringing)
    @rule(which=WHICH)
    def an_agent_takes_the_call(self, which: int) -> None:
        offer = self._ringing(which)
        for told in (inputs.LegAnswered(offer), inputs.LegAccepted(offer), inputs.CallBridged(offer)):
            self.tell(told)

    @precondition(lambda self: self.world.ringing)
    @rule(which=WHICH)
    def an_agent_accepts_and_waits_for_the_bridge(self, which: int) -> None:
        self.tell(inputs.LegAccepted(self._ringing(which)))

    @precondition(lambda self: self.world.ringing)
    @rule(which=WHICH, how=st.sampled_from(LegEnd))
    def a_phone_rings_in_vain(self, which: int, how: LegEnd) -> None:
        self.tell(inputs.LegEnded(self._ringing(which), how=how))

    @precondition(lambda self: self.world.center.state.offers)
    @rule(which=WHICH)
    def a_leg_hangs_up(self, which: int) -> None:
        self.tell(inputs.LegEnded(_newest(list(self.world.center.state.offers), which), how=LegEnd.HUNG_UP))

    @precondition(lambda self: self.world.told(OfferMade))
    @rule(which=WHICH, hears=st.sampled_from(HEARD))
    def something_is_heard_of_a_leg(self, which: int, hears: Callable[[OfferId], Input]) -> None:
        self.tell(hears(_newest(self.world.told(OfferMade), which).offer))

    def _ringing(self, which: int) -> OfferId:
        return self.world.offer_to(_newest(sorted(self.world.ringing), which))

    # ---- Agents, rules, time

    @rule(agent=st.sampled_from(AGENTS), asks=st.sampled_from(ASKS))
    def an_agent_asks(self, agent: AgentName, asks: Callable[[AgentName], Input]) -> None:
        self.tell(asks(agent))

    @rule()
    def all_agents_are_ready(self) -> None:
        for agent in AGENTS:
            self.tell(inputs.LogIn(agent))
            self.tell(inputs.MakeAvailable(agent))

    @rule(rules=st.sampled_from(RULES))
    def rules_are_loaded(self, rules: SiteRules) -> None:
        self.tell(inputs.RulesLoaded(rules))

    @rule(seconds=st.sampled_from((0.25, 1, 1, 5, 20, 600)))
    def time_passes(self, seconds: float) -> None:
        self.world.time_passes(seconds)

    @rule(seconds=st.sampled_from((1, 30, 3600)))
    def the_timer_is_late(self, seconds: float) -> None:
        self.world.now += seconds
        self.tell(inputs.TimePassed())

    @rule(by=st.sampled_from((-3600, -2, 2, 3600)))
    def the_clock_steps(self, by: float) -> None:
        self.world.clock_steps(by)

    # ---- Telephones that are used for something else

    @precondition(lambda self: self.world.told(OfferMade))
    @rule(
        which=WHICH,
        dial=st.sampled_from(("PJSIP/alice", "PJSIP/bob", "PJSIP/seat", "PJSIP/stranger")),
        channel=st.integers(0, 3),
    )
    def a_phone_picks_up_what_rings_elsewhere(self, which: int, dial: str, channel: int) -> None:
        made = _newest(self.world.told(OfferMade), which)
        self.tell(inputs.CallPickedUp(made.pbx, made.offer, ChannelId(f"direct-{channel}"), dial))

    @rule(
        pbx=st.sampled_from(PBXS),
        dial=st.sampled_from(("PJSIP/alice", "PJSIP/bob", "PJSIP/seat", "PJSIP/stranger")),
        channel=st.integers(0, 3),
        talks=st.booleans(),
    )
    def a_phone_is_used(self, pbx: PbxName, dial: str, channel: int, talks: bool) -> None:
        self.tell(inputs.PhoneUsed(pbx, dial, ChannelId(f"direct-{channel}"), talks))

    @rule(pbx=st.sampled_from(PBXS), channel=st.integers(0, 3))
    def a_phone_is_put_down(self, pbx: PbxName, channel: int) -> None:
        self.tell(inputs.ChannelGone(pbx, ChannelId(f"direct-{channel}")))

    @rule(
        dial=st.sampled_from(("PJSIP/alice", "PJSIP/bob", "PJSIP/seat", "PJSIP/stranger")),
        action=st.sampled_from(("login", "logout", "pause", "available", "longer", "over", "mobile", "desk", "fly")),
        typed=st.sampled_from(("", "", "1", "x")),
    )
    def a_feature_code_is_dialled(self, dial: str, action: str, typed: str) -> None:
        self.tell(inputs.FeatureDialled(PBXS[0], ChannelId("code"), dial, action, typed))

    # ---- Links

    @rule(lost=st.sampled_from((*PBXS, None)), how=st.sampled_from((inputs.PbxLost, inputs.PbxShutDown)))
    def a_link_is_lost_or_the_daemon_restarts(self, lost: PbxName | None, how: Callable[[PbxName], Input]) -> None:
        if lost:
            self.tell(how(lost))
        else:
            self.world.daemon_restarts()

    @rule()
    def the_links_are_back_and_all_is_as_it_was(self) -> None:
        for pbx in PBXS:
            self.tell(inputs.PbxSurveyed(pbx, self.world.everything_on(pbx)))

    @rule(
        pbx=st.sampled_from(PBXS),
        gone=st.sets(st.integers(0, 7), max_size=3),
        changed=st.sets(st.integers(0, 7), max_size=3),
        status=st.sampled_from(("FALLBACK", "TIMEOUT", "ANSWERED", "")),
        bridged=st.booleans(),
        never_bridged=st.booleans(),
        accepted=st.booleans(),
        stranger=st.sampled_from((None, "caller-3", "acd-1700000000.12")),
        lost_leg=st.sampled_from((None, *AGENTS)),
        rings_for=st.integers(0, 7),
        compares=st.booleans(),
        started=st.sampled_from(("", "monday", "monday", "monday", "tuesday")),
        may_call=st.sampled_from(({}, dict.fromkeys(NUMBERS), {NUMBERS[0]: "zone"})),
    )
    def a_server_is_surveyed(
        self,
        pbx: PbxName,
        gone: set[int],
        changed: set[int],
        status: str,
        bridged: bool,
        never_bridged: bool,
        accepted: bool,
        stranger: str | None,
        lost_leg: AgentName | None,
        rings_for: int,
        compares: bool,
        started: str,
        may_call: dict[str, str | None],
    ) -> None:
        everything = self.world.everything_on(pbx)
        seen = {"status": status, "bridged": bridged, "never_bridged": never_bridged and not bridged}
        lives = [
            replace(live, **(seen | {"accepted": accepted} if at in changed else {}), hears_music=at % 2 == 0)
            for at, live in enumerate(everything)
            if at not in gone
        ]
        if stranger and stranger not in [live.channel for live in lives]:
            lives.append(LiveChannel(ChannelId(stranger), queue=SALES, joined_at=self.world.now, **seen))
        if lost_leg and everything:
            lives.append(self._lost_leg(lost_leg, everything[rings_for % len(everything)].channel, bridged, accepted))
        if compares:
            believed = survey.contradictions(self.world.center.state, pbx, tuple(lives))
            self.tell(inputs.PbxContradicted(pbx, tuple(lives), believed))
        else:
            self.tell(inputs.PbxSurveyed(pbx, tuple(lives), started, may_call=may_call))

    def _lost_leg(self, agent: AgentName, rings_for: ChannelId, bridged: bool, accepted: bool) -> LiveChannel:
        self.lost_legs += 1
        return LiveChannel(
            channel=ChannelId(f"acd-{self.lost_legs:016x}"),
            bridged=bridged,
            dial=f"PJSIP/{agent}",
            agent=agent,
            device=f"PJSIP/{agent}",
            rings_for=rings_for,
            accepted=accepted,
        )

    # ---- And all of it again

    @rule(which=WHICH)
    def something_is_heard_again(self, which: int) -> None:
        self.tell(_newest(self.heard, which))

    @invariant()
    def nobody_is_offered_twice(self) -> None:
        state = self.world.center.state
        offers = [offer for offer in state.offers.values() if offer.outcome is None]
        ringing = [(offer.agent, offer.device.name) for offer in offers if not offer.picked_up]
        assert len(set(ringing)) == len(ringing)
        pairs = {(offer.agent, offer.request) for offer in offers}
        assert len({agent for agent, _ in pairs}) == len(pairs)
        # What somebody else has picked up at one of an agent's devices may ring on at his others.
        rings = {(offer.agent, offer.request) for offer in offers if not offer.picked_up}
        exclusive = [request for _, request in rings if not state.requests[request].shared]
        assert len(set(exclusive)) == len(exclusive)

    def teardown(self) -> None:
        """Whatever happened, there is a way out of it: once all have hung up, all can begin anew."""
        if self.broken:
            return
        for pbx in PBXS:
            self.tell(inputs.PbxSurveyed(pbx, ()))
        self.world.time_passes(60)
        for request in list(self.world.center.state.callbacks.values()):
            self.tell(inputs.CancelRequest(request))
        self.world.time_passes(3600)
        state = self.world.center.state
        assert (state.requests, state.offers) == ({}, {})
        for agent in state.agents:
            self.world.logs_out(agent)
        for agent in state.agents:
            self.world.logs_in(agent)
            self.world.makes_himself_available(agent)
            assert self.world.state_of(agent) == "available"


def _newest(things: list[T], which: int) -> T:
    return things[-1 - which % len(things)]


TestCallCenter = pytest.mark.timeout(TIMEOUTS[PROFILE])(CallCenter.TestCase)
TestCallCenter.settings = PROFILES[PROFILE]
