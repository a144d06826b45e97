"""What happened, from events that any AMI listener hears: who waits, who rings, who talks, and how long each step took.

Both contestants are told by the same rules from the same events, and neither is asked:

- a caller joins when the bench's own dialplan says so (`BenchJoin`), the line before `Queue()` or `Gosub(acd-queue,…)`;
- an agent is dialled when the channel to his phone is made (`Newchannel`), and free when it is gone (`Hangup`);
- he has answered when it is up (`Newstate`), and both hear each other when the second of them enters their bridge.

A delay counts only where nothing else had to be waited for: an agent's, if a caller for him waited at the moment when
he was free; a caller's, if an agent for him was idle at the moment when he joined.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

UP = "6"
"""ChannelState of an answered channel (AST_STATE_UP in Asterisk's channelstate.h)."""
_AGENT = re.compile(r"PJSIP/(agent\d+)-[0-9a-f]+")


@dataclass
class Caller:
    joined_at: float
    agent_was_idle: bool
    connected_at: float | None = None


@dataclass
class Leg:
    agent: str
    dialled_at: float
    answered_at: float | None = None
    connected: bool = False


@dataclass(frozen=True)
class Delay:
    at: float
    """The moment at which it began."""
    seconds: float


@dataclass
class Story:
    agents: frozenset[str]
    backlog: int = 0
    """An agent's becoming free counts only while so many callers wait."""
    free_to_dial: list[Delay] = field(default_factory=list)
    join_to_dial: list[Delay] = field(default_factory=list)
    answer_to_bridge: list[Delay] = field(default_factory=list)
    joined: int = 0
    connected: int = 0
    left_unconnected: int = 0
    rung_twice: int = 0

    def __post_init__(self) -> None:
        self._callers: dict[str, Caller] = {}
        self._legs: dict[str, Leg] = {}
        self._legs_of: dict[str, int] = dict.fromkeys(self.agents, 0)
        self._idle = len(self.agents)
        self._waiting = 0
        self._ringing = 0
        self._free_since: dict[str, float] = {}
        """Of agents for whom a caller waited when they became free."""
        self._bridges: dict[str, set[str]] = {}

    @property
    def waiting(self) -> int:
        """Callers for whom no phone rings yet."""
        return self._waiting - self._ringing

    @property
    def live(self) -> int:
        """Callers who wait or talk."""
        return len(self._callers)

    def hear(self, at: float, name: str, event: Mapping[str, str]) -> None:
        if tell := _TELLERS.get(name):
            tell(self, at, event)

    def _user_event(self, at: float, event: Mapping[str, str]) -> None:
        if event["UserEvent"] == "BenchJoin":
            self._callers[event["Uniqueid"]] = Caller(at, agent_was_idle=self._idle > max(0, self.waiting))
            self.joined += 1
            self._waiting += 1

    def _new_channel(self, at: float, event: Mapping[str, str]) -> None:
        found = _AGENT.fullmatch(event["Channel"])
        if not found or found[1] not in self.agents:
            return
        agent = found[1]
        self._legs[event["Uniqueid"]] = Leg(agent, dialled_at=at)
        self._legs_of[agent] += 1
        self._ringing += 1
        if self._legs_of[agent] > 1:
            self.rung_twice += 1
            return
        self._idle -= 1
        free_since = self._free_since.pop(agent, None)
        if free_since is not None:
            self.free_to_dial.append(Delay(free_since, at - free_since))

    def _new_state(self, at: float, event: Mapping[str, str]) -> None:
        leg = self._legs.get(event["Uniqueid"])
        if leg and leg.answered_at is None and event["ChannelState"] == UP:
            leg.answered_at = at

    def _entered_bridge(self, at: float, event: Mapping[str, str]) -> None:
        inside = self._bridges.setdefault(event["BridgeUniqueid"], set())
        inside.add(event["Uniqueid"])
        caller = next((self._callers[channel] for channel in inside if channel in self._callers), None)
        leg = next((self._legs[channel] for channel in inside if channel in self._legs), None)
        if caller and leg and caller.connected_at is None:
            self._connect(at, caller, leg)

    def _connect(self, at: float, caller: Caller, leg: Leg) -> None:
        caller.connected_at = at
        leg.connected = True
        self.connected += 1
        self._waiting -= 1
        self._ringing -= 1
        if caller.agent_was_idle:
            self.join_to_dial.append(Delay(caller.joined_at, leg.dialled_at - caller.joined_at))
        if leg.answered_at is not None:
            self.answer_to_bridge.append(Delay(leg.answered_at, at - leg.answered_at))

    def _left_bridge(self, at: float, event: Mapping[str, str]) -> None:
        inside = self._bridges.get(event["BridgeUniqueid"], set())
        inside.discard(event["Uniqueid"])
        if not inside:
            self._bridges.pop(event["BridgeUniqueid"], None)

    def _hung_up(self, at: float, event: Mapping[str, str]) -> None:
        if caller := self._callers.pop(event["Uniqueid"], None):
            if caller.connected_at is None:
                self.left_unconnected += 1
                self._waiting -= 1
        elif leg := self._legs.pop(event["Uniqueid"], None):
            self._leg_gone(at, leg)

    def _leg_gone(self, at: float, leg: Leg) -> None:
        self._legs_of[leg.agent] -= 1
        self._ringing -= not leg.connected
        if self._legs_of[leg.agent]:
            return
        self._idle += 1
        # Only if there is a caller for each agent who is idle, one of them is owed to this one.
        if self.waiting >= max(self._idle, self.backlog, 1):
            self._free_since[leg.agent] = at


_TELLERS = {
    "UserEvent": Story._user_event,
    "Newchannel": Story._new_channel,
    "Newstate": Story._new_state,
    "BridgeEnter": Story._entered_bridge,
    "BridgeLeave": Story._left_bridge,
    "Hangup": Story._hung_up,
}
WANTED = frozenset(_TELLERS)
