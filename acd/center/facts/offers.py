"""Facts of offers and of agents' legs."""

from __future__ import annotations

from acd.center.facts.site import Fact
from acd.center.model import (
    AgentName,
    Caller,
    ChannelId,
    Message,
    OfferId,
    OfferOutcome,
    PbxName,
    QueueName,
    RequestId,
)
from acd.center.reach import Device


class OfferMade(Fact, frozen=True, tag=True, kw_only=True):
    """A request is presented to an agent: his phone rings."""

    offer: OfferId
    request: RequestId
    queue: QueueName
    agent: AgentName
    device: Device
    caller: Caller
    pbx: PbxName
    channel: ChannelId
    """The leg's: the channel that is to ring the agent's phone."""
    ring_seconds: float
    ready_at: float
    """Since when both the request and the agent could have had each other."""
    queue_number: str = ""
    """That the device may be shown in place of the caller's."""
    name_sound: str = ""
    """That says the queue's name."""
    shared: bool = False
    """Others may be offered the request at the same time."""
    kind: str = "call"
    message: Message | None = None
    """What the caller has left for the agent to hear."""
    caller_channel: ChannelId = ChannelId("")
    found: bool = False
    """Its leg lives already: it was made before, and the journal did not keep it."""
    whisper: str = ""
    """The sound file that the agent hears before he is connected."""


class OfferProgressed(Fact, frozen=True, tag=True, kw_only=True):
    """A mobile's network is at it, or the mobile rings."""

    offer: OfferId
    rings: bool


class OfferAnswered(Fact, frozen=True, tag=True, kw_only=True):
    """An agent has picked up his phone, and has not accepted yet."""

    offer: OfferId
    deadline: float
    """By when the agent must have accepted: he may have a whisper to hear, or a key to press."""
    queue: QueueName | None = None
    agent: AgentName | None = None
    unheard: bool = False
    """He was found to have answered, nobody knows when."""


class OfferPickedUp(Fact, frozen=True, tag=True, kw_only=True):
    """Another telephone has picked it up, and its channel is the leg from now on."""

    offer: OfferId
    request: RequestId
    queue: QueueName
    was: AgentName
    agent: AgentName | None
    """Who has it now; None: that telephone is no agent's, and the offer stays with `was` until they talk."""
    device: Device
    pbx: PbxName
    channel: ChannelId
    deadline: float


class OfferEnded(Fact, frozen=True, tag=True, kw_only=True):
    """An offer was accepted, or came to nothing."""

    offer: OfferId
    request: RequestId
    queue: QueueName
    agent: AgentName
    outcome: OfferOutcome
    cause: str = ""
    device: str = ""
    """Its kind."""
    pbx: PbxName
    channel: ChannelId
    caller_channel: ChannelId
    deadline: float
    """By when the next thing must have happened: the bridge if it was accepted, else the end of the leg."""
    comes_back_if_dropped: bool = False
    """If the agent's telephone vanishes, the caller waits again."""
    found_bridged: bool = False
    """Of one that was accepted: caller and agent hear each other already."""


class BridgeRepeated(Fact, frozen=True, tag=True, kw_only=True):
    """An accepted offer is to be bridged once more: nobody knows whether the first order was carried out."""

    offer: OfferId
    pbx: PbxName
    channel: ChannelId
    caller_channel: ChannelId
    deadline: float
    comes_back_if_dropped: bool = False


class LegReleased(Fact, frozen=True, tag=True, kw_only=True):
    """An agent's leg has no further use: it is to be hung up."""

    offer: OfferId
    pbx: PbxName
    channel: ChannelId
    deadline: float
    answered_elsewhere: bool = False
    """Somebody else has the call, or another device: the phone is not to show a missed one."""
    linger_seconds: float = 0
    """For so long it may ring on: who is just picking up is to hear why nobody is there."""


class LegEnding(Fact, frozen=True, tag=True, kw_only=True):
    """A talk is over, and the agent's leg goes on in the dialplan to its own end; by the deadline it is told to."""

    offer: OfferId
    deadline: float


class LegGone(Fact, frozen=True, tag=True, kw_only=True):
    """An agent's leg has ended."""

    offer: OfferId
    overdue: bool = False
    """Nobody heard of its end; it was given up."""
