"""What the simulated Asterisk does with any channel: it comes and goes, is brought together with another one, and is
led through a dialogue.

A dialogue is a generator, which yields for how many seconds it waits: it reads like the dialplan that it stands for. A
step that leads the channel elsewhere is its last.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Generator
from functools import partial
from uuid import UUID

from acd.simulation.channels import CAUSES, Bridge, Caller, Channel, ChannelState, Customer, Dialled, Leg, Pulse
from acd.simulation.telling import Teller

NORMAL = 16
"""AST_CAUSE_NORMAL_CLEARING. One of the two releases names it when a telephone of ours hangs up, and the other one when
somebody does whom `Dial()` has called."""
Dialogue = Generator[float, None, None]


class Switch(Teller):
    def __init__(
        self,
        now: Callable[[], float],
        chance: random.Random,
        hangup_cause: int,
        told: frozenset[str] | None,
        pulse: Pulse | None,
    ) -> None:
        super().__init__(told)
        self.now = now
        self.channels: dict[str, Channel] = {}
        """Those that live, by Uniqueid."""
        self.variables: dict[str, str] = {}
        """Global ones."""
        self._chance = chance
        self._hangup_cause = hangup_cause
        self._loop: Pulse | asyncio.AbstractEventLoop = pulse or asyncio.get_running_loop()
        self._by_name: dict[str, Channel] = {}
        self._ids = self._names = 0

    def close(self) -> None:
        for channel in list(self.channels.values()):
            channel.stops_timer()
            if isinstance(channel, Dialled):
                channel.stops_ringing()

    def find(self, name_or_id: str) -> Channel | None:
        return self.channels.get(name_or_id) or self._by_name.get(name_or_id)

    # ---- Channels come and go

    def _name(self, dial: str) -> str:
        name = f"{dial}-{self._names:08x}"
        self._names += 1
        return name

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids - 1

    def _born(self, channel: Channel) -> None:
        self.channels[channel.id] = self._by_name[channel.name] = channel
        self._tell("Newchannel", channel)

    def _is_up(self, channel: Channel) -> None:
        channel.state, channel.is_up_since = ChannelState.UP, self.now()
        self._tell("Newstate", channel)

    def _shows(self, channel: Channel, number: str, name: str) -> None:
        """To whoever is called from it, or on it."""
        channel.number, channel.caller_name = number, name
        self._tell("NewCallerid", channel, {"CID-CallingPres": "0 (Presentation Allowed, Not Screened)"})

    def _gone(self, channel: Channel, cause: int, tech_cause: str = "") -> None:
        channel.stops_timer()
        del self.channels[channel.id], self._by_name[channel.name]
        causes = {"Cause": str(cause), "Cause-txt": CAUSES.get(cause, "Unknown")}
        self._tell("Hangup", channel, causes | ({"TechCause": tech_cause} if tech_cause else {}))

    # ---- Telephones ring

    def _rings(
        self,
        dialled: Dialled,
        seconds: float,
        answers: Callable[[], object],
        rejects: Callable[[], object],
        rings_out: Callable[[], object],
    ) -> None:
        dialled.ring_timer = self._loop.call_later(seconds, rings_out)
        answers_after, rejects_after = dialled.manner.answers_after_seconds, dialled.manner.rejects_after_seconds
        if answers_after is not None and (rejects_after is None or answers_after <= rejects_after):
            dialled.timer = self._loop.call_later(answers_after, answers)
        elif rejects_after is not None:
            dialled.timer = self._loop.call_later(rejects_after, rejects)

    # ---- Dialogues

    def _leads(self, channel: Channel, dialogue: Dialogue) -> None:
        seconds = next(dialogue, None)
        if seconds is not None:
            channel.step = self._loop.call_later(seconds, self._leads, channel, dialogue)

    # ---- Bridges

    def bridge(self, one: Channel, other: Channel) -> None:
        """Who is in a bridge already is taken out of it, and whoever he talked with is dropped."""
        bridge = self._new_bridge()
        one.linked_id = other.linked_id = min((one, other), key=lambda channel: isinstance(channel, Leg)).linked_id
        for channel in (one, other):
            self._out_of_his_bridge(channel, partial(self._enters_bridge, channel, bridge))
        for channel, partner in ((one, other), (other, one)):
            channel.variables["BRIDGEPEER"] = partner.name
            channel.connected_number, channel.connected_name = partner.number, partner.caller_name
            self._tell("NewConnectedLine", channel)

    def tear_apart(self, one: Channel, other: Channel) -> None:
        """Asked to bridge two who are in one bridge already, Asterisk ends their talk (22.10.1, 16.28.0)."""
        bridge = self._new_bridge()
        self._is_left(*self._leaves_bridge(one))
        self._tell_bridge("BridgeDestroy", bridge)
        self._goes_on(one)

    def _new_bridge(self) -> Bridge:
        bridge = Bridge(str(UUID(int=self._chance.getrandbits(128), version=4)))
        self._tell_bridge("BridgeCreate", bridge)
        return bridge

    def _enters_bridge(self, channel: Channel, bridge: Bridge) -> None:
        channel.stops_timer()
        talk_seconds = self._begins_to_talk(channel)
        bridge.members.append(channel)
        channel.bridge = bridge
        self._tell_bridge("BridgeEnter", bridge, channel)
        if talk_seconds is not None:
            channel.timer = self._loop.call_later(talk_seconds, self.hang_up, channel)

    def _leaves_bridge(self, channel: Channel) -> tuple[Channel, Bridge]:
        """And so does the other one, who is left alone."""
        bridge = channel.bridge
        assert bridge  # noqa: S101
        (other,) = (member for member in bridge.members if member is not channel)
        for leaving in (channel, other):
            bridge.members.remove(leaving)
            leaving.bridge = None
            leaving.variables.pop("BRIDGEPEER", None)
            leaving.stops_timer()
            self._tell_bridge("BridgeLeave", bridge, leaving)
        return other, bridge

    def _is_left(self, channel: Channel, bridge: Bridge) -> None:
        self._tell_bridge("BridgeDestroy", bridge)
        self._goes_on(channel)

    def _out_of_his_bridge(self, channel: Channel, goes: Callable[[], object]) -> None:
        alone = self._leaves_bridge(channel) if channel.bridge else None
        goes()
        if alone:
            self._is_left(*alone)

    # ---- Hanging up

    def hang_up(self, channel: Channel) -> None:
        """Its person hangs up."""
        if channel.id not in self.channels:
            return
        cause = NORMAL - self._hangup_cause if isinstance(channel, Customer) else self._hangup_cause
        self._tell("HangupRequest", channel, {"Cause": str(cause)} if cause else {})
        if channel.bridge:
            self._talk_ends(channel, 16)
            return
        if isinstance(channel, Caller):
            self._stops_waiting(channel)
        self._tell("SoftHangupRequest", channel, {"Cause": "16"})
        self._gone(channel, cause)

    def _talk_ends(self, channel: Channel, cause: int) -> None:
        """Each of the two ends on a thread of its own: which of them is the first is open."""
        alone = self._leaves_bridge(channel)
        ends: list[Callable[[], None]] = [lambda: self._gone(channel, cause), lambda: self._is_left(*alone)]
        self._chance.shuffle(ends)
        for end in ends:
            end()

    def _dialplan_ends(self, channel: Channel) -> None:
        channel.stops_timer()
        channel.priority = 5
        self._tell("SoftHangupRequest", channel, {"Cause": "16"})
        self._gone(channel, 16)

    # ---- What the dialplan has to say to it

    def _begins_to_talk(self, channel: Channel) -> float | None:
        """After how many seconds its person hangs up; None, he does not."""
        raise NotImplementedError

    def _goes_on(self, channel: Channel) -> None:
        """At the next priority of its dialplan: the talk is over."""
        raise NotImplementedError

    def _stops_waiting(self, caller: Caller) -> None:
        raise NotImplementedError
