"""The simulated Asterisk: channels in the dialplan of `dialplans/acd.conf`, phones that ring, and people on them.

It does what the real one was seen to do: which events, of whom, in which order, with which causes; a test holds the two
against each other. Where the real one takes either of two orders, so does this one, by lot. It takes no time of its
own: what follows at once in the real one (within a millisecond or two) follows here in the same instant.

What is not here: any other dialplan than the one in acd.conf with its defaults and `Hangup()` behind it, native queues
(a fallback goes on at once, as where no queue of that name is configured), transfers, sound.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from urllib.parse import quote
from uuid import UUID

from acd.simulation.channels import CAUSES, Bridge, Caller, Channel, ChannelState, Leg, Originate, Pulse
from acd.simulation.dialplan import join_headers
from acd.simulation.people import Manner, Visitor
from acd.simulation.telling import Teller

LOOP_SECONDS = 5.0
"""`WaitExten(5)`: how often waiting callers look whether they are to go on. (Here all of them at the same moment.)"""
STALE_SECONDS = 15.0
"""A heartbeat older than this sends who calls to the fallback."""
SILENT_ROUNDS = 3
"""So many rounds without one send there who waits."""
ANNOUNCEMENT_SECONDS = 8.0
"""What the shipped sounds take to tell a place and a wait; here each announcement does."""
ELSEWHERE_SECONDS = 2.0
"""How long it takes to say that somebody else has the call."""
UNBRIDGED_SECONDS = 10.0
"""`Wait(10)`: a leg that is not bridged by then hangs up."""


class SimulatedPbx(Teller):
    """To be made on the loop on which it is to live; `now` tells seconds of UTC.

    `told` are the names of the events that anybody reads; None, all are told, as the real one does.
    """

    def __init__(
        self,
        now: Callable[[], float],
        chance: random.Random,
        release: str = "22",
        told: frozenset[str] | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        super().__init__(told)
        self.now = now
        self.started_at = now()
        self.channels: dict[str, Channel] = {}
        """Those that live, by Uniqueid."""
        self.variables: dict[str, str] = {}
        """Global ones."""
        self.phones: dict[str, Callable[[], Manner]] = {}
        """Those that can be reached, by what is dialled (`PJSIP/alice`); asked at each ring what its person will do."""
        self._chance = chance
        self._join = join_headers()
        self._hangup_cause = 16 if release == "16" else 0
        self._loop: Pulse | asyncio.AbstractEventLoop = pulse or asyncio.get_running_loop()
        self._by_name: dict[str, Channel] = {}
        self._waiting: dict[str, Caller] = {}
        self._ids = self._names = 0
        self._round = self._loop.call_later(LOOP_SECONDS, self._go_round)

    def close(self) -> None:
        self._round.cancel()
        for channel in list(self.channels.values()):
            channel.stops_timer()
            if isinstance(channel, Leg) and channel.ring_timer:
                channel.ring_timer.cancel()

    def find(self, name_or_id: str) -> Channel | None:
        return self.channels.get(name_or_id) or self._by_name.get(name_or_id)

    # ---- Callers

    def call(self, visitor: Visitor) -> Caller:
        """Somebody calls in, and is in the line when this returns (or was sent on, where nobody steers)."""
        caller = Caller(self._name(f"PJSIP/{visitor.endpoint}"), f"{int(self.now())}.{self._next_id()}", visitor)
        self._born(caller)
        caller.variables |= visitor.variables()
        if self._is_unsteered():
            self._falls_back(caller)
        else:
            self._joins(caller)
        return caller

    def _joins(self, caller: Caller) -> None:
        caller.moves("acd-greeting", "s", 1)
        caller.heard = self.variables.get("ACD_HEARTBEAT", "")
        self._is_up(caller)
        self._hears_music(caller)
        caller.variables |= {"ACD_STATUS": "", "ACD_ASIDE": "", "BRIDGEPEER": "nobody"}
        caller.variables["ACD_JOINED"] = f"{self.now():.3f}"
        values = {header: quote(caller.variables.get(name, ""), safe="") for header, name in self._join.items()}
        caller.moves("acd-wait", "s", 6)
        self._user_event(caller, "AcdJoin", values)
        self._waits(caller)

    def _hears_music(self, caller: Caller) -> None:
        caller.moves("acd-music", "s", 1)
        caller.hears_music = True
        self._tell("MusicOnHoldStart", caller, "Class: default\r\n")

    def _waits(self, caller: Caller) -> None:
        caller.moves("acd-wait", "s", 7)
        caller.waits = True
        self._waiting[caller.id] = caller
        self._has_patience(caller)

    def _has_patience(self, caller: Caller) -> None:
        patience = caller.visitor.patience_seconds
        if caller.gives_up_at is None and patience is not None:
            caller.gives_up_at = self.now() + patience
        if caller.gives_up_at is not None:
            left = max(0.0, caller.gives_up_at - self.now())
            caller.timer = self._loop.call_later(left, self.hang_up, caller)

    def _stops_waiting(self, caller: Caller) -> None:
        caller.waits = False
        self._waiting.pop(caller.id, None)
        caller.stops_timer()
        if caller.hears_music:
            caller.hears_music = False
            self._tell("MusicOnHoldStop", caller)

    def _go_round(self) -> None:
        self._round = self._loop.call_later(LOOP_SECONDS, self._go_round)
        heartbeat = self.variables.get("ACD_HEARTBEAT", "")
        for caller in list(self._waiting.values()):
            caller.silent_rounds = caller.silent_rounds + 1 if caller.heard == heartbeat else 0
            caller.heard = heartbeat
            if caller.goes_on:
                self._returns(caller)
            elif caller.silent_rounds >= SILENT_ROUNDS:
                caller.priority = 24
                self._falls_back(caller)

    def _is_unsteered(self) -> bool:
        heartbeat = self.variables.get("ACD_HEARTBEAT", "")
        return int(self.now()) - int(heartbeat or 0) > STALE_SECONDS

    def _falls_back(self, caller: Caller) -> None:
        caller.variables["ACD_STATUS"] = "FALLBACK"
        fell_back = f"ACD_FELL_BACK_{caller.visitor.queue}"
        self.variables[fell_back] = str(int(self.variables.get(fell_back, 0)) + 1)
        self._returns(caller)

    def _returns(self, caller: Caller) -> None:
        """`leave`: the subroutine is over."""
        self._goes(caller, "from-phones", caller.visitor.queue)

    def _goes(self, caller: Caller, context: str, exten: str) -> None:
        self._stops_waiting(caller)
        caller.sent_on_as = caller.variables["ACD_STATUS"]
        caller.moves(context, exten, 2)
        self._tell("SoftHangupRequest", caller, "Cause: 16\r\n")
        self._gone(caller, 16)

    # ---- Legs

    def originate(self, asked: Originate) -> None:
        manner = self.phones.get(asked.dial)
        if manner is None or asked.channel_id in self.channels:
            self._respond(asked, "Failure", asked.dial, 0)
            return
        leg = Leg(self._name(asked.dial), asked, manner())
        self._next_id()
        self._born(leg)
        self._shows_caller(leg)
        self._tell_dial("DialBegin", leg, f"DialString: {asked.dial.partition('/')[2]}\r\n")
        leg.state = ChannelState.RINGING
        self._tell("Newstate", leg)
        self._tell_dial("DialState", leg, "DialStatus: RINGING\r\n")
        self._awaits_its_person(leg)

    def _shows_caller(self, leg: Leg) -> None:
        asked = leg.originate
        if asked.number or asked.name:
            leg.number, leg.caller_name = asked.number, asked.name
            self._tell("NewCallerid", leg, "CID-CallingPres: 0 (Presentation Allowed, Not Screened)\r\n")
            leg.connected_number, leg.connected_name = asked.number, asked.name
            self._tell("NewConnectedLine", leg)

    def _awaits_its_person(self, leg: Leg) -> None:
        leg.ring_timer = self._loop.call_later(leg.originate.seconds, self._rings_out, leg)
        answers, rejects = leg.manner.answers_after_seconds, leg.manner.rejects_after_seconds
        if answers is not None and (rejects is None or answers <= rejects):
            leg.timer = self._loop.call_later(answers, self.pick_up, leg)
        elif rejects is not None:
            leg.timer = self._loop.call_later(rejects, self.reject, leg)

    def pick_up(self, leg: Leg) -> None:
        self._stops_ringing(leg)
        self._is_up(leg)
        self._tell_dial("DialEnd", leg, "DialStatus: ANSWER\r\n")
        self._respond(leg.originate, "Success", leg.name, 4)
        if leg.variables.get("ACD_ELSEWHERE"):
            self.says_why(leg)
        elif leg.variables.get("ACD_ACCEPT_KEY"):
            leg.timer = self._loop.call_later(leg.manner.presses_after_seconds, self._accepts, leg)
        else:
            self._accepts(leg)

    def says_why(self, leg: Leg) -> None:
        """Somebody else has the call."""
        leg.stops_timer()
        self._user_event(leg, "AcdElsewhere", {})
        leg.timer = self._loop.call_later(ELSEWHERE_SECONDS, self._dialplan_ends, leg)

    def _accepts(self, leg: Leg) -> None:
        leg.variables["ACD_ACCEPTED"] = "yes"
        leg.moves("acd-agent", "s", 3)
        self._user_event(leg, "AcdAccept", {})
        leg.priority = 4
        leg.timer = self._loop.call_later(UNBRIDGED_SECONDS, self._dialplan_ends, leg)

    def reject(self, leg: Leg) -> None:
        self._stops_ringing(leg)
        self._tell("HangupRequest", leg, "Cause: 17\r\nTechCause: 486\r\n")
        self._dial_failed(leg, "BUSY", 0, 17, "486")

    def _rings_out(self, leg: Leg) -> None:
        self._stops_ringing(leg)
        self._dial_failed(leg, "", 3, 19, "480")

    def _dial_failed(self, leg: Leg, status: str, reason: int, cause: int, tech_cause: str = "") -> None:
        """Two threads of Asterisk tell of it: which of them is the first is open."""
        if status:
            self._tell_dial("DialEnd", leg, f"DialStatus: {status}\r\n")
        response_comes_first = self._chance.random() < 0.5
        if response_comes_first:
            self._respond(leg.originate, "Failure", leg.originate.dial, reason)
        self._gone(leg, cause, tech_cause)
        if not response_comes_first:
            self._respond(leg.originate, "Failure", leg.originate.dial, reason)

    def _stops_ringing(self, leg: Leg) -> None:
        leg.stops_timer()
        if leg.ring_timer:
            leg.ring_timer.cancel()

    # ---- Hanging up

    def hang_up(self, channel: Channel) -> None:
        """Its person hangs up."""
        if channel.id not in self.channels:
            return
        cause = self._hangup_cause
        self._tell("HangupRequest", channel, f"Cause: {cause}\r\n" if cause else "")
        if channel.bridge:
            self._talk_ends(channel, 16)
            return
        if isinstance(channel, Caller):
            self._stops_waiting(channel)
        self._tell("SoftHangupRequest", channel, "Cause: 16\r\n")
        self._gone(channel, cause)

    def hang_up_asked(self, channel: Channel, cause: int) -> None:
        """Somebody asked for it over AMI."""
        if isinstance(channel, Leg) and channel.state is not ChannelState.UP:
            self._stops_ringing(channel)
            self._dial_failed(channel, "NOANSWER", 0, cause)
            return
        self._tell("SoftHangupRequest", channel, "Cause: 16\r\n")
        if channel.bridge:
            self._talk_ends(channel, cause or 16)
            return
        if isinstance(channel, Caller):
            self._stops_waiting(channel)
        self._gone(channel, cause)

    def _talk_ends(self, channel: Channel, cause: int) -> None:
        """Each of the two ends on a thread of its own: which of them is the first is open."""
        alone = self._leaves_bridge(channel)
        ends: list[Callable[[], None]] = [lambda: self._gone(channel, cause), lambda: self._is_left(*alone)]
        self._chance.shuffle(ends)
        for end in ends:
            end()

    def _dialplan_ends(self, leg: Channel) -> None:
        leg.stops_timer()
        leg.priority = 5
        self._tell("SoftHangupRequest", leg, "Cause: 16\r\n")
        self._gone(leg, 16)

    # ---- Bridges

    def bridge(self, one: Channel, other: Channel) -> None:
        """Who is in a bridge already is taken out of it, and whoever he talked with is dropped."""
        bridge = Bridge(str(UUID(int=self._chance.getrandbits(128), version=4)))
        self._tell_bridge("BridgeCreate", bridge)
        one.linked_id = other.linked_id = min((one, other), key=lambda channel: isinstance(channel, Leg)).linked_id
        for channel in (one, other):
            alone = self._leaves_bridge(channel) if channel.bridge else None
            self._enters_bridge(channel, bridge)
            if alone:
                self._is_left(*alone)
        for channel, partner in ((one, other), (other, one)):
            channel.variables["BRIDGEPEER"] = partner.name
            channel.connected_number, channel.connected_name = partner.number, partner.caller_name
            self._tell("NewConnectedLine", channel)

    def tear_apart(self, one: Channel, other: Channel) -> None:
        """Asked to bridge two who are in one bridge already, Asterisk ends their talk (22.10.1, 16.28.0)."""
        bridge = Bridge(str(UUID(int=self._chance.getrandbits(128), version=4)))
        self._tell_bridge("BridgeCreate", bridge)
        self._is_left(*self._leaves_bridge(one))
        self._tell_bridge("BridgeDestroy", bridge)
        self._goes_on(one)

    def _enters_bridge(self, channel: Channel, bridge: Bridge) -> None:
        channel.stops_timer()
        if isinstance(channel, Caller):
            channel.was_bridged = True
            if channel.waits:
                self._stops_waiting(channel)
                channel.priority = 8
            talk_seconds = channel.visitor.talk_seconds
        else:
            assert isinstance(channel, Leg)  # noqa: S101
            channel.priority = 5
            talk_seconds = channel.manner.talk_seconds
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

    def _goes_on(self, channel: Channel) -> None:
        """At the next priority of his dialplan."""
        if not isinstance(channel, Caller):
            self._dialplan_ends(channel)
        elif channel.goes_on:
            self._returns(channel)
        else:
            self._waits(channel)

    # ---- What AMI asks for besides

    def redirect_out_of_the_line(self, caller: Caller, context: str, exten: str) -> None:
        """To `leave` in acd-wait, or to a context of the operator's: wherever it is, behind it stands `Hangup()`."""
        alone = self._leaves_bridge(caller) if caller.bridge else None
        self._goes(caller, context, exten)
        if alone:
            self._is_left(*alone)

    def redirect_into_the_line(self, caller: Caller) -> None:
        """To `again` in acd-wait."""
        alone = self._leaves_bridge(caller) if caller.bridge else None
        self._waits_again(caller)
        if alone:
            self._is_left(*alone)

    def _waits_again(self, caller: Caller) -> None:
        self._stops_waiting(caller)
        self._hears_music(caller)
        caller.moves("acd-wait", "s", 21)
        self._user_event(caller, "AcdWaits", {})
        if caller.goes_on:
            self._returns(caller)
        else:
            self._waits(caller)

    def announce(self, caller: Caller) -> None:
        """To acd-announce: the music stops, and is back when it has been said."""
        alone = self._leaves_bridge(caller) if caller.bridge else None
        self._stops_waiting(caller)
        caller.moves("acd-announce", "s", 9)
        self._has_patience(caller)
        caller.speech = self._loop.call_later(ANNOUNCEMENT_SECONDS, self._waits_again, caller)
        if alone:
            self._is_left(*alone)

    def status(self, names: Iterable[str]) -> list[str]:
        """Of each channel, the header lines of its Status event."""
        return [channel.status(names, self.now()) for channel in self.channels.values()]

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

    def _gone(self, channel: Channel, cause: int, tech_cause: str = "") -> None:
        channel.stops_timer()
        del self.channels[channel.id], self._by_name[channel.name]
        tail = f"TechCause: {tech_cause}\r\n" if tech_cause else ""
        self._tell("Hangup", channel, f"Cause: {cause}\r\nCause-txt: {CAUSES.get(cause, 'Unknown')}\r\n{tail}")
