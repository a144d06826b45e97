"""Facts of agents and their telephones."""

from __future__ import annotations

from acd.center.facts.site import Fact
from acd.center.model import (
    AgentName,
    AgentState,
    ChannelId,
    PbxName,
    QueueName,
)
from acd.center.reach import Device, Forward


class AgentStateChanged(Fact, frozen=True, tag=True, kw_only=True):
    """An agent is in another state, or in the same one for another reason or until another moment."""

    agent: AgentName
    state: AgentState
    was: AgentState
    reason: str | None = None
    until: float | None = None
    """When the state ends by itself; None if something else must happen."""
    idle_since: float
    queue: QueueName | None = None
    """Of wrap_up: the queue whose call it was."""


class WrapUpExtended(Fact, frozen=True, tag=True, kw_only=True):
    """An agent's wrap-up lasts longer."""

    agent: AgentName
    until: float


class AgentSeated(Fact, frozen=True, tag=True, kw_only=True):
    """An agent is reached at this device until he logs out."""

    agent: AgentName
    device: Device


class PhoneTaken(Fact, frozen=True, tag=True, kw_only=True):
    """A telephone at which agents are reached is used for something that is none of our requests."""

    dial: str
    pbx: PbxName
    channel: ChannelId


class PhoneFreed(Fact, frozen=True, tag=True, kw_only=True):
    """One of those channels has ended."""

    dial: str
    pbx: PbxName
    channel: ChannelId


class FeatureAnswered(Fact, frozen=True, tag=True, kw_only=True):
    """What came of a feature code: its own name if it was done, else `refused`."""

    pbx: PbxName
    channel: ChannelId
    dial: str
    result: str


class AgentWished(Fact, frozen=True, tag=True, kw_only=True):
    """An agent on a call asked to be paused or logged out after it, or (None) no longer wishes it."""

    agent: AgentName
    wish: AgentState | None
    reason: str | None = None


class AgentUnreachable(Fact, frozen=True, tag=True, kw_only=True):
    """Of an agent's device: how often in a row it could not be reached; 0, it could again."""

    agent: AgentName
    in_a_row: int
    cause: str = ""
    device: str = ""
    """Its dial, or its number."""
    until: float | None = None
    """For how long it is left alone; None, it may be tried."""


class AgentForwarded(Fact, frozen=True, tag=True, kw_only=True):
    """His calls go elsewhere from now on, or do so for another reason."""

    agent: AgentName
    forward: Forward
    was: Forward
    chosen: bool
    """By himself, until he logs out."""
