"""What happens outside, as the edges tell it to the center.

What happened is named in the past tense of the telephone (`CallerJoined`, `LegEnded`); what a person asks for is a verb
(`LogIn`, `Pause`). Names and numbers in here are already checked by the edge that made the input.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from acd.center.model import (
    AgentName,
    Caller,
    ChannelId,
    Difference,
    Needs,
    OfferId,
    PbxName,
    QueueName,
    RequestId,
    SiteRules,
    Verdict,
)
from acd.center.reach import Forward


class Input(Struct, frozen=True):
    """Anything that the center can be asked to decide on."""


# ---- The daemon itself


class DaemonStarted(Input, frozen=True):
    """The journal has been folded; of no Asterisk server is it known yet what lives there."""


class ClockStepped(Input, frozen=True):
    """The wall clock was set, by so many seconds; the moments of inputs are by the new time from this one on."""

    by: float


class RulesLoaded(Input, frozen=True):
    rules: SiteRules


class DayBegan(Input, frozen=True):
    """At the site's own midnight, and when the daemon starts."""

    day: str
    """As ISO 8601 writes it: 2026-11-24."""


class CalendarTurned(Input, frozen=True):
    """A calendar opens or closes, or is told for the first time."""

    calendar: str
    open: bool


class Drain(Input, frozen=True):
    """A queue (None: all of them) takes nobody in any more and finishes what it has, or (False) is a queue again."""

    queue: QueueName | None
    drain: bool


class TimePassed(Input, frozen=True):
    """A deadline that `Center.next_deadline` named has come."""


# ---- An Asterisk server


class PbxLost(Input, frozen=True):
    pbx: PbxName


class LiveChannel(Struct, frozen=True):
    """One channel that lives on a server, and what its variables say of it."""

    channel: ChannelId
    bridged: bool
    dial: str = ""
    """The telephone at its end, as in PhoneUsed."""
    talks: bool = True
    caller: Caller = Caller()
    queue: QueueName = QueueName("")
    """Where it waits or waited; empty for a channel that never entered a line."""
    status: str = ""
    never_bridged: bool = False
    """It has been in no bridge since it entered the line."""
    agent: AgentName | None = None
    """Of a leg: whose phone it is to ring, at which device, for which caller's channel; and whether he has taken it."""
    device: str = ""
    rings_for: ChannelId | None = None
    accepted: bool = False
    joined_at: float | None = None
    priority: int | None = None
    max_wait_seconds: float | None = None
    needs: Needs = ()
    preferred_agent: AgentName | None = None
    aside: bool = False
    """He is leaving a message."""
    hears_music: bool = False
    """It waits in the line, and nothing is being said to it."""


class PbxSurveyed(Input, frozen=True):
    """The server can be steered (again), and this is all that lives on it."""

    pbx: PbxName
    channels: tuple[LiveChannel, ...]
    started: str = ""
    """The moment at which this Asterisk was started, in its own words; empty if it does not say."""


class Contradiction(Struct, frozen=True):
    kind: Difference
    channel: ChannelId


class PbxContradicted(Input, frozen=True):
    """These channels live on a server that is steered, and so much in them is to be believed."""

    pbx: PbxName
    channels: tuple[LiveChannel, ...]
    believed: frozenset[Contradiction]


# ---- Callers and legs


class CallerJoined(Input, frozen=True):
    pbx: PbxName
    channel: ChannelId
    queue: QueueName
    caller: Caller
    priority: int | None = None
    """What the dialplan says; None if it says nothing."""
    max_wait_seconds: float | None = None
    joined_at: float | None = None
    """When he joined, if that was before now: he was found waiting."""
    needs: Needs = ()
    preferred_agent: AgentName | None = None
    dropped: bool = False
    """He talked with an agent whose telephone has vanished: his first moment of entry still counts."""


class CallerWaits(Input, frozen=True):
    """He hears music again: what was said to him is over, or what a key of his has done."""

    pbx: PbxName
    channel: ChannelId


