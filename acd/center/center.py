"""The center itself: `decide` takes an input to the rule that it is about, and returns the facts that it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from acd.center import (
    agents,
    announcements,
    callbacks,
    calls,
    changes,
    customers,
    doors,
    features,
    forwarding,
    inputs,
    legs,
    offers,
    phones,
    pickups,
    preferred,
    routing,
    skills,
    survey,
    transfers,
)
from acd.center.facts import AnyFact, DayChanged, MomentsMoved, RulesChanged
from acd.center.folding import snapshots
from acd.center.folding.snapshots import Snapshot
from acd.center.model import AgentName, OfferId, Refused, RequestId
from acd.center.state import State, Timer
from acd.center.turn import Turn


class Undecided(RuntimeError):
    """A rule broke (a bug) while an input was decided; `facts` are those that it had already made."""

    def __init__(self, facts: list[AnyFact]) -> None:
        super().__init__("an input could not be decided to the end")
        self.facts = facts


class Center:
    def __init__(self) -> None:
        self.state = State()

    def fold(self, facts: Iterable[AnyFact]) -> None:
        """Reads facts back, as they were once decided."""
        for fact in facts:
            self.state.fold(fact)

    def snapshot(self) -> Snapshot:
        """What folding has led to so far; to be written down before the next fact."""
        return snapshots.take(self.state)

    def restore(self, snapshot: Snapshot) -> None:
        """Stands for all the facts up to it, in a center that has not folded any."""
        snapshots.restore(self.state, snapshot)

    def decide(self, told: inputs.Input, now: float, seed: int) -> list[AnyFact]:
        """What follows from an input, in the order in which it became so; all of it already holds in `state`.

        `now` is the moment of the input in seconds of UTC, `seed` any number, for what is left to chance. Raises
        Refused, with nothing changed, where a person asked for what cannot be; Undecided where a rule is broken.
        """
        turn = Turn(self.state, now, seed)
        try:
            _RULES[type(told)](turn, told)
            customers.settle_after_wrap_ups(turn)
            routing.match(turn)
            while self.state.doors:
                calls.clear_closed_doors(turn)
                routing.match(turn)
        except Exception as error:
            if not turn.facts and isinstance(error, Refused):
                raise
            raise Undecided(turn.facts) from error
        return turn.facts

    def next_deadline(self) -> float | None:
        """The moment at which TimePassed is due; None while nothing waits for time."""
        return self.state.next_deadline()


def _act(turn: Turn, told: changes.Act) -> None:
    changes.act(turn, told, lambda turn, asked: _RULES[type(asked)](turn, asked))


def _rules_loaded(turn: Turn, told: inputs.RulesLoaded) -> None:
    if told.rules != turn.state.rules:
        was = turn.state.rules
        were = {name: queue.rules for name, queue in turn.state.queues.items()}
        turn.tell(RulesChanged(at=turn.now, rules=told.rules))
        changes.new_rules(turn, was, told.rules)
        preferred.let_go_after_new_rules(turn)
        announcements.plan_anew(turn, were)
        for agent in list(turn.state.agents.values()):
            forwarding.settle(turn, agent)
            agents.heed_devices(turn, agent)


def _day_began(turn: Turn, told: inputs.DayBegan) -> None:
    if told.day != turn.state.day:
        turn.tell(DayChanged(at=turn.now, day=told.day))


def _calendar_turned(turn: Turn, told: inputs.CalendarTurned) -> None:
    """Queues open and close by it, and agents' calls go elsewhere."""
    doors.turned(turn, told)
    for agent in list(turn.state.agents.values()):
        if any(hours.calendar == told.calendar for hours in agent.forwarding.by):
            forwarding.settle(turn, agent)
            agents.heed_devices(turn, agent)


def _clock_stepped(turn: Turn, told: inputs.ClockStepped) -> None:
    turn.tell(MomentsMoved(at=turn.now, by=told.by))


def _time_passed(turn: Turn, told: inputs.TimePassed) -> None:
    for whose, name in turn.state.due(turn.now):
        if whose is Timer.AGENT:
            agents.time_is_up(turn, turn.state.agents[AgentName(name)])
        elif whose is Timer.OFFER:
            offers.time_is_up(turn, turn.state.offers[OfferId(name)])
        elif whose is Timer.DEVICE:
            agents.devices_are_back(turn, turn.state.agents[AgentName(name)])
        elif whose is Timer.EASING:
            skills.ease(turn, turn.state.requests[RequestId(name)])
        elif whose is Timer.HOLD:
            preferred.let_go(turn, turn.state.requests[RequestId(name)])
        elif whose is Timer.DUE:
            callbacks.due(turn, turn.state.requests[RequestId(name)])
        elif whose is Timer.MESSAGE:
            callbacks.offer(turn, turn.state.requests[RequestId(name)])
        elif whose is Timer.ANNOUNCEMENT:
            announcements.time_is_up(turn, turn.state.requests[RequestId(name)])
        else:
            calls.give_up(turn, turn.state.requests[RequestId(name)])


