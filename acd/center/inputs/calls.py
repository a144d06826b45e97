"""What is heard of callers, legs and transfers."""

from __future__ import annotations

from enum import StrEnum

from acd.center.inputs.site import Input
from acd.center.model import (
    AgentName,
    Caller,
    ChannelId,
    Needs,
    OfferId,
    PbxName,
    QueueName,
)


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
