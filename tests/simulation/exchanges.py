"""The same small office on a real Asterisk and on the simulated one: agents' phones, callers, and a daemon that steers.

Stories are told in the same words on both; what was said over AMI meanwhile stands in the recorder.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from acd.asterisk.pbx import Endpoint, PbxSettings, running
from acd.asterisk.private import Installation
from acd.center.inputs import LogIn, LogOut
from acd.center.model import AgentName, RequestState
from acd.config import Config
from acd.daemon import Daemon
from acd.demo import softphone
from acd.demo.softphone import Softphone
from acd.journal import open_journal
from acd.simulation import ami
from acd.simulation.channels import Channel, ChannelState, Leg
from acd.simulation.pbx import SimulatedPbx
from acd.simulation.people import Manner, Visitor

from .recorder import Recorder

PATIENCE_SECONDS = 15.0
MAX_WAIT_SECONDS = 0.5
SKILLS = "french,billing:3"
RING_SECONDS = 1.0
AGENTS = ("alice", "bob")
"""alice's phone is registered, bob's is not."""
DIALPLAN = f"""
[from-phones]
exten => _[a-z][a-z]!,1,Gosub(acd-queue,${{EXTEN}},1)
 same => n,Hangup()
exten => urgent,1,Set(ACD_PRIORITY=7)
 same => n,Set(ACD_MAX_WAIT={MAX_WAIT_SECONDS})
 same => n,Set(ACD_SKILLS={SKILLS})
 same => n,Set(ACD_PREFERRED_AGENT=alice)
 same => n,Set(ACD_SKILLS=french,billing:3)
 same => n,Set(ACD_PREFERRED_AGENT=alice)
 same => n,Gosub(acd-queue,urgent,1)
 same => n,Hangup()

[answering-machine]
exten => sales,1,NoOp()
 same => n,Hangup()
"""


class Exchange:
    """What both have in common: the daemon, and the recorder that listens in between."""

    def __init__(self, port: int, username: str, secret: str, folder: Path) -> None:
        self.recorder = Recorder(port)
        self._login = {"username": username, "secret": secret}
        self._folder = folder
        self.daemon: Daemon

    async def call_in(self, extension: str) -> Any:
        raise NotImplementedError

    async def rings(self) -> Any:
        """The call that rings at alice's phone, once it does."""
        raise NotImplementedError

    def answer(self, call: Any) -> None:
        raise NotImplementedError

    def reject(self, call: Any) -> None:
        raise NotImplementedError

    def hang_up(self, call: Any) -> None:
        raise NotImplementedError

    async def start_daemon(self) -> None:
        config = Config(
            asterisk={"main": {"host": "127.0.0.1", "port": self.recorder.port, **self._login}},
            http={"listen": "127.0.0.1:0"},
            offers={"rejected_seconds": 60, "no_answer_seconds": 60, "unreachable_first_seconds": 60},
            queue=[{"name": name, "ring_seconds": RING_SECONDS, "wrap_up_seconds": 60} for name in ("sales", "urgent")]
            + [{"name": "told", "ring_seconds": RING_SECONDS, "wrap_up_seconds": 60, "announce": {}}],
            agent=[
                {
                    "name": name,
                    "queues": {"sales": 1, "told": 1},
                    "devices": [{"kind": "desk", "dial": f"PJSIP/{name}"}],
                }
                for name in AGENTS
            ],
        )
        self.daemon = Daemon(config, open_journal(f"sqlite:{self._folder / 'acd.db'}"))
        await self.daemon.start()
        await self.until(lambda: bool(self.daemon.state.steered))

    def only(self, *names: str) -> None:
        """These are logged in and available, nobody else."""
        for name in AGENTS:
            self.daemon.tell(LogOut(AgentName(name)))
        for name in names:
            self.daemon.tell(LogIn(AgentName(name)))

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not true():
                await asyncio.sleep(0.005)

    async def redirect(self, context: str, extension: str, priority: str) -> None:
        """The only caller; over the daemon's own link, as its own orders go."""
        (request,) = self.daemon.state.requests.values()
        where = {"Channel": request.channel, "Context": context, "Exten": extension, "Priority": priority}
        await self.daemon._links["main"].send("Redirect", where)

    async def waiting(self, count: int = 1) -> None:
        await self.until(lambda: self._count(RequestState.WAITING) == count)

    async def spoken_to(self, spoken_to: bool) -> None:
        """The only caller."""
        await self.until(lambda: [one.spoken_to for one in self.daemon.state.requests.values()] == [spoken_to])

    async def offered(self) -> None:
        await self.until(lambda: self._count(RequestState.OFFERED) == 1)

    async def talking(self) -> None:
        await self.until(lambda: self._count(RequestState.ONGOING) == 1)

    def _count(self, state: RequestState) -> int:
        return sum(request.state is state for request in self.daemon.state.requests.values())

    async def over(self) -> None:
        await self.until(lambda: not self.daemon.state.requests and not self.daemon.state.offers)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.recorder.everybody_gone()


