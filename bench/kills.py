"""The daemon is killed again and again, in the middle of calls: who was lost, cut off, forgotten or called twice.

It is judged from outside: by what Asterisk tells any AMI listener, and by the states of the agents that the daemon
itself shows. Callers never hang up, agents do so after their talk; whoever goes in any other way was wronged.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bench.comparison import ANSWER_SECONDS, Say, block
from bench.daemon import Daemon
from bench.figures import Spread, spread
from bench.office import ACD, EXTENSION, Office
from bench.phones import Agents, Callers

TALK_SECONDS = 3.0
SPARE_AGENTS = 1.25
"""So many times the agents that the rate keeps busy: what has gathered while nobody steered is soon served."""
LIVES_SECONDS = (0.1, 2.5)
"""From being ready to being killed, by lot."""
LONG_SHARE, LONG_SECONDS = 0.15, (6.0, 8.0)
"""Some live for longer, to see whether they put everything right."""
DEAD_SECONDS = (0.0, 1.0)
"""Until it is started again, by lot."""
STUCK_SECONDS = 5.0
LOOK_SECONDS = 0.5
FINISH_SECONDS = 120.0
_AGENT = re.compile(r"PJSIP/(agent\d+)-[0-9a-f]+")


@dataclass
class Caller:
    number: str
    joined_at: float
    connected: bool = False
    hung_up_first: bool = False


@dataclass
class Leg:
    agent: str
    number: str = ""
    """The caller's for whom it rings."""
    caller: Caller | None = None
    """With whom it is, or was, in a bridge."""
    hung_up_first: bool = False


@dataclass
class Wrongs:
    """What Asterisk tells of callers and agents' phones, and what must not be in it."""

    joined: int = 0
    connected: int = 0
    lost: list[str] = field(default_factory=list)
    """Callers who were hung up on before anybody talked with them."""
    cut: list[str] = field(default_factory=list)
    """Conversations that ended although neither had hung up."""
    offered_twice: list[str] = field(default_factory=list)
    """Callers for whom a second phone rang, while one rang or somebody talked with them."""
    rung_twice: list[str] = field(default_factory=list)
    """Agents whose phone was called a second time while it rang or talked for one call."""

    def __post_init__(self) -> None:
        self.callers: dict[str, Caller] = {}
        self.legs: dict[str, Leg] = {}
        self.idle_since: dict[str, float] = {}
        """Of agents who have had a leg, and have none."""
        self._bridges: dict[str, set[str]] = {}

    @property
    def waiting(self) -> list[Caller]:
        """Those for whom no phone rings."""
        rung_for = {leg.number for leg in self.legs.values()}
        return [one for one in self.callers.values() if not one.connected and one.number not in rung_for]

    def hear(self, at: float, name: str, event: Mapping[str, str]) -> None:
        _TELLERS[name](self, at, event)

    def _user_event(self, at: float, event: Mapping[str, str]) -> None:
        if event["UserEvent"] == "BenchJoin":
            self.callers[event["Uniqueid"]] = Caller(event["CallerIDNum"], at)
            self.joined += 1

    def _new_channel(self, at: float, event: Mapping[str, str]) -> None:
        if found := _AGENT.fullmatch(event["Channel"]):
            if any(leg.agent == found[1] for leg in self.legs.values()):
                self.rung_twice.append(f"{found[1]} by {event['Uniqueid']}")
            self.legs[event["Uniqueid"]] = Leg(found[1])
            self.idle_since.pop(found[1], None)

    def _new_state(self, at: float, event: Mapping[str, str]) -> None:
        leg, number = self.legs.get(event["Uniqueid"]), event["CallerIDNum"]
        if leg is None or leg.number or not number.isdigit():
            return
        talks = any(one.connected and one.number == number for one in self.callers.values())
        if talks or any(other.number == number for other in self.legs.values()):
            self.offered_twice.append(f"{number} by {event['Uniqueid']}")
        leg.number = number

    def _entered_bridge(self, at: float, event: Mapping[str, str]) -> None:
        inside = self._bridges.setdefault(event["BridgeUniqueid"], set())
        inside.add(event["Uniqueid"])
        caller = next((self.callers[channel] for channel in inside if channel in self.callers), None)
        leg = next((self.legs[channel] for channel in inside if channel in self.legs), None)
        if caller and leg:
            self.connected += not caller.connected
            leg.caller, caller.connected = caller, True

    def _left_bridge(self, at: float, event: Mapping[str, str]) -> None:
        self._bridges.get(event["BridgeUniqueid"], set()).discard(event["Uniqueid"])

    def _hangs_up(self, at: float, event: Mapping[str, str]) -> None:
        one = self.callers.get(event["Uniqueid"]) or self.legs.get(event["Uniqueid"])
        if one:
            one.hung_up_first = True

    def _hung_up(self, at: float, event: Mapping[str, str]) -> None:
        if caller := self.callers.pop(event["Uniqueid"], None):
            if not caller.connected:
                self.lost.append(f"{caller.number} on {event['Uniqueid']}")
        elif leg := self.legs.pop(event["Uniqueid"], None):
            self.idle_since[leg.agent] = at
            if leg.caller and not (leg.hung_up_first or leg.caller.hung_up_first):
                self.cut.append(f"{leg.agent} with {leg.caller.number} on {event['Uniqueid']}")


