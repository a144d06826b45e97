"""A call centre for tests: a real Asterisk, the daemon in this process, and an observer who hears what Asterisk says.

    await centre.with_agents("alice", "bob")
    caller = centre.call("sales")
    ring = await alice.wait_for_ring_async(5)

Everything is waited for: `until` looks at the center's state after every fact, `told` waits for a fact, `heard` for an
event of Asterisk's own.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from exchange import Phone

from acd.asterisk.link import AmiServer, Event, Link
from acd.asterisk.pbx import PrivatePbx
from acd.center.facts import AnyFact, RequestConnected
from acd.center.inputs import Input, LogIn
from acd.center.model import Agent, AgentName, PbxName
from acd.center.state import State
from acd.clock import Clock
from acd.config import Config
from acd.daemon import Daemon
from acd.demo.softphone import Call
from acd.journal import open_journal

MAIN = PbxName("main")
PATIENCE_SECONDS = 15
TOKEN = "a-token-for-tests"
FactT = TypeVar("FactT")

DIALPLAN = """
[from-phones]
exten => _[a-z][a-z]!,1,Set(CALLERID(name)=${CALLERID(num)})
 same => n,Gosub(acd-queue,${EXTEN},1)
 same => n,UserEvent(AfterQueue,Status: ${ACD_STATUS})
 same => n,Playtones(busy)
 same => n,Wait(20)
 same => n,Hangup()
exten => _9[a-z]!,1,Dial(PJSIP/${EXTEN:1})
exten => _8[a-z]!,1,Set(CHANNEL(hangup_handler_push)=from-phones,farewell,1)
 same => n,Gosub(acd-queue,${EXTEN:1},1)
exten => farewell,1,UserEvent(Farewell,Status: ${ACD_STATUS})
 same => n,Return()
exten => h,1,UserEvent(RanH,Status: ${ACD_STATUS})
"""
"""Who dials a word is queued there; behind a 9 stands the phone that is called directly; behind
an 8, something is done for him when he is gone."""


def configuration(pbx: PrivatePbx, folder: Path, **tables: Any) -> Config:
    """Two queues, four agents: alice and bob in sales, carol in support, dave in both."""
    own: dict[str, Any] = {
        "asterisk": {MAIN: {"host": pbx.host, "port": pbx.ami_port, "username": pbx.ami_user, "secret": pbx.secret}},
        "store": {"url": f"sqlite:{folder / 'acd.db'}"},
        "http": {"listen": "127.0.0.1:0"},
        "token": [{"name": "test", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "role": "admin"}],
        "offers": {
            "no_answer_seconds": 0.5,
            "busy_seconds": 0.5,
            "rejected_seconds": 0.5,
            "unreachable_first_seconds": 0.5,
        },
        "queue": [queue("sales"), queue("support")],
        "agent": [
            agent("alice", sales=1),
            agent("bob", sales=2),
            agent("carol", support=1),
            agent("dave", sales=3, support=2),
        ],
    }
    return Config(**own | tables)


def queue(name: str, **rules: Any) -> dict[str, Any]:
    return {"name": name, "wrap_up_seconds": 0.2, "ring_seconds": 10, **rules}


def agent(name: str, dial: str = "", **queues: int) -> dict[str, Any]:
    return {"name": name, "queues": queues, "devices": [{"kind": "desk", "dial": dial or f"PJSIP/{name}"}]}


class WatchedDaemon(Daemon):
    """Tells whoever waits of each fact, when all that follows from it has been sent."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.facts: list[AnyFact] = []
        self.news = asyncio.Condition()
        self._bells: set[asyncio.Future[None]] = set()

    def tell(self, told: Input) -> Sequence[AnyFact]:
        facts = super().tell(told)
        self.facts += facts
        for bell in self._bells:
            if not bell.done():
                bell.set_result(None)
        self._bells.clear()
        return facts

    async def something_happens(self) -> None:
        bell = asyncio.get_running_loop().create_future()
        self._bells.add(bell)
        await bell


