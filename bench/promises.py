"""What becomes of those who leave messages, by what Asterisk tells any AMI listener; and what must not.

Who hears that his place is kept, or hangs up after speaking, is owed one conversation, or all attempts at one. His
message is on disk before he hears so. Callbacks are dialled in the order in which their callers came, and no more of
them at a time than the queue allows; one that was not reached comes again later, at the place of that moment.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from bench.office import TRUNK

SPOKEN_SECONDS = 2.5
"""Who hangs up so long after he was asked to speak has spoken: the beeps before it take less than a second."""
IN_TURN_SECONDS = 0.5
"""For so long one may have waited without having been seen to when the next one is."""
TOGETHER_SECONDS = 0.1
"""Two who join, or two telephones that are called, within that may show in either order."""
KEPT = ("kept", "keep")
"""The words by which he hears it."""
_AGENT = re.compile(r"PJSIP/(agent\d+)-[0-9a-f]+")
_CUSTOMER = re.compile(rf"(\+\d+)@{TRUNK}")


@dataclass
class Caller:
    number: str
    """In E.164."""
    joined_at: float
    message: str = ""
    speaks_since: float | None = None
    owed: bool = False
    waits_since: float | None = None
    """Of one who is owed something, while no agent's telephone is up, or rings, for him."""
    missed_at: float | None = None
    """When he was last not reached."""
    dials: int = 0
    rings: bool = False
    talks: bool = False
    conversations: int = 0
    connected: bool = False
    """With an agent, on the line where he waited."""
    hung_up_first: bool = False

    @property
    def placed_at(self) -> float:
        return self.joined_at if self.missed_at is None else self.missed_at


@dataclass
class Leg:
    agent: str
    caller: Caller | None = None
    """For whom it rings."""
    hung_up_first: bool = False