_TELLERS = {
    "UserEvent": Wrongs._user_event,
    "Newchannel": Wrongs._new_channel,
    "Newstate": Wrongs._new_state,
    "BridgeEnter": Wrongs._entered_bridge,
    "BridgeLeave": Wrongs._left_bridge,
    "HangupRequest": Wrongs._hangs_up,
    "Hangup": Wrongs._hung_up,
}
WANTED = frozenset(_TELLERS)


@dataclass
class Killed:
    kills: int
    seed: int
    seconds: float
    wrongs: Wrongs
    stuck: set[str]
    """Agents who were not served, and callers beside an idle agent, for too long after a start."""
    recovery: Spread | None
    """From the start of the process until it steers."""
    errors: list[str]

    @property
    def passed(self) -> bool:
        wrongs = self.wrongs
        return not (wrongs.lost or wrongs.cut or wrongs.offered_twice or wrongs.rung_twice or self.stuck or self.errors)


async def kill_again_and_again(office: Office, agents: int, rate: float, kills: int, seed: int, say: Say) -> Killed:
    chance, wrongs, stuck = random.Random(seed), Wrongs(), set[str]()
    recoveries, began = [], time.monotonic()
    async with block(office, agents, Agents(ANSWER_SECONDS, TALK_SECONDS), ACD) as (_, daemon):
        assert daemon  # noqa: S101 - acd's block has one
        office.ruler.wanted, office.ruler.hear = WANTED, wrongs.hear
        async with office.callers(Callers(rate, EXTENSION[ACD])) as calling:
            for kill in range(1, kills + 1):
                stuck |= await watched(lives(chance), lambda: _stuck(daemon, wrongs))
                await daemon.kill()
                await asyncio.sleep(chance.uniform(*DEAD_SECONDS))
                started = time.monotonic()
                await daemon.start_again()
                recoveries.append(time.monotonic() - started)
                say(_spelt(kill, wrongs))
            stuck |= await watched(2 * STUCK_SECONDS, lambda: _stuck(daemon, wrongs))
            calling.let_finish()
            await asyncio.wait_for(calling.done(), FINISH_SECONDS)
        await asyncio.sleep(1)
        wrongs.lost += [f"{caller.number}, still waiting" for caller in wrongs.callers.values() if not caller.connected]
        errors = daemon.errors()
        office.ruler.hear = None
    return Killed(kills, seed, time.monotonic() - began, wrongs, stuck, spread(recoveries), errors)


async def watched(seconds: float, look: Callable[[], Awaitable[set[str]]]) -> set[str]:
    """Lets the daemon work for so long, and tells who is stuck when it has had time to put everything right."""
    began, stuck = time.monotonic(), set[str]()
    while (left := began + seconds - time.monotonic()) > 0:
        await asyncio.sleep(min(left, LOOK_SECONDS))
        if time.monotonic() - began > STUCK_SECONDS:
            stuck |= await look()
    return stuck


async def _stuck(daemon: Daemon, wrongs: Wrongs) -> set[str]:
    long_ago = time.monotonic() - STUCK_SECONDS
    idle = {agent for agent, since in wrongs.idle_since.items() if since < long_ago}
    states = await daemon.agents()
    idle &= wrongs.idle_since.keys()  # nobody has called them meanwhile
    stuck = {f"{agent}, idle but {states[agent]}" for agent in idle if states[agent] != "available"}
    if idle:
        stuck |= {f"{caller.number}, beside idle agents" for caller in wrongs.waiting if caller.joined_at < long_ago}
    return stuck


def lives(chance: random.Random) -> float:
    return chance.uniform(*(LIVES_SECONDS if chance.random() > LONG_SHARE else LONG_SECONDS))


def agents_for(rate: float) -> int:
    return max(2, round(rate * (TALK_SECONDS + ANSWER_SECONDS) * SPARE_AGENTS))


def _spelt(kill: int, wrongs: Wrongs) -> str:
    return (
        f"kill {kill:4}  {wrongs.joined:6,} callers  {len(wrongs.waiting):3} waiting  lost {len(wrongs.lost)}  "
        f"cut {len(wrongs.cut)}  offered twice {len(wrongs.offered_twice)}  rung twice {len(wrongs.rung_twice)}"
    )