def _caller_joined(turn: Turn, told: inputs.CallerJoined) -> None:
    """Or an agent, whom his caller has transferred into a queue."""
    if leg := offers.offer_of(told.channel):
        transfers.leg_sent_on(turn, inputs.LegSentOn(told.pbx, leg))
    calls.joined(turn, told)


def _channel_gone(turn: Turn, told: inputs.ChannelGone) -> None:
    """A caller's, or a telephone's; who calls a queue from his own telephone is both."""
    calls.left(turn, told)
    phones.channel_gone(turn, told)


def _leg_ended(turn: Turn, told: inputs.LegEnded) -> None:
    """Or an end of what is no leg, or none any more: its agent was transferred by his caller, before a new start."""
    if told.offer in turn.state.offers:
        offers.leg_ended(turn, told)
        return
    for pbx in sorted(turn.state.steered):
        _channel_gone(turn, inputs.ChannelGone(pbx=pbx, channel=offers.leg_channel(told.offer)))


_RULES: dict[type[inputs.Input], Callable[[Turn, Any], None]] = {
    changes.Act: _act,
    inputs.DaemonStarted: survey.nothing_is_known,
    inputs.ClockStepped: _clock_stepped,
    inputs.RulesLoaded: _rules_loaded,
    inputs.DayBegan: _day_began,
    inputs.CalendarTurned: _calendar_turned,
    inputs.Drain: doors.drain,
    inputs.TimePassed: _time_passed,
    inputs.PbxLost: survey.link_lost,
    inputs.PbxShutDown: survey.shut_down,
    inputs.PbxSurveyed: survey.surveyed,
    inputs.PbxContradicted: survey.contradicted,
    inputs.CallerJoined: _caller_joined,
    inputs.CallerWaits: announcements.waits,
    inputs.KeyPressed: announcements.key_pressed,
    inputs.PhoneUsed: phones.used,
    inputs.ChannelGone: _channel_gone,
    inputs.LegBegan: legs.began,
    inputs.LegProgressed: legs.progressed,
    inputs.LegAnswered: offers.answered,
    inputs.LegAccepted: offers.accepted,
    inputs.CallPickedUp: pickups.picked_up,
    inputs.LegRejected: offers.rejected,
    inputs.CallBridged: offers.bridged,
    inputs.BridgeFailed: offers.bridge_failed,
    inputs.LegHungUp: offers.hung_up,
    inputs.LegEnded: _leg_ended,
    inputs.CallPassedOn: transfers.passed_on,
    inputs.TalksTogether: transfers.talks_together,
    inputs.LegSentOn: transfers.leg_sent_on,
    inputs.PlaceTaken: transfers.place_taken,
    inputs.NewParty: transfers.has_new_party,
    inputs.SetPriority: calls.set_priority,
    inputs.MessageBegun: callbacks.begun,
    inputs.NumberTyped: callbacks.number_typed,
    inputs.MessageDropped: callbacks.dropped,
    inputs.MessageLeft: callbacks.left,
    inputs.CallbackChosen: callbacks.chosen,
    inputs.AskForCallback: callbacks.asked_for,
    inputs.Reassign: callbacks.reassign,
    inputs.DeleteMessage: callbacks.delete_message,
    inputs.PlaceCall: customers.place,
    inputs.CallCustomer: customers.call,
    inputs.CustomerAnswered: customers.answered,
    inputs.CustomerNotReached: customers.not_reached,
    inputs.CustomerHungUp: customers.hung_up,
    inputs.Settle: customers.settle,
    inputs.Reschedule: customers.reschedule,
    inputs.CallbackKey: customers.key,
    inputs.CancelRequest: customers.cancel,
    inputs.LogIn: agents.log_in,
    inputs.LogOut: agents.log_out,
    inputs.MakeAvailable: agents.make_available,
    inputs.Pause: agents.pause,
    inputs.SwitchForward: agents.switch_forward,
    inputs.FeatureDialled: features.dialled,
    inputs.ExtendWrapUp: agents.extend_wrap_up,
    inputs.FinishWrapUp: agents.finish_wrap_up,
}
