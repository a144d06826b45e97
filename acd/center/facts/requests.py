"""Facts of requests: from their entry into a line to their end, and what callers hear meanwhile."""

from __future__ import annotations

from acd.center.facts.site import Fact
from acd.center.model import (
    AgentName,
    Caller,
    ChannelId,
    Message,
    Needs,
    OfferId,
    Outcome,
    PbxName,
    QueueName,
    RequestId,
)


class RequestQueued(Fact, frozen=True, tag=True, kw_only=True):
    """A request has entered a queue, and waits."""

    request: RequestId
    kind: str
    queue: QueueName
    priority: int
    entered_at: float
    caller: Caller
    pbx: PbxName
    channel: ChannelId
    """The caller's; empty for one who does not wait on the line."""
    came_to: QueueName | None = None
    """The queue whose door led him here, if he came to another one."""
    leave_at: float | None = None
    needs: Needs = ()
    ease_at: float | None = None
    """When it will need less."""
    held_for: AgentName | None = None
    held_until: float | None = None
    estimated_seconds: float | None = None
    """The wait that half of its like stay below; None if it is not known."""
    offer_at: float | None = None
    """When he is to be told that he may leave a message."""
    number: str = ""
    """Of the customer whom an agent is to call."""
    hours: str | None = None
    comment: str = ""
    announce_at: float | None = None
    """When he is first told of his wait; and when he hears the first prompt."""
    prompt_at: float | None = None


class RequestEased(Fact, frozen=True, tag=True, kw_only=True):
    """It has waited long enough to need less of an agent."""

    request: RequestId
    needs: Needs
    ease_at: float | None
    queue: QueueName | None = None


class HoldEnded(Fact, frozen=True, tag=True, kw_only=True):
    """It has waited for its preferred agent for long enough, or in vain: anyone may have it."""

    request: RequestId
    queue: QueueName | None = None


class RequestReprioritized(Fact, frozen=True, tag=True, kw_only=True):
    """A request has another priority, and so another place."""

    request: RequestId
    queue: QueueName
    priority: int
    was: int


class RequestRequeued(Fact, frozen=True, tag=True, kw_only=True):
    """An offer came to nothing; the request is open again, at the place that it never lost."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId


class RequestConnected(Fact, frozen=True, tag=True, kw_only=True):
    """Caller and agent hear each other."""

    request: RequestId
    kind: str
    queue: QueueName
    agent: AgentName | None
    """None: somebody who is no agent has picked the call up."""
    offer: OfferId
    waited_seconds: float
    connect_seconds: float
    """From the agent's answer to the common bridge."""
    in_service_level: bool
    device: str = ""
    """The kind of the one that took it."""
    estimated_seconds: float | None = None
    """How long it was thought to wait when it entered, if it has had that place ever since."""


class RequestEnded(Fact, frozen=True, tag=True, kw_only=True):
    """The whole of a past request: who, where, how long, and how it ended."""

    request: RequestId
    kind: str
    queue: QueueName
    outcome: Outcome
    ended_by: str
    """`caller`, `agent`, or `acd`."""
    priority: int
    caller: Caller
    entered_at: float
    waited_seconds: float
    offers: int
    agent: AgentName | None = None
    device: str = ""
    """The kind of the one that took it."""
    connected_at: float | None = None
    talk_seconds: float | None = None
    pbx: PbxName
    channel: ChannelId
    number: str = ""
    """Of the customer who was, or was to be, called."""
    attempts: int = 0
    message: Message | None = None
    comment: str = ""


class RequestPassedOn(Fact, frozen=True, tag=True, kw_only=True):
    """Its agent has passed it on: the talk goes on with somebody else, who may be an agent."""

    request: RequestId
    was: AgentName | None
    agent: AgentName | None
    queue: QueueName | None = None


class RequestHandedOver(Fact, frozen=True, tag=True, kw_only=True):
    """Another caller stands in the place of the one who held it: an agent asked a colleague, and then passed his own
    caller on to him, or into the line."""

    request: RequestId
    pbx: PbxName
    was: ChannelId
    channel: ChannelId
    caller: Caller
    entered_at: float
    queue: QueueName | None = None


class RequestMoved(Fact, frozen=True, tag=True, kw_only=True):
    """It waits in another queue from now on; its moment of entry goes with it."""

    request: RequestId
    kind: str
    was: QueueName
    queue: QueueName
    status: str
    """Why: FULL, EMPTY, CLOSED, TIMEOUT."""
    waited_seconds: float
    pbx: PbxName
    channel: ChannelId
    leave_at: float | None = None
    announce_at: float | None = None
    prompt_at: float | None = None


class CallerReleased(Fact, frozen=True, tag=True, kw_only=True):
    """A caller who waits, or was not let in, goes on in the dialplan, with this `ACD_STATUS`."""

    pbx: PbxName
    channel: ChannelId
    queue: QueueName
    status: str
    context: str | None = None
    """Where he goes on; None: behind the Gosub that brought him."""
    refused: bool = False
    """He was never let in."""


class AnnouncementMade(Fact, frozen=True, tag=True, kw_only=True):
    """A caller who waits is told his place, his wait, or something else; what is None, he is not told."""

    request: RequestId
    queue: QueueName
    pbx: PbxName
    channel: ChannelId
    place: int | None = None
    minutes: int | None = None
    """For which he is thought to wait still; 0: for less than one."""
    prompt: str | None = None
    """A sound file."""
    announce_at: float | None = None
    """When he is next told of his wait, at the earliest."""
    prompt_at: float | None = None


class AnnouncementsPlanned(Fact, frozen=True, tag=True, kw_only=True):
    """When a caller who waits is next told something."""

    request: RequestId
    announce_at: float | None
    prompt_at: float | None
    spoken_to: bool = False


class KeyHeeded(Fact, frozen=True, tag=True, kw_only=True):
    """The dialplan is about a key of a caller who waits: he is told nothing until it has done."""

    request: RequestId
