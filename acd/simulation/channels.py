"""Channels and bridges of the simulated Asterisk, and how its events show them (manager_channels.c and its kin)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Protocol

from acd.simulation.people import Manner, Visitor

UNKNOWN = "<unknown>"
Headers = dict[str, str]
"""Of a message, in their order."""
Status = tuple[Headers, list[str]]
"""A Status event; and for each variable that was asked for, the value of one more header `Variable`."""


class Pulse(Protocol):
    """What keeps the timers of a simulated Asterisk."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle: ...


class ChannelState(Enum):
    """AST_STATE_… in Asterisk's channelstate.h."""

    DOWN = "0", "Down"
    RING = "4", "Ring"
    RINGING = "5", "Ringing"
    UP = "6", "Up"

    def __init__(self, number: str, description: str) -> None:
        self.number, self.description = number, description


CAUSES = {
    0: "Unknown",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    21: "Call Rejected",
    26: "Answered elsewhere",
}


class Channel:
    def __init__(self, name: str, identity: str, state: ChannelState, exten: str) -> None:
        self.name = name
        self.id = self.linked_id = identity
        self.state = state
        self.number = self.caller_name = self.connected_number = self.connected_name = UNKNOWN
        self.context, self.exten, self.priority = "from-phones", exten, 1
        self.variables: dict[str, str] = {}
        self.bridge: Bridge | None = None
        self.timer: asyncio.TimerHandle | None = None
        """What its person, or its dialplan, does next."""
        self.step: asyncio.TimerHandle | None = None
        """The next one of a dialogue."""
        self.is_up_since = 0.0
        self.last_cause = 0
        """With which one that it dialled has ended."""

    def moves(self, context: str, exten: str, priority: int) -> None:
        self.context, self.exten, self.priority = context, exten, priority

    def stops_timer(self) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None
        if self.step:
            self.step.cancel()
            self.step = None

    def shown(self) -> Headers:
        return {
            "Channel": self.name,
            "ChannelState": self.state.number,
            "ChannelStateDesc": self.state.description,
            "CallerIDNum": self.number,
            "CallerIDName": self.caller_name,
            "ConnectedLineNum": self.connected_number,
            "ConnectedLineName": self.connected_name,
            "Language": "en",
            "AccountCode": "",
            "Context": self.context,
            "Exten": self.exten,
            "Priority": str(self.priority),
            "Uniqueid": self.id,
            "Linkedid": self.linked_id,
        }

    def shown_as_dialled(self) -> Headers:
        """As the second channel of an event."""
        return {f"Dest{header}": value for header, value in self.shown().items()}

    @property
    def application(self) -> str:
        return "(null)"

    def status(self, names: Iterable[str], now: float) -> Status:
        headers = self.shown() | {
            "Type": "PJSIP",
            "BridgeID": self.bridge.id if self.bridge else "",
            "Application": self.application,
            "Seconds": str(int(now - self.is_up_since)) if self.state is ChannelState.UP else "0",
        }
        return headers, [f"{name}={self.variables.get(name, '(null)')}" for name in names]


class Caller(Channel):
    """A channel from outside, and who is on it."""

    def __init__(self, name: str, identity: str, visitor: Visitor) -> None:
        super().__init__(name, identity, ChannelState.RING, exten=visitor.queue)
        self.visitor = visitor
        self.number, self.caller_name = visitor.number or UNKNOWN, visitor.name or UNKNOWN
        self.waits = False
        """In the loop of `acd-wait`."""
        self.hears_music = False
        self.heard, self.silent_rounds = "", 0
        """The heartbeat at his last look, and since how many looks it is the same."""
        self.was_bridged = False
        self.sent_on_as: str | None = None
        """With which ACD_STATUS he went on in the dialplan."""
        self.gives_up_at: float | None = None
        """When he hangs up if he still waits, in seconds of UTC."""
        self.presses_at: float | None = None
        """When he presses the key for a message, if he still waits."""
        self.is_asked = False
        """What is to become of his callback: he is in no book then."""
        self.records: str | None = None
        """The message that he is leaving."""
        self.speaks_since: float | None = None
        self.spoken_seconds = 0.0

    @property
    def application(self) -> str:
        return "WaitExten" if self.waits else "(null)"

    @property
    def goes_on(self) -> bool:
        """Behind the subroutine, at the next look."""
        status, never_bridged = self.variables["ACD_STATUS"], self.variables.get("BRIDGEPEER") == "nobody"
        return bool(status) and not (status == "ANSWERED" and never_bridged)


class Dialled(Channel):
    """A channel to a phone, and what its person will do."""

    def __init__(self, name: str, identity: str, exten: str, manner: Manner) -> None:
        super().__init__(name, identity, ChannelState.DOWN, exten)
        self.manner = manner
        self.ring_timer: asyncio.TimerHandle | None = None

    def stops_ringing(self) -> None:
        self.stops_timer()
        if self.ring_timer:
            self.ring_timer.cancel()


class Leg(Dialled):
    """To an agent's, for which AMI has asked."""

    def __init__(self, name: str, originate: Originate, manner: Manner) -> None:
        super().__init__(name, originate.channel_id, "s", manner)
        self.variables |= originate.variables
        self.originate = originate
        self.customer: Customer | None = None
        """Whom he calls back."""
        self.customers_number = ""
        self.calls_made = 0


class Customer(Dialled):
    """To somebody outside, whom an agent calls back."""

    def __init__(self, name: str, identity: str, leg: Leg, manner: Manner) -> None:
        super().__init__(name, identity, "s", manner)
        self.leg = leg
        self.linked_id = leg.linked_id


class Originate:
    """An action Originate, as it was asked for."""

    def __init__(
        self,
        action_id: str,
        channel_id: str,
        dial: str,
        seconds: float,
        caller_id: tuple[str, str],
        variables: dict[str, str],
    ) -> None:
        self.action_id = action_id
        self.channel_id = channel_id
        self.dial = dial
        self.seconds = seconds
        self.number, self.name = caller_id
        self.variables = variables

    def response(self, response: str, channel: str, reason: int) -> Headers:
        return ({"ActionID": self.action_id} if self.action_id else {}) | {
            "Response": response,
            "Channel": channel,
            "Context": "acd-agent",
            "Exten": "s",
            "Reason": str(reason),
            "Uniqueid": self.channel_id,
            "CallerIDNum": self.number or UNKNOWN,
            "CallerIDName": self.name or UNKNOWN,
        }


class Bridge:
    def __init__(self, identity: str) -> None:
        self.id = identity
        self.members: list[Channel] = []

    def shown(self) -> Headers:
        return {
            "BridgeUniqueid": self.id,
            "BridgeType": "basic",
            "BridgeTechnology": "simple_bridge",
            "BridgeCreator": UNKNOWN,
            "BridgeName": UNKNOWN,
            "BridgeNumChannels": str(len(self.members)),
            "BridgeVideoSourceMode": "none",
        }