@dataclass
class Promises:
    folder: Path
    """Of the messages."""
    at_once: int
    """So many customers at most may be called at a time."""
    lost: list[str] = field(default_factory=list)
    """Who was hung up on with nothing promised; or promised something that nothing has come of."""
    twice: list[str] = field(default_factory=list)
    """Who was dialled while his telephone rang, or although he had been talked with; or has two callbacks."""
    misplaced: list[str] = field(default_factory=list)
    """Who was called for another one, or with another one's message; or whose end is not what was booked."""
    cut: list[str] = field(default_factory=list)
    """Conversations that ended although neither had hung up."""
    flooded: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    """Files of messages that are nobody's; messages without their file."""

    def __post_init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        """By number."""
        self.legs: dict[str, Leg] = {}
        self.idle_since: dict[str, float] = {}
        """Of agents who have had a leg, and have none."""
        self._lines: dict[str, Caller] = {}
        """By the channel on which each calls."""
        self._called: dict[str, tuple[Caller, Leg]] = {}
        """By the channel on which each is called."""
        self._bridges: dict[str, set[str]] = {}
        self._suspects: list[tuple[float, Caller, str]] = []
        """Who seems to have been overtaken: when, and by whom."""
        self.reached = self.in_vain = 0
        """Of those whose callbacks are over."""

    @property
    def owed(self) -> list[Caller]:
        return [caller for caller in self.callers.values() if caller.owed]

    def waiting(self, since: float = inf) -> list[Caller]:
        """For their first call."""
        return [
            caller
            for caller in self.owed
            if not caller.dials and caller.waits_since is not None and caller.waits_since < since
        ]

    @property
    def overtaken(self) -> list[str]:
        return [f"{caller.number} {by}" for _, caller, by in self._suspects]

    @property
    def on_the_line(self) -> int:
        return len(self._lines)

    def hear(self, at: float, name: str, event: Mapping[str, str]) -> None:
        _TELLERS[name](self, at, event)

    # ---- On the line

    def _user_event(self, at: float, event: Mapping[str, str]) -> None:
        channel = event.get("Uniqueid", "")
        if event["UserEvent"] == "BenchJoin":
            number = f"+31{event['CallerIDNum'][1:]}"
            self.callers[number] = self._lines[channel] = Caller(number, at)
        elif event["UserEvent"] == "BenchWord" and channel in self._lines:
            self._caller_hears(at, self._lines[channel], event["Word"], event.get("Message", ""))
        elif event["UserEvent"] == "BenchWord" and channel in self.legs:
            self._agent_hears(self.legs[channel], event["Word"], event.get("Message", ""))

    def _caller_hears(self, at: float, caller: Caller, word: str, message: str) -> None:
        if word == "speak":
            caller.message, caller.speaks_since = message, at
        elif word != "review" and word not in KEPT:
            caller.speaks_since = None
        elif word in KEPT:
            self._is_owed(at, caller)
            if not (self.folder / f"{message}.wav").is_file():
                self.orphans.append(f"{caller.number} was promised {message or 'nothing'}, which is no file")

    def _is_owed(self, at: float, caller: Caller) -> None:
        if not caller.owed:
            caller.owed = True
            caller.waits_since = None if caller in self._in_hands() else at

    def _in_hands(self) -> list[Caller]:
        return [leg.caller for leg in self.legs.values() if leg.caller]

    # ---- An agent's telephone

    def _new_channel(self, at: float, event: Mapping[str, str]) -> None:
        if found := _AGENT.fullmatch(event["Channel"]):
            self.legs[event["Uniqueid"]] = Leg(found[1])
            self.idle_since.pop(found[1], None)

    def _new_state(self, at: float, event: Mapping[str, str]) -> None:
        leg = self.legs.get(event["Uniqueid"])
        caller = self.callers.get(f"+31{event['CallerIDNum'][1:]}")
        if leg is None or leg.caller or caller is None:
            return
        leg.caller, caller.waits_since = caller, None
        self._suspects = [one for one in self._suspects if one[1] is not caller or at - one[0] > TOGETHER_SECONDS]
        if caller.owed:
            before = self.waiting(at - IN_TURN_SECONDS)
            before = [one for one in before if one.joined_at < caller.placed_at - TOGETHER_SECONDS]
            by = f"by {caller.number} on {event['Uniqueid']}"
            self._suspects += [(at, one, by) for one in before]

    def _agent_hears(self, leg: Leg, word: str, message: str) -> None:
        if word == "message" and leg.caller and message != leg.caller.message:
            self.misplaced.append(f"{leg.caller.number} has left {leg.caller.message}, and {leg.agent} hears {message}")

    # ---- The customer's

    def _dial_began(self, at: float, event: Mapping[str, str]) -> None:
        leg, found = self.legs.get(event.get("Uniqueid", "")), _CUSTOMER.fullmatch(event.get("DialString", ""))
        if leg is None or found is None:
            return
        caller = self.callers[found[1]]
        if leg.caller is not caller:
            self.misplaced.append(
                f"{caller.number} is dialled by {leg.agent}, who has {leg.caller and leg.caller.number}"
            )
        if caller.rings or caller.conversations or caller.connected:
            self.twice.append(f"{caller.number} by {event['Uniqueid']}")
        caller.dials += 1
        caller.rings = True
        self._called[event["DestUniqueid"]] = (caller, leg)
        called = sum(one.rings or one.talks for one in self.callers.values())
        if called > self.at_once:
            self.flooded.append(f"{called} at a time, {caller.number} the last of them")

    def _dial_ended(self, at: float, event: Mapping[str, str]) -> None:
        if event.get("DestUniqueid") not in self._called:
            return
        caller, _ = self._called[event["DestUniqueid"]]
        caller.rings, caller.talks = False, event["DialStatus"] == "ANSWER"
        caller.conversations += caller.talks
        if not caller.talks:
            caller.missed_at = at

    # ---- Both

    def _entered_bridge(self, at: float, event: Mapping[str, str]) -> None:
        inside = self._bridges.setdefault(event["BridgeUniqueid"], set())
        inside.add(event["Uniqueid"])
        caller = next((self._lines[channel] for channel in inside if channel in self._lines), None)
        if caller and any(channel in self.legs for channel in inside):
            caller.connected = True

    def _left_bridge(self, at: float, event: Mapping[str, str]) -> None:
        self._bridges.get(event["BridgeUniqueid"], set()).discard(event["Uniqueid"])

    def _hangs_up(self, at: float, event: Mapping[str, str]) -> None:
        channel = event["Uniqueid"]
        if one := self._lines.get(channel) or self.legs.get(channel):
            one.hung_up_first = True
        elif channel in self._called:
            self._called[channel][1].hung_up_first = True

    def _hung_up(self, at: float, event: Mapping[str, str]) -> None:
        channel = event["Uniqueid"]
        if caller := self._lines.pop(channel, None):
            self._line_ended(at, caller)
        elif leg := self.legs.pop(channel, None):
            self.idle_since[leg.agent] = at
            if leg.caller and leg.caller.owed and leg.caller not in self._in_hands():
                leg.caller.waits_since = at
        elif called := self._called.pop(channel, None):
            self._customer_left(*called)

    def _line_ended(self, at: float, caller: Caller) -> None:
        if caller.owed or caller.connected:
            return
        if not caller.hung_up_first:
            self.lost.append(f"{caller.number} was hung up on")
        elif caller.speaks_since is not None and at - caller.speaks_since > SPOKEN_SECONDS:
            self._is_owed(at, caller)

    def _customer_left(self, caller: Caller, leg: Leg) -> None:
        if caller.talks and not leg.hung_up_first:
            self.cut.append(f"{leg.agent} with {caller.number}")
        caller.rings = caller.talks = False

    # ---- When all is over

    def settle(self, ended: Iterable[Mapping[str, Any]], still_open: Set[str]) -> None:
        """By what the API shows of callbacks that have ended, and by the folder of the messages. `still_open` are the
        numbers of those that have not."""
        outcomes: dict[str, list[str]] = {}
        for one in ended:
            outcomes.setdefault(f"+31{one['caller']['number'][1:]}", []).append(one["outcome"])
        for caller in self.callers.values():
            booked = outcomes.get(caller.number, [])
            if len(booked) > 1:
                self.twice.append(f"{caller.number} has {len(booked)} callbacks")
            if caller.owed and not booked and not caller.connected and caller.number not in still_open:
                self.lost.append(f"{caller.number} was promised a callback, and there is none")
            if booked and booked != [_outcome(caller)]:
                self.misplaced.append(f"{caller.number}, {_outcome(caller)} after {caller.dials} dials, is {booked[0]}")
        self._look_into_the_folder(outcomes.keys() | still_open)
        self.in_vain = sum(not self.callers[number].conversations for number in outcomes)
        self.reached = len(outcomes) - self.in_vain

    def _look_into_the_folder(self, numbers: Set[str]) -> None:
        expected = Counter(f"{self.callers[number].message}.wav" for number in numbers)
        there = Counter(path.name for path in self.folder.iterdir())
        self.orphans += sorted(f"{name} is nobody's" for name in there - expected)
        self.orphans += sorted(f"{name} is not there" for name in expected - there)


def _outcome(caller: Caller) -> str:
    return "answered" if caller.conversations else "not_reached"


_TELLERS = {
    "UserEvent": Promises._user_event,
    "Newchannel": Promises._new_channel,
    "Newstate": Promises._new_state,
    "DialBegin": Promises._dial_began,
    "DialEnd": Promises._dial_ended,
    "BridgeEnter": Promises._entered_bridge,
    "BridgeLeave": Promises._left_bridge,
    "HangupRequest": Promises._hangs_up,
    "Hangup": Promises._hung_up,
}
WANTED = frozenset(_TELLERS)
