"""The words of the trade as types: what a site is told to be (rules), and what is so at this moment (state).

Rules come from the operator's configuration and never change by themselves. `Agent`, `Request` and `Offer` are what
`folding` makes of the facts; nothing else writes to them. Moments (`…_at`, `since`, `until`) are seconds of UTC since
1970; durations end in `_seconds`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

from msgspec import Struct

QueueName = NewType("QueueName", str)
AgentName = NewType("AgentName", str)
RequestId = NewType("RequestId", str)
OfferId = NewType("OfferId", str)
PbxName = NewType("PbxName", str)
ChannelId = NewType("ChannelId", str)
"""What Asterisk calls a channel's Uniqueid."""

HIGHEST_PRIORITY, LOWEST_PRIORITY = 1, 100
MIDDLE_PRIORITY = 50
"""The priority of a caller of whom the dialplan said nothing."""


class Refused(Exception):
    """What was asked for cannot be done as things stand; the message says why, in words for the person who asked."""


class UnknownName(Refused):
    """There is no agent, queue or request of that name."""


class AgentState(StrEnum):
    LOGGED_OUT = "logged_out"
    AVAILABLE = "available"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WRAP_UP = "wrap_up"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    PAUSED = "paused"


class RequestState(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    ONGOING = "ongoing"
    ENDED = "ended"


class OfferOutcome(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Outcome(StrEnum):
    """How a request ended."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    TIMEOUT = "timeout"
    CLOSED = "closed"
    """His queue was taken away while he waited."""
    FALLBACK = "fallback"
    """The dialplan took him on while nobody steered."""


# ---- Rules: what the operator wrote


class Device(Struct, frozen=True):
    """Where an agent is reached; `dial` is what Asterisk's Dial and Originate take, e.g. `PJSIP/alice`."""

    kind: str
    dial: str


class QueueRules(Struct, frozen=True):
    name: QueueName
    strategy: str = "priority"
    ring_seconds: float = 20
    wrap_up_seconds: float = 15
    service_level_seconds: float = 20
    max_wait_seconds: float | None = None


class AgentRules(Struct, frozen=True):
    name: AgentName
    queues: dict[QueueName, int]
    devices: tuple[Device, ...]


class OfferRules(Struct, frozen=True):
    """What follows an offer that nobody took. Back-off: first, doubled at each failure in a row, up to the limit."""

    no_answer_seconds: float = 15
    rejected_seconds: float = 30
    unreachable_first_seconds: float = 5
    unreachable_limit_seconds: float = 300


class SiteRules(Struct, frozen=True):
    """All that the operator configured for one center."""

    queues: tuple[QueueRules, ...] = ()
    agents: tuple[AgentRules, ...] = ()
    offers: OfferRules = OfferRules()


# ---- State: what is so at this moment


class Caller(Struct, frozen=True):
    """Who calls, as his PBX says; both parts are whatever the caller sent and are only ever shown, never executed."""

    number: str = ""
    name: str = ""


class Agent(Struct):
    name: AgentName
    queues: dict[QueueName, int]
    devices: tuple[Device, ...]
    state: AgentState = AgentState.LOGGED_OUT
    reason: str | None = None
    since: float = 0
    until: float | None = None
    idle_since: float = 0
    """Since when he waits for his turn: kept when an offer to him is withdrawn, renewed by everything else."""
    free_since: float | None = None
    """Since when he could have been offered a request; None while he cannot: his state, or a leg not yet gone."""
    request: RequestId | None = None
    offer: OfferId | None = None
    wish: AgentState | None = None
    """`paused` or `logged_out`, asked for during a call: takes effect when he would become available."""
    wish_reason: str | None = None
    unreachable_in_a_row: int = 0
    retired: bool = False
    """He stands in the rules no more, and is forgotten when the call that he is on has ended."""


PlaceKey = tuple[int, float, RequestId]
"""Strict order: priority, then the moment of entry; the id tells apart two of the same moment."""


class Request(Struct):
    id: RequestId
    kind: str
    queue: QueueName
    priority: int
    entered_at: float
    caller: Caller
    pbx: PbxName
    channel: ChannelId
    leave_at: float | None = None
    """When the caller has waited for as long as his queue allows."""
    state: RequestState = RequestState.WAITING
    open_since: float = 0
    """Since when he could have been offered to somebody: his entry, his last offer's end, or the link's coming back."""
    offer: OfferId | None = None
    agent: AgentName | None = None
    connected_at: float | None = None
    offers: int = 0

    @property
    def place_key(self) -> PlaceKey:
        return (self.priority, self.entered_at, self.id)


class Offer(Struct):
    """One request presented to one agent on one device. It stays until its leg, the agent's channel, is gone."""

    id: OfferId
    request: RequestId
    queue: QueueName
    agent: AgentName
    pbx: PbxName
    channel: ChannelId
    device: Device
    made_at: float
    deadline: float | None
    """What must have happened by then: ringing answered, the answer accepted, the acceptance bridged, the leg of an
    ended offer gone. It is on hold while nobody steers the offer's server; a conversation has none."""
    answered_at: float | None = None
    outcome: OfferOutcome | None = None
    connected_at: float | None = None
