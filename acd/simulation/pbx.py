"""The simulated Asterisk: channels in the dialplan of `dialplans/acd.conf`, phones that ring, and people on them. (What
it does with any channel stands in `switching`, the dialogues of `acd-callbacks.conf` in `callbacks`.)

It does what the real one was seen to do: which events, of whom, in which order, with which causes; a test holds the two
against each other. Where the real one takes either of two orders, so does this one, by lot. It takes no time of its
own: what follows at once in the real one (within a millisecond or two) follows here in the same instant.

What is not here: any other dialplan than the one in acd.conf with its defaults and `Hangup()` behind it, native queues
(a fallback goes on at once, as where no queue of that name is configured), transfers, sound.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from urllib.parse import quote

from acd.simulation.callbacks import Callbacks
from acd.simulation.channels import Caller, Channel, ChannelState, Dialled, Leg, Originate, Pulse, Status
from acd.simulation.dialplan import join_headers
from acd.simulation.people import Manner, Visitor
from acd.simulation.switching import Dialogue

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
DOUBT_SECONDS, DOUBTS = 0.1, 40
"""How often who was in a bridge asks himself whether somebody else was in it, until he goes on as who talked."""
UNBRIDGED_SECONDS = 10.0
"""`Wait(10)`: a leg that is not bridged by then hangs up."""


class SimulatedPbx(Callbacks):
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
        super().__init__(now, chance, 16 if release == "16" else 0, told, pulse)
        self.started_at = now()
        self.phones: dict[str, Callable[[], Manner]] = {}
        """Those that can be reached, by what is dialled (`PJSIP/alice`); asked at each ring what its person will do."""
        self.outside = lambda dial: None
        self._join = join_headers()
        self._waiting: dict[str, Caller] = {}
        self._round = self._loop.call_later(LOOP_SECONDS, self._go_round)

    def close(self) -> None:
        self._round.cancel()
        super().close()

    # ---- Callers

    def call(self, visitor: Visitor) -> Caller:
        """Somebody calls in, and is in the line when this returns (or was sent on, where nobody steers)."""
        caller = Caller(self._name(f"PJSIP/{visitor.endpoint}"), f"{int(self.now())}.{self._next_id()}", visitor)
        self._born(caller)
        caller.variables |= visitor.variables() | {"ACD_STATUS": "", "ACD_ASIDE": ""}
        self._comes_to_the_line(caller)
        return caller

    def _comes_to_the_line(self, caller: Caller) -> None:
        self._stops_waiting(caller)
        if self._is_unsteered():
            self._falls_back(caller)
        else:
            self._joins(caller)

    def _joins(self, caller: Caller) -> None:
        caller.moves("acd-greeting", "s", 1)
        caller.heard = self.variables.get("ACD_HEARTBEAT", "")
        if caller.state is not ChannelState.UP:
            self._is_up(caller)
        self._hears_music(caller)
        caller.variables |= {"BRIDGEPEER": "nobody", "ACD_TALKED": "", "ACD_JOINED": f"{self.now():.3f}"}
        values = {header: quote(caller.variables.get(name, ""), safe="") for header, name in self._join.items()}
        caller.moves("acd-wait", "s", 6)
        self._user_event(caller, "AcdJoin", values)
        self._waits(caller)

    def _hears_music(self, caller: Caller) -> None:
        caller.moves("acd-music", "s", 1)
        caller.hears_music = True
        self._tell("MusicOnHoldStart", caller, {"Class": "default"})

    def _waits(self, caller: Caller) -> None:
        caller.moves("acd-wait", "s", 7)
        caller.waits = True
        self._waiting[caller.id] = caller
        self._has_patience(caller)

    def _has_patience(self, caller: Caller) -> None:
        """For so long he waits; or until he presses the key for a message."""
        patience = caller.visitor.patience_seconds
        if caller.gives_up_at is None and patience is not None:
            caller.gives_up_at = self.now() + patience
        does = ((caller.gives_up_at, self.hang_up), (caller.presses_at, self._presses_the_key))
        at, act = min(((at, act) for at, act in does if at is not None), default=(None, None), key=lambda one: one[0])
        if at is not None and act is not None:
            caller.timer = self._loop.call_later(max(0.0, at - self.now()), act, caller)

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
        self._tell("SoftHangupRequest", caller, {"Cause": "16"})
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
        self._tell_dial("DialBegin", leg, {"DialString": asked.dial.partition("/")[2]})
        leg.state = ChannelState.RINGING
        self._tell("Newstate", leg)
        self._tell_dial("DialState", leg, {"DialStatus": "RINGING"})
        self._awaits_its_person(leg)

    def _shows_caller(self, leg: Leg) -> None:
        asked = leg.originate
        if asked.number or asked.name:
            self._shows(leg, asked.number, asked.name)
            leg.connected_number, leg.connected_name = asked.number, asked.name
            self._tell("NewConnectedLine", leg)

    def _awaits_its_person(self, leg: Leg) -> None:
        self._rings(
            leg,
            leg.originate.seconds,
            answers=lambda: self.pick_up(leg),
            rejects=lambda: self.reject(leg),
            rings_out=lambda: self._rings_out(leg),
        )

    def pick_up(self, leg: Leg) -> None:
        leg.stops_ringing()
        self._is_up(leg)
        self._tell_dial("DialEnd", leg, {"DialStatus": "ANSWER"})
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
        if leg.variables.get("ACD_KIND") == "callback":
            self._leads(leg, self._hears_callback(leg))
        else:
            leg.timer = self._loop.call_later(UNBRIDGED_SECONDS, self._dialplan_ends, leg)

    def reject(self, leg: Leg) -> None:
        leg.stops_ringing()
        self._tell("HangupRequest", leg, {"Cause": "17", "TechCause": "486"})
        self._dial_failed(leg, "BUSY", 0, 17, "486")

    def _rings_out(self, leg: Leg) -> None:
        leg.stops_ringing()
        self._dial_failed(leg, "", 3, 19, "480")

    def _dial_failed(self, leg: Leg, status: str, reason: int, cause: int, tech_cause: str = "") -> None:
        """Two threads of Asterisk tell of it: which of them is the first is open."""
        if status:
            self._tell_dial("DialEnd", leg, {"DialStatus": status})
        response_comes_first = self._chance.random() < 0.5
        if response_comes_first:
            self._respond(leg.originate, "Failure", leg.originate.dial, reason)
        self._gone(leg, cause, tech_cause)
        if not response_comes_first:
            self._respond(leg.originate, "Failure", leg.originate.dial, reason)

    # ---- Hanging up, and going on

    def hang_up_asked(self, channel: Channel, cause: int) -> None:
        """Somebody asked for it over AMI."""
        if isinstance(channel, Leg) and channel.state is not ChannelState.UP:
            channel.stops_ringing()
            self._dial_failed(channel, "NOANSWER", 0, cause)
            return
        self._tell("SoftHangupRequest", channel, {"Cause": "16"})
        if channel.bridge:
            self._talk_ends(channel, cause or 16)
            return
        if isinstance(channel, Caller):
            self._stops_waiting(channel)
        self._gone(channel, cause or channel.last_cause)

    def _begins_to_talk(self, channel: Channel) -> float | None:
        if isinstance(channel, Caller):
            channel.was_bridged = True
            if channel.waits:
                self._stops_waiting(channel)
                channel.priority = 8
            return channel.visitor.talk_seconds
        assert isinstance(channel, Dialled)  # noqa: S101
        channel.priority = 5
        return channel.manner.talk_seconds

    def _goes_on(self, channel: Channel) -> None:
        if isinstance(channel, Leg) and channel.customer:
            self._customer_has_left(channel, channel.customer)
        elif not isinstance(channel, Caller):
            self._dialplan_ends(channel)
        elif channel.goes_on:
            self._leads(channel, self._was_bridged(channel))
        else:
            self._waits(channel)

    def _was_bridged(self, caller: Caller) -> Dialogue:
        """`bridged`: with somebody else, if the daemon says so."""
        for _ in range(DOUBTS):
            if caller.variables["ACD_STATUS"] != "ANSWERED" or caller.variables["ACD_TALKED"]:
                break
            yield DOUBT_SECONDS
        if caller.variables["ACD_STATUS"]:
            self._returns(caller)
        else:
            self._waits(caller)

    # ---- What AMI asks for besides

    def redirect_out_of_the_line(self, caller: Caller, context: str, exten: str) -> None:
        """To `leave` in acd-wait, or to a context of the operator's: wherever it is, behind it stands `Hangup()`."""
        self._out_of_his_bridge(caller, lambda: self._goes(caller, context, exten))

    def redirect_into_the_line(self, caller: Caller) -> None:
        """To `again` in acd-wait."""
        self._out_of_his_bridge(caller, lambda: self._waits_again(caller))

    def redirect_to_the_door(self, caller: Caller) -> None:
        """To the first step of acd-wait."""
        self._out_of_his_bridge(caller, lambda: self._comes_to_the_line(caller))

    def announce(self, caller: Caller) -> None:
        """To acd-announce: the music stops, and is back when it has been said."""
        self._out_of_his_bridge(caller, lambda: self._is_told(caller, self._announcement(caller)))

    def _is_told(self, caller: Caller, dialogue: Dialogue) -> None:
        caller.is_asked = False
        self._stops_waiting(caller)
        self._has_patience(caller)
        self._leads(caller, dialogue)

    def _announcement(self, caller: Caller) -> Dialogue:
        caller.moves("acd-announce", "s", 9)
        yield ANNOUNCEMENT_SECONDS
        self._waits_again(caller)

    def _waits_again(self, caller: Caller) -> None:
        self._stops_waiting(caller)
        self._hears_music(caller)
        caller.moves("acd-wait", "s", 21)
        caller.variables["ACD_ASIDE"] = ""
        if not caller.variables["ACD_STATUS"]:
            caller.variables |= {"BRIDGEPEER": "nobody", "ACD_TALKED": ""}
        self._user_event(caller, "AcdWaits", {})
        self._goes_on(caller)

    def status(self, names: Iterable[str]) -> list[Status]:
        return [channel.status(names, self.now()) for channel in self.channels.values()]