class CallCentre:
    def __init__(self, pbx: PrivatePbx, folder: Path, daemon: WatchedDaemon) -> None:
        self.pbx = pbx
        self.folder = folder
        self.daemon = daemon
        self.events: list[Event] = []
        self._heard = asyncio.Event()
        self.observer = Link(
            AmiServer("observer", pbx.host, pbx.ami_port, pbx.ami_user, pbx.secret),
            on_event=self._hear,
            on_up=self._heard.set,
            on_down=lambda why: None,
        )

    # ---- What is so

    @property
    def state(self) -> State:
        return self.daemon.state

    def agent(self, name: str) -> Agent:
        return self.state.agents[AgentName(name)]

    def state_of(self, name: str) -> str:
        return self.agent(name).state.value

    async def until(self, what: Callable[[State], object], seconds: float = PATIENCE_SECONDS) -> None:
        async with asyncio.timeout(seconds):
            while not what(self.state):
                await self.daemon.something_happens()

    async def until_is(self, agent: str, state: str, seconds: float = PATIENCE_SECONDS) -> None:
        await self.until(lambda _: self.state_of(agent) == state, seconds)

    def told_so_far(self, kind: type[FactT], **about: Any) -> list[FactT]:
        return [
            fact
            for fact in self.daemon.facts
            if isinstance(fact, kind) and all(getattr(fact, key) == value for key, value in about.items())
        ]

    async def told(self, kind: type[FactT], times: int = 1, **about: Any) -> FactT:
        await self.until(lambda _: len(self.told_so_far(kind, **about)) >= times)
        return self.told_so_far(kind, **about)[times - 1]

    # ---- What Asterisk says

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        self._heard.set()

    async def heard(self, name: str, times: int = 1, **about: str) -> Event:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                found = [
                    event
                    for event in self.events
                    if event.name == name and all(event.get(header) == value for header, value in about.items())
                ]
                if len(found) >= times:
                    return found[times - 1]
                self._heard.clear()
                await self._heard.wait()

    async def status_after_the_queue(self, times: int = 1) -> str:
        return (await self.heard("UserEvent", times=times, UserEvent="AfterQueue"))["Status"]

    # ---- What people do

    def log_in(self, *agents: str) -> None:
        for name in agents:
            self.daemon.tell(LogIn(AgentName(name)))

    def sit_down(self, agent: str, seat: str) -> None:
        self.daemon.tell(LogIn(AgentName(agent), seat))

    async def asks(self, method: str, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
        """Over the control API; answers with the status and what it says."""
        web = self.daemon._web
        assert web is not None
        url = "http://{}:{}{}".format(*web.addresses[0][:2], path)
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
            session.request(method, url, json=body or None) as answer,
        ):
            return answer.status, await answer.json(content_type=None)

    def reload(self, **tables: Any) -> None:
        self.daemon.reload(configuration(self.pbx, self.folder, **tables))


@asynccontextmanager
async def open_centre(
    pbx: PrivatePbx, folder: Path, clock: Clock | None = None, **tables: Any
) -> AsyncIterator[CallCentre]:
    """A daemon that steers, and nobody logged in. Whoever is still on the line at the end is hung up."""
    config = configuration(pbx, folder, **tables)
    daemon = WatchedDaemon(config, open_journal(config.store.url), clock)
    centre = CallCentre(pbx, folder, daemon)
    await daemon.start()
    await centre.observer.start()
    try:
        await centre.until(lambda state: MAIN in state.steered)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await centre._heard.wait()
        yield centre
    finally:
        await daemon.stop()
        await centre.observer.stop()


async def talk(*calls: Call) -> None:
    """Each hears somebody's voice."""
    for call in calls:
        await call.wait_until_async(lambda call: call.heard_voice, PATIENCE_SECONDS)


async def talks_to_alice(centre: CallCentre, phone: Phone) -> tuple[Call, Call]:
    """The caller's call, and hers."""
    caller, alice = await phone("caller"), await phone("alice")
    centre.log_in("alice")
    call = caller.call("sales")
    ring = await alice.wait_for_ring_async(5)
    ring.answer()
    await centre.told(RequestConnected)
    await talk(call)
    return call, ring