class KeyPressed(Input, frozen=True):
    """A caller who waits has pressed a key that means something to the dialplan, which is about it now."""

    pbx: PbxName
    channel: ChannelId


class PhoneUsed(Input, frozen=True):
    """A channel to or from a telephone, which is none of our legs. The center knows whether an agent sits there."""

    pbx: PbxName
    dial: str
    """The telephone, as Asterisk's Dial takes it: PJSIP/alice."""
    channel: ChannelId
    talks: bool
    """He has picked up, or is dialling himself; else the telephone only rings."""


class ChannelGone(Input, frozen=True):
    """A channel has ended, or is about to, since its telephone has hung up: a caller's, or one of a telephone."""

    pbx: PbxName
    channel: ChannelId


class LegEnd(StrEnum):
    """Why an agent's leg is gone, as far as the telephone network tells."""

    HUNG_UP = "hung_up"
    BUSY = "busy"
    REJECTED = "rejected"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"


NOT_DIALLED = "not dialled"
"""With which the cause of a leg's end begins that the dial policy refused."""


class LegHungUp(Input, frozen=True):
    """The agent has hung up: the talk is over, although the leg has not ended yet. (Which of two channels ends first
    does not tell who hung up.)"""

    offer: OfferId


class LegBegan(Input, frozen=True):
    """The channel to the agent's phone is there."""

    pbx: PbxName
    offer: OfferId


class LegProgressed(Input, frozen=True):
    """The network is at it, or (`rings`) the telephone rings."""

    offer: OfferId
    rings: bool


class LegAnswered(Input, frozen=True):
    """The agent's phone was picked up."""

    offer: OfferId


class CallPickedUp(Input, frozen=True):
    """Another telephone has picked up what rang at an agent's: its channel is in the place of the leg, which ends."""

    pbx: PbxName
    offer: OfferId
    channel: ChannelId
    dial: str
    """The other telephone, as in PhoneUsed."""


class LegAccepted(Input, frozen=True):
    """The agent takes the call: after the whisper, or the key he was asked for."""

    offer: OfferId


class LegRejected(Input, frozen=True):
    """The agent was asked for a key, and has refused by one."""

    offer: OfferId
    pause: bool
    """He wants a pause besides."""


class LegEnded(Input, frozen=True):
    offer: OfferId
    how: LegEnd
    cause: str = ""
    """The network's own word for it, for logs and journals."""


class CallBridged(Input, frozen=True):
    """Caller and agent are in one bridge: they hear each other."""

    offer: OfferId


class BridgeFailed(Input, frozen=True):
    offer: OfferId
    cause: str


# ---- Transfers


class CallPassedOn(Input, frozen=True):
    """An agent has transferred his caller to somebody else."""

    pbx: PbxName
    offer: OfferId
    place: ChannelId | None = None
    """Of an attended transfer: the agent's own other call, whose place the caller takes."""


class TalksTogether(Input, frozen=True):
    """An agent's leg is in one bridge with this channel: the caller's, or of one who was put in his place."""

    pbx: PbxName
    offer: OfferId
    channel: ChannelId


class LegSentOn(Input, frozen=True):
    """A caller has transferred his agent: the agent's leg goes on elsewhere, as any call of his telephone."""

    pbx: PbxName
    offer: OfferId


class PlaceTaken(Input, frozen=True):
    """This channel has been put into the place that one of those others had in the dialplan: who waits may hand his
    place over."""

    pbx: PbxName
    places: tuple[ChannelId, ...]
    channel: ChannelId
    caller: Caller


class NewParty(Input, frozen=True):
    """A caller who was passed on talks with this telephone now."""

    pbx: PbxName
    channel: ChannelId
    dial: str


# ---- Requests


class SetPriority(Input, frozen=True):
    request: RequestId
    priority: int


class CancelRequest(Input, frozen=True):
    """A callback that has not been made, or a call that an agent makes."""

    request: RequestId


# ---- Callbacks: what callers do