class RealExchange(Exchange):
    def __init__(self, port: int, username: str, secret: str, folder: Path, alice: Softphone, caller: Softphone):
        super().__init__(port, username, secret, folder)
        self._alice, self._caller = alice, caller

    async def call_in(self, extension: str) -> softphone.Call:
        return self._caller.call(extension)

    async def rings(self) -> softphone.Call:
        return await self._alice.wait_for_ring_async(PATIENCE_SECONDS)

    def answer(self, call: softphone.Call) -> None:
        call.answer()

    def reject(self, call: softphone.Call) -> None:
        call.reject()

    def hang_up(self, call: softphone.Call) -> None:
        call.hangup()


class SimulatedExchange(Exchange):
    def __init__(self, port: int, username: str, secret: str, folder: Path, pbx: SimulatedPbx):
        super().__init__(port, username, secret, folder)
        self._pbx = pbx

    async def call_in(self, extension: str) -> Channel:
        if extension == "urgent":
            visitor = Visitor(
                extension,
                "caller",
                number="caller",
                priority=7,
                max_wait_seconds=MAX_WAIT_SECONDS,
                skills=SKILLS,
                preferred_agent="alice",
            )
        else:
            visitor = Visitor(extension, "caller", number="caller")
        return self._pbx.call(visitor)

    async def rings(self) -> Leg:
        await self.until(lambda: bool(self._ringing()))
        return self._ringing()[0]

    def _ringing(self) -> list[Leg]:
        legs = [channel for channel in self._pbx.channels.values() if isinstance(channel, Leg)]
        return [leg for leg in legs if leg.state is ChannelState.RINGING]

    def answer(self, call: Leg) -> None:
        self._pbx.pick_up(call)

    def reject(self, call: Leg) -> None:
        self._pbx.reject(call)

    def hang_up(self, call: Channel) -> None:
        self._pbx.hang_up(call)


@asynccontextmanager
async def real(installation: Installation, folder: Path) -> AsyncIterator[Exchange]:
    phones = tuple(Endpoint(name, f"of-{name}") for name in (*AGENTS, "caller"))
    async with AsyncExitStack() as stack:
        pbx = await stack.enter_async_context(running(installation, folder, PbxSettings(phones, DIALPLAN)))
        alice, caller = (Softphone(pbx.host, pbx.sip_port, name, f"of-{name}") for name in ("alice", "caller"))
        for phone in (alice, caller):
            await phone.start_async()
            stack.push_async_callback(phone.stop_async)
        exchange = RealExchange(pbx.ami_port, pbx.ami_user, pbx.secret, folder, alice, caller)
        await stack.enter_async_context(_steered(exchange))
        yield exchange


@asynccontextmanager
async def simulated(release: str, folder: Path, seed: int) -> AsyncIterator[Exchange]:
    pbx = SimulatedPbx(time.time, random.Random(seed), release)
    pbx.phones["PJSIP/alice"] = Manner
    async with AsyncExitStack() as stack:
        stack.callback(pbx.close)
        port = await stack.enter_async_context(ami.listening(pbx, "acd", "a secret"))
        exchange = SimulatedExchange(port, "acd", "a secret", folder, pbx)
        await stack.enter_async_context(_steered(exchange))
        yield exchange


@asynccontextmanager
async def _steered(exchange: Exchange) -> AsyncIterator[None]:
    async with exchange.recorder.listening():
        await exchange.start_daemon()
        try:
            yield
        finally:
            await exchange.daemon.stop()
