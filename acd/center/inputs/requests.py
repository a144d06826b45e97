"""What is asked of requests, callbacks and customers."""

from __future__ import annotations

from acd.center.inputs.site import Input
from acd.center.model import (
    AgentName,
    Caller,
    ChannelId,
    Missed,
    OfferId,
    PbxName,
    QueueName,
    RequestId,
    Verdict,
)


class SetPriority(Input, frozen=True):
    request: RequestId
    priority: int


class CancelRequest(Input, frozen=True):
    """A callback that has not been made, or a call that an agent makes."""

    request: RequestId


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
    how: Missed
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
    reason: str = ""
    """Why it is not possible: the digit of one of the queue's reasons."""


class DeleteMessage(Input, frozen=True):
    """Its audio is gone."""

    message: str
