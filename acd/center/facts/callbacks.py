"""Facts of callbacks: a caller leaves a message, his place is kept, and an agent calls him back."""

from __future__ import annotations

from acd.center.facts.site import Fact
from acd.center.model import (
    AgentName,
    Caller,
    ChannelId,
    Message,
    Missed,
    Needs,
    OfferId,
    PbxName,
    QueueName,
    RequestId,
)


class CallbackOffered(Fact, frozen=True, tag=True, kw_only=True):
    """A caller who waits is told that he may leave a message, and with which key."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    key: str


class OfferPutOff(Fact, frozen=True, tag=True, kw_only=True):
    """It is not yet time to tell a caller that he may leave a message."""

    request: RequestId
    offer_at: float


class RequestSetAside(Fact, frozen=True, tag=True, kw_only=True):
    """The caller is leaving a message: his place is kept, and the next one is served."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    message: str
    """The name for its file."""
    number: str
    """At which he would be called back, unless he gives another one; empty if that is not known."""


class NumberGiven(Fact, frozen=True, tag=True, kw_only=True):
    request: RequestId
    number: str


class RequestResumed(Fact, frozen=True, tag=True, kw_only=True):
    """He waits again, having left no message."""

    request: RequestId
    queue: QueueName


class CallbackPromised(Fact, frozen=True, tag=True, kw_only=True):
    """A caller need not wait on the line any more: the request is a callback from now on, at the place that it has.
    Without a message, his Asterisk server went down under him, and nobody has told him so."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    number: str
    message: Message | None
    hours: str | None
    needs: Needs


class CallbackRenewed(Fact, frozen=True, tag=True, kw_only=True):
    """Somebody who has a callback coming has left another message, or asked again: the latest word counts."""

    request: RequestId
    message: Message | None
    was: Message | None
    comment: str


class CallerAsked(Fact, frozen=True, tag=True, kw_only=True):
    """Somebody whose callback is still to come calls again: will he keep it, wait on the line, or have it cancelled?"""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    place: int | None


class CallerAnswered(Fact, frozen=True, tag=True, kw_only=True):
    """What came of a caller's word about his callback."""

    pbx: PbxName
    channel: ChannelId
    result: str


class CallbackTakenToLine(Fact, frozen=True, tag=True, kw_only=True):
    """He waits on the line after all, at the place that his callback had."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    caller: Caller
    needs: Needs


class CustomerDialled(Fact, frozen=True, tag=True, kw_only=True):
    """The agent who has the request is to be connected with its customer. It is on disk before anything is dialled."""

    request: RequestId
    kind: str
    queue: QueueName
    offer: OfferId
    pbx: PbxName
    channel: ChannelId
    """The agent's leg."""
    number: str
    attempt: int
    ring_seconds: float
    queue_number: str = ""
    """That the customer is shown."""


class CustomerReached(Fact, frozen=True, tag=True, kw_only=True):
    """Agent and customer hear each other."""

    request: RequestId
    pbx: PbxName
    channel: ChannelId
    """The customer's; empty if that was not heard of."""


class CustomerLeft(Fact, frozen=True, tag=True, kw_only=True):
    """He has hung up; the agent has yet to say how it ended."""

    request: RequestId
    pbx: PbxName
    channel: ChannelId


class CustomerMissed(Fact, frozen=True, tag=True, kw_only=True):
    request: RequestId
    queue: QueueName
    how: Missed
    cause: str


class CallbackUnsettled(Fact, frozen=True, tag=True, kw_only=True):
    """The agent has hung up; until his wrap-up is over he may say how it ended."""

    request: RequestId
    agent: AgentName


class CallbackReturned(Fact, frozen=True, tag=True, kw_only=True):
    """The agent has hung up without having called: it waits again at its place."""

    request: RequestId
    queue: QueueName
    agent: AgentName


class CallbackScheduled(Fact, frozen=True, tag=True, kw_only=True):
    request: RequestId
    queue: QueueName
    due_at: float
    reserved_for: AgentName | None = None
    comment: str = ""


class CallbackDue(Fact, frozen=True, tag=True, kw_only=True):
    """Its moment has come: it stands in line, at the place of that moment."""

    request: RequestId
    queue: QueueName
    placed_at: float
    held_for: AgentName | None = None
    held_until: float | None = None


class CallbackReassigned(Fact, frozen=True, tag=True, kw_only=True):
    """It is meant for this agent, or (None) for anyone."""

    request: RequestId
    held_for: AgentName | None
    held_until: float | None


class MessageDeleted(Fact, frozen=True, tag=True, kw_only=True):
    """The audio of a message is gone, by its age or on request."""

    message: str
