"""The same small office on a real Asterisk and on the simulated one: agents' phones, callers, and a daemon that steers.

Stories are told in the same words on both; what was said over AMI meanwhile stands in the recorder.
"""

from __future__ import annotations

import asyncio
import random
import time
import wave
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
from acd.messages import RECORDING
from acd.simulation import ami
from acd.simulation.channels import Channel, ChannelState, Customer, Leg
from acd.simulation.pbx import SimulatedPbx
from acd.simulation.people import CallingBack, Manner, Visitor, Words

from .recorder import Recorder

PATIENCE_SECONDS = 15.0
MAX_WAIT_SECONDS = 0.5
SKILLS = "french,billing:3"
RING_SECONDS = 1.0
AGENTS = ("alice", "bob")
"""alice's phone is registered, bob's is not."""
EVA, EVAS_NUMBER = "0201234567", "+31201234567"
"""As her network shows it when she calls, and as she is dialled."""
BEEP_SECONDS = 1.5
"""Until she is recorded."""
SPEAKS_SECONDS, THINKS_SECONDS = 1.5, 0.3
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

[acd-callback-words-custom]
exten => _[a-zA-Z][a-zA-Z]!,1,Set(ACD_SAY=beep)
 same => n,Return()

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
        self.messages = folder / "spool/acd"
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

    async def leaves_a_message(self, call: Any) -> None:
        """Who waits in `kept`; until it is kept."""
        raise NotImplementedError

    async def calls_back(self, call: Any) -> Any:
        """Alice has taken the callback; the call that rings at Eva's then."""
        raise NotImplementedError

    def reach(self, call: Any) -> None:
        """Eva picks up."""
        raise NotImplementedError

    async def is_done(self, call: Any) -> None:
        """Says alice, when Eva has hung up."""
        raise NotImplementedError

    async def start_daemon(self) -> None:
        server = {"host": "127.0.0.1", "port": self.recorder.port, "mobile_dial": "PJSIP/{number}@customer"}
        config = Config(
            asterisk={"main": server | {"messages": str(self.messages), **self._login}},
            site={"country": "NL"},
            dialling={"hours": "00:00-24:00"},
            http={"listen": "127.0.0.1:0"},
            offers={"rejected_seconds": 60, "no_answer_seconds": 60, "unreachable_first_seconds": 60},
            queue=[{"name": name, "ring_seconds": RING_SECONDS, "wrap_up_seconds": 60} for name in ("sales", "urgent")]
            + [{"name": "told", "ring_seconds": RING_SECONDS, "wrap_up_seconds": 60, "announce": {}}]
            + [{"name": "kept", "wrap_up_seconds": 60, "callbacks": {"key": "5", "offer_after_seconds": 0}}],
            agent=[
                {
                    "name": name,
                    "queues": {"sales": 1, "told": 1, "kept": 1},
                    "callbacks": True,
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
    def __init__(self, port: int, username: str, secret: str, folder: Path, phones: dict[str, Softphone]):
        super().__init__(port, username, secret, folder)
        self._phones = phones
        self._alice = phones["alice"]

    async def call_in(self, extension: str) -> softphone.Call:
        return self._phones["eva" if extension == "kept" else "caller"].call(extension)

    async def leaves_a_message(self, call: softphone.Call) -> None:
        await self.spoken_to(False)
        await asyncio.sleep(THINKS_SECONDS)
        call.press("5")
        await self.until(lambda: any(request.aside for request in self.daemon.state.requests.values()))
        await asyncio.sleep(THINKS_SECONDS)
        call.press("1")
        await asyncio.sleep(BEEP_SECONDS)
        call.say(bytes(128 + 100 * (at // 8 % 2) for at in range(int(8_000 * SPEAKS_SECONDS))))
        await call.wait_until_async(lambda call: not call.speaking, PATIENCE_SECONDS)
        call.press("#")
        await asyncio.sleep(THINKS_SECONDS)
        call.press("1")
        await call.wait_for_async(softphone.CallState.ENDED, PATIENCE_SECONDS)

    async def calls_back(self, call: softphone.Call) -> softphone.Call:
        await self.talking()
        await asyncio.sleep(THINKS_SECONDS)
        call.press("1")
        return await self._phones["customer"].wait_for_ring_async(PATIENCE_SECONDS)

    def reach(self, call: softphone.Call) -> None:
        call.answer()

    async def is_done(self, call: softphone.Call) -> None:
        await asyncio.sleep(THINKS_SECONDS)
        call.press("1")

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
        elif extension == "kept":
            words = Words(presses_after_seconds=3 * THINKS_SECONDS, speaks_seconds=SPEAKS_SECONDS)
            visitor = Visitor(extension, "eva", number=EVA, words=words)
        else:
            visitor = Visitor(extension, "caller", number="caller")
        return self._pbx.call(visitor)

    async def leaves_a_message(self, call: Channel) -> None:
        await self.until(lambda: call.id not in self._pbx.channels)

    async def calls_back(self, call: Leg) -> Customer:
        await self.until(lambda: call.customer is not None)
        assert call.customer
        return call.customer

    def reach(self, call: Customer) -> None:
        self._pbx.reach(call)

    async def is_done(self, call: Leg) -> None:
        await self.until(lambda: call.id not in self._pbx.channels)

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


class Tape:
    """On which callers of the simulated one speak: files, for a daemon that judges them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)

    def begins(self, message: str) -> None: ...

    def ends(self, message: str, spoken_seconds: float) -> None:
        with wave.open(str(self._folder / f"{message}{RECORDING}"), "wb") as sound:
            sound.setparams((1, 2, 8_000, 0, "NONE", ""))
            sound.writeframes(bytes((0, 64)) * int(8_000 * spoken_seconds))


@asynccontextmanager
async def real(installation: Installation, folder: Path) -> AsyncIterator[Exchange]:
    endpoints = tuple(Endpoint(name, f"of-{name}") for name in (*AGENTS, "caller", "customer"))
    eva = Endpoint("eva", "of-eva", extra=f"callerid = <{EVA}>")
    async with AsyncExitStack() as stack:
        settings = PbxSettings((*endpoints, eva), DIALPLAN)
        pbx = await stack.enter_async_context(running(installation, folder, settings))
        names = ("alice", "caller", "eva", "customer")
        phones = {name: Softphone(pbx.host, pbx.sip_port, name, f"of-{name}") for name in names}
        for phone in phones.values():
            await phone.start_async()
            stack.push_async_callback(phone.stop_async)
        exchange = RealExchange(pbx.ami_port, pbx.ami_user, pbx.secret, folder, phones)
        await stack.enter_async_context(_steered(exchange))
        yield exchange


@asynccontextmanager
async def simulated(release: str, folder: Path, seed: int) -> AsyncIterator[Exchange]:
    pbx = SimulatedPbx(time.time, random.Random(seed), release)
    pbx.phones["PJSIP/alice"] = lambda: Manner(calling_back=CallingBack(THINKS_SECONDS, thinks_seconds=THINKS_SECONDS))
    pbx.outside = {f"PJSIP/{EVAS_NUMBER}@customer": Manner()}.get
    pbx.word_seconds = THINKS_SECONDS
    pbx.tape = Tape(folder / "spool/acd")
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
