"""What agents ask for."""

from __future__ import annotations

from acd.center.inputs.site import Input
from acd.center.model import (
    AgentName,
    ChannelId,
    PbxName,
)
from acd.center.reach import Forward


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