class MessageBegun(Input, frozen=True):
    """A caller who waits wants to leave a message."""

    pbx: PbxName
    channel: ChannelId
    number: str = ""
    """His own, in E.164, if it may be called."""


class NumberTyped(Input, frozen=True):
    """At which he wants to be called back, in E.164; it may be called."""

    pbx: PbxName
    channel: ChannelId
    number: str


class MessageDropped(Input, frozen=True):
    """He would rather wait."""

    pbx: PbxName
    channel: ChannelId


class MessageLeft(Input, frozen=True):
    """His message is on disk."""

    pbx: PbxName
    channel: ChannelId
    seconds: float
    hours: str | None = None
    """The calendar of the times at which his number may be called."""


class CallbackChosen(Input, frozen=True):
    """What somebody who calls again wants of his callback: `keep`, `line` or `cancel`."""

    pbx: PbxName
    channel: ChannelId
    request: RequestId
    choice: str
    caller: Caller = Caller()


class AskForCallback(Input, frozen=True):
    """Somebody wants to be called back, and has not called: a web form."""

    queue: QueueName
    number: str
    """In E.164; it may be called."""
    pbx: PbxName
    name: str = ""
    hours: str | None = None
    priority: int | None = None
    due_at: float | None = None
    agent: AgentName | None = None
    comment: str = ""


# ---- Customers who are called


class PlaceCall(Input, frozen=True):
    """An agent wants to call somebody: his own telephone rings first."""

    agent: AgentName
    number: str
    """In E.164; it may be called."""
    pbx: PbxName
    queue: QueueName | None = None
    """Whose call it is; None: that of the first of his queues."""


class CallCustomer(Input, frozen=True):
    """The agent who has the callback wants to be connected."""

    request: RequestId


class CustomerAnswered(Input, frozen=True):
    offer: OfferId
    channel: ChannelId
    """The customer's."""


class CustomerNotReached(Input, frozen=True):
    offer: OfferId
    how: str
    """`busy`, `no_answer`, `refused` (the dial policy) or `failed`."""
    cause: str = ""


class CustomerHungUp(Input, frozen=True):
    offer: OfferId


class Settle(Input, frozen=True):
    """How it ended, as the agent or his supervisor says."""

    request: RequestId
    verdict: Verdict
    comment: str = ""


class Reschedule(Input, frozen=True):
    request: RequestId
    due_at: float
    agent: AgentName | None = None
    """With whom; None: with anyone."""
    comment: str = ""


class Reassign(Input, frozen=True):
    """It is meant for this agent, or (None) for anyone."""

    request: RequestId
    agent: AgentName | None


class CallbackKey(Input, frozen=True):
    """What an agent who has a callback says by the keys of his telephone."""

    offer: OfferId
    action: str
    """`call`, `later`, `appointment`, or one of the verdicts."""
    at: float | None = None
    with_me: bool = False


class DeleteMessage(Input, frozen=True):
    """Its audio is gone."""

    message: str


# ---- Agents


class LogIn(Input, frozen=True):
    agent: AgentName
    device: str | None = None
    """A seat's name, or the dial of one of his own devices; None: where he is, or else the first of his own."""


class LogOut(Input, frozen=True):
    agent: AgentName


class MakeAvailable(Input, frozen=True):
    agent: AgentName


class SwitchForward(Input, frozen=True):
    """His calls are to go there, until he logs out."""

    agent: AgentName
    forward: Forward


class FeatureDialled(Input, frozen=True):
    """An agent asks for something by a feature code."""

    pbx: PbxName
    channel: ChannelId
    dial: str
    """The telephone at which he sits."""
    action: str
    typed: str = ""
    """Behind the code: an agent's number, or a reason's."""


class ExtendWrapUp(Input, frozen=True):
    """By the step of the queue whose call it was."""

    agent: AgentName


class FinishWrapUp(Input, frozen=True):
    agent: AgentName


class Pause(Input, frozen=True):
    agent: AgentName
    reason: str | None = None
