"""A key on a mobile: from its release to the moment at which caller and agent hear each other.

Two Asterisks: one that acd steers, and behind a trunk another one, whose subscribers pick up, listen for a while and
press 1. What is measured is all from events of the first one, as `bench/ruler.py` hears them: the key is released
(`DTMFEnd`, of which a telephone tells after the fact), the dialplan has taken it (`AcdAccept`), both are in one bridge.
How long somebody holds a key down is his own doing, and in none of the figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from acd.asterisk import pbx, private
from acd.asterisk.pbx import Endpoint, PbxSettings
from bench.comparison import Say
from bench.daemon import BenchError, Settings
from bench.figures import Spread, spread
from bench.office import ACD, EXTENSION, Office, names, open_office
from bench.phones import Callers

P99_MS = 20.0
FILL_SECONDS = 60.0
TRUNK = "mobiles"
_NETWORK = """\
[from-trunk]
exten => _X.,1,Ringing()
 same => n,Wait(0.2)
 same => n,Answer(0)
 same => n,Wait($[${RAND(300,1300)} / 1000])
 same => n,SendDTMF(1,50,100)
 same => n,Wait($[${RAND(500,1500)} / 1000])
 same => n,Hangup()
"""


WANTED = frozenset({"DTMFEnd", "UserEvent", "BridgeEnter"})
RINGS_AND_TALKS_SECONDS = 4.0


def agents_for(rate: float) -> int:
    """Half as many again as are busy on average."""
    return max(10, round(1.5 * rate * RINGS_AND_TALKS_SECONDS))


@dataclass(frozen=True)
class Keys:
    calls: int
    rate: float
    agents: int


@dataclass(frozen=True)
class Pressed:
    """How long it took, in seconds."""

    to_accept: float
    to_talk: float


@dataclass
class Told:
    """What is told of legs to mobiles."""

    pressed: list[Pressed] = field(default_factory=list)
    _released_at: dict[str, float] = field(default_factory=dict)
    _accepted_at: dict[str, float] = field(default_factory=dict)
    _bridges: dict[str, set[str]] = field(default_factory=dict)

    def hear(self, at: float, name: str, event: Mapping[str, str]) -> None:
        leg = event.get("Uniqueid", "")
        if name == "DTMFEnd" and event["Direction"] == "Received":
            self._released_at[leg] = at
        elif name == "UserEvent" and event["UserEvent"] == "AcdAccept":
            self._accepted_at[leg] = at
        elif name == "BridgeEnter":
            inside = self._bridges.setdefault(event["BridgeUniqueid"], set())
            inside.add(leg)
            self._talks(at, inside)

    def _talks(self, at: float, inside: set[str]) -> None:
        leg = next((one for one in inside if one in self._accepted_at), None)
        if leg and len(inside) > 1:
            released, accepted = self._released_at.pop(leg), self._accepted_at.pop(leg)
            self.pressed.append(Pressed(accepted - released, at - released))


@dataclass(frozen=True)
class Measured:
    calls: int
    to_accept: Spread | None
    to_talk: Spread | None
    complaints: list[str]

    @property
    def passed(self) -> bool:
        return self.to_talk is not None and self.to_talk.count == self.calls and self.to_talk.p99 <= P99_MS


@asynccontextmanager
async def office_with_mobiles(folder: Path, release: str) -> AsyncIterator[Office]:
    installation = private.find(release)
    if installation is None:
        raise BenchError(f"Asterisk is needed: .venv/bin/acd pbx install --release {release}")
    async with pbx.running(installation, folder / "network", PbxSettings(dialplan=_NETWORK)) as network:
        trunk = Endpoint(TRUNK, contact=f"sip:{network.host}:{network.sip_port}")
        async with open_office(folder, [1], release, (trunk,), "call,user,dtmf") as office:
            yield office


async def press_keys(office: Office, wanted: Keys, say: Say) -> Measured:
    agents = names(wanted.agents)
    numbers = {agent: f"+316{number:08}" for number, agent in enumerate(agents, 12345678)}
    settings = Settings(
        asterisk=f'mobile_dial = "PJSIP/{{digits}}@{TRUNK}"',
        devices={agent: f'{{ kind = "mobile", number = "{number}" }}' for agent, number in numbers.items()},
        more='[site]\ncountry = "NL"',
    )
    told = Told()
    say(f"{wanted.calls} calls, {wanted.rate:g} a second, to {wanted.agents} mobiles")
    async with office.daemon(agents, settings=settings) as daemon:
        office.ruler.wanted, office.ruler.hear = WANTED, told.hear
        async with office.callers(Callers(wanted.rate, EXTENSION[ACD], total=wanted.calls)) as calling:
            await asyncio.wait_for(calling.done(), wanted.calls / wanted.rate + FILL_SECONDS)
        complaints = daemon.complaints()
    return Measured(
        wanted.calls,
        spread([one.to_accept for one in told.pressed]),
        spread([one.to_talk for one in told.pressed]),
        complaints,
    )
